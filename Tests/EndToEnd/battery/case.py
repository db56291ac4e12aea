"""What a case is: raw bytes, the rule they rest on, and what must be seen from all three sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

HOST = b"Host: a.test\r\n"
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass(frozen=True)
class Seen:
    """One request as the backend must get it; `fields` are all values of each name, in order."""

    target: str = "/case"
    method: str = "GET"
    framing: str = "none"
    """How its content ends: none, length or chunked."""
    body: bytes = b""
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    trailers: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What must come of the bytes of a case."""

    statuses: tuple[int, ...]
    """Of all final responses, in order, the probe's left out."""
    seen: tuple[Seen, ...] = ()
    probe: bool = True
    """True when the request behind the case is answered as one of its own; else the connection ends
    and the backend never sees it."""
    partial: bool = False
    """True when the backend may have seen the begin of a request that never completes."""
    left: bool = False
    """True when the client is taken to have left within a request: a line without a response."""


@dataclass(frozen=True)
class Case:
    """Bytes that one client sends on one connection, and their outcome."""

    rule: str
    """A section of an RFC, or a page of Waybill's where it is a rule of its own."""
    data: bytes
    outcome: Outcome
    ends: bool = False
    """True when the client ends its stream behind the bytes instead of sending the probe."""
    why: str = ""
    """One sentence for the comparison with other readers, where the rule leaves no choice."""


@dataclass(frozen=True)
class Sweep:
    """Cases that differ in one byte; they count as one."""

    rule: str
    cases: Mapping[str, Case]
    why: str = ""


def refused(status: int = 400) -> Outcome:
    """One answer of the proxy's own, then the end; the backend sees nothing at all."""
    return Outcome((status,), probe=False)


def spoiled(status: int = 400) -> Outcome:
    """Refused within its content, so that the backend may have seen an unfinished request."""
    return Outcome((status,), probe=False, partial=True)


def served(**expected: object) -> Outcome:
    """One request, forwarded as `Seen(**expected)` and answered with 200."""
    return Outcome((200,), (Seen(**expected),))  # type: ignore[arg-type]


def served_content(body: bytes = b"12345", framing: str = "length", **expected: object) -> Outcome:
    """The same for a POST with content."""
    return served(**{"method": "POST", "framing": framing, "body": body, **expected})


def answered(status: int) -> Outcome:
    """An answer of the proxy's own that leaves the connection open."""
    return Outcome((status,))


def last(outcome: Outcome) -> Outcome:
    """The same, but the connection ends behind it."""
    return replace(outcome, probe=False)


def left() -> Outcome:
    """No answer, because the client left first; the backend sees no whole request."""
    return Outcome((), probe=False, partial=True, left=True)


def then(first: Outcome, second: Outcome) -> Outcome:
    """Two outcomes on one connection, one behind the other."""
    return replace(
        second, statuses=first.statuses + second.statuses, seen=first.seen + second.seen
    )


def get(*lines: bytes, target: bytes = b"/case", version: bytes = b"1.1") -> bytes:
    """A GET with a good Host and these field lines."""
    start = b"GET " + target + b" HTTP/" + version + b"\r\n"
    return start + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"12345", version: bytes = b"1.1") -> bytes:
    """A POST with a good Host, these field lines and whatever follows the head."""
    start = b"POST /case HTTP/" + version + b"\r\n"
    return start + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def sweep(
    rule: str,
    make: Callable[[bytes], bytes],
    judge: Callable[[int], Outcome | None],
    why: str = "",
) -> Sweep:
    """A case for each of the 256 bytes: `make` puts it into a message, `judge` says what follows;
    None leaves a byte out that makes another message of it."""
    cases = {
        f"byte-{byte:02x}": Case(rule, make(bytes([byte])), outcome)
        for byte in range(256)
        if (outcome := judge(byte)) is not None
    }
    return Sweep(rule, cases, why)
