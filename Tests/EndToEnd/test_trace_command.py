"""`waybill trace`: one request's lines from the proxy's, an application's and other logs."""

import gzip
import json
import subprocess
import uuid

import pytest

from harness.applications import Application
from harness.proxy import binary, command
from harness.trace import told

MIB = 1 << 20


def access_line(request_id, second=1, **more):
    fields = {"time": f"2026-11-22T23:49:{second:02}.000000Z", "level": "INFO",
              "request_id": request_id, "method": "GET", "uri": "/", "status": 200}  # fmt: skip
    return json.dumps(fields | more, separators=(",", ":")) + "\n"


@pytest.fixture(scope="module")
def django(tmp_path_factory):
    site = Application("django", tmp_path_factory.mktemp("django"))
    yield site
    site.stop()


def test_the_story_of_a_request_through_django(site, django):
    proxy = site.serve(django.address)
    request_id = proxy.get("/").request_id
    django.logged(request_id)
    other = proxy.get("/").request_id
    proxy.log_line(other)
    result = command("trace", "-c", proxy.conf, request_id, django.log)
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert "shown /" in result.stdout and "access.log" in result.stdout
    assert "wait" in result.stdout and other not in result.stdout
    lines = told("-c", proxy.conf, request_id, django.log)
    assert [line["file"].split("/")[-1] for line in lines] == ["django.log", "access.log"]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)


def test_tries_of_the_error_log_are_part_of_it(site, make_backend):
    proxy = site.serve("127.0.0.1:1")
    response = proxy.get("/")
    assert response.status == 502
    proxy.log_line(response.request_id)
    lines = told("-c", proxy.conf, response.request_id)
    assert {line["file"].split("/")[-1] for line in lines} == {"access.log", "error.log"}


def test_a_beginning_is_enough_if_it_is_unique(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line("abcdefgh-1") + access_line("abcdefgh-2") + access_line("xyzxyzxyz"))
    assert [line["id"] for line in told("xyzxyzxy", log)] == ["xyzxyzxyz"]
    assert [line["id"] for line in told("abcdefgh-2", log)] == ["abcdefgh-2"]
    several = command("trace", "abcdefgh", log)
    assert several.returncode == 1 and several.stdout == ""
    assert "abcdefgh-1, abcdefgh-2" in several.stderr
    short = command("trace", "xyzxyzx", log)
    assert short.returncode == 1 and "at least 8" in short.stderr


def test_nothing_found_says_where_was_looked(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line("one", 1) + access_line("two", 59))
    result = command("trace", "three-is-missing", log)
    assert result.returncode == 1 and result.stdout == ""
    assert str(log) in result.stderr
    assert "2026-11-22 23:49:01 to 2026-11-22 23:49:59 UTC" in result.stderr


def test_the_clients_id_leads_to_the_other_lines(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line("made-by-waybill", 2, client_request_id="clients"))
    application = tmp_path / "app.log"
    application.write_text("INFO 2026-11-22 23:49:01.000000 views [req-made-by-waybill] hello\n")
    assert [line["id"] for line in told("clients", log, application)] == [
        "made-by-waybill", "clients",
    ]  # fmt: skip


def test_ids_are_no_patterns(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line("abcdefghi") + access_line("a.c.e.g.i"))
    assert [line["id"] for line in told("a.c.e.g.i", log)] == ["a.c.e.g.i"]
    for pattern in [".*", "[a-z]*", "abcdefgh?", "%s%n", "\\", "--", "a\nb"]:
        assert command("trace", "--", pattern, log).returncode == 1


def test_folders_and_packed_and_bad_files(tmp_path):
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "app.log").write_text("[req-the-id-1] hello\n")
    (folder / "old.log.2.gz").write_bytes(gzip.compress(access_line("the-id-1").encode()))
    (folder / "wtmp").write_bytes(b"the-id-1\0" * 9)
    (folder / "bad.log").write_bytes(b"\xff\xfe the-id-1 \x1b[2J\xff\n")
    result = command("trace", "the-id-1", folder)
    assert result.returncode == 1 and "wtmp: is a binary file" in result.stderr
    assert "3 lines in 3 logs" in result.stdout and "\x1b" not in result.stdout
    missing = command("trace", "the-id-1", folder / "deep", tmp_path / "none")
    assert missing.returncode == 1 and "none: no such file" in missing.stderr
    assert "1 line in 1 log" in missing.stdout


def test_damaged_gzip_is_named_and_the_rest_is_read(tmp_path):
    packed = gzip.compress(b"".join(f"x {uuid.uuid4()}\n".encode() for _ in range(50_000)))
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "good.log").write_text(access_line("the-id-1"))
    result = command("trace", "the-id-1", tmp_path / "cut.gz", tmp_path / "good.log")
    assert result.returncode == 1 and "cut.gz: the gzip data is damaged" in result.stderr
    assert "1 line in 1 log" in result.stdout


@pytest.mark.parametrize("place", [0, MIB - 40, MIB - 1, MIB, MIB + 1, 2 * MIB - 20, 3 * MIB])
@pytest.mark.parametrize("newline", ["\n", ""])
def test_wherever_the_line_stands(tmp_path, place, newline):
    """Files are read in blocks of 1 MiB; a line may lie anywhere in them."""
    log = tmp_path / "a.log"
    wanted = access_line("wanted-id").rstrip("\n")
    filler = "x" * 99 + "\n"
    before = filler * (place // 100) + "y" * max(0, place % 100 - 1) + "\n" * min(1, place % 100)
    log.write_text(before + wanted + newline + (filler * 60_000 if newline else ""))
    lines = told("wanted-id", log)
    assert [(line["offset"], line["line"]) for line in lines] == [(place, wanted)]


def test_a_line_of_a_megabyte(tmp_path):
    log = tmp_path / "a.log"
    long = "z" * MIB + " [req-the-id-1] " + "z" * 1000
    log.write_text("first\n" + long + "\n" + access_line("the-id-1"))
    result = command("trace", "the-id-1", log)
    assert "2 lines in 1 log" in result.stdout and len(result.stdout) < 10_000


def test_journal_export_has_the_time_in_another_line(tmp_path):
    log = tmp_path / "journal.export"
    log.write_text("__REALTIME_TIMESTAMP=1795391358386294\n_PID=1\nMESSAGE=x [req-the-id-1] y\n\n")
    assert [line["time"] for line in told("the-id-1", log)] == ["2026-11-22T23:49:18.386294Z"]


def test_usage():
    assert command("trace").returncode == 2
    assert command("trace", "", "/dev/null").returncode == 2
    assert command("trace", "x", "-c", "/nowhere/waybill.conf").returncode == 2


def test_an_id_goes_on_with_every_character_of_ids(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x [req-order-number-7] a\nx [req-order-number-7.1] b\nabout order-number-7. c\n"
                   "order-number-7: d\nx order-number-7/9 e\n")  # fmt: skip
    lines = told("order-number-7", log)
    assert [line["line"][-1] for line in lines] == ["a", "c", "d"]


def test_escaped_ids_are_the_same_ids(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(r"x id=ab/cd=efgh" "\n" r'{"id":"ab\/cd\u003defgh"}' "\n" "?id=ab%2Fcd%3Defgh&\n"
                   r"\"ab\\x2fcd=efgh\"" "\n" "ab/cd=efghi\n")  # fmt: skip
    assert [line["id"] for line in told("ab/cd=efgh", log)] == ["ab/cd=efgh"] * 4


def test_uuids_in_other_forms(tmp_path):
    log = tmp_path / "a.log"
    whole = "e62fbf04-db7d-4878-a78d-9aa6f94c31d5"
    forms = [whole, whole.upper(), whole.replace("-", ""), whole[:32]]
    log.write_text("".join(f"x [{form}] y\n" for form in [*forms, whole[:-1] + "6"]))
    assert [line["id"] for line in told(whole, log)] == forms
    text = command("trace", whole, log).stdout
    assert all(f"also written as {form}" in text for form in forms[1:])
    assert len(told(whole.upper(), log)) == 4


def test_what_is_everywhere_is_no_id(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(access_line(f"request-{n}", n, connection=7) for n in range(50)))
    result = command("trace", "7", log)
    assert result.returncode == 1 and result.stdout == "" and "of 50 requests" in result.stderr
    log.write_text("".join(access_line("mine-1", n) for n in range(30)))
    assert len(told("mine-1", log)) == 30


def test_a_cut_uuid_is_no_second_id(tmp_path):
    log, other = tmp_path / "a.log", tmp_path / "b.log"
    whole = "e62fbf04-db7d-4878-a78d-9aa6f94c31d5"
    log.write_text(access_line(whole))
    other.write_text(f"x [{whole[:32]}] y\n")
    for beginning in (whole[:8], whole[:13], whole[:32]):
        assert [line["id"] for line in told(beginning, log, other)] == [whole, whole[:32]]


def test_a_short_id_is_looked_for_as_an_id(tmp_path):
    log, other = tmp_path / "a.log", tmp_path / "b.log"
    lines = [access_line(f"request-{n}", n, uri="/?n=7") for n in range(50)]
    log.write_text("".join(lines) + access_line("7"))
    other.write_text("2026-11-22 23:49:17 worker 7 did GET /7\n" * 50
                     + "ERROR 2026-11-22 23:49:17.240000 upstream [req-7] *3 mine\n")  # fmt: skip
    result = command("trace", "7", log, other)
    assert result.returncode == 0 and "2 lines in 2 logs" in result.stdout
    assert "100 more lines" in result.stderr
    for word in ("2026-11-22", "23:49:17", "worker"):
        result = command("trace", word, other)
        assert result.returncode == 1 and "give more of the ID" in result.stderr, word


def test_what_belongs_to_another_id(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line("big-order-7x") + access_line("order-7x") + access_line("z/order-7x")
                   + "x [req-big-order-7x] y\nx [req-order-7x] mine\n'order-7x.' y\n")  # fmt: skip
    assert [line["id"] for line in told("order-7x", log)] == ["order-7x"] * 2
    # As our own logs write it.
    assert [line["id"] for line in told("req-order-7x", log)] == ["order-7x"] * 2


def test_a_cut_gzip_file_is_read_to_its_last_line(tmp_path):
    lines = [f"x [req-the-id-1] {number} {uuid.uuid4()}\n" for number in range(2000)]
    packed = gzip.compress("".join(lines).encode())
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) - 2000])
    result = command("trace", "--json", "the-id-1", tmp_path / "cut.gz")
    assert result.returncode == 1 and "cut.gz: the gzip data is damaged" in result.stderr
    assert result.stdout.count("\n") > 1500


@pytest.mark.parametrize("character", ["\x9b", "\x85", "\u2028", "\u2029", "\u202e", "\ufeff"])
def test_json_is_one_line_for_every_reader(tmp_path, character):
    log = tmp_path / "a.log"
    log.write_text(f"x [req-the-id-1] {character}31m y\n")
    result = command("trace", "--json", "the-id-1", log)
    assert character not in result.stdout
    assert json.loads(result.stdout)["line"] == f"x [req-the-id-1] {character}31m y"
    named = command("trace", "the-id-1", tmp_path / f"no{character}\x1b[2Jne")
    assert character not in named.stderr and "\x1b" not in named.stderr


STAMP = "2026-11-22T23:49:01.000Z"
TRACEBACK = f"""ERROR {STAMP} shop [req-with-trace] failed
Traceback (most recent call last):
  File "/srv/shop/views.py", line 12, in order
    order = orders[7]

KeyError: 7
"""
OBJECT = """{
  "time": "2026-11-22T23:49:01.000Z",
  "request_id": "with-trace"
}
"""


@pytest.mark.parametrize("record", [TRACEBACK, OBJECT])
@pytest.mark.parametrize("place", [10, MIB - 60, MIB - 20, 2 * MIB - 60, 2 * MIB - 20, 5 * MIB])
@pytest.mark.parametrize("way", ["file", "gzip", "pipe"])
def test_records_of_several_lines_are_whole(tmp_path, record, place, way):
    """Also across the blocks in which a file is read."""
    filler = f"INFO {STAMP} x\n"
    before = (filler * (place // len(filler) + 1))[-place:].lstrip("0123456789-T:.Z x")
    text = (before + record + filler * 300_000).encode()
    log = tmp_path / "a.log"
    log.write_bytes(gzip.compress(text, 1) if way == "gzip" else text)
    if way == "pipe":
        arguments = [binary(), "trace", "--json", "with-trace", "/dev/stdin"]
        result = subprocess.run(arguments, input=text, capture_output=True, timeout=60)
        [line] = [json.loads(row) for row in result.stdout.splitlines()]
    else:
        [line] = told("with-trace", log)
    assert line["line"] == record.rstrip() and line["offset"] == len(before)
    assert line["time"] == "2026-11-22T23:49:01.000000Z"


def test_long_records_are_folded_unless_all_is_wanted(tmp_path):
    log = tmp_path / "a.log"
    frames = "".join(f"\tat shop.Frame{number}\x1b[2J\n" for number in range(400))
    log.write_text(f"{STAMP} ERROR the-id-123 failed\n{frames}{STAMP} INFO other\n")
    folded = command("trace", "the-id-123", log)
    full = command("trace", "--full", "the-id-123", log)
    assert len(folded.stdout.splitlines()) == 9 and "… 395 lines; --full" in folded.stdout
    assert full.stdout.count("shop.Frame") == 400 and "other" not in full.stdout
    assert "\x1b" not in full.stdout and "\\x1B[2J" in full.stdout
    assert "1 line in 1 log" in full.stdout


@pytest.mark.parametrize("pasted", [
    "[req-the-id-123]", "req-the-id-123", "(the-id-123)", '"the-id-123",', "[the-id-123]",
])  # fmt: skip
def test_what_was_copied_with_the_id_is_taken_off(tmp_path, pasted):
    log = tmp_path / "a.log"
    log.write_text(f"INFO {STAMP} the-id-123 x\n")
    assert [line["id"] for line in told(pasted, log)] == ["the-id-123"]
