"""WebSockets over HTTP/2 (RFC 8441): a tunnel on a stream, an ordinary upgrade behind."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import threading
import time

import pytest
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, HeadersFrame
from websockets.sync.server import serve as serve_websockets

from harness.backend import CLOSE, reply
from harness.http2 import Client, RawClient
from harness.polling import wait_for
from harness.proxy import command

SECRET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TOKEN = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: %s\r\nX-Seen: it\r\n%s\r\n"


def client(proxy, **options):
    connection = Client(proxy.port, secure=proxy.secure, **options)
    while SettingCodes.ENABLE_CONNECT_PROTOCOL not in connection.protocol.remote_settings:
        assert connection.turn()
    return connection


def begin(connection, path="/", fields=(), protocol="websocket", **options):
    return connection.begin(path, fields, method="CONNECT", protocol=protocol, ends=False,
                            **options)  # fmt: skip


def opened(connection, stream):
    """The answer, once its head is there."""
    answer = connection.answers[stream]
    while not answer.fields and answer.reset is None:
        assert connection.turn()
    return answer


def switches(request, token=None):
    """What a server answers that has read the request's key."""
    key = request.fields.get("Sec-WebSocket-Key") or ""
    accept = base64.b64encode(hashlib.sha1(key.encode() + SECRET).digest())
    line = b"Sec-WebSocket-Accept: %s\r\n" % accept if key else b""
    return TOKEN % ((token or request.fields.one("Upgrade")).encode(), line)


def echo(connection):
    """Sends back what comes until the peer stops sending."""
    connection.send(bytes(connection.stream.take(len(connection.stream.buffer))))
    while connection.stream.fill():
        connection.send(connection.stream.take(len(connection.stream.buffer)))


@pytest.fixture
def echoing(make_backend):
    return make_backend(lambda request: [switches(request), echo, CLOSE])


def frame(payload: bytes, opcode: int = 2) -> bytes:
    mask = os.urandom(4)
    count = len(payload)
    if count < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | count)
    elif count < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, count)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, count)
    pattern = (mask * (count // 4 + 1))[:count]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return head + mask + masked.to_bytes(count, "big")


def message(connection, answer) -> bytes:
    """The next message that has come, which is one frame."""
    def take(count):
        while len(answer.body) < count:
            assert not answer.ended and answer.reset is None and connection.turn()
        data = bytes(answer.body[:count])
        del answer.body[:count]
        return data

    _, count = take(2)
    if count >= 126:
        count = int.from_bytes(take(2 if count == 126 else 8), "big")
    return take(count)


@pytest.fixture
def websocket_server():
    seen = []

    def handler(connection):
        seen.append(connection.request)
        for text in connection:
            connection.send(text)

    with serve_websockets(handler, "127.0.0.1", 0, compression=None, max_size=None,
                          subprotocols=["chat"]) as server:  # fmt: skip
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.address = ":".join(map(str, server.socket.getsockname()))
        server.seen = seen
        yield server
        server.shutdown()
        thread.join(5)


def test_websockets_echo_without_configuration(serve, websocket_server):
    proxy = serve(websocket_server.address, workers=2)
    fields = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"),
              ("sec-websocket-key", "chosen"), ("origin", "http://localhost"),
              ("x-request-id", "ws-1")]  # fmt: skip
    with client(proxy) as connection:
        stream = begin(connection, "/chat?room=1", fields)
        answer = opened(connection, stream)
        assert answer.status == 200 and answer["x-request-id"] == "ws-1"
        assert answer["sec-websocket-protocol"] == "chat"
        names = {name for name, _ in answer.fields}
        assert not names & {"connection", "upgrade", "sec-websocket-accept", "content-length"}
        for payload in [b"hello", b"\x00\xff" * 100, os.urandom(300_000)]:
            connection.send(stream, frame(payload))
            assert message(connection, answer) == payload
            assert connection.get("/other").status == 426, "requests go on beside it"
        connection.send(stream, frame(struct.pack("!H", 1000), opcode=8))
        assert message(connection, answer) == struct.pack("!H", 1000)
        connection.finish(stream)
        assert answer.reset in (None, 0)
    request = websocket_server.seen[0]
    assert request.headers.get_all("X-Request-ID") == ["ws-1"]
    assert len(base64.b64decode(request.headers["Sec-WebSocket-Key"])) == 16
    assert request.headers["Host"] == "localhost"
    line = proxy.log_line("ws-1")
    (opening,) = [one for one in proxy.lines() if one.get("event") == "upgrade"]
    for one in (line, opening):
        assert (one["status"], one["uri"], one["protocol"]) == (200, "/chat?room=1", "HTTP/2.0")
        assert one["stream"] == stream and one["upstream_status"] == 101
    assert line["bytes_in"] > 300_000 and line["bytes_out"] > 300_000
    assert "termination" not in line


@pytest.mark.parametrize("window", [0, 1_000])
def test_two_tunnels_pass_every_byte(serve, echoing, window):
    proxy = serve(echoing)
    blocks = [hashlib.shake_128(bytes([n])).digest(700_000) for n in range(2)]
    with client(proxy, window=window) as connection:
        streams = [begin(connection, f"/{n}", protocol="any-token") for n in range(2)]
        answers = [opened(connection, stream) for stream in streams]
        assert [answer.status for answer in answers] == [200, 200]
        assert [answer["x-seen"] for answer in answers] == ["it", "it"]
        for place in range(0, len(blocks[0]), 50_000):
            for stream, block in zip(streams, blocks, strict=True):
                connection.send(stream, block[place:place + 50_000])  # fmt: skip
        for stream, answer, block in zip(streams, answers, blocks, strict=True):
            connection.send(stream, b"", ends=True)
            connection.finish(stream)
            assert answer.body == block and answer.ended and answer.reset is None
    for line in proxy.wait_lines(4):
        assert "termination" not in line
        if "event" not in line:
            assert (line["bytes_in"], line["bytes_out"]) == (700_000, 700_000)
    assert all(request.fields.get("Sec-WebSocket-Key") is None for request in echoing.requests)


def test_bytes_before_the_answer_wait_for_the_tunnel(serve, make_backend):
    ready = threading.Event()
    backend = make_backend(lambda request: [ready, switches(request), echo, CLOSE])
    proxy = serve(backend)
    with client(proxy) as connection:
        stream = begin(connection)
        connection.send(stream, b"early", ends=True)
        wait_for(lambda: backend.requests, "the request")
        ready.set()
        connection.finish(stream)
        assert connection.answers[stream].body == b"early"
    assert backend.requests[0].body == b""


OTHER_ANSWER = b"Sec-WebSocket-Accept: aGVsbG8gaGVsbG8gaGVsbG8gaGU=\r\n"
ANSWERS = {
    "another status": (lambda r: reply("403 Forbidden"), 403, None),
    "a redirect": (lambda r: reply("302 Found", fields={"Location": "/x"}), 302, None),
    "an upgrade required": (lambda r: reply("426 Upgrade Required"), 426, None),
    "no tunnel": (lambda r: reply(), 502, "http_upgrade_failed"),
    "no content": (lambda r: reply("204 No Content"), 502, "http_upgrade_failed"),
    "another protocol": (lambda r: [switches(r, "other"), CLOSE], 502, "http_upgrade_failed"),
    "no key": (lambda r: [TOKEN % (b"websocket", b""), CLOSE], 502, "http_upgrade_failed"),
    "another key": (
        lambda r: [TOKEN % (b"websocket", OTHER_ANSWER), CLOSE], 502, "http_upgrade_failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ANSWERS)
def test_only_a_tunnel_is_answered_as_one(serve, make_backend, what):
    script, status, error = ANSWERS[what]
    proxy = serve(make_backend(script))
    with client(proxy) as connection:
        stream = begin(connection, fields=[("x-request-id", "no-1")])
        (answer,) = connection.finish(stream)
        assert answer.status == status and answer["x-request-id"] == "no-1"
        assert connection.get("/").status in (status, 200, 204, 502)
    line = proxy.log_line("no-1")
    assert line["status"] == status and line.get("error") == error


OWN = "location /text { return 200 x; } location /gone { return 410; }" \
      " location /page { metrics; } location /files/ { root /; } location /health { health; }" \
      " location /set { if ($request_method) { return 200 y; } }"  # fmt: skip


def test_nothing_else_answers_as_a_tunnel(serve, echoing):
    proxy = serve(echoing, server=OWN)
    with client(proxy) as connection:
        for path, status in [("/text", 501), ("/gone", 410), ("/page", 501), ("/files/", 501),
                             ("/health", 501), ("/set", 501)]:  # fmt: skip
            (answer,) = connection.finish(begin(connection, path))
            assert answer.status == status and answer["x-request-id"], path
        for protocol in ["h2c", "HTTP/2.0", "TLS/1.2", "no token"]:
            (answer,) = connection.finish(begin(connection, protocol=protocol))
            assert answer.status == 501 and answer["x-request-id"], protocol
        (answer,) = connection.finish(begin(connection, fields=[("content-length", "3")]))
        assert answer.status == 501
        stream = begin(connection)
        assert opened(connection, stream).status == 200
    assert len(echoing.requests) == 1


def test_a_client_that_resets_ends_the_tunnel(serve, echoing):
    proxy = serve(echoing)
    with client(proxy) as connection:
        stream = begin(connection, fields=[("x-request-id", "reset-1")])
        opened(connection, stream)
        connection.protocol.reset_stream(stream, 8)
        connection.flush()
        line = proxy.log_line("reset-1")
        assert line["termination"] == "client:tunnel"
        wait_for(lambda: len(echoing.requests) == 1, "the request")
        other = begin(connection, fields=[("x-request-id", "other-1")])
        assert opened(connection, other).status == 200


def test_a_backend_that_ends_ends_the_stream(serve, make_backend):
    proxy = serve(make_backend(lambda r: [switches(r), b"all of it", CLOSE]))
    with client(proxy) as connection:
        stream = begin(connection)
        answer = opened(connection, stream)
        while not answer.ended:
            assert connection.turn()
        assert answer.body == b"all of it"
        connection.send(stream, b"", ends=True)
        line = wait_for(lambda: [one for one in proxy.lines() if "event" not in one], "the line")[0]
        assert "termination" not in line and line["bytes_out"] == 9


def test_an_idle_tunnel_is_ended_after_proxy_read_timeout(serve, echoing):
    proxy = serve(echoing, location="proxy_read_timeout 1s;")
    with client(proxy) as connection:
        stream = begin(connection, fields=[("x-request-id", "idle-1")])
        answer = opened(connection, stream)
        for _ in range(4):
            time.sleep(0.5)
            connection.send(stream, b"x")
        assert answer.reset is None and not answer.ended
        connection.finish(stream)
        assert answer.body == b"xxxx"
    assert proxy.log_line("idle-1")["termination"] == "proxy:tunnel"


@pytest.mark.parametrize("limit", ["", "worker_shutdown_timeout 1s;"])
def test_a_tunnel_outlives_a_reload(serve, echoing, limit):
    proxy = serve(echoing, top=limit)
    with RawClient(proxy.port, secure=proxy.secure) as connection:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/"),
                  (":scheme", "https" if proxy.secure else "http"),
                  (":authority", "localhost"), ("x-request-id", "old-1")]  # fmt: skip
        connection.send(HeadersFrame(1, connection.block(fields), flags=["END_HEADERS"]))
        wait_for(lambda: echoing.requests, "the request")
        wait_for(lambda: len(proxy.lines()) == 1, "the opening line")
        assert command("-s", "reload", "-c", proxy.conf).returncode == 0
        if not limit:
            connection.send(DataFrame(1, data=b"after", flags=["END_STREAM"]))
        line = proxy.log_line("old-1")
    assert line["status"] == 200
    if limit:
        assert line["termination"] == "proxy:tunnel" and 0.8 < line["duration"] < 10
    else:
        assert "termination" not in line and line["bytes_out"] == 5


@pytest.mark.parametrize("ends", [True, False])
def test_a_tunnel_whose_client_ends_with_its_head(serve, echoing, ends):
    """The end of the stream is the tunnel's, too, wherever it stands."""
    proxy = serve(echoing)
    with client(proxy) as connection:
        stream = connection.begin("/", [], method="CONNECT", protocol="websocket", ends=ends)
        answer = opened(connection, stream)
        assert answer.status == 200
        if not ends:
            connection.send(stream, b"", ends=True)
        while not answer.ended and answer.reset is None:
            assert connection.turn()
    lines = proxy.wait_lines(2)
    assert lines[-1]["duration"] < 5 and "termination" not in lines[-1]


def test_http2_to_the_backend_has_no_tunnel(serve, make_backend):
    """What asks for one is told so; it is not sent as another request."""
    proxy = serve(make_backend(reply()), location="proxy_http_version 2;")
    with client(proxy) as connection:
        (answer,) = connection.finish(begin(connection))
        assert answer.status == 502 and answer["x-request-id"]
