"""Moments that hardly ever come by chance: full tables and queues, an end in the middle."""

import select
import signal
import socket
import threading
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.polling import wait_for

MINE = {"X-Request-ID": "mine-1"}
STATIC = 'server { listen PORT; location / { return 200 "x"; } }'


def test_every_connection_may_have_more_to_do_in_the_same_turn(site):
    """Else memory behind the list of connections that go on would be overwritten."""
    proxy = site.servers(STATIC, connections=300)
    connections = [proxy.connect() for _ in range(290)]
    for connection in connections:
        connection.send(request_bytes() * 40)
    for connection in connections:
        assert [connection.receive().status for _ in range(40)] == [200] * 40
        connection.close()
    assert len(proxy.wait_lines(290 * 40)) == 290 * 40


def test_a_turn_with_more_lines_than_the_queue_holds_loses_none(site):
    """Bytes that no UTF-8 text has take six in the log: 60 lines of 100 KB for a queue of 1 MB."""
    proxy = site.servers(STATIC, connections=300)
    connections = [proxy.connect() for _ in range(60)]
    for connection in connections:
        assert connection.exchange(request_bytes()).status == 200
    proxy.signal(signal.SIGSTOP)
    for connection in connections:
        fields = {"User-Agent": "\x80" * 8000, "Referer": "\x80" * 8000}
        connection.send(request_bytes(fields=fields))
    proxy.signal(signal.SIGCONT)
    for connection in connections:
        assert connection.receive().status == 200
        connection.close()
    assert len(proxy.wait_lines(120)) == 120
    assert "lost" not in proxy.error_text()


def test_a_request_that_waits_unread_does_not_make_room_for_a_new_client(site):
    """A crowd that comes in one turn: ten are served, others get 503, an ID and a line."""
    proxy = site.servers(STATIC, connections=10)
    proxy.signal(signal.SIGSTOP)
    crowd = [proxy.connect() for _ in range(300)]
    for connection in crowd:
        connection.send(b"GET / HTTP/1.1\r\n")
    proxy.signal(signal.SIGCONT)
    # Who has sent no whole head for longest makes room: 408; who finds none: 503.
    time.sleep(1)
    answered = set(select.select([one.socket for one in crowd], [], [], 0)[0])
    for connection in crowd:
        if connection.socket in answered:
            response = connection.receive()
            assert response.status in (408, 503) and response.request_id
        else:
            assert connection.exchange(b"Host: a\r\n\r\n").status == 200
        connection.close()
    statuses = [line["status"] for line in proxy.wait_lines(300)]
    assert statuses.count(408) + statuses.count(503) == 290 and statuses.count(200) == 10


def test_connections_that_are_being_refused_take_no_place(site, make_backend):
    """Refused clients that do not hang up are waited for; that must not refuse others meanwhile."""
    go = threading.Event()
    backend = make_backend([go, reply()])
    proxy = site.serve(backend, connections=20)
    held = [proxy.connect() for _ in range(10)]
    for connection in held:
        connection.send(request_bytes())
    backend.wait_requests(10)
    refused = [proxy.connect() for _ in range(20)]
    for connection in refused:
        assert connection.receive().status == 503
    go.set()
    for connection in held:
        assert connection.receive().status == 200
        connection.close()
    wait_for(lambda: len(proxy.lines()) == 30, "the lines")
    assert proxy.get().status == 200
    for connection in refused:
        connection.close()


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_backend_that_stops_reading_and_never_answers(site, make_backend, size):
    """Only a unix socket lets the proxy see that; the read timeout still counts then."""
    deafen = lambda connection: connection.socket.shutdown(socket.SHUT_RD)  # noqa: E731
    go = threading.Event()
    backend = make_backend([deafen, go], unix=str(site.directory / "deaf"), answer_at="head")
    proxy = site.serve(backend, location="proxy_read_timeout 1s; proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {**MINE, "Content-Length": "300000"}))
        backend.wait_requests(1)
        time.sleep(0.2)
        connection.send(b"x" * size)
        connection.socket.settimeout(5)
        assert connection.receive("POST").status == 504
    assert proxy.log_line("mine-1")["status"] == 504
    go.set()


def test_the_end_finds_half_a_head(site, backend):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nCookie: c=d\r\n")
        wait_for(lambda: proxy.descriptors() and time.sleep(0.1) is None)
        proxy.signal(signal.SIGTERM)
        time.sleep(0.1)
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_exit(5) == 0
    assert len(proxy.wait_lines(1)) == 1
