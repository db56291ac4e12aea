"""A client that sends exactly the bytes it is told to, over TCP or a unix socket."""

from __future__ import annotations

import socket
import struct

from .messages import Response, Stream, Truncated, read_response, read_response_head


class RawConnection:
    """One connection to the proxy; `timeout` seconds for every read."""

    def __init__(
        self,
        port: int = 0,
        *,
        unix: str | None = None,
        timeout: float = 10,
        source: str | None = None,
        receive_buffer: int | None = None,
    ):
        family = socket.AF_UNIX if unix else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(unix if unix else ("127.0.0.1", port))
        if not unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = Stream(self.socket)

    @property
    def address(self) -> str:
        """This end, as the access log names it in `client`."""
        host, port = self.socket.getsockname()[:2]
        return f"{host}:{port}"

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def receive(self, method: str = "GET") -> Response:
        """The next final response."""
        return read_response(self.stream, method)

    def receive_head(self) -> Response:
        """The next head alone, interim or final; its body stays unread."""
        return read_response_head(self.stream)

    def exchange(self, data: bytes | str, method: str = "GET") -> Response:
        self.send(data)
        return self.receive(method)

    def shutdown_write(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def is_closed(self, seconds: float = 5) -> bool:
        """True if the proxy closes within `seconds` without sending another byte."""
        self.socket.settimeout(seconds)
        try:
            return not self.stream.buffer and not self.stream.fill()
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def rest(self) -> bytes:
        """All bytes until the proxy closes; a reset counts as closing."""
        try:
            return self.stream.to_end()
        except ConnectionResetError:
            return self.stream.take(len(self.stream.buffer))

    def reset(self) -> None:
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def raw(port: int, data: bytes, timeout: float = 10) -> bytes:
    """Sends `data` on a new connection and returns all that comes until the proxy closes."""
    with RawConnection(port, timeout=timeout) as connection:
        try:
            connection.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return connection.rest()


def request_bytes(
    method: str = "GET",
    target: str = "/",
    fields: list[tuple[str, str]] | dict[str, str] | None = None,
    body: bytes = b"",
    host: str | None = "example.test",
    version: str = "HTTP/1.1",
) -> bytes:
    """A request with `Host` and, if there is a body, `Content-Length`."""
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
    names = {name.lower() for name, _ in pairs}
    if host is not None and "host" not in names:
        pairs.insert(0, ("Host", host))
    if body and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {version}"] + [f"{name}: {value}" for name, value in pairs]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """A chunked body of the given chunks; `trailers` are whole field lines with their CRLF."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


__all__ = ["RawConnection", "Truncated", "chunked", "raw", "request_bytes"]
