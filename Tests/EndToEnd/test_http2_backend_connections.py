"""Connections to HTTP/2 backends: which of them are kept, for whom, over TCP, TLS and sockets."""

import threading
import time

import pytest
from h2.settings import SettingCodes

from harness.http2 import Client
from harness.http2_front import ask, front, make, serve  # noqa: F401
from harness.polling import wait_for
from harness.secure import BackendTLS


def test_idle_connections_are_used_again_and_close(serve, make):
    backend = make()
    proxy = serve(
        "up", top=f"upstream up {{ server {backend.address}; keepalive 2; keepalive_timeout 1s; }}"
    )
    assert ask(proxy, "http1").status == 200
    assert ask(proxy, "http1").status == 200
    assert len(backend.sessions) == 1
    wait_for(lambda: not backend.sessions[0].is_open, "the end", 5)
    assert backend.sessions[0].gone_away == [0]
    assert ask(proxy, "http1").status == 200
    assert len(backend.sessions) == 2


def falling_silent(make):
    """A backend that does not answer on the connections in a set until it is released."""
    silent = set()
    release = threading.Event()

    def script(call):
        if call.session in silent:
            release.wait(30)
        else:
            call.reply()

    return make(script), silent, release


@pytest.mark.parametrize("workers", [1, 2])
def test_a_silent_connection_gets_no_more_requests(serve, make, front, workers):
    """It may be gone without a word; the backend itself serves those who connect anew."""
    backend, silent, release = falling_silent(make)
    up = f"upstream up {{ server {backend.address} max_fails=0; keepalive 8; }}"
    proxy = serve("up", "proxy_read_timeout 500ms;", top=up, workers=workers)
    for _ in range(2 * workers):
        assert ask(proxy, front).status == 200
    silent.update(backend.sessions)
    time.sleep(0.1)
    statuses = [ask(proxy, front).status for _ in range(4 * workers)]
    assert statuses.count(504) <= workers and statuses[-1] == 200
    release.set()


def test_a_client_that_leaves_casts_doubt(serve, make):
    """It had waited for longer than a backend is silent that lives."""
    backend, silent, release = falling_silent(make)
    proxy = serve("up", top=f"upstream up {{ server {backend.address}; keepalive 8; }}")
    assert ask(proxy, "http1").status == 200
    silent.update(backend.sessions)
    with Client(proxy.port) as client:
        stream = client.begin("/")
        time.sleep(5.5)
        client.protocol.reset_stream(stream, 8)
        client.flush()
        assert proxy.wait_lines(2)[1]["status"] == 499
    assert ask(proxy, "http1").status == 200
    release.set()


@pytest.mark.parametrize("kept", [1, 3, 9])
def test_no_more_connections_are_kept_than_allowed(serve, make, kept):
    release = threading.Event()

    def script(call):
        release.wait(9)
        call.reply()

    backend = make(script, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    proxy = serve("up", top=f"upstream up {{ server {backend.address}; keepalive {kept}; }}")
    for _ in range(2):
        with Client(proxy.port) as client:
            streams = [client.begin("/") for _ in range(5)]
            wait_for(lambda: sum(not call.ended for call in backend.calls) == 0, "the requests")
            wait_for(lambda: sum(s.is_open for s in backend.sessions) == 5, "the connections")
            release.set()
            assert all(answer.status == 200 for answer in client.finish(*streams))
        count = min(kept, 5)
        wait_for(lambda: sum(s.is_open for s in backend.sessions) == count, "the ends")
        release.clear()
    assert not backend.problems


def test_keepalive_requests_bounds_a_connection(serve, make):
    backend = make()
    proxy = serve("up", top=f"upstream up {{ server {backend.address}; keepalive_requests 3; }}")
    for _ in range(7):
        assert ask(proxy, "http1").status == 200
    assert [len(session.calls) for session in backend.sessions] == [3, 3, 1]


def test_a_closed_idle_connection_is_replaced(serve, make):
    backend = make()
    proxy = serve(backend)
    assert ask(proxy, "http1", method="POST", body=b"x").status == 200
    backend.sessions[0].close()
    wait_for(lambda: not backend.sessions[0].is_open, "the end")
    time.sleep(0.1)
    assert ask(proxy, "http1", method="POST", body=b"x").status == 200
    assert len(backend.sessions) == 2


def test_two_workers_and_two_peers(serve, make):
    backends = [make(), make()]
    servers = " ".join(f"server {backend.address};" for backend in backends)
    proxy = serve("up", top=f"upstream up {{ {servers} }}", workers=2)

    def client(number):
        with Client(proxy.port) as connection:
            for _ in range(25):
                streams = [connection.begin("/") for _ in range(4)]
                assert all(a.body == b"hello\n" for a in connection.finish(*streams))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(proxy.wait_lines(400)) == 400
    for backend in backends:
        assert 1 <= len(backend.sessions) <= 2 and len(backend.calls) == 200


def test_a_peer_that_refuses_connections_is_passed_over(serve, make, site):
    backend = make()
    gone = make()
    gone.stop()
    proxy = serve("up", top=f"upstream up {{ server {gone.address}; server {backend.address}; }}")
    for _ in range(4):
        assert ask(proxy, "http1", method="POST", body=b"x").status == 200


def test_unix_sockets(site, make, tmp_path):
    backend = make(path=tmp_path / "h2.sock")
    proxy = site.serve(backend.address, location="proxy_http_version 2;")
    assert ask(proxy, "http1").body == b"hello\n"
    assert backend.calls[0][":authority"]


@pytest.fixture
def secure_backend(make, pair):
    def start(*protocols, **options):
        tls = BackendTLS(pair)
        tls.context.set_alpn_protocols(list(protocols))
        backend = make(wrap=tls, **options)
        backend.tls = tls
        return backend

    return start


def test_tls_backends_agree_by_alpn(serve, secure_backend, authority, front):
    backend = secure_backend("h2", "http/1.1")
    trust = f"proxy_ssl_trusted_certificate {authority.file}; proxy_ssl_name localhost;"
    proxy = serve(backend, trust, scheme="https")
    for _ in range(3):
        assert ask(proxy, front).body == b"hello\n"
    assert len(backend.sessions) == 1 and backend.calls[0][":scheme"] == "https"
    assert backend.tls.names == ["localhost"]


def test_tls_backends_that_do_not_speak_it_are_refused(serve, secure_backend, authority):
    backend = secure_backend("http/1.1")
    trust = f"proxy_ssl_trusted_certificate {authority.file}; proxy_ssl_name localhost;"
    proxy = serve(backend, trust, scheme="https")
    assert ask(proxy, "http1").status == 502
    (line,) = proxy.wait_lines(1)
    assert line["error"] == "tls_protocol_error"
    assert "HTTP/2" in proxy.error_text() or "ALPN" in proxy.error_text().upper()


def test_tls_certificates_are_checked(serve, secure_backend):
    backend = secure_backend("h2")
    proxy = serve(backend, "proxy_ssl_name localhost;", scheme="https")
    assert ask(proxy, "http2").status == 502
    assert proxy.wait_lines(1)[0]["error"] == "tls_certificate_error"
