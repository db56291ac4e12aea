"""Whatever bytes a client sends, a log keeps one line a request and the line stays valid."""

import re

import pytest

from harness.client import request_bytes
from harness.polling import wait_for

FORGED = '","status":200,"request_id":"forged'
TEXTS = {
    "quotes": 'say "hello"',
    "backslashes": "a\\b\\\\c\\",
    "json-end": '"}',
    "forged-key": FORGED,
    "tab": "a\tb",
    "escapes": "\\n\\u0000\\x0a",
    "brackets": "[req-forged] ERROR",
    "percent": "%s%n%d%0a%0d",
    "utf-8": "\u00e9\u4e2d\U0001f600".encode().decode("latin-1"),
    "utf-8-cut": "\u4e2d".encode()[:2].decode("latin-1"),
    "utf-8-overlong": "\xc0\xaf",
    "utf-8-surrogate": "\xed\xa0\x80",
    "next-line": "\xc2\x85",
    "line-separator": "\u2028".encode().decode("latin-1"),
    "all-high-bytes": bytes(range(0x80, 0x100)).decode("latin-1"),
    "html": "<script>alert(1)</script>",
    "long": "x" * 6000,
}


@pytest.fixture
def logging_proxy(site, backend):
    """A proxy with a log of each format."""
    directory = site.directory
    return site.serve(backend, top=f"""
log_format custom '"$http_user_agent" "$http_referer" $request_uri $request_id';
access_log {directory}/combined.log combined;
access_log {directory}/verbose.log verbose;
access_log {directory}/simple.log simple;
access_log {directory}/custom.log custom;""")  # fmt: skip


def assert_single_lines(proxy, count):
    """Every text log has `count` lines without control characters."""
    for name in ("combined", "verbose", "simple", "custom"):
        path = proxy.directory / f"{name}.log"
        wait_for(lambda: path.read_bytes().count(b"\n") >= count, f"{name}.log")
        data = path.read_bytes()
        assert data.count(b"\n") == count and data.endswith(b"\n"), (name, data)
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data), (name, data)


@pytest.mark.parametrize("name", TEXTS)
def test_fields(logging_proxy, backend, name):
    text = TEXTS[name]
    fields = [("X-Request-ID", "mine-1"), ("User-Agent", text), ("Referer", text)]
    one = logging_proxy.observe(backend, request_bytes("GET", "/x", fields))
    assert one.response.status == 200 and one.seen.fields.one("User-Agent") == text.strip()
    if text.isascii():
        assert one.line["user_agent"] == text and one.line["referer"] == text
    assert (one.line["request_id"], one.line["status"]) == ("mine-1", 200)
    assert_single_lines(logging_proxy, 1)


@pytest.mark.parametrize("name", [n for n in TEXTS if n not in ("tab", "long")])
def test_targets(logging_proxy, name):
    """A target may be refused, but never tears a line."""
    target = "/" + TEXTS[name].replace(" ", "+")
    with logging_proxy.connect() as connection:
        response = connection.exchange(request_bytes("GET", target))
    line = logging_proxy.log_line(response.request_id)
    assert line["status"] == response.status in (200, 400)
    if response.status == 200 and target.isascii():
        assert line["uri"] == target
    assert_single_lines(logging_proxy, 1)


@pytest.mark.parametrize("name", TEXTS)
def test_invalid_ids(logging_proxy, backend, name):
    with logging_proxy.connect() as connection:
        response = connection.exchange(request_bytes(fields=[("X-Request-ID", f'"{TEXTS[name]}')]))
    line = logging_proxy.log_line(response.request_id)
    assert line["id_source"] == "invalid" and len(line["client_request_id"]) <= 1024
    assert response.request_id != "forged"
    assert_single_lines(logging_proxy, 1)


@pytest.mark.parametrize("name", ["quotes", "forged-key", "backslashes", "all-high-bytes"])
def test_methods_hosts_and_protocols_of_refused_requests(logging_proxy, name):
    text = TEXTS[name].encode("latin-1")
    attempts = [
        text + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1" + text + b"\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + text + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + text + b"\r\n\r\n",
    ]
    for data in attempts:
        with logging_proxy.connect() as connection:
            response = connection.exchange(data)
        assert response.status == 400
        logging_proxy.log_line(response.request_id)
    assert len(logging_proxy.wait_lines(4)) == 4
    assert_single_lines(logging_proxy, 4)


def test_the_error_log_cannot_be_torn(site):
    proxy = site.serve("127.0.0.1:1")
    fields = [("User-Agent", FORGED), ("X-Request-ID", "mine-1")]
    proxy.get('/a"b%0a[req-forged]', fields, host="h.test")
    wait_for(lambda: "[req-mine-1]" in proxy.error_text(), "the line")
    for line in proxy.error_text().splitlines():
        assert not line.startswith("[req-forged]")
        assert not re.search(r"[\x00-\x1f]", line)


def test_the_own_error_page_escapes_what_the_client_sent(site):
    proxy = site.serve("127.0.0.1:1")
    target = "/<script>alert(1)</script>"
    with proxy.connect() as connection:
        response = connection.exchange(
            request_bytes("GET", target, {"Accept": "text/html", "X-Request-ID": "a+b"})
        )
    assert "<script>" not in response.text and response.request_id in response.text
