"""A backend that speaks HTTP/2 by Python's h2. Each request has a thread that answers it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .polling import wait_for

Pairs = Iterable[tuple[str, str]]


class Call:
    """One request, and the way to answer it."""

    def __init__(self, session: Session, stream: int, fields: list[tuple[str, str]]):
        self.session = session
        self.stream = stream
        self.fields = fields
        self.body = bytearray()
        self.trailers: list[tuple[str, str]] = []
        self.ended = False
        self.reset_code: int | None = None

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)

    @property
    def path(self) -> str:
        return self[":path"] or ""

    def wait(self, condition: Callable[[], Any], seconds: float = 10) -> None:
        """Waits until something has come that makes the condition true."""
        with self.session.changed:
            assert self.session.changed.wait_for(condition, seconds), "it did not come"

    def read(self) -> bytes:
        """All of the content."""
        self.wait(lambda: self.ended or self.reset_code is not None)
        return bytes(self.body)

    def head(self, status: int = 200, fields: Pairs = (), ends: bool = False) -> None:
        with self.session.changed:
            pairs = [(":status", str(status)), *fields]
            self.session.protocol.send_headers(self.stream, pairs, end_stream=ends)
            self.session.flush()

    def data(self, data: bytes, ends: bool = False) -> None:
        """Sends content as the proxy's windows allow."""
        protocol = self.session.protocol
        while True:
            with self.session.changed:
                room = protocol.local_flow_control_window(self.stream)
                size = min(len(data), room, protocol.max_outbound_frame_size)
                last = size == len(data)
                if size > 0 or last:
                    protocol.send_data(self.stream, data[:size], end_stream=ends and last)
                    self.session.flush()
                data = data[size:]
                if last:
                    return
                if size == 0:
                    self.session.changed.wait(10)

    def end(self, trailers: Pairs = ()) -> None:
        with self.session.changed:
            if trailers := list(trailers):
                self.session.protocol.send_headers(self.stream, trailers, end_stream=True)
            else:
                self.session.protocol.end_stream(self.stream)
            self.session.flush()

    def reply(
        self, status: int = 200, body: bytes = b"", fields: Pairs = (), trailers: Pairs = ()
    ) -> None:
        trailers = list(trailers)
        self.head(status, fields, ends=not body and not trailers)
        if body:
            self.data(body, ends=not trailers)
        if trailers:
            self.end(trailers)

    def reset(self, code: int = h2.errors.ErrorCodes.CANCEL) -> None:
        with self.session.changed:
            self.session.protocol.reset_stream(self.stream, code)
            self.session.flush()


class Session:
    """One connection of the proxy's."""

    def __init__(self, backend: HTTP2Backend, sock: socket.socket, number: int):
        self.backend = backend
        self.socket = sock
        self.number = number
        self.changed = threading.Condition(threading.RLock())
        self.calls: dict[int, Call] = {}
        self.acknowledged = 0
        self.pings = 0
        self.gone_away: list[int] = []
        self.is_open = True
        config = h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )  # fmt: skip
        self.protocol = h2.connection.H2Connection(config)

    def flush(self) -> None:
        data = self.protocol.data_to_send()
        if data:
            with contextlib.suppress(OSError):
                self.socket.sendall(data)

    def raw(self, data: bytes) -> None:
        with self.changed, contextlib.suppress(OSError):
            self.socket.sendall(data)

    def serve(self) -> None:
        with self.changed:
            values = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100} | self.backend.settings
            self.protocol.local_settings = h2.settings.Settings(False, values)
            self.protocol.initiate_connection()
            if not self.backend.is_silent:
                self.flush()
        try:
            while data := self.socket.recv(65_536):
                with self.changed:
                    for event in self.protocol.receive_data(data):
                        self.note(event)
                    if not self.backend.is_silent:
                        self.flush()
                    self.changed.notify_all()
        except (OSError, h2.exceptions.ProtocolError):
            pass
        with self.changed:
            self.is_open = False
            self.changed.notify_all()
        with contextlib.suppress(OSError):
            self.socket.close()

    def note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            call = Call(self, event.stream_id, list(event.headers))
            self.calls[event.stream_id] = call
            self.backend.calls.append(call)
            threading.Thread(target=self.answer, args=(call,), daemon=True).start()
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.acknowledged += 1
        elif isinstance(event, h2.events.PingReceived):
            self.pings += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.gone_away.append(int(event.error_code or 0))
        call = self.calls.get(getattr(event, "stream_id", None) or 0)
        if call is None:
            return
        if isinstance(event, h2.events.DataReceived):
            call.body += event.data
            if self.backend.takes and event.flow_controlled_length:
                self.protocol.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
        elif isinstance(event, h2.events.TrailersReceived):
            call.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            call.ended = True
        elif isinstance(event, h2.events.StreamReset):
            call.reset_code = int(event.error_code)

    def answer(self, call: Call) -> None:
        try:
            self.backend.script(call)
        except (OSError, h2.exceptions.ProtocolError, AssertionError) as error:
            self.backend.problems.append(error)

    def go_away(self, last: int | None = None, code: int = 0) -> None:
        with self.changed:
            self.protocol.close_connection(code, last_stream_id=last)
            self.flush()
            # h2 would refuse to send what the streams before it still have.
            self.protocol.state_machine.state = h2.connection.ConnectionState.SERVER_OPEN

    def change(self, settings: dict[Any, int]) -> None:
        with self.changed:
            self.protocol.update_settings(settings)
            self.flush()

    def widen(self, stream: int, count: int) -> None:
        """Gives a stream credit beyond what h2 gives: none, once a window has shrunk to nothing."""
        with self.changed, contextlib.suppress(h2.exceptions.StreamClosedError):
            self.protocol.increment_flow_control_window(count, stream)
            self.flush()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


def hello(call: Call) -> None:
    call.read()
    call.reply(body=b"hello\n")


class HTTP2Backend:
    """Listens on a free port of the loopback, or on a unix socket, until it is stopped."""

    def __init__(
        self,
        script: Callable[[Call], None] = hello,
        *,
        settings: dict[Any, int] | None = None,
        takes: bool = True,
        is_silent: bool = False,
        wrap: Callable[[socket.socket], socket.socket] | None = None,
        path: Path | None = None,
    ):
        self.script = script
        self.settings = settings or {}
        self.takes = takes
        self.is_silent = is_silent
        self.calls: list[Call] = []
        self.sessions: list[Session] = []
        self.problems: list[Exception] = []
        self._wrap = wrap
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self.address = f"unix:{path}"
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.port = self._listener.getsockname()[1]
            self.address = f"127.0.0.1:{self.port}"
        self._listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._wrap:
                sock = self._wrap(sock)
        except OSError as error:
            self.problems.append(error)
            return
        session = Session(self, sock, len(self.sessions) + 1)
        self.sessions.append(session)
        session.serve()

    def wait_calls(self, count: int) -> list[Call]:
        wait_for(lambda: len(self.calls) >= count, f"{count} requests at the backend")
        return self.calls

    def stop(self) -> None:
        # A thread that accepts keeps the socket listening until it is woken.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self.sessions:
            session.close()
