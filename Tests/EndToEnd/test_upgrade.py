"""Upgraded connections, WebSocket or any other, are tunnelled; two lines tell of them."""

import hashlib
import threading
import time

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from harness.backend import CLOSE, RESET, reply
from harness.client import request_bytes
from harness.polling import wait_for

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
UPGRADE = [("Connection", "upgrade"), ("Upgrade", "echo"), ("X-Request-ID", "up-1")]


def echo(connection):
    """Sends back what comes until the peer stops sending."""
    connection.send(bytes(connection.stream.take(len(connection.stream.buffer))))
    while connection.stream.fill():
        connection.send(connection.stream.take(len(connection.stream.buffer)))


def events(proxy, request_id):
    """The opening lines of this request."""
    lines = [line for line in proxy.lines() if "event" in line]
    return [line for line in lines if line.get("request_id") == request_id]


@pytest.fixture
def websocket_server():
    seen = []

    def handler(connection):
        seen.append(connection.request)
        for message in connection:
            connection.send(message)

    with serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.address = ":".join(map(str, server.socket.getsockname()))
        server.seen = seen
        yield server
        server.shutdown()
        thread.join(5)


def test_formats_that_cannot_tell_the_event_get_no_opening_line(site, backend, tmp_path):
    backend.script = lambda request: [SWITCH, echo, CLOSE]
    logs = {name: tmp_path / f"{name}.log" for name in ("plain", "combined", "telling", "verbose")}
    top = """
log_format plain "$request_id $status";
log_format telling "$request_id $status $event";
""" + "".join(f"access_log {path} {name};\n" for name, path in logs.items())
    proxy = site.serve(backend, top=top)
    with proxy.connect() as connection:
        assert connection.exchange(request_bytes(fields=UPGRADE)).status == 101
        for name in ("telling", "verbose"):
            wait_for(lambda path=logs[name]: path.read_text(), "the opening line")
        assert "upgrade" in logs["telling"].read_text()
        assert logs["plain"].read_text() == logs["combined"].read_text() == ""
    for name, count in [("plain", 1), ("combined", 1), ("telling", 2), ("verbose", 2)]:
        path = logs[name]
        wait_for(lambda path=path, count=count: path.read_text().count("\n") == count, name)


def test_websockets_echo_without_configuration(site, websocket_server):
    proxy = site.serve(websocket_server.address)
    fields = {"X-Request-ID": "ws-1"}
    uri = f"ws://127.0.0.1:{proxy.port}/chat?room=1"
    with connect(uri, additional_headers=fields, compression=None, max_size=None) as websocket:
        assert websocket.response.headers.get_all("X-Request-ID") == ["ws-1"]
        opened = wait_for(lambda: events(proxy, "ws-1"), "the opening line")
        for message in ["hello", b"\x00\xff" * 100, "x" * 300_000]:
            websocket.send(message)
            assert websocket.recv(5) == message
    line = proxy.log_line("ws-1")
    assert websocket_server.seen[0].headers.get_all("X-Request-ID") == ["ws-1"]
    assert [one["event"] for one in opened] == ["upgrade"]
    assert (opened[0]["uri"], opened[0]["status"]) == ("/chat?room=1", 101)
    assert (line["status"], line["uri"]) == (101, "/chat?room=1")
    assert line["bytes_in"] > 300_000 and line["bytes_out"] > 300_000
    assert len(events(proxy, "ws-1")) == 1


def test_20_websockets_at_once(site, websocket_server):
    proxy = site.serve(websocket_server.address, workers=2)
    uri = f"ws://127.0.0.1:{proxy.port}/"
    sockets = [connect(uri, additional_headers={"X-Request-ID": f"ws-{n}"}) for n in range(20)]
    for turn in range(3):
        for number, websocket in enumerate(sockets):
            websocket.send(f"{number}/{turn}")
        for number, websocket in enumerate(sockets):
            assert websocket.recv(5) == f"{number}/{turn}"
    for number, websocket in enumerate(sockets):
        websocket.close()
        assert proxy.log_line(f"ws-{number}")["status"] == 101


def test_any_token_is_tunnelled_byte_for_byte(site, make_backend):
    backend = make_backend([SWITCH, echo])
    proxy = site.serve(backend)
    block = hashlib.shake_128(b"tunnel").digest(2_000_000)
    started = time.monotonic()
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes("GET", "/", UPGRADE))
        assert response.status == 101 and response.fields.one("Upgrade") == "echo"
        assert "upgrade" in response.fields.tokens("Connection")
        sender = threading.Thread(target=connection.send, args=(block,))
        sender.start()
        assert connection.stream.exactly(len(block)) == block
        sender.join()
        assert len(proxy.lines()) == 1, "the closing line came before the end"
        connection.shutdown_write()
        assert connection.is_closed()
    seen = backend.saw("up-1")
    assert seen.fields.one("Upgrade") == "echo"
    assert "upgrade" in seen.fields.tokens("Connection")
    line = proxy.log_line("up-1")
    assert (line["status"], line["bytes_in"], line["bytes_out"]) == (101, len(block), len(block))
    assert 0 < line["duration"] <= time.monotonic() - started
    assert "termination" not in line


def test_bytes_sent_with_the_upgrade_pass(site, make_backend):
    """Both sides may speak at once: the client after its head, the backend after its 101."""
    backend = make_backend([SWITCH + b"greeting", echo])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes("GET", "/", UPGRADE))
        assert connection.stream.exactly(8) == b"greeting"
        connection.send(b"early")
        assert connection.stream.exactly(5) == b"early"
    assert response.status == 101 and proxy.log_line("up-1")["bytes_out"] == 13


def test_one_direction_may_end_before_the_other(site, make_backend):
    def answer_at_the_end(connection):
        question = connection.stream.to_end()
        connection.send(b"you said " + question)

    backend = make_backend([SWITCH, answer_at_the_end, CLOSE])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.exchange(request_bytes("GET", "/", UPGRADE))
        connection.send(b"this")
        connection.shutdown_write()
        assert connection.stream.to_end() == b"you said this"
    line = proxy.log_line("up-1")
    assert (line["bytes_in"], line["bytes_out"]) == (4, 13)


def test_the_backend_may_end_the_tunnel(site, make_backend):
    backend = make_backend([SWITCH, b"bye", CLOSE])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.exchange(request_bytes("GET", "/", UPGRADE))
        assert connection.stream.exactly(3) == b"bye" and connection.is_closed()
    assert proxy.log_line("up-1")["bytes_out"] == 3


@pytest.mark.parametrize("who", ["client", "backend"])
def test_a_reset_tunnel_is_logged_with_its_reason(site, make_backend, who):
    go = threading.Event()
    backend = make_backend([SWITCH, b"x", go, RESET])
    proxy = site.serve(backend)
    connection = proxy.connect()
    connection.exchange(request_bytes("GET", "/", UPGRADE))
    connection.stream.exactly(1)
    if who == "client":
        connection.reset()
    else:
        go.set()
        connection.rest()
        connection.close()
    line = proxy.log_line("up-1")
    go.set()
    assert line["status"] == 101 and line["termination"]


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "426 Upgrade Required"])
def test_a_refused_upgrade_is_an_ordinary_response(site, make_backend, status):
    backend = make_backend(reply(status))
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        one = proxy.observe(backend, request_bytes("GET", "/", UPGRADE), connection)
        assert one.response.body == b"hello\n" and one.line["status"] == int(status[:3])
        after = proxy.observe(backend, request_bytes("GET", "/after"), connection)
        assert after.response.status == int(status[:3])
    assert events(proxy, "up-1") == []


def test_upgrade_needs_to_be_named_by_connection(site, backend):
    one = site.serve(backend).observe(backend, request_bytes(fields={"Upgrade": "echo"}))
    assert one.response.status == 200 and "Upgrade" not in one.seen.fields


def test_http_1_0_cannot_upgrade(site, backend):
    data = request_bytes("GET", "/", UPGRADE, version="HTTP/1.0")
    one = site.serve(backend).observe(backend, data)
    assert one.response.status == 200 and "Upgrade" not in one.seen.fields


def test_a_silent_tunnel_ends_after_the_read_timeout(site, make_backend):
    backend = make_backend([SWITCH, 3.0])
    proxy = site.serve(backend, location="proxy_read_timeout 400ms;")
    with proxy.connect() as connection:
        connection.exchange(request_bytes("GET", "/", UPGRADE))
        assert connection.is_closed(2)
    line = proxy.log_line("up-1")
    assert line["status"] == 101 and line["termination"]


def test_a_busy_tunnel_outlives_the_read_timeout(site, make_backend):
    backend = make_backend([SWITCH, echo])
    proxy = site.serve(backend, location="proxy_read_timeout 400ms;")
    with proxy.connect() as connection:
        connection.exchange(request_bytes("GET", "/", UPGRADE))
        for _ in range(8):
            time.sleep(0.1)
            connection.send(b"ping")
            assert connection.stream.exactly(4) == b"ping"
    assert proxy.log_line("up-1")["bytes_in"] == 32
