"""`proxy_pass_request_body off`: the backend gets no content, and the client's next request begins
behind it, however it came."""

import time

import pytest

from harness.backend import reply
from harness.client import request_bytes

HIDDEN = b"GET /evil HTTP/1.1\r\nHost: a\r\nX-Fill: 1\r\n\r\n"
CONTENT = {"small": HIDDEN, "large": HIDDEN * 3_000}


def chunked(content):
    return b"%x\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(content), content)


def post(content, framing, target="/"):
    name = {"length": "Content-Length", "chunked": "Transfer-Encoding"}[framing]
    value = {"length": str(len(content)), "chunked": "chunked"}[framing]
    body = content if framing == "length" else chunked(content)
    return request_bytes("POST", target, [(name, value)]), body


def judge(backend, connection, count):
    for _ in range(count):
        assert connection.receive().status == 200
    assert [request.target for request in backend.requests] == ["/", "/next"] * (count // 2)
    for request in backend.requests[::2]:
        assert request.body == b"" and request.fields.all("Transfer-Encoding") == []
        assert request.fields.get("Content-Length", "0") == "0"


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", CONTENT)
@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_the_next_request_begins_behind_it(site, backend, framing, size, buffering, pieces):
    proxy = site.serve(
        backend,
        location=f"proxy_pass_request_body off; proxy_request_buffering {buffering};",
    )
    head, body = post(CONTENT[size], framing)
    whole = (head + body + request_bytes("GET", "/next")) * 2
    with proxy.connect() as connection:
        for number in range(pieces):
            start, end = (len(whole) * n // pieces for n in (number, number + 1))
            connection.send(whole[start:end])
            time.sleep(0.01)
        judge(backend, connection, 4)
    assert [line["bytes_in"] for line in proxy.wait_lines(4)] == [len(CONTENT[size]), 0] * 2


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", CONTENT)
def test_what_was_kept_for_another_location_is_dropped(site, make_backend, framing, size):
    """The first backend got the content; the one that answers in its place gets none of it."""
    first, second = make_backend(reply("503 Busy")), make_backend()
    proxy = site.serve(
        first,
        location="proxy_intercept_errors on; error_page 503 = @other;",
        server=f"""location @other {{
          proxy_pass http://{second.address}; proxy_pass_request_body off; }}
          location /next {{ proxy_pass http://{second.address}; }}""",
    )
    head, body = post(CONTENT[size], framing)
    with proxy.connect() as connection:
        connection.send((head + body + request_bytes("GET", "/next")) * 2)
        judge(second, connection, 4)
    assert [request.body for request in first.requests] == [CONTENT[size]] * 2


def test_content_that_never_ends_asks_no_backend(site, backend):
    proxy = site.serve(
        backend, location="proxy_pass_request_body off;", server="client_body_timeout 1s;"
    )
    head, body = post(HIDDEN, "length")
    with proxy.connect() as connection:
        connection.send(head + body[:-1])
        assert connection.receive().status == 408
    assert backend.requests == []
