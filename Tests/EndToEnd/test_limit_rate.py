"""`limit_rate`: nginx and Waybill side by side, by the time that a response takes."""

from __future__ import annotations

import threading
import time

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.http2 import Client
from harness.secure import SecureConnection, client_context
from harness.twins import Twins

SERVER = """
root {root};
location /proxy/ { proxy_pass http://{backend}; limit_rate 20k; }
location /after/ { proxy_pass http://{backend}; limit_rate 20k; limit_rate_after 40k; }
location /file/ { alias {root}/; limit_rate 20k; }
location /return/ { limit_rate 1000; return 200 "{long}"; }
location /off/ { proxy_pass http://{backend}; limit_rate 0; }
location /unbuffered/ { proxy_pass http://{backend}; limit_rate 20k; proxy_buffering off; }
location /set/ { set $limit_rate 20k; proxy_pass http://{backend}; add_header X-Rate $limit_rate; }
location /if/ { proxy_pass http://{backend}; if ($arg_slow) { limit_rate 20k; } }
location /variable/ { alias {root}/; limit_rate $arg_rate; limit_rate_after $arg_after; }
location /accel/ { proxy_pass http://{backend}; limit_rate 1k; }
location /ignored/ { proxy_pass http://{backend}; proxy_ignore_headers X-Accel-Limit-Rate; }
location /wanted/ { proxy_pass http://{backend}; limit_rate 20k; proxy_buffering off; }
location /page/ { proxy_pass http://{backend}; error_page 404 /file/a; proxy_intercept_errors on; }
location /inherit/ { limit_rate 20k; location /inherit/x { proxy_pass http://{backend}; } }
"""

FIELDS = {
    "/accel/fast": {"X-Accel-Limit-Rate": "0"}, "/accel/slow": {"X-Accel-Limit-Rate": "20480"},
    "/accel/bad": {"X-Accel-Limit-Rate": "20k"}, "/accel/no": {"X-Accel-Buffering": "no"},
    "/ignored/": {"X-Accel-Limit-Rate": "1000"}, "/wanted/": {"X-Accel-Buffering": "yes"},
    "/off/x": {"X-Accel-Limit-Rate": "20480"},
}  # fmt: skip


def script(request):
    if request.target == "/accel/bad":
        return reply(body=b"x" * 2500, fields=FIELDS["/accel/bad"])
    status = "404 Not Found" if request.target.startswith("/page/") else "200 OK"
    return reply(status, b"x" * 60_000, FIELDS.get(request.target))


@pytest.fixture(scope="module")
def pair():
    backend = RecordingBackend(script)
    twins = Twins("", SERVER)
    (twins.root / "a").write_bytes(b"x" * 60_000)
    try:
        yield twins.start(backend=backend.address, long="x" * 2500)
    finally:
        twins.stop()
        backend.stop()


def timed(pair, name, target):
    start = time.monotonic()
    answer = pair.ask(name, request_bytes("GET", target, host="files.test"))
    return time.monotonic() - start, answer


def both(pair, target):
    results = {}
    threads = [
        threading.Thread(target=lambda n=name: results.update({n: timed(pair, n, target)}))
        for name in ("nginx", "waybill")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results["nginx"], results["waybill"]


@pytest.mark.parametrize("target", [
    "/proxy/", "/after/", "/file/a", "/return/", "/off/", "/off/x", "/unbuffered/", "/set/",
    "/if/?slow=1", "/if/", "/variable/a?rate=20k", "/variable/a?rate=0", "/variable/a?rate=x",
    "/variable/a", "/variable/a?rate=10k&after=40000", "/accel/fast", "/accel/slow", "/accel/bad",
    "/accel/no", "/ignored/", "/wanted/", "/page/", "/inherit/x",
])  # fmt: skip
def test_it_takes_as_long_as_in_nginx(pair, target):
    (theirs, answer), (ours, mine) = both(pair, target)
    assert (mine.status, mine.body) == (answer.status, answer.body)
    assert mine.fields.all("X-Rate") == answer.fields.all("X-Rate")
    # nginx counts by the seconds of the clock: it may be a second faster.
    assert theirs - 0.5 < ours < theirs + 1.5, (theirs, ours)


def paced(site, backend, more="", **options):
    return site.serve(backend, location="limit_rate 40k; " + more, **options)


BODY = bytes(range(256)) * 600
"""153,600 bytes: 40k at once, then 113k in three seconds."""


def check_time(start):
    assert 2.5 < time.monotonic() - start < 4.5


def test_over_tls(site, make_backend, pair_of_tls, authority):
    proxy = paced(site, make_backend(reply(body=BODY)), listen="ssl", top=pair_of_tls.conf)
    with SecureConnection(proxy.port, client_context(authority.file)) as connection:
        for number in range(2):
            start = time.monotonic()
            connection.send(request_bytes(fields={"X-Request-ID": f"tls-{number}"}))
            answer = connection.receive()
            check_time(start)
            assert answer.body == BODY and answer.request_id == f"tls-{number}"


@pytest.fixture
def pair_of_tls(authority):
    return authority.issue("localhost") if hasattr(authority, "issue") else authority.pair()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_each_stream_has_its_own_pace(site, make_backend, framing):
    head = {
        "length": b"Content-Length: %d\r\n" % len(BODY), "close": b"Connection: close\r\n",
        "chunked": b"Transfer-Encoding: chunked\r\n",
    }[framing]  # fmt: skip
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY) if framing == "chunked" else BODY
    from harness.backend import CLOSE

    backend = make_backend(lambda r: [b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body, CLOSE])
    proxy = paced(site, backend, server="http2 on;")
    start = time.monotonic()
    with Client(proxy.port) as client:
        streams = [client.begin(f"/{number}") for number in range(5)]
        answers = client.finish(*streams)
        check_time(start)
        assert all(bytes(answer.body) == BODY for answer in answers)
    assert proxy.cpu_seconds() < 1


def test_it_costs_nothing_to_wait(site, make_backend):
    proxy = paced(site, make_backend(reply(body=BODY)))
    before = proxy.cpu_seconds()
    start = time.monotonic()
    threads = [threading.Thread(target=lambda: proxy.get()) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    check_time(start)
    assert proxy.cpu_seconds() - before < 0.5
    lines = proxy.wait_lines(20)
    assert all(line["bytes_out"] == len(BODY) and line["duration"] > 2 for line in lines)


def test_a_client_that_leaves_in_a_pause(site, make_backend):
    proxy = paced(site, make_backend(reply(body=BODY)))
    connection = proxy.connect()
    connection.send(request_bytes(fields={"X-Request-ID": "leaves"}))
    connection.receive_head()
    connection.reset()
    assert proxy.log_line("leaves")["status"] == 499


def test_send_timeout_is_not_for_pauses(site, make_backend):
    proxy = paced(site, make_backend(reply(body=BODY)), "send_timeout 300ms;")
    start = time.monotonic()
    assert proxy.get().body == BODY
    check_time(start)


def test_the_end_does_not_wait_for_it(site, make_backend):
    proxy = site.serve(make_backend(reply(body=BODY)), location="limit_rate 1;")
    connection = proxy.connect()
    connection.send(request_bytes(fields={"X-Request-ID": "slow"}))
    time.sleep(0.3)
    proxy.stop()
    assert proxy.log_line("slow")["termination"] == "proxy:response_body"
