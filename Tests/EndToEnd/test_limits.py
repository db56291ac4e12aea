"""Limits on connections, descriptors and time; reaching one never ends or spins the process."""

import resource
import threading
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.polling import wait_for

STATIC = 'server { listen PORT; location / { return 200 "x"; } }'


def spins(proxy, seconds=0.5):
    """Whether the process uses a notable part of a processor while nothing happens."""
    before = proxy.cpu_seconds()
    time.sleep(seconds)
    return proxy.cpu_seconds() - before > 0.2 * seconds


def test_the_oldest_idle_connection_makes_room(site):
    proxy = site.servers(STATIC, connections=16)
    idle = [proxy.connect() for _ in range(12)]
    for connection in idle:
        assert connection.exchange(request_bytes()).status == 200
    newer = [proxy.connect() for _ in range(10)]
    for connection in newer:
        assert connection.exchange(request_bytes()).status == 200
    assert idle[0].is_closed(), "the oldest idle connection is still open"
    assert newer[-1].exchange(request_bytes()).status == 200
    statuses = [line["status"] for line in proxy.lines()]
    assert set(statuses) == {200}
    for connection in idle + newer:
        connection.close()


def test_beyond_worker_connections_there_is_a_503_with_an_id(site, make_backend):
    go = threading.Event()
    backend = make_backend([go, reply()])
    proxy = site.serve(backend, connections=20)
    held, refused = [], None
    while refused is None and len(held) <= 20:
        connection = proxy.connect()
        connection.socket.settimeout(0.02)
        connection.send(request_bytes())
        held.append(connection)
        refused = answered(connection, backend, len(held))
    assert refused is not None, "no connection was refused"
    assert len(held) > 4
    held.pop().close()
    assert refused.status == 503 and "close" in refused.fields.tokens("Connection")
    line = proxy.log_line(refused.request_id)
    assert line["status"] == 503 and line["error"] and line["termination"]
    go.set()
    for connection in held:
        connection.socket.settimeout(5)
        assert connection.receive().status == 200
        connection.close()
    assert wait_for(lambda: proxy.get().status == 200, "recovery")


def answered(connection, backend, count):
    """Waits until the backend has `count` requests, or returns the answer that came instead."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if len(backend.requests) >= count:
            return None
        try:
            if connection.stream.fill():
                return connection.receive()
        except TimeoutError:
            continue
    raise AssertionError("neither served nor refused")


def test_running_out_of_descriptors_pauses_and_resumes(site, backend):
    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    proxy = site.serve(backend, preexec=few_descriptors)
    clients = [proxy.connect() for _ in range(100)]
    for connection in clients[:10]:
        connection.send(request_bytes())
    assert not spins(proxy), "it spins while it is out of descriptors"
    assert proxy.alive()
    for connection in clients:
        connection.close()
    wait_for(lambda: proxy.get().status == 200, "recovery", 10)
    assert not spins(proxy)


def test_keepalive_requests(site, backend):
    proxy = site.serve(backend, server="keepalive_requests 3;")
    with proxy.connect() as connection:
        responses = [connection.exchange(request_bytes()) for _ in range(3)]
        assert ["close" in one.fields.tokens("Connection") for one in responses] == [
            False, False, True,
        ]  # fmt: skip
        assert connection.is_closed()
    assert [line["connection_request"] for line in proxy.wait_lines(3)] == [1, 2, 3]


def test_keepalive_timeout(site, backend):
    proxy = site.serve(backend, server="keepalive_timeout 300ms;")
    with proxy.connect() as connection:
        connection.exchange(request_bytes())
        time.sleep(0.15)
        connection.exchange(request_bytes())
        started = time.monotonic()
        assert connection.is_closed() and 0.25 < time.monotonic() - started < 1.5
    assert len(proxy.wait_lines(2)) == 2


def test_keepalive_timeout_0_closes_after_each_response(site, backend):
    proxy = site.serve(backend, server="keepalive_timeout 0;")
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes())
        assert "close" in response.fields.tokens("Connection") and connection.is_closed()


def test_send_timeout(site, make_backend):
    block = b"z" * 1_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n"
    proxy = site.serve(make_backend([head, *[block] * 64]), server="send_timeout 400ms;")
    with proxy.connect(receive_buffer=4096) as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "mine-1"}))
        line = proxy.log_line("mine-1", 5)
    assert line["termination"] and line["level"] == "ERROR" and line["bytes_out"] < 64_000_000


def test_a_steady_slow_reader_is_no_timeout(site, make_backend):
    """The response takes longer than `send_timeout`, but the client never pauses that long."""
    size = 16_000_000
    proxy = site.serve(make_backend(reply(body=b"z" * size)), server="send_timeout 1s;")
    started = time.monotonic()
    with proxy.connect(receive_buffer=1 << 18) as connection:
        connection.send(request_bytes())
        head = connection.receive_head()
        received = 0
        while received < size:
            received += len(connection.stream.take(len(connection.stream.buffer)))
            assert received == size or connection.stream.fill(), "cut"
            time.sleep(0.02 if time.monotonic() - started < 1.5 else 0)
    assert time.monotonic() - started > 1.2
    assert "termination" not in proxy.log_line(head.request_id)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_idle_proxy_does_nothing(site, backend, workers):
    proxy = site.serve(backend, workers=workers)
    idle = [proxy.connect() for _ in range(50)]
    for connection in idle:
        assert connection.exchange(request_bytes()).status == 200
    backend.stop()
    half_closed = proxy.connect()
    half_closed.shutdown_write()
    assert not spins(proxy)
    for connection in idle:
        connection.close()
    assert not spins(proxy)


def test_waiting_for_either_side_does_not_spin(site, make_backend):
    go = threading.Event()
    backend = make_backend([go, reply()])
    proxy = site.serve(backend)
    with proxy.connect() as first, proxy.connect() as second:
        first.send(request_bytes())
        first.shutdown_write()
        second.send(request_bytes("POST", "/", {"Content-Length": "10"}))
        backend.wait_requests(1)
        assert not spins(proxy)
        go.set()
        assert first.receive().status == 200


def test_closed_clients_leave_no_descriptor(site, backend):
    proxy = site.serve(backend)
    proxy.get()
    before = proxy.descriptors()
    for number in range(200):
        with proxy.connect() as connection:
            if number % 2:
                connection.send(request_bytes())
                connection.receive()
            else:
                connection.send(b"GET / HT")
    wait_for(lambda: proxy.descriptors() <= before + 1, "closing")
    wait_for(lambda: [line["status"] for line in proxy.lines()].count(200) == 101, "the lines")


def test_1000_connections(site, backend):
    proxy = site.serve(backend, connections=4096, workers=2)
    # The backend is one Python process: a thousand at once take it long on a small machine.
    connections = [proxy.connect(timeout=60) for _ in range(1000)]
    for number, connection in enumerate(connections):
        connection.send(request_bytes(fields={"X-Request-ID": f"c-{number}"}))
    for number, connection in enumerate(connections):
        assert connection.receive().request_id == f"c-{number}"
        connection.close()
    assert len(proxy.wait_lines(1000)) == 1000


def test_an_answer_that_nothing_holds_is_500(site):
    """A `return` may repeat a large field until it is larger than any buffer."""
    text = "$http_x_big" * 16
    conf = "server { listen PORT; location / { return 200 \"TEXT\"; } }"
    proxy = site.servers(conf.replace("TEXT", text))
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "big-1", "X-Big": "b" * 8000}))
        response = connection.receive()
    assert response.status == 500 and response.fields.one("X-Request-ID") == "big-1"
    line = proxy.log_line("big-1")
    assert line["status"] == 500 and line["error"] == "proxy_internal_error"
