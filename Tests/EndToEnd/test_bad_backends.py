"""Backends that answer nonsense, too little, too much or too late: 502, 504 or a visible cut."""

import itertools

import pytest

from harness.backend import CLOSE, RESET, reply
from harness.client import request_bytes
from harness.messages import Malformed, Truncated

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 5\r\n"
FINE = {"X-Request-ID": "fine-1"}

GARBAGE = {
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "text": b"hello world\r\n\r\n",
    "html": b"<html><body>no</body></html>\n",
    "nul-bytes": b"\0" * 100,
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "status-two-digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status-four-digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status-letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "status-too-small": b"HTTP/1.1 099 OK\r\n\r\n",
    "status-missing": b"HTTP/1.1\r\n\r\n",
    "other-protocol": b"ICY 200 OK\r\n" + LENGTH + b"\r\n12345",
    "http-2": b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\n12345",
    "two-lengths": OK + LENGTH + b"Content-Length: 6\r\n\r\n12345",
    "length-list": OK + b"Content-Length: 5, 6\r\n\r\n12345",
    "length-word": OK + b"Content-Length: five\r\n\r\n12345",
    "length-negative": OK + b"Content-Length: -5\r\n\r\n12345",
    "length-overflow": OK + b"Content-Length: 18446744073709551621\r\n\r\n12345",
    "length-and-coding": OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding-unknown": OK + b"Transfer-Encoding: gzip\r\n\r\n12345",
    "coding-not-last": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "coding-twice": OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "space-before-colon": OK + b"X : a\r\n" + LENGTH + b"\r\n12345",
    "obs-fold": OK + b"X: a\r\n b\r\n" + LENGTH + b"\r\n12345",
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 5\n\n12345",
    "bare-cr": OK + b"X: a\rb\r\n" + LENGTH + b"\r\n12345",
    "nul-in-value": OK + b"X: a\0b\r\n" + LENGTH + b"\r\n12345",
    "control-in-value": OK + b"X: a\x01b\r\n" + LENGTH + b"\r\n12345",
    "no-colon": OK + b"nonsense\r\n" + LENGTH + b"\r\n12345",
    "empty-name": OK + b": a\r\n" + LENGTH + b"\r\n12345",
    "unasked-101": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                   b"Upgrade: echo\r\n\r\n",
    "line-too-long": b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
    "field-too-long": OK + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
}  # fmt: skip


def assert_502(proxy, request_id="mine-1"):
    one = proxy.observe(None, request_bytes(fields={"X-Request-ID": request_id}))
    assert (one.response.status, one.response.request_id) == (502, request_id)
    assert one.line["error"] and one.line["termination"] and one.line["level"] == "ERROR"
    assert f"[req-{request_id}]" in proxy.error_text(), "the error log does not say why"
    return one


def serve_both(site, bad, good):
    """One server: `/` goes to the bad backend, `/good` to the good one."""
    return site.servers(f"""server {{
  listen PORT;
  location / {{ proxy_pass http://{bad.address}; proxy_read_timeout 2s; }}
  location /good {{ proxy_pass http://{good.address}; }}
}}""")


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("ending", ["open", "closed"])
def test_garbage_is_502(site, make_backend, backend, name, ending):
    needs_end = name in ("tls-alert", "html", "nul-bytes", "no-http") and ending == "open"
    bad = make_backend([GARBAGE[name], CLOSE if ending == "closed" or needs_end else 0.0])
    proxy = serve_both(site, bad, backend)
    assert_502(proxy)
    assert proxy.get("/good", FINE).status == 200
    assert bad.connections[0].received.count(b"GET") == 1


@pytest.mark.parametrize(
    "steps",
    [
        [CLOSE],
        [RESET],
        [b"HTTP/1.1 2", CLOSE],
        [OK + b"X-A: b\r\n", CLOSE],
        [OK + b"X-A: b\r\n", RESET],
        [b"HTTP/1.1 103 Early Hints\r\n\r\n", CLOSE],
        [b"\r\n\r\n", CLOSE],
    ],
    ids=str,
)
def test_an_end_before_the_response_is_502(site, make_backend, steps):
    assert_502(site.serve(make_backend(steps)))


def test_an_endless_head_is_502(site, make_backend):
    fields = itertools.repeat(b"X-More: and more and more and more\r\n" * 100, 1000)
    backend = make_backend(lambda request: itertools.chain([OK], fields))
    proxy = site.serve(backend)
    before = proxy.memory()
    assert_502(proxy)
    assert proxy.memory() - before < 4 << 20


def test_many_fields_within_the_limits_pass(site, make_backend):
    backend = make_backend(reply(fields=[(f"X-{number}", "v" * 100) for number in range(80)]))
    assert site.serve(backend).observe(backend, request_bytes()).response.status == 200


CUTS = {
    "length": [OK + b"Content-Length: 10\r\n\r\nhalf", CLOSE],
    "length-reset": [OK + b"Content-Length: 10\r\n\r\nhalf", 0.05, RESET],
    "length-nothing": [OK + b"Content-Length: 10\r\n\r\n", CLOSE],
    "chunked": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", CLOSE],
    "chunked-in-a-chunk": [OK + b"Transfer-Encoding: chunked\r\n\r\n8\r\nhalf", CLOSE],
    "chunked-in-the-end": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", CLOSE],
    "chunked-reset": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 0.05, RESET],
    "chunk-size-bad": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n", CLOSE],
    "chunk-size-huge": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n1" + b"0" * 20 + b"\r\n"],
    "chunk-end-bad": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalfXX0\r\n\r\n"],
    "chunk-bare-lf": [OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n4\nmore\r\n0\r\n\r\n"],
    "close-reset": [OK + b"\r\nhalf", 0.05, RESET],
}  # fmt: skip


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_response_is_visibly_cut(site, make_backend, name):
    proxy = site.serve(make_backend(CUTS[name]))
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "mine-1"}))
        try:
            assert connection.receive().status == 502, "the cut cannot be seen"
        except (Truncated, Malformed, ConnectionResetError):
            connection.rest()
    line = proxy.log_line("mine-1")
    assert line["level"] == "ERROR" and line["error"] and line["termination"]
    assert "[req-mine-1]" in proxy.error_text()


def test_a_slow_head_is_504(site, make_backend):
    backend = make_backend([OK, 2.0, b"\r\n"])
    proxy = site.serve(backend, location="proxy_read_timeout 300ms;")
    one = proxy.observe(None, request_bytes())
    assert one.response.status == 504 and one.line["termination"]
    assert f"[req-{one.response.request_id}]" in proxy.error_text()


def test_a_head_that_trickles_for_ever_does_not_hold_a_client_for_ever(site, make_backend):
    trickle = itertools.chain([OK], *itertools.repeat([b"X: y\r\n", 0.001], 200_000))
    proxy = site.serve(make_backend(lambda request: trickle))
    assert_502(proxy)


EXTRA = {
    "after-the-length": reply(body=b"hello") + b"junk",
    "a-second-response": reply(body=b"hello") + reply(body=b"unasked"),
    "after-the-chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\njunk",
}


@pytest.mark.parametrize("name", EXTRA)
def test_bytes_after_a_response_are_not_the_next_response(site, make_backend, name):
    backend = make_backend(EXTRA[name])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        for _ in range(3):
            one = proxy.observe(backend, request_bytes(), connection)
            assert one.response.body == b"hello"
    assert [len(one.requests) for one in backend.connections] == [1, 1, 1]


@pytest.mark.parametrize(
    "method, head",
    [
        ("HEAD", OK + LENGTH + b"\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
    ],
)
def test_a_body_where_none_may_be_goes_nowhere(site, make_backend, method, head):
    backend = make_backend(lambda request: head + b"hello")
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        for _ in range(2):
            response = connection.exchange(request_bytes(method), method)
            assert response.status in (200, 204, 304) and response.body == b""
        assert not connection.stream.buffer
    assert len(backend.connections) == 2


def test_a_hundred_bad_answers_leave_nothing_behind(site, make_backend, backend):
    bad = make_backend()
    scripts = [[CLOSE], [RESET], [b"junk\r\n\r\n"], [OK + LENGTH + b"\r\nab", CLOSE]]
    bad.script = lambda request: scripts[len(bad.requests) % len(scripts)]
    proxy = serve_both(site, bad, backend)
    proxy.get("/good")
    before = proxy.descriptors()
    for _ in range(100):
        with proxy.connect() as connection:
            connection.send(request_bytes(fields={"Connection": "close"}))
            connection.rest()
    assert proxy.get("/good").status == 200
    assert len(proxy.wait_lines(102)) == 102
    assert proxy.descriptors() <= before + 2
