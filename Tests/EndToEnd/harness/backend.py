"""A backend that records the exact bytes of every connection and answers by a script.

A script is a list of steps, or a function that makes one from the request:
`bytes` are sent, a number is a pause in seconds, `CLOSE` ends and `RESET` aborts the connection,
an `Event` is waited for, and a function is called with the connection.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Union

from .messages import (
    Malformed,
    Request,
    Stream,
    Truncated,
    read_request_body,
    read_request_head,
)
from .polling import wait_for


class Ending:
    """A step that ends the connection."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return self.name


CLOSE, RESET = Ending("CLOSE"), Ending("RESET")
Step = Union[bytes, float, Ending, threading.Event, Callable[[Any], None]]
Script = Union[bytes, Iterable[Step], Callable[[Request], Union[bytes, Iterable[Step]]]]


def reply(
    status: str = "200 OK",
    body: bytes = b"hello\n",
    fields: list[tuple[str, str]] | dict[str, str] | None = None,
) -> bytes:
    """A whole response framed by `Content-Length`."""
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in pairs)]
    if status[:3] not in ("204", "304") and status[0] != "1":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class BackendConnection:
    """One accepted connection: all bytes that came, and the requests found in them."""

    def __init__(self, sock: socket.socket, number: int):
        self.socket = sock
        self.number = number
        self.stream = Stream(sock)
        self.requests: list[Request] = []
        self.error: Exception | None = None
        self.closed_by_peer = False

    @property
    def received(self) -> bytes:
        """The first megabyte of what came."""
        return bytes(self.stream.received)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def play(self, steps: Iterable[Step]) -> bool:
        """Runs a script; False if it ended the connection."""
        for step in steps:
            if isinstance(step, Ending):
                if step is RESET:
                    linger = struct.pack("ii", 1, 0)
                    self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
            if isinstance(step, (bytes, bytearray)):
                self.socket.sendall(step)
            elif isinstance(step, threading.Event):
                step.wait(20)
            elif isinstance(step, (int, float)):
                time.sleep(step)
            else:
                step(self)
        return True


class RecordingBackend:
    """Listens on a free port (or a unix socket) and serves until `stop`.

    With `answer_at="head"` the script runs before the body is read; the script may read it by
    `read_request_body`. With `on_accept` the steps run at once, before anything is read.
    """

    def __init__(
        self,
        script: Script = reply(),
        *,
        unix: str | None = None,
        answer_at: str = "end",
        on_accept: Iterable[Step] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        wrap: Callable[[socket.socket], socket.socket] | None = None,
    ):
        self.wrap = wrap
        self.script = script
        self.answer_at = answer_at
        self.on_accept = on_accept
        self.unix = unix
        self.host = host
        self.connections: list[BackendConnection] = []
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(socket.AF_UNIX if unix else family)
        if not unix:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(unix if unix else (host, port))
        self._listener.listen(1024)
        self.port = 0 if unix else self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """As `server` and `proxy_pass` take it, and as the log shows it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.unix}" if self.unix else f"{host}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        with self._lock:
            connections = list(self.connections)
        return [request for connection in connections for request in list(connection.requests)]

    @property
    def request(self) -> Request:
        """The only request that came."""
        requests = self.requests
        assert len(requests) == 1, f"{len(requests)} requests came: {requests}"
        return requests[0]

    def wait_requests(self, count: int) -> list[Request]:
        wait_for(lambda: len(self.requests) >= count, f"request {count} at the backend")
        return self.requests

    def saw(self, request_id: str) -> Request:
        """The only request with this ID."""
        found = [r for r in self.requests if request_id in r.fields.all("X-Request-ID")]
        assert len(found) == 1, f"{len(found)} requests carry {request_id!r}"
        return found[0]

    def assert_untouched(self) -> None:
        received = b"".join(connection.received for connection in self.connections)
        assert received == b"", f"the backend saw {received[:500]!r}"

    def stop(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in list(self.connections):
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if self.unix and os.path.exists(self.unix):
            os.unlink(self.unix)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    return
                # A backend that silently takes no more would look like a proxy that hangs.
                print(f"the backend is out of descriptors: {error}", file=sys.stderr)
                time.sleep(0.1)
                continue
            if not self.unix:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                connection = BackendConnection(sock, len(self.connections))
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: BackendConnection) -> None:
        try:
            if self.wrap:
                connection.socket = self.wrap(connection.socket)
                connection.stream = Stream(connection.socket)
            if self.on_accept is None or connection.play(self.on_accept):
                while self._serve_one(connection):
                    pass
        except (OSError, Truncated, Malformed) as error:
            connection.error = error
        finally:
            connection.socket.close()

    def _serve_one(self, connection: BackendConnection) -> bool:
        request = read_request_head(connection.stream)
        if request is None:
            connection.closed_by_peer = True
            return False
        request.connection = connection
        if self.answer_at == "end":
            read_request_body(connection.stream, request)
        connection.requests.append(request)
        steps = self.script(request) if callable(self.script) else self.script
        return connection.play([steps] if isinstance(steps, (bytes, bytearray)) else steps)
