"""`waybill logs --stats`: percentiles, tables, changes over time and from one period to another."""

import json
import random
import subprocess
import uuid

import pytest

from harness.proxy import binary, command, environment


def line(uri="/", status=200, duration=0.002, second=0, day="2026-11-30", **more):
    hours, minutes = second // 3600, second // 60 % 60
    fields = {"time": f"{day}T{hours:02}:{minutes:02}:{second % 60:02}.500000Z",
              "request_id": str(uuid.UUID(int=random.getrandbits(128))),
              "client": "10.0.0.1:5", "method": "GET", "host": "a.test", "uri": uri,
              "status": status, "duration": duration, "upstream": "127.0.0.1:8001"}  # fmt: skip
    return json.dumps(fields | more, separators=(",", ":")) + "\n"


def sums(*arguments):
    result = command("logs", "--stats", "--json", *arguments, timeout=60)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def text(*arguments):
    result = command("logs", "--stats", *arguments, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def rows(found, grouping):
    return {row["name"]: row for row in found["by"][grouping]["rows"]}


def test_percentiles_of_each_row(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(
        line(f"/{'slow' if number % 4 == 0 else 'fast'}/{number}", second=number,
             status=500 if number % 100 == 0 else 200,
             duration=number / 1000 if number % 4 == 0 else 0.001)
        for number in range(1, 2001)
    ))  # fmt: skip
    found = sums("--by", "path", log)
    assert found["requests"] == 2000 and found["failed"] == 20
    both = rows(found, "path")
    assert set(both) == {"/slow/*", "/fast/*"}
    slow = both["/slow/*"]
    assert slow["requests"] == 500 and slow["failed"] == 20 and slow["failed_share"] == 0.04
    for name, exact in (("p50", 1.0), ("p95", 1.9), ("p99", 1.98), ("max", 2.0)):
        assert exact <= slow["durations"][name] <= exact * 1.017, name
    assert both["/fast/*"]["durations"]["p99"] == 0.001
    assert sum(slow["over_time"]["requests"]) == 500
    table = text("--by", "path", log)
    assert "/slow/*" in table and "p99" in table and "█" in table and " 4.00 %" in table


def test_several_tables(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(
        line(status=200 + number % 2 * 304, client=f"10.0.0.{number % 3}:{number}", second=number,
             method=("GET", "POST")[number % 2], location=("/", "/api/")[number % 2],
             upstream=f"127.0.0.1:800{number % 2}")
        for number in range(12)
    ))  # fmt: skip
    found = sums("--by", "status,client", "--by", "method", "--by", "peer", "--by", "location", log)
    assert list(found["by"]) == ["status", "client", "method", "peer", "location"]
    assert {name: row["requests"] for name, row in rows(found, "client").items()} == {
        "10.0.0.0": 4, "10.0.0.1": 4, "10.0.0.2": 4}  # fmt: skip
    assert rows(found, "status")["504"]["failed"] == 6
    assert set(rows(found, "location")) == {"/", "/api/"}
    assert set(rows(found, "peer")) == {"127.0.0.1:8000", "127.0.0.1:8001"}


def test_a_table_over_time(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(line(second=at, duration=0.1 if at >= 600 else 0.001)
                           for at in (0, 10, 299, 300, 650, 7200)))  # fmt: skip
    found = sums("--every", "5m", log)["every"]
    assert found["step"] == 300
    assert [(row["from"][11:16], row["requests"]) for row in found["rows"]] == [
        ("00:00", 3), ("00:05", 1), ("00:10", 1), ("02:00", 1)]  # fmt: skip
    assert found["rows"][2]["durations"]["p99"] == 0.1
    table = text("--every", "5m", log)
    assert "every 5m" in table and "2026-11-30 00:10:00" in table and "none until" in table


def test_percentages_are_never_wrong(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(line(status=500) + "".join(line(second=1) for _ in range(30_000)))
    words = text(log)
    assert "<0.01 %" in words and ">99.99 %" in words and " 100.00 %" not in words
    assert " 0.00 %" not in words


def test_tunnels_are_apart(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(line("/x") + line("/ws", 101, 0, event="upgrade") + line("/ws", 101, 3600.0))
    found = sums("--by", "path", log)
    assert found["requests"] == 1 and found["durations"]["max"] == 0.002
    assert found["tunnels"] == {"ended": 1, "failed": 0, "opened": 1, "durations": {
        "p50": 3600.0, "p95": 3600.0, "p99": 3600.0, "max": 3600.0}}  # fmt: skip
    assert "tunnels" in text(log) and "tunnels" not in text("--path", "/x", log)


def two_days():
    for day, slow in (("2026-11-29", 0.01), ("2026-11-30", 3.0)):
        for at in range(8 * 3600, 12 * 3600, 5):
            yield line("/api/orders/%d" % at, second=at, day=day)
            if at % 100 == 0:
                yield line("/reports/%d" % at, second=at, day=day, duration=slow)
        for at in range(0, 3600, 20):
            yield line("/night", second=at, day=day, duration=50)


def test_what_changed(tmp_path):
    """The path that is to blame stands first, in one command."""
    log = tmp_path / "a.log"
    log.write_text("".join(two_days()))
    period = ["--since", "2026-11-30T08:00Z", "--until", "2026-11-30T12:00Z"]
    for against in ("2026-11-29T08:00Z..2026-11-29T12:00Z", "1d"):
        found = sums("--by", "path", *period, "--against", against, log)["against"]
        assert found["requests"] == 3024
        first = found["changes"]["slow"]["by"]["path"][0]
        assert first["name"] == "/reports/*" and 0.98 < first["share_of_change"] <= 1.01
        assert first["now"]["durations"]["p99"] >= 3 > first["before"]["durations"]["p99"]
    lines = text("--by", "path", *period, "--against", "1d", log).splitlines()
    heading = next(n for n, words in enumerate(lines) if words.startswith("by path: slower than"))
    assert lines[heading + 2].split()[0] == "+100" and "/reports/*" in lines[heading + 2]


def test_what_changed_is_said_of_nothing_too(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(line())
    assert "no request in the period of --against" in text("--against", "2020-01-01", log)
    overlap = ["--since", "2026-11-30", "--against", "2026-11-29T00:00..2026-12-01T00:00"]
    result = command("logs", "--stats", *overlap, log)
    assert result.returncode == 2 and "overlaps" in result.stderr


def hostile(path, count):
    """Names, clients, hosts and times of which no two are the same."""
    chance = random.Random(3)
    form = line("/%s", second=0).replace("00:00:00", "%02d:%02d:%02d").replace("10.0.0.1", "%s")
    form = form.replace('"a.test"', '"h%x.test"').replace(":200,", ":%d,").replace("0.002", "%.6f")
    with path.open("w") as log:
        for _ in range(count):
            bits = chance.getrandbits(128)
            words = "%032x" % bits
            words = words.translate(str.maketrans("0123456789", "ghijklmnop"))
            log.write(form % (
                bits % 24, bits // 7 % 60, bits // 11 % 60,
                ".".join(str(bits >> 8 * n & 255) for n in range(4)), bits >> 64,
                "/".join(words[n:n + 3] for n in range(0, bits % 30, 3)), 200 + bits % 400,
                2.0 ** (bits % 38 - 19)))  # fmt: skip


def test_hostile_logs_take_bounded_memory(tmp_path):
    """The others are said, and how many threads read does not matter."""
    log = tmp_path / "a.log"
    hostile(log, 40_000)
    words = ["logs", "--stats", "--json", "--by", "path,host,client", "--every", "10s", str(log)]
    result = subprocess.run(
        ["/usr/bin/env", "python3", "-c",
         "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
         "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)",
         str(binary()), *words],
        capture_output=True, text=True, env=environment(), timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert int(result.stderr.split()[-1]) < 64 << 10
    found = json.loads(result.stdout)
    for grouping in ("host", "client"):
        table = found["by"][grouping]
        assert table["is_cut"] and table["others"]["requests"] > 0
        total = sum(row["requests"] for row in table["rows"]) + table["others"]["requests"]
        assert total == found["requests"]
    alone = subprocess.run(["taskset", "-c", "0", str(binary()), *words], capture_output=True,
                           text=True, env=environment(), timeout=120)  # fmt: skip
    assert alone.stdout == result.stdout


@pytest.mark.parametrize(
    "options",
    [["--every", "0s"], ["--every", "x"], ["--by", "host,x"], ["--against", "x"], ["-n", "5"],
     ["-f"], ["--against", "2026-11-30..2026-11-29"]],
)  # fmt: skip
def test_wrong_options(tmp_path, options):
    result = command("logs", "--stats", *options, tmp_path / "a.log")
    assert result.returncode == 2 and result.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [["--every", "5m"], ["--by", "host"], ["--against", "today"]])
def test_options_of_statistics_only(tmp_path, options):
    result = command("logs", *options, tmp_path / "a.log")
    assert result.returncode == 2 and "requires --stats" in result.stderr


def test_formats_of_nginx(tmp_path):
    """No durations, but shares, statuses and times."""
    log = tmp_path / "a.log"
    log.write_text("".join(
        f'10.0.0.{n % 2} - - [30/Nov/2026:08:00:{n:02} +0100] "GET /a/{n} HTTP/1.1" {200 + n} 5'
        ' "-" "curl"\n' for n in range(20)
    ))  # fmt: skip
    found = sums("--by", "path,client", log)
    assert found["from"] == "2026-11-30T07:00:00Z" and "durations" not in found
    assert rows(found, "path")["/a/*"]["requests"] == 20
    assert "p99" in text("--by", "path", log)
