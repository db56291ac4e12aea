"""Requests that are refused: status, closing, ID, log line, and nothing of them at the backend."""

import re
import time

import pytest

from harness.client import chunked, request_bytes

HOST = b"Host: a.test\r\n"
LINE = b"GET / HTTP/1.1\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


def get(*lines):
    return LINE + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines, body=b"12345"):
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"

REFUSED = {
    # The request line.
    "garbage": (400, b"\x00\x01\x02\x03garbage\r\n\r\n"),
    "tls-hello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 60),
    "http-0.9": (400, b"GET /\r\n\r\n"),
    "no-target": (400, b"GET HTTP/1.1\r\n" + HOST + b"\r\n"),
    "two-spaces": (400, b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "space-in-target": (400, b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n"),
    "leading-space": (400, b" GET / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "trailing-space": (400, b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n"),
    "tab-as-space": (400, b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n"),
    "target-without-slash": (400, b"GET a HTTP/1.1\r\n" + HOST + b"\r\n"),
    "method-no-token": (400, b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "lowercase-protocol": (400, b"GET / http/1.1\r\n" + HOST + b"\r\n"),
    "no-minor-version": (400, b"GET / HTTP/1\r\n" + HOST + b"\r\n"),
    "letters-as-version": (400, b"GET / HTTP/a.b\r\n" + HOST + b"\r\n"),
    "control-in-target": (400, b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "nul-in-target": (400, b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "delete-in-target": (400, b"GET /\x7f HTTP/1.1\r\n" + HOST + b"\r\n"),
    "bare-cr-in-line": (400, b"GET / HTTP/1.1\rX\r\n" + HOST + b"\r\n"),
    "http-2": (505, b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    "http-9": (505, b"GET / HTTP/9.9\r\n" + HOST + b"\r\n"),
    # Host.
    "no-host": (400, LINE + b"\r\n"),
    "two-hosts": (400, get(b"Host: b.test")),
    "two-equal-hosts": (400, get(b"Host: a.test")),
    "space-in-host": (400, LINE + b"Host: a b\r\n\r\n"),
    "slash-in-host": (400, LINE + b"Host: a/b\r\n\r\n"),
    "user-in-host": (400, LINE + b"Host: u@a\r\n\r\n"),
    "list-of-hosts": (400, LINE + b"Host: a, b\r\n\r\n"),
    "port-no-number": (400, LINE + b"Host: a:x\r\n\r\n"),
    # Field lines.
    "bare-lf": (400, b"GET / HTTP/1.1\nHost: a.test\n\n"),
    "bare-lf-in-fields": (400, LINE + b"Host: a.test\nX: y\r\n\r\n"),
    "bare-lf-at-the-end": (400, LINE + HOST + b"\n"),
    "bare-cr-in-value": (400, get(b"X: a\rb")),
    "bare-cr-as-end": (400, LINE + b"Host: a.test\rX: y\r\n\r\n"),
    "nul-in-value": (400, get(b"X: a\x00b")),
    "control-in-value": (400, get(b"X: a\x08b")),
    "delete-in-value": (400, get(b"X: a\x7fb")),
    "obs-fold": (400, get(b"X: a", b" b")),
    "obs-fold-tab": (400, get(b"X: a", b"\tb")),
    "space-first": (400, LINE + b" X: y\r\n" + HOST + b"\r\n"),
    "space-before-colon": (400, get(b"X : a")),
    "tab-before-colon": (400, get(b"X\t: a")),
    "no-colon": (400, get(b"nonsense")),
    "empty-name": (400, get(b": a")),
    "space-in-name": (400, get(b"X Y: a")),
    "name-no-token": (400, get(b"X@Y: a")),
    "byte-in-name": (400, get(b"X\xe9: a")),
    "nul-in-id": (400, get(b"X-Request-ID: a\x00b")),
    "cr-in-id": (400, get(b"X-Request-ID: a\rb")),
    # Where the body ends.
    "length-and-coding": (400, post(b"Content-Length: 5", CHUNKED)),
    "coding-and-length": (400, post(CHUNKED, b"Content-Length: 0")),
    "lengths-differ": (400, post(b"Content-Length: 5", b"Content-Length: 6")),
    "lengths-differ-in-list": (400, post(b"Content-Length: 5, 6")),
    "length-word": (400, post(b"Content-Length: five")),
    "length-negative": (400, post(b"Content-Length: -5")),
    "length-plus": (400, post(b"Content-Length: +5")),
    "length-hex": (400, post(b"Content-Length: 0x5")),
    "length-fraction": (400, post(b"Content-Length: 5.0")),
    "length-two-numbers": (400, post(b"Content-Length: 5 5")),
    "length-empty": (400, post(b"Content-Length:")),
    "length-overflow": (400, post(b"Content-Length: 18446744073709551621")),
    "length-huge": (400, post(b"Content-Length: " + b"9" * 40)),
    "coding-not-last": ((400, 501), post(b"Transfer-Encoding: chunked, gzip")),
    "coding-unknown": ((400, 501), post(b"Transfer-Encoding: gzip")),
    "coding-unknown-first": ((400, 501), post(b"Transfer-Encoding: gzip, chunked")),
    "coding-identity": ((400, 501), post(b"Transfer-Encoding: identity")),
    "coding-twice": ((400, 501), post(CHUNKED, CHUNKED)),
    "coding-twice-in-list": ((400, 501), post(b"Transfer-Encoding: chunked, chunked")),
    "coding-misspelt": ((400, 501), post(b"Transfer-Encoding: xchunked")),
    "coding-with-parameter": ((400, 501), post(b"Transfer-Encoding: chunked;a=b")),
    "coding-quoted": ((400, 501), post(b'Transfer-Encoding: "chunked"')),
    "coding-empty": ((400, 501), post(b"Transfer-Encoding:")),
    "coding-vertical-tab": ((400, 501), post(b"Transfer-Encoding: \x0bchunked")),
    "coding-on-1.0": (400, b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n\r\n0\r\n\r\n"),
    # Limits.
    "line-too-long": (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "line-endless": (414, b"GET /" + b"a" * 40_000),
    "field-too-long": (431, get(b"X: " + b"a" * 9000)),
    "name-too-long": (431, get(b"X" * 9000 + b": a")),
    "fields-too-large": (431, get(*[b"X-%d: %s" % (n, b"a" * 7000) for n in range(6)])),
    "too-many-fields": (431, get(*[b"X-%d: a" % n for n in range(120)])),
    "expectation": (417, post(b"Expect: 200-maybe", b"Content-Length: 5")),
}  # fmt: skip


def assert_refused(proxy, backend, data, expected):
    """Exactly one response, with an ID; then the end; one line; and an untouched backend."""
    with proxy.connect() as connection:
        try:
            connection.send(data + SMUGGLED)
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.receive()
        rest = connection.rest()
    statuses = expected if isinstance(expected, tuple) else (expected,)
    assert response.status in statuses, response
    assert rest == b"", "something was served after the refusal"
    assert "close" in response.fields.tokens("Connection")
    assert re.fullmatch(r"[0-9a-f-]{36}", response.request_id)
    line = proxy.log_line(response.request_id)
    assert line["status"] == response.status and line["id_source"]
    assert line["error"] and line["termination"] and line["level"] in ("WARN", "ERROR")
    assert len(proxy.lines()) == 1, "more than one line"
    assert "upstream" not in line
    backend.assert_untouched()
    return line


@pytest.mark.parametrize("name", REFUSED)
def test_refused(site, backend, name):
    expected, data = REFUSED[name]
    proxy = site.serve(backend)
    assert_refused(proxy, backend, data, expected)
    assert proxy.get().status == 200, "the next client is not served"


def test_a_refusal_after_a_good_request(site, backend):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(request_bytes() + get(b"X : a") + SMUGGLED)
        first, second = connection.receive(), connection.receive()
        assert (first.status, second.status, connection.rest()) == (200, 400, b"")
    lines = proxy.wait_lines(2)
    assert [line["connection_request"] for line in lines] == [1, 2]
    assert len(backend.requests) == 1


def test_what_was_parsed_of_a_refused_request_is_logged(site, backend):
    data = b"DELETE /path?q HTTP/1.1\r\nHost: named.test\r\nX-Request-ID: a-1\r\nBad : x\r\n\r\n"
    with (proxy := site.serve(backend)).connect() as connection:
        response = connection.exchange(data)
    line = proxy.log_line(response.request_id)
    assert (line["method"], line["uri"], line["protocol"]) == ("DELETE", "/path?q", "HTTP/1.1")
    assert line["error"] == "http_request_error"


BAD_BODIES = {
    "size-no-number": b"xyz\r\nabc\r\n0\r\n\r\n",
    "size-empty": b"\r\nabc\r\n0\r\n\r\n",
    "size-negative": b"-3\r\nabc\r\n0\r\n\r\n",
    "size-plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "size-prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "size-overflow": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "size-huge": b"f" * 300 + b"\r\nabc\r\n0\r\n\r\n",
    "size-leading-space": b" 3\r\nabc\r\n0\r\n\r\n",
    "size-bare-lf": b"3\nabc\r\n0\r\n\r\n",
    "size-bare-cr": b"3\rabc\r\n0\r\n\r\n",
    "data-too-long": b"3\r\nabcd\r\n0\r\n\r\n",
    "data-bare-lf": b"3\r\nabc\n0\r\n\r\n",
    "data-no-end": b"3\r\nabc0\r\n\r\n",
    "extension-bare-lf": b"3;a=b\nabc\r\n0\r\n\r\n",
    "extension-control": b"3;a\x00b\r\nabc\r\n0\r\n\r\n",
    "extension-endless": b"3;" + b"a" * 70_000,
    "trailer-no-colon": b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n",
    "trailer-space": b"3\r\nabc\r\n0\r\nX : y\r\n\r\n",
    "trailer-fold": b"3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailer-bare-lf": b"3\r\nabc\r\n0\r\nX: y\n\r\n",
    "trailer-endless": b"3\r\nabc\r\n0\r\n" + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 3000,
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_malformed_body_never_completes_a_request(site, backend, name):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        fields = {"Transfer-Encoding": "chunked", "X-Request-ID": "mine-1"}
        try:
            connection.send(request_bytes("POST", "/", fields) + BAD_BODIES[name] + SMUGGLED)
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.receive()
        assert response.status in (400, 431) and connection.rest() == b""
    line = proxy.log_line(response.request_id)
    assert line["error"] and line["termination"] and len(proxy.lines()) == 1
    assert backend.requests == [], "the backend took the request for a whole one"
    assert proxy.get().status == 200
    assert not any(b"/smuggled" in connection.received for connection in backend.connections)


@pytest.mark.parametrize("framing", ["length", "length-unsent", "chunked"])
def test_a_body_beyond_client_max_body_size_is_413(site, backend, framing):
    proxy = site.serve(backend, server="client_max_body_size 10k;")
    body = b"x" * 20_000
    data = {
        "length": request_bytes("POST", "/", body=body),
        "length-unsent": request_bytes("POST", "/", {"Content-Length": "10241"}),
        "chunked": request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}) + chunked(body),
    }[framing]
    with proxy.connect() as connection:
        response = connection.exchange(data)
        assert response.status == 413
    line = proxy.log_line(response.request_id)
    assert line["status"] == 413 and line["error"] and line["termination"]
    assert backend.requests == []


def test_a_body_of_exactly_client_max_body_size_passes(site, backend):
    proxy = site.serve(backend, server="client_max_body_size 10k;")
    body = b"x" * 10_240
    one = proxy.observe(backend, request_bytes("POST", "/", body=body))
    assert one.response.status == 200
    with proxy.connect() as connection:
        data = request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}) + chunked(body)
        assert connection.exchange(data).status == 200


def test_client_max_body_size_is_per_location_and_0_is_no_limit(site, backend):
    proxy = site.servers(f"""
client_max_body_size 10;
server {{ listen PORT;
  location / {{ proxy_pass http://{backend.address}; }}
  location /large {{ client_max_body_size 0; proxy_pass http://{backend.address}; }} }}""")
    body = b"x" * 3_000_000
    assert proxy.request("POST", "/large", body=body).status == 200
    assert proxy.request("POST", "/", body=b"x" * 11).status == 413


def test_a_large_head_within_the_limits_passes(site, backend):
    fields = {f"X-{number}": "v" * 7000 for number in range(4)}
    one = site.serve(backend).observe(backend, request_bytes("GET", "/" + "p" * 2000, fields))
    assert one.response.status == 200 and one.seen.fields.one("X-3") == "v" * 7000


def test_the_limits_of_a_head_can_be_set(site, backend):
    proxy = site.serve(backend, top="large_client_header_buffers 4 1k;")
    assert proxy.get("/" + "a" * 2000).status == 414
    assert proxy.get("/", {"X-A": "b" * 2000}).status == 431
    assert proxy.get("/" + "a" * 500, {"X-A": "b" * 500}).status == 200


def trickle(connection, data, pause, limit):
    """Sends byte by byte until the proxy answers; returns the seconds that took."""
    started = time.monotonic()
    connection.socket.settimeout(pause)
    for index in range(len(data)):
        try:
            connection.send(data[index : index + 1])
            if connection.stream.fill():
                break
        except TimeoutError:
            assert time.monotonic() - started < limit, "a slow client is served for ever"
        except (BrokenPipeError, ConnectionResetError):
            break
    connection.socket.settimeout(5)
    return time.monotonic() - started


def assert_408(proxy, connection):
    response = connection.receive()
    assert response.status == 408 and connection.is_closed()
    line = proxy.log_line(response.request_id)
    assert (line["status"], len(proxy.lines())) == (408, 1)
    assert line["error"] and line["termination"]


def test_an_unfinished_head_is_408(site, backend):
    proxy = site.serve(backend, server="client_header_timeout 400ms;")
    with proxy.connect() as connection:
        connection.send(LINE + HOST + b"X-Unfinished: ")
        assert_408(proxy, connection)
    backend.assert_untouched()


def test_a_trickling_head_is_408(site, backend):
    proxy = site.serve(backend, server="client_header_timeout 400ms;")
    with proxy.connect() as connection:
        trickle(connection, LINE + HOST + b"X-Slow: " + b"a" * 100, 0.05, 3)
        assert_408(proxy, connection)
    backend.assert_untouched()


def test_an_unfinished_body_is_408(site, backend):
    proxy = site.serve(backend, server="client_body_timeout 400ms;")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"Content-Length": "10"}) + b"half")
        assert_408(proxy, connection)
    assert backend.requests == []


def test_a_silent_connection_is_closed_without_a_word(site, backend):
    proxy = site.serve(backend, server="client_header_timeout 300ms;")
    with proxy.connect() as connection:
        assert connection.is_closed(3)
    assert proxy.lines() == []
