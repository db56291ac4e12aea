"""Reads HTTP/1 messages strictly from a socket, so that a cut message is told from a whole one."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field


class Truncated(Exception):
    """The connection ended inside a message."""


class Malformed(Exception):
    """The peer sent something that is no HTTP/1 message."""


Field = tuple[str, str]


class Fields(list[Field]):
    """The field lines of a head or a trailer section, in order, names as they were sent."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        values = self.all(name)
        assert len(values) == 1, f"expected exactly one {name}, got {values} in {list(self)}"
        return values[0]

    def get(self, name: str, default: str | None = None) -> str | None:
        values = self.all(name)
        return values[0] if values else default

    def tokens(self, name: str) -> list[str]:
        """The members of a comma-separated list field, lowercase."""
        return [part.strip().lower() for value in self.all(name) for part in value.split(",")]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))


@dataclass
class Head:
    start_line: str
    fields: Fields
    raw: bytes


@dataclass
class Request:
    method: str
    target: str
    version: str
    fields: Fields
    raw_head: bytes
    body: bytes = b""
    trailers: Fields = field(default_factory=Fields)
    connection: object = None

    @property
    def request_id(self) -> str:
        return self.fields.one("X-Request-ID")


@dataclass
class Response:
    status: int
    reason: str
    version: str
    fields: Fields
    raw_head: bytes
    body: bytes = b""
    trailers: Fields = field(default_factory=Fields)
    interim: list[Response] = field(default_factory=list)
    framing: str = "none"
    """How the end of the body was known: none, length, chunked or close."""

    @property
    def request_id(self) -> str:
        return self.fields.one("X-Request-ID")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Stream:
    """A socket with a read buffer; every read has the socket's timeout."""

    def __init__(self, sock: socket.socket):
        self.socket = sock
        self.buffer = bytearray()
        self.received = bytearray()
        self.ended = False

    def fill(self) -> bool:
        """Reads once; False at the end of the stream."""
        if self.ended:
            return False
        data = self.socket.recv(262144)
        if not data:
            self.ended = True
            return False
        self.buffer += data
        if len(self.received) < 1 << 20:
            self.received += data
        return True

    def take(self, count: int) -> bytes:
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self.fill():
                raise Truncated(f"{len(self.buffer)} of {count} bytes, then the end")
        return self.take(count)

    def until(self, mark: bytes, limit: int = 1 << 20) -> bytes:
        """Everything up to and including `mark`."""
        start = 0
        while (index := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            if len(self.buffer) > limit:
                raise Malformed(f"no {mark!r} in {limit} bytes")
            if not self.fill():
                raise Truncated(f"the stream ended before {mark!r}: {bytes(self.buffer[-200:])!r}")
        return self.take(index + len(mark))

    def to_end(self) -> bytes:
        while self.fill():
            pass
        return self.take(len(self.buffer))


def parse_fields(lines: list[bytes]) -> Fields:
    fields = Fields()
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name):
            raise Malformed(f"not a field line: {line!r}")
        fields.append((name.decode(), value.strip(b" \t").decode("latin-1")))
    return fields


def read_head(stream: Stream) -> Head | None:
    """The next head, or None if the stream ends before its first byte."""
    if not stream.buffer and not stream.fill():
        return None
    raw = stream.until(b"\r\n\r\n")
    lines = raw[:-4].split(b"\r\n")
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise Malformed(f"a bare CR or LF in {raw!r}")
    return Head(lines[0].decode("latin-1"), parse_fields(lines[1:]), raw)


def read_chunked(stream: Stream) -> tuple[bytes, Fields]:
    body = bytearray()
    while True:
        line = stream.until(b"\r\n")[:-2].split(b";")[0]
        if not re.fullmatch(rb"[0-9A-Fa-f]+", line):
            raise Malformed(f"not a chunk size: {line!r}")
        size = int(line, 16)
        if size == 0:
            break
        body += stream.exactly(size)
        if stream.exactly(2) != b"\r\n":
            raise Malformed("no CRLF after a chunk")
    lines = []
    while (line := stream.until(b"\r\n")[:-2]) != b"":
        lines.append(line)
    return bytes(body), parse_fields(lines)


def read_request_head(stream: Stream) -> Request | None:
    head = read_head(stream)
    if head is None:
        return None
    parts = head.start_line.split(" ")
    if len(parts) != 3:
        raise Malformed(f"not a request line: {head.start_line!r}")
    return Request(*parts, head.fields, head.raw)


def read_request_body(stream: Stream, request: Request) -> None:
    if "chunked" in request.fields.tokens("Transfer-Encoding"):
        request.body, request.trailers = read_chunked(stream)
    elif length := request.fields.get("Content-Length"):
        request.body = stream.exactly(int(length))


def read_response_head(stream: Stream) -> Response:
    head = read_head(stream)
    if head is None:
        raise Truncated("the connection ended before a response")
    match = re.fullmatch(r"HTTP/(\d\.\d) (\d{3})(?: (.*))?", head.start_line)
    if not match:
        raise Malformed(f"not a status line: {head.start_line!r}")
    version, status, reason = match.groups()
    return Response(int(status), reason or "", version, head.fields, head.raw)


def read_response_body(stream: Stream, response: Response, method: str) -> None:
    lengths = response.fields.all("Content-Length")
    codings = response.fields.all("Transfer-Encoding")
    if len(lengths) > 1 or (lengths and codings):
        raise Malformed(f"ambiguous framing: {lengths} {codings}")
    if method == "HEAD" or response.status in (204, 304) or response.status < 200:
        return
    if codings:
        response.framing = "chunked"
        response.body, response.trailers = read_chunked(stream)
    elif lengths:
        response.framing = "length"
        response.body = stream.exactly(int(lengths[0]))
    else:
        response.framing = "close"
        response.body = stream.to_end()


def read_response(stream: Stream, method: str = "GET") -> Response:
    """The next final response, with the interim ones that came before it; a 101 is final."""
    interim = []
    while True:
        response = read_response_head(stream)
        if response.status >= 200 or response.status == 101:
            break
        interim.append(response)
    response.interim = interim
    read_response_body(stream, response, method)
    return response
