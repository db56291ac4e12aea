"""`error` is one of the types of RFC 9209, whatever went wrong; `termination` says who and when."""

import signal
import threading

import pytest

from harness.client import request_bytes
from harness.log import RFC9209_ERRORS
from harness.ports import RefusingPort

MINE = {"X-Request-ID": "mine-1"}
LIMITS = """
client_max_body_size 10;
client_header_timeout 300ms;
client_body_timeout 300ms;
proxy_read_timeout 300ms;
send_timeout 300ms;
"""


@pytest.fixture
def held(site, make_backend):
    """A backend that answers only after the test."""
    gate = threading.Event()
    yield make_backend([gate])
    gate.set()


def assert_typed(line):
    assert line["error"] in RFC9209_ERRORS, line["error"]
    assert line["termination"]


@pytest.mark.parametrize(
    "status, data",
    [
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nbad : x\r\n\r\n"),
        (408, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow"),
        (408, request_bytes("POST", "/", {"Content-Length": "5"}) + b"abc"),
        (413, request_bytes("POST", "/", body=b"x" * 11)),
        (414, request_bytes("GET", "/" + "a" * 9000)),
        (431, request_bytes(fields={"X-A": "a" * 9000})),
        (501, request_bytes("POST", "/", {"Transfer-Encoding": "gzip, chunked"})),
        (504, request_bytes()),
        (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ],
)
def test_refusals(site, held, status, data):
    one = site.serve(held, top=LIMITS).observe(None, data)
    assert one.response.status == status
    assert_typed(one.line)


def test_a_refused_connection(site):
    one = site.serve(RefusingPort().address).observe(None, request_bytes())
    assert_typed(one.line)


def test_a_client_that_went_away(site, held):
    proxy = site.serve(held)
    connection = proxy.connect()
    connection.send(request_bytes(fields=MINE))
    held.wait_requests(1)
    connection.reset()
    assert_typed(proxy.log_line("mine-1"))


def test_an_end_by_shutdown(site, held):
    proxy = site.serve(held)
    with proxy.connect() as connection:
        connection.send(request_bytes(fields=MINE))
        held.wait_requests(1)
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_exit(6) == 0
    assert_typed(proxy.log_line("mine-1"))
