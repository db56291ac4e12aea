"""A client of HTTP/2 by Python's h2, and one that sends frames as it likes by hyperframe."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings
import hpack
from hyperframe.frame import Frame, SettingsFrame

from .secure import client_context

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def connect(port: int, *, secure: bool = False, timeout: float = 10) -> socket.socket:
    """A socket to the proxy; with TLS, HTTP/2 has been agreed on."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not secure:
        return sock
    context = client_context(None, protocols=["h2", "http/1.1"])
    wrapped = context.wrap_socket(sock, server_hostname="localhost")
    assert wrapped.selected_alpn_protocol() == "h2"
    return wrapped


@dataclass
class Answer:
    """What has come of one stream."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    interim: list[list[tuple[str, str]]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self[":status"] or 0)

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)


class Client:
    """A connection that keeps the rules. `takes=False` gives no credit for content."""

    def __init__(self, port: int, *, secure: bool = False, takes: bool = True, window: int = 0):
        self.socket = connect(port, secure=secure)
        self.takes = takes
        self.answers: dict[int, Answer] = {}
        self.going_away: list[int] = []
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.protocol = h2.connection.H2Connection(config)
        self.protocol.initiate_connection()
        if window:
            code = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
            self.protocol.update_settings({code: window})
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.protocol.data_to_send())

    def begin(
        self, path: str = "/", fields=(), *, method: str = "GET", ends: bool = True,
        authority: str = "localhost", protocol: str = "",
    ) -> int:  # fmt: skip
        """Begins a request; returns its stream."""
        stream = self.protocol.get_next_available_stream_id()
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        pairs = [(":method", method), (":scheme", scheme), (":path", path)]
        pairs += [(":protocol", protocol)] if protocol else []
        pairs += [(":authority", authority), *fields]
        self.protocol.send_headers(stream, pairs, end_stream=ends)
        self.answers[stream] = Answer()
        self.flush()
        return stream

    def send(self, stream: int, data: bytes, ends: bool = False) -> None:
        """Sends content as far as the windows allow, then waits for more room."""
        while True:
            room = self.protocol.local_flow_control_window(stream)
            size = min(len(data), room, self.protocol.max_outbound_frame_size)
            last = size == len(data)
            if size > 0 or last:
                self.protocol.send_data(stream, data[:size], end_stream=ends and last)
                self.flush()
            data = data[size:]
            if last:
                return
            if size == 0:
                assert self.turn(), "the connection has ended"

    def turn(self) -> bool:
        """Reads once; false at the end of the connection."""
        data = self.socket.recv(65_536)
        if not data:
            return False
        for event in self.protocol.receive_data(data):
            self.note(event)
        self.flush()
        return True

    def note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.going_away.append(int(event.error_code or 0))
        answer = self.answers.get(getattr(event, "stream_id", None) or 0)
        if answer is None:
            return
        if isinstance(event, h2.events.InformationalResponseReceived):
            answer.interim.append(list(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            answer.fields = list(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if self.takes and event.flow_controlled_length:
                self.protocol.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = int(event.error_code)

    def finish(self, *streams: int) -> list[Answer]:
        """Reads until these streams have ended."""
        wanted = [self.answers[stream] for stream in streams]
        while not all(answer.ended or answer.reset is not None for answer in wanted):
            assert self.turn(), "the connection ended before its streams"
        return wanted

    def get(self, path: str = "/", fields=(), **options) -> Answer:
        return self.finish(self.begin(path, fields, **options))[0]

    def read_to_end(self) -> None:
        try:
            while self.turn():
                pass
        except ConnectionResetError:
            pass

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RawClient:
    """A connection on which any frame is sent as it is given."""

    def __init__(self, port: int, *, secure: bool = False):
        self.socket = connect(port, secure=secure)
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.frames: list[Frame] = []
        self.buffer = b""
        self.socket.sendall(PREFACE + SettingsFrame().serialize())

    def send(self, *frames: Frame | bytes) -> None:
        parts = [one if isinstance(one, bytes) else one.serialize() for one in frames]
        self.socket.sendall(b"".join(parts))

    def block(self, fields: list[tuple[str, str] | tuple[bytes, bytes]]) -> bytes:
        return self.encoder.encode(fields)

    def read(self) -> bool:
        """Reads once; false at the end."""
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            return False
        if not data:
            return False
        self.buffer += data
        while len(self.buffer) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self.buffer[:9]))
            if len(self.buffer) < 9 + length:
                break
            frame.parse_body(memoryview(self.buffer[9 : 9 + length]))
            self.buffer = self.buffer[9 + length :]
            self.frames.append(frame)
        return True

    def wait(self, wanted) -> Frame:
        """The first frame that `wanted` says yes to."""
        while True:
            for frame in self.frames:
                if wanted(frame):
                    return frame
            assert self.read(), f"the connection ended behind {self.frames}"

    def read_to_end(self) -> None:
        while self.read():
            pass

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
