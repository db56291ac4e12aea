"""TLS with clients: certificates by name, versions, resumption, client certificates, and that
everything of HTTP goes over it."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from harness.authority import Authority, Pair
from harness.backend import CLOSE, reply
from harness.client import request_bytes
from harness.ports import free_port
from harness.polling import wait_for
from harness.proxy import Proxy
from harness.secure import SecureConnection, client_context


@pytest.fixture
def secure(site, backend, pair) -> Proxy:
    """One server with TLS in front of `backend`."""
    return site.serve(backend, listen="ssl", top=pair.conf)


@pytest.fixture
def trusting(authority) -> ssl.SSLContext:
    return client_context(authority.file)


def connect(proxy: Proxy, context: ssl.SSLContext, **options) -> SecureConnection:
    return SecureConnection(proxy.port, context, **options)


def test_a_request_has_one_id_on_all_sides(secure, backend, trusting):
    with connect(secure, trusting) as connection:
        seen = secure.observe(backend, request_bytes(), connection)
    assert seen.line["scheme"] == "https"
    assert seen.line["tls_version"] == "TLSv1.3"
    assert seen.line["tls_cipher"].startswith("TLS_AES_")
    assert seen.line["sni"] == "localhost"
    assert "tls_resumed" not in seen.line and "tls_client" not in seen.line
    assert seen.seen.fields.one("X-Forwarded-Proto") == "https"


def test_kept_alive_and_pipelined(secure, trusting):
    with connect(secure, trusting) as connection:
        for number in range(20):
            connection.send(request_bytes(fields={"X-Request-ID": f"k-{number}"}))
        for number in range(20):
            assert connection.receive().request_id == f"k-{number}"
    assert len(secure.wait_lines(20)) == 20


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 65_536, 1_000_000])
def test_content_of_any_size_both_ways(secure, backend, authority, version, size):
    content = bytes(number * 31 % 251 for number in range(size))
    backend.script = lambda request: reply(body=request.body)
    with connect(secure, client_context(authority.file, version=version)) as connection:
        response = connection.exchange(request_bytes("POST", "/", body=content), "POST")
    assert response.body == content
    line = secure.log_line(response.request_id)
    assert (line["bytes_in"], line["bytes_out"]) == (size, size)


def test_the_first_bytes_may_come_one_by_one(secure, trusting):
    """The handshake is fed byte by byte, and so is the first request."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with secure.connect() as raw:

        def pump() -> None:
            for byte in outgoing.read():
                raw.socket.sendall(bytes([byte]))

        def until(action):
            while True:
                try:
                    result = action()
                    pump()
                    return result
                except ssl.SSLWantReadError:
                    pump()
                    incoming.write(raw.socket.recv(7))

        until(session.do_handshake)
        session.write(request_bytes(fields={"X-Request-ID": "slow-1"}))
        pump()
        assert b"slow-1" in until(lambda: session.read(65536))


def test_a_client_that_has_ended_its_stream_gets_its_response(secure, backend, trusting):
    """Its close_notify comes in one piece with the request, and the connection stays open."""
    backend.script = lambda request: [0.2, reply()]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with secure.connect() as raw:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.send(outgoing.read())
                incoming.write(raw.socket.recv(65536))
        session.write(request_bytes(fields={"X-Request-ID": "ended-1"}))
        with pytest.raises(ssl.SSLWantReadError):
            session.unwrap()
        raw.send(outgoing.read())
        incoming.write(raw.rest())
    assert session.read(65536).endswith(b"hello\n")
    line = secure.log_line("ended-1")
    assert line["status"] == 200 and "error" not in line


def test_the_name_chooses_the_certificate(site, authority):
    names = ["a.example", "b.example"]
    pairs = {name: authority.issue(name, f"*.{name}") for name in names}
    port = free_port()
    text = "".join(
        f"server {{ listen 127.0.0.1:{port} ssl; server_name {name} *.{name}; {pairs[name].conf}"
        f' location / {{ return 200 "{name}"; }} }}\n'
        for name in names
    )
    proxy = site.start(text)
    context = client_context(authority.file)
    for name in [*names, "x.b.example"]:
        with connect(proxy, context, name=name) as connection:
            response = connection.exchange(request_bytes(fields={"Host": name}))
            assert response.body == name.split("x.")[-1].encode()
            assert proxy.log_line(response.request_id)["sni"] == name
    # An unknown name gets the default server's certificate, which it may refuse.
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(proxy, context, name="c.example")


def test_a_server_may_refuse_a_name(site, authority, pair):
    port = free_port()
    proxy = site.start(
        f"server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}\n"
        f"server {{ listen 127.0.0.1:{port} ssl; server_name localhost; {pair.conf}"
        f" location / {{ return 200; }} }}\n"
    )
    context = client_context(authority.file)
    with connect(proxy, context) as connection:
        assert connection.exchange(request_bytes(fields={"Host": "localhost"})).status == 200
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        connect(proxy, context, name="other.example")
    proxy.wait_error("the handshake failed")


def test_two_kinds_of_keys(site, backend, authority):
    ecdsa, rsa = authority.issue("localhost"), authority.issue("localhost", kind="rsa")
    proxy = site.serve(backend, listen="ssl", top=ecdsa.conf + rsa.conf)
    for kind, pair in [("ECDSA", ecdsa), ("RSA", rsa)]:
        ciphers = f"ECDHE-{kind}-AES128-GCM-SHA256"
        context = client_context(authority.file, version="TLSv1_2")
        context.set_ciphers(ciphers)
        with connect(proxy, context) as connection:
            shown = connection.tls.getpeercert(binary_form=True)
            assert shown == ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
            response = connection.exchange(request_bytes())
        assert proxy.log_line(response.request_id)["tls_cipher"] == ciphers


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("workers", [1, 2])
def test_sessions_are_resumed_by_any_worker(site, backend, pair, authority, version, workers):
    proxy = site.serve(backend, listen="ssl", top=pair.conf, workers=workers)
    context = client_context(authority.file, version=version)
    with connect(proxy, context) as first:
        first.exchange(request_bytes())
        session = first.tls.session
    for _ in range(6):
        with connect(proxy, context, session=session) as again:
            response = again.exchange(request_bytes())
            assert again.tls.session_reused
            if version == "TLSv1_3":
                # Browsers use a ticket once: each connection must bring the next one.
                assert again.tls.session.id != session.id
                session = again.tls.session
        assert proxy.log_line(response.request_id)["tls_resumed"] is True


def test_without_tickets_nothing_is_resumed(site, backend, pair, authority):
    proxy = site.serve(backend, listen="ssl", top=pair.conf + "ssl_session_tickets off;")
    context = client_context(authority.file)
    with connect(proxy, context) as first:
        first.exchange(request_bytes())
        session = first.tls.session
    with connect(proxy, context, session=session) as again:
        again.exchange(request_bytes())
        assert not again.tls.session_reused


def test_old_versions_are_refused(secure, authority):
    context = client_context(authority.file, version="TLSv1_1")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        connect(secure, context)
    line = secure.wait_error("the handshake failed: ")
    assert "client 127.0.0.1:" in line and "conn" in line


def test_protocols_are_negotiated(secure, authority):
    with connect(secure, client_context(authority.file, protocols=["h2", "http/1.1"])) as one:
        assert one.tls.selected_alpn_protocol() == "http/1.1"
        assert one.exchange(request_bytes()).status == 200
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connect(secure, client_context(authority.file, protocols=["h2"]))


def test_plain_http_on_the_port_gets_400_with_an_id(secure, backend):
    response = secure.get(fields={"X-Request-ID": "plain-1"})
    assert response.status == 400 and response.request_id == "plain-1"
    assert "The plain HTTP request was sent to an HTTPS port." in response.text
    line = secure.log_line("plain-1")
    assert line["scheme"] == "http" and line["status"] == 400
    secure.wait_error("plain HTTP")
    backend.assert_untouched()


def test_rubbish_on_the_port_is_one_line(secure, backend):
    for data in (b"\x00\x01\x02\x03", b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\x00\x02"):
        with secure.connect() as connection:
            connection.send(data)
            connection.shutdown_write()
            connection.rest()
    wait_for(lambda: secure.error_text().count("the handshake failed") == 3, "three lines")
    backend.assert_untouched()


def test_a_flood_of_failed_handshakes_is_counted(secure):
    for _ in range(60):
        with secure.connect() as connection:
            connection.send(b"\x16\x03\x01\x00\x05hello")
            connection.rest()
    text = secure.error_text()
    told = text.count("the handshake failed")
    assert told < 60
    with secure.connect() as connection:
        threading.Event().wait(1.1)
        connection.send(b"\x16\x03\x01\x00\x05hello")
        connection.rest()
    assert f"and {60 - told} others before it" in secure.wait_error("others before it")


def test_the_handshake_has_a_time_limit(site, backend, pair):
    proxy = site.serve(
        backend, listen="ssl", top=pair.conf + "client_header_timeout 1s;"
    )
    with proxy.connect() as connection:
        connection.send(b"\x16\x03\x01\x02\x00")
        assert connection.is_closed(4)
    proxy.wait_error("it took too long")


def test_a_slow_reader_of_a_large_response(secure, backend, trusting):
    body = bytes(16_000_000)
    backend.script = lambda request: reply(body=body)
    with connect(secure, trusting, receive_buffer=4096) as connection:
        before = secure.memory()
        connection.send(request_bytes(fields={"X-Request-ID": "slow-2"}))
        threading.Event().wait(1)
        assert secure.memory() - before < 8_000_000
        assert connection.receive().body == body
    assert secure.log_line("slow-2")["bytes_out"] == len(body)


def test_a_client_that_leaves_is_499(secure, backend, trusting):
    backend.script = lambda request: [1.0, reply()]
    connection = connect(secure, trusting)
    connection.send(request_bytes(fields={"X-Request-ID": "left-1"}))
    backend.wait_requests(1)
    connection.reset()
    assert secure.log_line("left-1")["status"] == 499


def test_the_end_is_announced(secure, trusting):
    with connect(secure, trusting) as connection:
        connection.exchange(request_bytes(fields={"Connection": "close"}))
        assert connection.ends_well()


def test_a_cut_response_is_not_announced(secure, backend, trusting):
    """A client of HTTP/1.0 knows by the missing close_notify that the content is not whole."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    backend.script = [chunked, 0.3, CLOSE]
    with connect(secure, trusting) as connection:
        connection.send(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        connection.receive_head()
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            while connection.tls.recv(100):
                pass
            raise AssertionError("the end was announced")


def test_websocket(site, make_backend, pair, authority):
    def script(request):
        yield b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
        while data := request.connection.socket.recv(65536):
            yield data
        yield CLOSE

    backend = make_backend(script)
    proxy = site.serve(backend, listen="ssl", top=pair.conf)
    with connect(proxy, client_context(authority.file)) as connection:
        connection.send(request_bytes(fields={"Upgrade": "echo", "Connection": "upgrade"}))
        head = connection.receive_head()
        assert head.status == 101
        for size in (1, 1000, 100_000):
            connection.send(bytes(size))
            got = 0
            while got < size:
                got += len(connection.tls.recv(65536))
            assert got == size
        connection.tls.unwrap()
    lines = proxy.wait_lines(2)
    assert lines[-1]["bytes_out"] == 101_001


# Client certificates


@pytest.fixture
def clients(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "Client Authority")


def verifying(site, backend, pair, clients, mode: str, more: str = "") -> Proxy:
    return site.serve(
        backend, listen="ssl", location="proxy_set_header X-Client $ssl_client_s_dn;",
        top=f"{pair.conf} ssl_client_certificate {clients.file}; ssl_verify_client {mode}; {more}",
    )  # fmt: skip


def ask(proxy: Proxy, authority: Authority, certificate: Pair | None):
    with connect(proxy, client_context(authority.file, certificate=certificate)) as connection:
        return connection.exchange(request_bytes())


@pytest.mark.parametrize(
    ("mode", "none", "good", "foreign", "expired"),
    [
        ("on", 400, 200, 400, 400),
        ("optional", 200, 200, 400, 400),
        ("optional_no_ca", 200, 200, 200, 200),
    ],
)
def test_client_certificates(
    site, backend, pair, authority, clients, mode, none, good, foreign, expired
):
    proxy = verifying(site, backend, pair, clients, mode)
    shown = {
        None: none,
        "good": good,
        "foreign": foreign,
        "expired": expired,
    }
    certificates = {
        None: None,
        "good": clients.issue("alice", client=True),
        "foreign": authority.issue("mallory", client=True),
        "expired": clients.issue("old", client=True, days=(-2, -1)),
    }
    for kind, status in shown.items():
        response = ask(proxy, authority, certificates[kind])
        assert response.status == status, kind
        line = proxy.log_line(response.request_id)
        assert line["status"] == status
        assert line.get("tls_client") == ("CN=alice" if kind == "good" else None)


def test_a_revoked_certificate(site, backend, pair, authority, clients):
    good, bad = clients.issue("good", client=True), clients.issue("bad", client=True)
    proxy = verifying(site, backend, pair, clients, "on", f"ssl_crl {clients.revoke(bad)};")
    assert ask(proxy, authority, good).status == 200
    refused = ask(proxy, authority, bad)
    assert refused.status == 400
    proxy.wait_error("certificate revoked")
    assert backend.requests[0].fields.one("X-Client") == "CN=good"


def test_trust_by_certificate(site, backend, pair, authority, clients):
    proxy = verifying(site, backend, pair, clients, "optional", "request_id_trust mtls;")
    data = request_bytes(fields={"X-Request-ID": "mine-1"})
    for certificate, kept in [(clients.issue("alice", client=True), True), (None, False)]:
        context = client_context(authority.file, certificate=certificate)
        with connect(proxy, context) as connection:
            assert (connection.exchange(data).request_id == "mine-1") is kept


def open_and_closed(site, authority: Authority, clients: Authority) -> Proxy:
    """A server for everybody, and one on the same address that asks for certificates."""
    pair = authority.issue("open.example", "closed.example")
    port = free_port()
    return site.start(
        f"{pair.conf}\nserver {{ listen 127.0.0.1:{port} ssl; server_name open.example;"
        f" location / {{ return 200; }} }}\n"
        f"server {{ listen 127.0.0.1:{port} ssl; server_name closed.example;"
        f" ssl_client_certificate {clients.file}; ssl_verify_client on;"
        f" location / {{ return 200; }} }}\n"
    )


def test_another_host_than_the_one_greeted_is_421(site, authority, clients):
    proxy = open_and_closed(site, authority, clients)
    with connect(proxy, client_context(authority.file), name="open.example") as connection:
        response = connection.exchange(request_bytes(fields={"Host": "closed.example"}))
    assert response.status == 421
    assert proxy.log_line(response.request_id)["status"] == 421


def test_a_session_does_not_open_another_server(site, authority, clients):
    """What was resumed for a server without certificates must not do for one that asks."""
    proxy = open_and_closed(site, authority, clients)
    context = client_context(authority.file)
    context.check_hostname = False
    with connect(proxy, context, name="open.example") as first:
        first.exchange(request_bytes(fields={"Host": "open.example"}))
        session = first.tls.session
    with connect(proxy, context, name="closed.example", session=session) as second:
        response = second.exchange(request_bytes(fields={"Host": "closed.example"}))
        assert not second.tls.session_reused
    assert response.status == 400


# Renewal


def test_certificates_are_taken_anew(site, backend, authority, pair):
    proxy = site.serve(backend, listen="ssl", top=pair.conf)
    context = client_context(authority.file)
    old = connect(proxy, context)
    fresh = authority.issue("localhost")
    pair.certificate.write_bytes(fresh.certificate.read_bytes())
    # The key is missing yet: the old pair serves on.
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: "reload failed" in proxy.stderr.read_text(), "the refusal")
    assert "the key does not match the certificate" in proxy.stderr.read_text()
    with connect(proxy, context) as connection:
        assert connection.exchange(request_bytes()).status == 200
    pair.key.write_bytes(fresh.key.read_bytes())
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: "reload: generation 2" in proxy.stderr.read_text(), "the renewal")
    new = ssl.PEM_cert_to_DER_cert(fresh.certificate.read_text())
    wait_for(lambda: _shown(proxy, context) == new, "the new certificate")
    assert old.exchange(request_bytes()).status == 200
    old.close()


def _shown(proxy: Proxy, context: ssl.SSLContext) -> bytes:
    with connect(proxy, context) as connection:
        return connection.tls.getpeercert(binary_form=True)


# Beside others


def test_proxy_protocol_before_tls(site, backend, pair, authority):
    proxy = site.serve(
        backend, listen="ssl proxy_protocol",
        top=pair.conf + "set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;",
    )  # fmt: skip
    context = client_context(authority.file)
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n")
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(request_bytes(fields={"X-Request-ID": "pp-1"}))
            assert b"pp-1" in tls.recv(65536)
    assert proxy.log_line("pp-1")["client"].startswith("192.0.2.7")


def test_curl_and_openssl(secure, authority):
    url = f"https://localhost:{secure.port}/"
    result = subprocess.run(
        ["curl", "-sS", "--cacert", authority.file, "-D", "-", url, url],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert result.stdout.count("HTTP/1.1 200") == 2, result.stderr


def test_crowd_beyond_the_limit_gets_503(site, backend, pair, authority):
    proxy = site.serve(backend, listen="ssl", top=pair.conf, connections=4)
    context = client_context(authority.file)
    backend.script = lambda request: [2.0, reply()]
    held = []
    for number in range(2):
        held.append(connect(proxy, context))
        held[-1].send(request_bytes(fields={"X-Request-ID": f"h-{number}"}))
    backend.wait_requests(2)
    with connect(proxy, context) as connection:
        response = connection.receive()
    assert response.status == 503 and response.request_id
    assert proxy.log_line(response.request_id)["status"] == 503
    for connection in held:
        connection.close()
