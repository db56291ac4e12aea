"""TLS with backends: verified by default, resumed, pooled by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.authority import Authority
from harness.backend import CLOSE, RESET, reply
from harness.client import request_bytes
from harness.secure import BackendTLS


@pytest.fixture
def secure_backend(make_backend, authority):
    """Starts a backend that speaks TLS."""

    def make(*names: str, script=reply(), certificate=None, asks: Path | None = None):
        pair = certificate or authority.issue(*(names or ("127.0.0.1", "localhost")))
        return make_backend(script, wrap=BackendTLS(pair, asks))

    return make


def pass_to(site, backend, location: str = "", **options):
    return site.serve(backend, scheme="https", location=location, **options)


def trust(authority: Authority) -> str:
    return f"proxy_ssl_trusted_certificate {authority.file};"


def test_a_request_has_one_id_on_all_sides(site, secure_backend, authority):
    backend = secure_backend()
    proxy = pass_to(site, backend, trust(authority))
    for _ in range(3):
        seen = proxy.observe(backend, request_bytes())
        assert seen.line["upstream_connect"] >= 0
    assert len(backend.connections) == 1
    assert backend.connections[0].socket.version() == "TLSv1.3"


@pytest.mark.parametrize("size", [0, 16_384, 70_000, 1_000_000])
def test_content_of_any_size_both_ways(site, secure_backend, authority, size):
    content = bytes(number * 31 % 251 for number in range(size))
    backend = secure_backend(script=lambda request: reply(body=request.body))
    proxy = pass_to(site, backend, trust(authority))
    response = proxy.request("POST", "/", body=content)
    assert response.body == content


def test_an_unknown_authority_is_502_with_the_reason(site, secure_backend):
    proxy = pass_to(site, secure_backend())
    response = proxy.get()
    assert response.status == 502
    line = proxy.log_line(response.request_id)
    assert line["error"] == "tls_certificate_error" and line["termination"] == "upstream:connect"
    error = proxy.wait_error("the handshake failed")
    assert response.request_id in error and "local issuer certificate" in error


def test_verification_can_be_turned_off(site, secure_backend):
    proxy = pass_to(site, secure_backend(), "proxy_ssl_verify off;")
    assert proxy.get().status == 200


@pytest.mark.parametrize(
    ("names", "days", "reason"),
    [
        (["other.example"], (-1, 20), "mismatch"),
        (["127.0.0.1"], (-3, -1), "expired"),
        (["127.0.0.1"], (1, 3), "not yet valid"),
    ],
)
def test_a_certificate_that_does_not_hold(site, secure_backend, authority, names, days, reason):
    backend = secure_backend(certificate=authority.issue(*names, days=days))
    proxy = pass_to(site, backend, trust(authority))
    response = proxy.get()
    assert response.status == 502
    assert reason in proxy.wait_error("the handshake failed")


def test_a_revoked_certificate(site, secure_backend, authority):
    pair = authority.issue("127.0.0.1")
    backend = secure_backend(certificate=pair)
    crl = f"proxy_ssl_crl {authority.revoke(pair)};"
    proxy = pass_to(site, backend, trust(authority) + crl)
    assert proxy.get().status == 502
    assert "certificate revoked" in proxy.wait_error("the handshake failed")


def test_the_name_is_asked_for_and_checked(site, authority, make_backend):
    tls = BackendTLS(authority.issue("app.example"))
    backend = make_backend(reply(), wrap=tls)
    proxy = pass_to(site, backend, trust(authority) + "proxy_ssl_name app.example;")
    assert proxy.get().status == 200
    assert tls.names == ["app.example"]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("app.example:123", "app.example"),
        ("app.example.", "app.example"),
        ("app.example.:8443", "app.example"),
        ("$http_host", "app.example"),
        ("127.0.0.1:8443", None),
        ("[::1]:8443", None),
        ("::1", None),
    ],
)
def test_no_port_and_no_address_is_asked_for(site, authority, make_backend, name, sent):
    tls = BackendTLS(authority.issue("app.example", "127.0.0.1", "::1"))
    backend = make_backend(reply(), wrap=tls)
    proxy = pass_to(site, backend, trust(authority) + f"proxy_ssl_name {name};")
    assert proxy.get(fields={"Host": "app.example:8080"}).status == 200
    assert tls.names == [sent]


def test_a_name_from_the_request_keeps_pools_apart(site, secure_backend, authority):
    backend = secure_backend("a.example", "b.example")
    proxy = pass_to(site, backend, trust(authority) + "proxy_ssl_name $host;")
    for host in ("a.example", "b.example", "a.example", "b.example"):
        assert proxy.get(fields={"Host": host}).status == 200
    assert len(backend.connections) == 2
    assert proxy.get(fields={"Host": "c.example"}).status == 502


def test_sessions_are_resumed(site, make_backend, authority):
    tls = BackendTLS(authority.issue("localhost"))
    backend = make_backend(wrap=tls)
    proxy = pass_to(
        site, "pool", trust(authority) + "proxy_ssl_name localhost;",
        top=f"upstream pool {{ server {backend.address}; keepalive_requests 1; }}",
    )  # fmt: skip
    for _ in range(4):
        assert proxy.get().status == 200
    assert tls.resumed == [False, True, True, True]


def test_a_client_certificate_is_shown(site, secure_backend, authority):
    pair = authority.issue("proxy", client=True)
    backend = secure_backend(asks=authority.file)
    shown = f"proxy_ssl_certificate {pair.certificate}; proxy_ssl_certificate_key {pair.key};"
    assert pass_to(site, backend, trust(authority) + shown).get().status == 200


def test_a_missing_client_certificate_is_said(site, secure_backend, authority):
    backend = secure_backend(asks=authority.file)
    proxy = pass_to(site, backend, trust(authority))
    response = proxy.get()
    assert response.status == 502
    proxy.wait_error("certificate required")


PLAIN = [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", CLOSE]


def test_a_backend_that_speaks_plain_http(site, make_backend, authority):
    backend = make_backend(on_accept=PLAIN)
    proxy = pass_to(site, backend, trust(authority))
    response = proxy.get()
    assert response.status == 502
    assert proxy.log_line(response.request_id)["error"].startswith("tls_")


def test_a_backend_that_never_answers_the_handshake(site, make_backend, authority):
    backend = make_backend(on_accept=[10.0])
    proxy = pass_to(site, backend, trust(authority) + "proxy_connect_timeout 1s;")
    response = proxy.get()
    assert response.status == 504
    assert proxy.log_line(response.request_id)["error"] == "connection_timeout"


def test_the_next_backend_is_asked(site, secure_backend, make_backend, authority):
    backend = make_backend(on_accept=PLAIN)
    good = secure_backend()
    port = good.port
    proxy = site.serve(
        "pool", scheme="https", location=trust(authority) + "proxy_ssl_name 127.0.0.1;",
        top=f"upstream pool {{ server {backend.address}; server 127.0.0.1:{port}; }}",
    )  # fmt: skip
    for _ in range(2):
        assert proxy.get().status == 200


@pytest.mark.parametrize("pause", [[], [0.1]])
def test_the_end_of_the_stream_may_come_with_the_content(site, secure_backend, authority, pause):
    backend = secure_backend(script=[b"HTTP/1.1 200 OK\r\n\r\nall of it", *pause, CLOSE])
    proxy = pass_to(site, backend, trust(authority))
    response = proxy.get()
    assert response.body == b"all of it"
    assert "error" not in proxy.log_line(response.request_id)


def test_a_response_cut_without_a_close_notify_is_not_taken_for_whole(
    site, secure_backend, authority
):
    """Content that only the end of the stream delimits must end as TLS says (RFC 9112, 9.8)."""
    backend = secure_backend(script=[b"HTTP/1.1 200 OK\r\n\r\nhalf of it", RESET])
    proxy = pass_to(site, backend, trust(authority))
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "cut-1"}))
        assert not connection.rest().endswith(b"0\r\n\r\n")
    assert proxy.log_line("cut-1")["termination"] == "upstream:response_body"
