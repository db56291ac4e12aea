"""The access log: one whole, valid line for each request, whatever the client sends."""

import calendar
import json
import os
import re
import signal
import threading
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.log import read_lines
from harness.polling import wait_for
from harness.ports import RefusingPort, free_port

MINE = {"X-Request-ID": "mine-1"}


def text_lines(path, count):
    """The lines of a text log once there are `count`; none holds a control character."""
    wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") >= count, f"line {count}")
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b"" and len(lines) == count, lines
    assert not any(re.search(rb"[\x00-\x1f\x7f]", line) for line in lines), lines
    return [line.decode("utf-8", "surrogateescape") for line in lines]


def logging(site, backend, access_log, top="", **options):
    """A proxy with another access log besides the usual one."""
    proxy = site.serve(backend, top=f"{top}\naccess_log {site.directory}/{access_log};", **options)
    return proxy, site.directory / access_log.split()[0]


def test_the_keys_of_a_full_line(site, make_backend, backend):
    refusing = RefusingPort()
    proxy = site.servers(f"""
upstream app {{ server {refusing.address}; server {backend.address}; }}
server {{ listen PORT; server_name name.test; location / {{ proxy_pass http://app; }} }}
""")
    fields = {"X-Request-ID": "a b", "User-Agent": "agent/1", "Referer": "http://r.test/"}
    before = time.time()
    response = proxy.request("PUT", "/p?q=1", fields, b"body", host="name.test")
    line = proxy.log_line(response.request_id)
    assert list(line) == [
        "time", "level", "request_id", "id_source", "client_request_id", "client", "connection",
        "connection_request", "method", "scheme", "host", "uri", "protocol", "status", "bytes_in",
        "bytes_out", "duration", "upstream", "upstream_status", "upstream_connect",
        "upstream_first_byte", "upstream_duration", "tries", "user_agent", "referer",
    ]  # fmt: skip
    expected = {"level": "INFO", "method": "PUT", "scheme": "http", "host": "name.test",
                "uri": "/p?q=1", "protocol": "HTTP/1.1", "status": 200, "bytes_in": 4,
                "bytes_out": 6, "upstream": backend.address, "upstream_status": 200,
                "user_agent": "agent/1", "referer": "http://r.test/"}  # fmt: skip
    assert {key: line[key] for key in expected} == expected
    written = time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")
    assert before - 2 < calendar.timegm(written) < time.time() + 2
    assert 0 < line["duration"] < 5


def test_keys_without_a_value_are_absent(site):
    proxy = site.servers('server { listen PORT; location / { return 200 "x"; } }')
    line = proxy.observe(None, request_bytes()).line
    absent = [
        "event",
        "client_request_id",
        "upstream_request_id",
        "upstream",
        "upstream_status",
        "upstream_connect",
        "tries",
        "termination",
        "error",
        "user_agent",
        "referer",
    ]
    assert not set(absent) & set(line)


@pytest.mark.parametrize(
    "status, level", [(200, "INFO"), (302, "INFO"), (404, "WARN"), (503, "ERROR")]
)
def test_levels(site, status, level):
    proxy = site.servers(f"server {{ listen PORT; location / {{ return {status} /x; }} }}")
    response = proxy.get()
    assert proxy.log_line(response.request_id)["level"] == level


@pytest.mark.parametrize("status, level", [("200 OK", "INFO"), ("404 Not Found", "WARN")])
def test_verbose_and_simple(site, make_backend, status, level):
    backend = make_backend(reply(status))
    proxy = site.serve(backend, top=f"""
access_log {site.directory}/verbose.log verbose;
access_log {site.directory}/simple.log simple;""")  # fmt: skip
    proxy.get("/path", MINE)
    verbose = text_lines(site.directory / "verbose.log", 1)[0]
    simple = text_lines(site.directory / "simple.log", 1)[0]
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?"
    assert re.fullmatch(rf"{level} {moment} \w+ \[req-mine-1\] .*/path.*", verbose), verbose
    assert re.fullmatch(rf"{level} .*/path.* \[req-mine-1\]", simple), simple
    assert proxy.log_line("mine-1")["status"] == int(status[:3])


def test_combined(site, backend):
    proxy, path = logging(site, backend, "combined.log combined")
    fields = MINE | {"User-Agent": "agent/1", "Referer": "http://r.test/"}
    proxy.get("/p?q", fields)
    expected = (
        r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
        r'"GET /p\?q HTTP/1\.1" 200 6 "http://r\.test/" "agent/1" "?mine-1"?'
    )
    line = text_lines(path, 1)[0]
    assert re.fullmatch(expected, line), line


def test_log_format(site, backend):
    proxy, path = logging(
        site,
        backend,
        "custom.log custom",
        top="log_format custom '$remote_addr \"$request\" $status $body_bytes_sent '\n"
        "  '$request_id $upstream_addr $upstream_status $http_x_none \"$http_user_agent\"';",
    )
    proxy.get("/p", MINE | {"User-Agent": 'a"b\\c'})
    expected = f'127.0.0.1 "GET /p HTTP/1.1" 200 6 mine-1 {backend.address} 200 - "a\\x22b\\x5Cc"'
    assert text_lines(path, 1) == [expected]


def test_log_format_with_json_escaping(site, backend):
    proxy, path = logging(
        site,
        backend,
        "custom.log custom",
        top='log_format custom escape=json \'{"ua":"$http_user_agent","none":"$http_x_none"}\';',
    )
    proxy.get("/", MINE | {"User-Agent": 'a"b\\c\te'})
    assert json.loads(text_lines(path, 1)[0]) == {"ua": 'a"b\\c\te', "none": ""}


def test_several_logs_and_conditions(site, backend):
    directory = site.directory
    proxy = site.serve(backend, top=f"""
access_log {directory}/some.log json if=$arg_log;
access_log {directory}/none.log json if=$arg_never;""")  # fmt: skip
    for target in ["/?log=1", "/?log=0", "/?log=", "/", "/?log=yes"]:
        proxy.get(target)
    assert [line["uri"] for line in proxy.wait_lines(5)] == [
        "/?log=1", "/?log=0", "/?log=", "/", "/?log=yes",
    ]  # fmt: skip
    assert [line["uri"] for line in read_lines(directory / "some.log")] == ["/?log=1", "/?log=yes"]
    assert read_lines(directory / "none.log") == []


def test_the_inner_access_log_replaces_the_outer_ones(site):
    directory = site.directory
    proxy = site.servers(f"""server {{
  listen PORT;
  location / {{ return 200; }}
  location /own {{ access_log {directory}/own.log json; return 200; }}
  location /off {{ access_log off; return 200; }}
}}""")
    for target in ["/own", "/off", "/"]:
        proxy.get(target)
    assert [line["uri"] for line in proxy.wait_lines(1)] == ["/"]
    assert [line["uri"] for line in read_lines(directory / "own.log")] == ["/own"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_standard_streams(site, backend, stream):
    proxy = site.serve(backend, top=f"access_log {stream} json;")
    proxy.get("/", MINE)
    path = site.directory / stream
    wait_for(lambda: b"mine-1" in path.read_bytes(), "the line")
    found = [line for line in path.read_text().splitlines() if '"request_id":"mine-1"' in line]
    assert len(found) == 1


def test_a_buffered_log_is_written_in_time_and_at_the_end(site, backend):
    directory = site.directory
    proxy = site.serve(backend, top=f"""
access_log {directory}/soon.log json buffer=64k flush=300ms;
access_log {directory}/late.log json buffer=64k flush=1h;""")  # fmt: skip
    proxy.get("/", MINE)
    proxy.log_line("mine-1")
    assert (directory / "soon.log").read_bytes() == b""
    wait_for(lambda: read_lines(directory / "soon.log"), "the flush", 2)
    assert (directory / "late.log").read_bytes() == b""
    proxy.stop()
    assert [line["request_id"] for line in read_lines(directory / "late.log")] == ["mine-1"]


def test_a_full_buffer_is_written(site, backend):
    proxy, path = logging(site, backend, "buffered.log json buffer=4k flush=1h")
    with proxy.connect() as connection:
        for _ in range(40):
            connection.exchange(request_bytes(fields={"User-Agent": "x" * 200}))
    size = path.stat().st_size
    assert size > 4096 and len(read_lines(path)) < 40
    proxy.stop()
    assert len(read_lines(path)) == 40


class Load:
    """Clients that send requests until told to stop, and count them."""

    def __init__(self, proxy, clients=4):
        self.count = 0
        self.failures = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(proxy,)) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, proxy):
        try:
            with proxy.connect() as connection:
                while not self._stop.is_set():
                    assert connection.exchange(request_bytes()).status == 200
                    with self._lock:
                        self.count += 1
        except Exception as error:  # the main thread fails with it
            self.failures.append(error)

    def more(self, count):
        start = self.count
        wait_for(lambda: self.count >= start + count or self.failures, f"{count} requests", 20)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
        assert self.failures == []


@pytest.mark.parametrize("options", ["", " buffer=32k flush=1s"], ids=["unbuffered", "buffered"])
def test_reopening_under_load_loses_no_line(site, options):
    port, directory = free_port(), site.directory
    with site.running(f"""
worker_threads 2;
pid {directory}/waybill.pid;
error_log {directory}/error.log info;
access_log {directory}/access.log json{options};
# A fast machine sends more than the default over one connection.
keepalive_requests 1000000;
server {{ listen 127.0.0.1:{port}; location / {{ return 200 "x"; }} }}
""") as proxy:
        load = Load(proxy)
        for number in range(5):
            load.more(200)
            proxy.access_log.rename(directory / f"access.log.{number}")
            proxy.signal(signal.SIGUSR1)
            wait_for(proxy.access_log.exists, "the new log")
        load.more(200)
        load.stop()
        proxy.stop()
    files = [proxy.access_log, *(directory / f"access.log.{number}" for number in range(5))]
    lines = [line for file in files for line in read_lines(file)]
    assert len(lines) == load.count
    assert len({line["request_id"] for line in lines}) == load.count
    assert all(read_lines(file) for file in files)


def test_the_error_log_is_reopened_too(site):
    proxy = site.serve(RefusingPort().address)
    proxy.get("/", {"X-Request-ID": "one-1"})
    assert proxy.error_lines("one-1")
    proxy.error_log.rename(site.directory / "error.old")
    proxy.signal(signal.SIGUSR1)
    wait_for(proxy.error_log.exists, "the new error log")
    proxy.get("/", {"X-Request-ID": "two-1"})
    assert proxy.error_lines("two-1")
    assert "[req-two-1]" not in (site.directory / "error.old").read_text()


@pytest.mark.parametrize("level, written", [("info", True), ("error", True), ("crit", False)])
def test_the_level_of_the_error_log(site, level, written):
    path = site.directory / "leveled.log"
    proxy = site.serve(RefusingPort().address, server=f"error_log {path} {level};")
    proxy.get("/", MINE)
    proxy.log_line("mine-1")
    proxy.stop()
    text = path.read_text() if path.exists() else ""
    assert ("[req-mine-1]" in text) == written
    assert text == "" or text.endswith("\n")


@pytest.mark.parametrize("sink", ["full", "stalled"])
def test_a_sink_that_takes_nothing_stalls_no_request(site, backend, sink):
    path = "/dev/full"
    if sink == "stalled":
        path = str(site.directory / "pipe")
        os.mkfifo(path)
        holder = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    proxy = site.serve(backend, top=f"access_log {path} json;")
    with proxy.connect(timeout=3) as connection:
        for _ in range(400):
            fields = {"User-Agent": "u" * 300}
            assert connection.exchange(request_bytes(fields=fields)).status == 200
    assert len(proxy.wait_lines(400)) == 400
    proxy.stop()
    if sink == "stalled":
        os.close(holder)


def test_every_request_has_its_line(site, backend):
    """Good, bad, aborted and pipelined requests on two workers."""
    proxy = site.serve(backend, workers=2)
    for number in range(60):
        with proxy.connect() as connection:
            if number % 3 == 0:
                connection.send(request_bytes() * 2)
                assert [connection.receive().status for _ in range(2)] == [200, 200]
            elif number % 3 == 1:
                assert connection.exchange(b"nonsense\r\n\r\n").status == 400
            else:
                connection.send(b"GET / HTTP/1.1\r\nHost: unfinished")
    lines = proxy.wait_lines(80)
    assert len({line["request_id"] for line in lines}) == 80
    statuses = [line["status"] for line in lines]
    assert statuses.count(200) == 40 and set(statuses) <= {200, 400, 499}
