"""What a case of a backend's response is: the steps that a hostile backend takes, and the outcome.

The backend answers the one request of a case by `steps`. A second request follows on the same
connection, or on a new one if the proxy has closed it, and must get an answer of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.backend import CLOSE, Step

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True)
class Answer:
    """What the client must get."""

    status: int
    body: bytes = b""
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    trailers: Mapping[str, list[str]] = field(default_factory=dict)
    interim: tuple[int, ...] = ()
    is_cut: bool = False
    """True when the client must be able to tell that the response is not whole; a 502 will do, if
    the fault came before anything was sent."""
    reuses: bool = True
    """True when the backend's connection serves the next request, too."""
    keeps: bool = True
    """True when the client's connection serves the next request, too."""


@dataclass(frozen=True)
class ResponseCase:
    """One response, and what becomes of it."""

    rule: str
    steps: tuple[Step, ...]
    answer: Answer
    request: bytes = b""
    """Field lines that the client sends besides Host."""
    method: bytes = b"GET"
    version: bytes = b"1.1"
    pause: float = 0
    """Seconds between the backend's last step and the next request, for what is sent late."""
    why: str = ""


@dataclass(frozen=True)
class ResponseSweep:
    """Cases that differ in one byte; they count as one."""

    rule: str
    cases: Mapping[str, ResponseCase]
    why: str = ""


def bad_gateway() -> Answer:
    """Nothing of the response reaches the client, and its connection is not used again."""
    return Answer(502, reuses=False)


def cut() -> Answer:
    return Answer(200, is_cut=True, reuses=False, keeps=False)


def passed(body: bytes = b"12345", **other: object) -> Answer:
    return Answer(**{"status": 200, "body": body, **other})  # type: ignore[arg-type]


def response(*lines: bytes, body: bytes = b"12345", status: bytes = b"200 OK") -> bytes:
    """A head of these field lines, and what follows it."""
    fields = b"".join(line + b"\r\n" for line in lines)
    return b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n" + body


def bad(rule: str, data: bytes, why: str = "", closes: bool = False) -> ResponseCase:
    """A response that is refused, whether the backend closes behind it or not."""
    return ResponseCase(rule, (data, CLOSE) if closes else (data,), bad_gateway(), why=why)


def good(rule: str, data: bytes, body: bytes = b"12345", **answer: object) -> ResponseCase:
    return ResponseCase(rule, (data,), passed(body, **answer))


def sweep(
    rule: str, make: Callable[[bytes], bytes], judge: Callable[[int], Answer | None]
) -> ResponseSweep:
    """A case for each of the 256 bytes that `judge` has an answer for."""
    cases = {
        f"byte-{byte:02x}": ResponseCase(rule, (make(bytes([byte])),), answer)
        for byte in range(256)
        if (answer := judge(byte)) is not None
    }
    return ResponseSweep(rule, cases)
