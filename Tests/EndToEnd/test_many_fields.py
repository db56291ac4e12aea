"""Heads with as many fields as the configuration allows, each of them listed by Connection: nothing
of them is passed on, and nothing breaks."""

import pytest

from harness.backend import reply
from harness.client import chunked, request_bytes
from harness.http2 import Client

BOUNDS = "max_headers 1024; large_client_header_buffers 32 8k; client_header_buffer_size 64k;"
WIDE = "proxy_response_max_headers 1024; proxy_response_head_size 64k;"


def many(count):
    return [(f"x{number}", "v") for number in range(count)]


def listing(count):
    return [("Connection", "close, " + ",".join(name for name, _ in many(count)))]


@pytest.mark.parametrize("count", [100, 127, 129, 500, 1000])
@pytest.mark.parametrize("workers", [1, 2])
def test_listed_fields_of_requests(site, backend, count, workers):
    proxy = site.serve(backend, server=BOUNDS, workers=workers)
    for kept in ("x-kept", "x-also"):
        fields = [*listing(count), *many(count), (kept, "1")]
        one = proxy.observe(backend, request_bytes(fields=fields))
        assert one.response.status == 200 and one.seen.fields.one(kept) == "1"
        assert all(name not in one.seen.fields for name, _ in many(count))


@pytest.mark.parametrize("count", [100, 120, 129, 500, 1000])
def test_listed_fields_of_responses(site, backend, count):
    backend.script = reply(fields=[*listing(count), *many(count), ("X-Kept", "1")])
    proxy = site.serve(backend, location=WIDE)
    response = proxy.get("/")
    assert response.status == 200 and response.fields.one("X-Kept") == "1"
    assert all(name not in response.fields for name, _ in many(count))


@pytest.mark.parametrize("count", [100, 128])
def test_listed_trailers(site, backend, count):
    section = b"".join(b"%s: v\r\n" % name.encode() for name, _ in many(count))
    proxy = site.serve(backend, server=BOUNDS + "proxy_request_buffering off;")
    fields = [*listing(1000), ("Transfer-Encoding", "chunked")]
    one = proxy.observe(
        backend, request_bytes("POST", fields=fields) + chunked(b"12345", trailers=section)
    )
    assert one.seen.body == b"12345" and one.seen.trailers == []


def test_many_fields_over_http2(site, backend):
    proxy = site.serve(backend, server="http2 on;" + BOUNDS)
    with Client(proxy.port) as client:
        for count in (100, 128, 129, 500, 1000):
            assert client.get("/", many(count)).status == 200
    assert proxy.get("/").status == 200
