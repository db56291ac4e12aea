"""`waybill errors`: the failed requests that the running process remembers."""

import json

from harness.proxy import command


def served(site, backend, **options):
    return site.serve(backend, top=f"control unix:{site.directory}/control;", **options)


def remembered(proxy, *arguments):
    result = command("errors", "--json", "-c", proxy.conf, *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_malformed_request_is_shown_with_its_byte(site, backend):
    proxy = served(site, backend)
    with proxy.connect() as connection:
        connection.send(
            b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic s3cret\r\n"
            b"Bad Name: \x1b[1m\r\n\r\n"
        )
        response = connection.receive()
    assert response.status == 400
    proxy.log_line(response.request_id)
    (row,) = remembered(proxy)
    assert row["request_id"] == response.request_id and row["malformed"] == "request"
    assert (row["line"], row["column"]) == (4, 4)
    assert "s3cret" not in json.dumps(row)
    shown = command("errors", "-c", proxy.conf, response.request_id).stdout
    lines = shown.splitlines()
    bad = next(index for index, line in enumerate(lines) if "Bad Name" in line)
    assert lines[bad].endswith("Bad Name: \\x1B[1m\\x0D")
    assert lines[bad + 1].index("^") == lines[bad].index(" Name")
    assert "Authorization: ***" in shown and "\x1b" not in shown


def test_failures_of_all_workers_in_the_order_of_time(site, backend):
    proxy = served(site, "127.0.0.1:1", workers=2)
    ids = [proxy.get(f"/{number}").request_id for number in range(6)]
    proxy.wait_lines(6)
    found = remembered(proxy)
    # An answer may be there before the worker that gave it has noted the time.
    assert {row["request_id"] for row in found} == set(ids)
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)
    listed = command("errors", "-c", proxy.conf).stdout.splitlines()
    assert [line.split()[9] for line in listed] == [row["request_id"] for row in found]
    assert all("connection_refused" in line for line in listed)
    (row,) = remembered(proxy, ids[3][:13])
    assert row["uri"] == "/3" and "connecting to 127.0.0.1:1" in row["history"]


def test_what_went_well_is_not_remembered(site, backend):
    proxy = served(site, backend)
    assert proxy.get("/").status == 200
    result = command("errors", "-c", proxy.conf)
    assert (result.returncode, result.stdout) == (0, "no request has failed\n")
    result = command("errors", "-c", proxy.conf, "absent")
    assert result.returncode == 1 and "has the ID absent" in result.stderr
