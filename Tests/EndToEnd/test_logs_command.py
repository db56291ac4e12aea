"""`waybill logs`: access logs for people, filtered, followed and summed up."""

import gzip
import json
import os
import subprocess
import time

import pytest

from harness.polling import wait_for
from harness.proxy import binary, command, environment
from harness.terminal import output_on_terminal

FORMATS = {
    "json": "", "combined": "", "verbose": "", "simple": "",
    "own": "log_format own '$time_rfc3339|$request_id|$status|$request_time|$host|$request';",
    "object": """log_format object escape=json '{"t":"$time_iso8601","id":"$request_id",'
        '"s":$status,"d":$request_time,"r":"$request"}';""",
}  # fmt: skip


def access_line(number, **more):
    fields = {"time": f"2026-11-22T23:{number // 60:02}:{number % 60:02}.000000Z",
              "level": "INFO", "request_id": f"id-number-{number}", "client": "10.0.0.1:5",
              "method": "GET", "host": "a.test", "uri": "/x/y?q=1", "status": 200,
              "duration": 0.0015, "upstream": "127.0.0.1:8001"}  # fmt: skip
    return json.dumps(fields | more, separators=(",", ":")) + "\n"


def shown(*arguments):
    result = command("logs", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def ids(*arguments):
    return [json.loads(line)["request_id"] for line in shown("--json", *arguments)]


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_from_the_conf(site, backend, tmp_path, kind):
    log = tmp_path / "own.log"
    proxy = site.serve(backend, top=FORMATS[kind], server=f"access_log {log} {kind};")
    request_id = proxy.get("/some/path?q=1").request_id
    wait_for(lambda: request_id in log.read_text(), "the line")
    lines = shown("-c", proxy.conf, log)
    assert len(lines) == 1
    assert request_id in lines[0] and "/some/path?q=1" in lines[0] and " 200 " in lines[0]
    assert shown("-c", proxy.conf, log, "--status", "4xx") == []


def test_the_confs_logs_need_no_name(site, backend):
    proxy = site.serve(backend)
    request_id = proxy.get("/").request_id
    proxy.log_line(request_id)
    assert ids("-c", proxy.conf) == [request_id]


def test_columns_are_aligned_and_plain_in_a_pipe(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line(1) + access_line(2, method="DELETE", status=503, duration=1.25))
    first, second = shown(log)
    assert first.startswith("2026-11-22 23:00:01.000  200  1.500 ms  GET ")
    assert second.startswith("2026-11-22 23:00:02.000  503   1.250 s  DELETE ")
    assert "\x1b" not in first + second


@pytest.mark.parametrize(
    "conditions,wanted",
    [
        (["--status", "5xx"], [3]),
        (["--status", "404,500-599"], [2, 3]),
        (["--method", "post"], [2]),
        (["--host", "B.test"], [3]),
        (["--path", "/x/*"], [1, 3]),
        (["--path", "/x"], []),
        (["--client", "10.0.0.0/8"], [1, 3]),
        (["--client", "192.168.1.7"], [2]),
        (["--min-duration", "500ms"], [3]),
        (["--error", "any"], [3]),
        (["--error", "connection_refused"], [3]),
        (["--id", "id-number-2"], [2]),
        (["--id", "id-numbe"], [1, 2, 3]),
        (["--id", "the-clients"], [2]),
        (["--since", "2026-11-22T23:00:02Z"], [2, 3]),
        (["--until", "2026-11-22T23:00:02Z"], [1, 2]),
        (["--status", "200", "--path", "/z*"], []),
    ],
)
def test_conditions(tmp_path, conditions, wanted):
    log = tmp_path / "a.log"
    log.write_text(
        access_line(1)
        + access_line(2, status=404, method="POST", uri="/z", client="192.168.1.7:1",
                      client_request_id="the-clients")
        + access_line(3, status=502, host="b.test:80", duration=0.5, error="connection_refused")
    )  # fmt: skip
    assert ids(log, *conditions) == [f"id-number-{number}" for number in wanted]


@pytest.mark.parametrize(
    "option",
    [["--status", "5x"], ["--client", "x"], ["--min-duration", "1y"], ["--since", "soon"],
     ["--stats", "-f"], ["--by", "host"], ["--by", "x", "--stats"]],
)  # fmt: skip
def test_wrong_words_are_refused(tmp_path, option):
    result = command("logs", tmp_path / "a.log", *option)
    assert result.returncode == 2 and result.stderr.count("\n") == 1


def test_rotated_logs_come_in_order(site, backend, tmp_path):
    proxy = site.serve(backend)
    log = proxy.access_log
    log.write_text(access_line(4))
    (tmp_path / "access.log.1").write_text(access_line(3))
    (tmp_path / "access.log.2.gz").write_bytes(gzip.compress(access_line(2).encode()))
    (tmp_path / "access.log.10.gz").write_bytes(gzip.compress(access_line(1).encode()))
    (tmp_path / "access.log.bak").write_text(access_line(9))
    assert ids("-c", proxy.conf) == [f"id-number-{number}" for number in (1, 2, 3, 4)]


def test_bad_input_is_named_and_the_rest_is_read(tmp_path):
    log = tmp_path / "a.log"
    half = access_line(1)[:-30].encode()
    log.write_bytes(half + b"\n\xff\xfe\n" + b"x" * (1 << 20) + b"\n\n" + access_line(2).encode()
                    + access_line(3, uri="/\x1b[2J").encode().replace(b"\\u001b", b"\x1b")
                    + access_line(4).encode()[:-9])  # fmt: skip
    result = command("logs", log)
    assert result.returncode == 0 and "lines in an unknown format: 4" in result.stderr
    assert [line.count("id-number") for line in result.stdout.splitlines()] == [1, 1]
    assert "\x1b" not in result.stdout and "\\x1B[2J" in result.stdout
    binary_file, folder = tmp_path / "b.log", tmp_path / "folder"
    binary_file.write_bytes(b"\0\1\2")
    folder.mkdir()
    result = command("logs", tmp_path / "none", folder, binary_file, log)
    assert result.returncode == 1 and result.stdout.count("\n") == 2
    for words in ("none: no such file", "folder: is a directory", "b.log: is a binary file"):
        assert words in result.stderr


def test_sums(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(
        access_line(number % 3600, duration=number / 1000, status=502 if number % 10 == 0 else 200,
                    uri=f"/{'ab'[number % 2]}/x", request_id=f"id-number-{number}")
        for number in range(1, 20_001)
    ))  # fmt: skip
    text = command("logs", "--stats", "--by", "path", log).stdout
    words = text.split()
    assert words[:2] == ["requests", "20000"] and words[2:6] == ["failed", "2000", "10.00", "%"]
    assert "max 20.00 s" in text and "id-number-20000" in text
    p50 = float(text.split("p50 ")[1].split()[0])
    assert 10.0 <= p50 <= 10.17
    rows = [line.split() for line in text.splitlines()
            if line.endswith((" /a/x", " /b/x")) and "GET" not in line]  # fmt: skip
    assert sorted((row[-1], row[0]) for row in rows) == [("/a/x", "10000"), ("/b/x", "10000")]
    assert command("logs", "--stats", "--status", "200", log).stdout.split()[1] == "18000"


def test_following_through_rotation_and_truncation(tmp_path, follow_log):
    log = tmp_path / "a.log"
    log.write_text("".join(access_line(number) for number in range(15)))
    follower = follow_log(log)
    last = list(range(5, 15))
    follower.wait(*last)
    with log.open("a") as old:
        old.write(access_line(20)[:30])
        old.flush()
        time.sleep(0.5)
        old.write(access_line(20)[30:])
        old.flush()
        follower.wait(*last, 20)
        log.rename(tmp_path / "a.log.1")
        old.write(access_line(21))
        old.flush()
        log.write_text(access_line(22))
        follower.wait(*last, 20, 21, 22)
    log.write_text("")
    time.sleep(0.5)
    log.write_text(access_line(23))
    follower.wait(*last, 20, 21, 22, 23)


def test_following_a_log_that_is_not_there_yet(tmp_path, follow_log):
    log = tmp_path / "a.log"
    follower = follow_log(log, "--status", "404")
    time.sleep(0.3)
    log.write_text(access_line(1) + access_line(2, status=404))
    follower.wait(2)


def test_following_what_cannot_be_read(tmp_path):
    result = command("logs", "-f", tmp_path)
    assert result.returncode == 1 and "is a directory" in result.stderr


def test_colours_only_for_terminals_that_want_them(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(access_line(1).encode() + access_line(2, uri="/E").encode()
                    .replace(b"/E", b"/\x1b[5m\xc2\x9b"))  # fmt: skip
    coloured = output_on_terminal(["logs", log])
    assert b"\x1b[32m200" in coloured.replace(b"\x1b[32m  200", b"\x1b[32m200")
    assert b"\x1b[5m" not in coloured and b"\xc2\x9b" not in coloured
    assert b"\x1b" not in output_on_terminal(["logs", log], NO_COLOR="1")
    raw = output_on_terminal(["logs", "--json", log])
    assert b"\x1b" not in raw and b"\\x1B[5m" in raw
    assert b"\x1b[5m" in command_bytes("logs", "--json", log)


def command_bytes(*arguments):
    return subprocess.run([binary(), *arguments], capture_output=True, env=environment()).stdout


def test_usage(tmp_path):
    assert command("logs", "-c", tmp_path / "none.conf").returncode == 2
    assert "--min-duration" in command("logs", "--help").stdout


@pytest.mark.parametrize(
    "option",
    [["--error", "bogus"], ["--id", "short"], ["--status", "0"], ["--status", "1000"],
     ["--method", "GET /"], ["--host", "http://a/"], ["--path", "x"], ["--host", ""],
     ["--since", "1m", "--until", "2m"]],
)  # fmt: skip
def test_what_can_fit_nothing_is_refused(tmp_path, option):
    log = tmp_path / "a.log"
    log.write_text(access_line(1))
    result = command("logs", log, *option)
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr


@pytest.mark.parametrize(
    "option,expected",
    [(["--since", "soon"], "1h30m"), (["--until", "2026-11-30T10:00:00+25:00"], "2026-11-30T10:00"),
     (["--error", "bogus"], "connection_refused"), (["--status", "0"], "500-503"),
     (["--method", "GET /"], "a method"), (["--host", "http://a/"], "shop.example"),
     (["--path", "x"], "begins with /"), (["--client", "x"], "10.0.0.0/8"),
     (["--min-duration", "1y"], "500ms")],
)  # fmt: skip
def test_what_is_expected_is_said(tmp_path, option, expected):
    result = command("logs", tmp_path / "a.log", *option)
    assert result.returncode == 2
    assert f"invalid value \"{option[1]}\" for {option[0]}; expected " in result.stderr
    assert expected in result.stderr


@pytest.mark.parametrize("size", [1, 10, 5000, 70_000, 3 << 20])
def test_zeros_hide_nothing(tmp_path, size):
    """A crash leaves them behind the last line, `copytruncate` before the first one."""
    log = tmp_path / "a.log"
    one, other = access_line(1).encode(), access_line(2).encode()
    for text in (b"\0" * size + one + other, one + other + b"\0" * size,
                 one + b"\0" * size + other):  # fmt: skip
        log.write_bytes(text)
        assert ids(log) == ["id-number-1", "id-number-2"]
        traced = command("trace", "id-number-2", log)
        assert traced.returncode == 0 and "1 line in 1 log" in traced.stdout


def test_the_words_of_the_help(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(access_line(1))
    for words in ("10m ago", "1h30m", "now", "today", "2026-11-30", "2026-11-30T10:00Z"):
        assert command("logs", log, "--since", words).returncode == 0, words


@pytest.mark.parametrize(
    "arguments",
    [["logs", "LOG"], ["logs", "--stats", "LOG"], ["logs", "--json", "LOG"], ["logs", "-f", "LOG"],
     ["trace", "id-number-1", "LOG"], ["trace", "--json", "id-number-1", "LOG"], ["-v"], ["--help"],
     ["logs", "--help"], ["--generate-completion-script", "bash"], ["-T", "-c", "CONF"],
     ["explain", "/", "-c", "CONF"]],
)  # fmt: skip
def test_output_that_cannot_be_written_is_a_failure(tmp_path, arguments):
    log, conf = tmp_path / "a.log", tmp_path / "waybill.conf"
    log.write_text(access_line(1))
    conf.write_text("server { listen 127.0.0.1:1; location / { return 204; } }\n")
    words = [{"LOG": str(log), "CONF": str(conf)}.get(word, word) for word in arguments]
    with open("/dev/full", "w") as full:
        result = subprocess.run([binary(), *words], stdout=full, stderr=subprocess.PIPE, timeout=20,
                                env=environment())  # fmt: skip
    assert result.returncode == 1 and b"no space left" in result.stderr, result


def test_special_files_are_not_waited_for(tmp_path):
    fifo, conf = tmp_path / "fifo", tmp_path / "waybill.conf"
    os.mkfifo(fifo)
    for words in (["logs", fifo], ["logs", "-f", fifo], ["trace", "id-number-1", fifo],
                  ["logs", "/dev/zero"]):  # fmt: skip
        result = command(*words)
        assert result.returncode == 1 and str(words[-1]) in result.stderr, result
    for text in (f"include {fifo};", f"ssl_certificate {fifo}; ssl_certificate_key {fifo};"):
        conf.write_text(f"server {{ listen 127.0.0.1:1 ssl; {text} }}\n")
        assert command("-t", "-c", conf).returncode == 2
    assert command("-t", "-c", fifo).returncode == 2


@pytest.mark.parametrize("kind", ["fifo", "folder", "gone"])
def test_following_goes_on_when_one_log_becomes_something_else(tmp_path, follow_log, kind):
    one, other = tmp_path / "a.log", tmp_path / "b.log"
    one.write_text(access_line(1))
    other.write_text(access_line(2))
    follower = follow_log(one, other)
    follower.wait(1, 2)
    one.unlink()
    if kind == "fifo":
        os.mkfifo(one)
    elif kind == "folder":
        one.mkdir()
    time.sleep(0.8)
    with other.open("a") as log:
        log.write(access_line(3))
    follower.wait(1, 2, 3)
