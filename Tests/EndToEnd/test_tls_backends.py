"""TLS with backends: verified by default, resumed, pooled by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.authority import Authority
from harness.backend import CLOSE, RESET, reply
from harness.client import request_bytes
from harness.proxy import command
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


# Two locations of one upstream that differ in one setting; the last one is what is asked second.
# `{0}` is the authority, `{1}` another one's file, `{2}` revocation lists, `{3}` a client's pair.
DIFFERENT = {
    "verify": ("proxy_ssl_verify off;", "proxy_ssl_verify on;", 502),
    "name": ("proxy_ssl_name good.example;", "proxy_ssl_name bad.example;", 502),
    "authority": ("proxy_ssl_name good.example;",
                  "proxy_ssl_name good.example; proxy_ssl_trusted_certificate {1};", 502),
    "revocation": ("proxy_ssl_name good.example;",
                   "proxy_ssl_name good.example; proxy_ssl_crl {2};", 502),
    "versions": ("proxy_ssl_verify off;",
                 "proxy_ssl_verify off; proxy_ssl_protocols TLSv1.2;", 200),
    "ciphers": ("proxy_ssl_verify off; proxy_ssl_protocols TLSv1.2;",
                "proxy_ssl_verify off; proxy_ssl_protocols TLSv1.2;"
                "proxy_ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384;",
                200),
    "depth": ("proxy_ssl_name good.example;",
              "proxy_ssl_name good.example; proxy_ssl_verify_depth 3;", 200),
    "sni": ("proxy_ssl_name good.example;",
            "proxy_ssl_name good.example; proxy_ssl_server_name off;", 200),
    "pair": ("proxy_ssl_verify off;",
             "proxy_ssl_verify off; proxy_ssl_certificate {3.certificate};"
             "proxy_ssl_certificate_key {3.key};", 200),
}  # fmt: skip


@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize("between", range(3))
@pytest.mark.parametrize("setting", DIFFERENT)
def test_what_was_made_with_other_settings_is_not_used(
    site, make_backend, authority, tmp_path, setting, between, is_kept
):
    """Neither the connection nor its session; whatever number stands between the two."""
    other = Authority(tmp_path, "Other")
    pair = authority.issue("good.example")
    files = (authority.file, other.file, authority.revoke(pair), authority.issue("p", client=True))
    first, second, status = DIFFERENT[setting]
    fill = "".join(
        f"location /fill{n} {{ proxy_pass https://u; proxy_ssl_verify_depth {n + 6}; }}\n"
        for n in range(between)
    )
    tls = BackendTLS(pair)
    backend = make_backend(wrap=tls)
    proxy = site.servers(
        f"proxy_ssl_trusted_certificate {authority.file};\n"
        f"upstream u {{ server {backend.address}; keepalive_requests {1000 if is_kept else 1}; }}\n"
        f"server {{ listen PORT;\n"
        f"location /first {{ proxy_pass https://u; {first.format(*files)} }}\n{fill}"
        f"location /second {{ proxy_pass https://u; {second.format(*files)} }} }}\n"
    )
    assert proxy.get("/first").status == 200
    assert proxy.get("/second").status == status
    assert proxy.get("/first").status == 200
    if status == 200:
        assert not tls.resumed[1]
        assert proxy.get("/second").status == 200
        assert len(backend.connections) == (2 if is_kept else 4)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_file_that_was_renewed_holds_for_what_was_made_before(
    site, make_backend, authority, tmp_path, is_kept
):
    """The same path with another authority in it, read by a reload."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.file.read_bytes())
    tls = BackendTLS(authority.issue("good.example"))
    backend = make_backend(wrap=tls)
    proxy = site.servers(
        f"proxy_ssl_trusted_certificate {trusted}; proxy_ssl_name good.example;\n"
        f"upstream u {{ server {backend.address}; keepalive_requests {1000 if is_kept else 1}; }}\n"
        "server { listen PORT; location / { proxy_pass https://u; } }\n"
    )
    assert [proxy.get().status for _ in range(2)] == [200, 200]
    trusted.write_bytes(Authority(tmp_path, "Other").file.read_bytes())
    assert command("-c", proxy.conf, "-s", "reload").returncode == 0
    assert proxy.get().status == 502


def test_an_empty_name_can_not_be_checked(site, secure_backend, authority):
    backend = secure_backend("good.example")
    proxy = pass_to(site, backend, trust(authority) + "proxy_ssl_name $http_x_name;")
    assert proxy.get(fields={"X-Name": "good.example"}).status == 200
    assert proxy.get().status == 502
    proxy.wait_error("proxy_ssl_name is empty")
