"""Chunks and trailers from backends: broken content must never look complete."""

from __future__ import annotations

from harness.backend import CLOSE, RESET

from .response_case import (
    CHUNKED,
    Answer,
    ResponseCase,
    cut,
    passed,
    response,
    sweep,
)

RULE = "RFC 9112 section 7.1"
EXTENSION = "RFC 9112 section 7.1.1"
TRAILER = "RFC 9112 section 7.1.2"
FORBIDDEN = "RFC 9110 section 6.5.1"
LAST = b"0\r\n\r\n"
FIVE = b"5\r\n12345\r\n"


def chunks(data: bytes, *lines: bytes) -> bytes:
    return response(CHUNKED[:-2], *lines, body=data)


def good(data: bytes, rule: str = RULE, body: bytes = b"12345") -> ResponseCase:
    return ResponseCase(rule, (chunks(data),), passed(body))


def bad(data: bytes, rule: str = RULE, why: str = "") -> ResponseCase:
    """A fault that comes at once with the head."""
    return ResponseCase(rule, (chunks(data),), cut(), why=why)


def late(data: bytes, rule: str = RULE) -> ResponseCase:
    """The same fault when the client has got the head, and content, already."""
    return ResponseCase(rule, (chunks(FIVE), 0.02, data), cut())


def ended(data: bytes) -> ResponseCase:
    """A body that the backend does not end."""
    return ResponseCase(RULE, (chunks(data), 0.02, CLOSE), cut())


def size(text: bytes, why: str = "") -> ResponseCase:
    return bad(text + b"\r\n12345\r\n" + LAST, why=why)


def dropped(line: bytes, rule: str = FORBIDDEN, connection: bytes = b"") -> ResponseCase:
    """A trailer field that goes nowhere."""
    name = line.partition(b":")[0].decode("latin-1")
    lines = (connection,) if connection else ()
    data = chunks(FIVE + b"0\r\n" + line + b"\r\n\r\n", *lines)
    return ResponseCase(rule, (data,), passed(trailers={name: []}))


def trailer(*lines: bytes) -> bytes:
    return FIVE + b"0\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


GOOD = {
    "plain": good(FIVE + LAST),
    "leading-zeros": good(b"0005\r\n12345\r\n" + LAST),
    "two": good(b"2\r\n12\r\n3\r\n345\r\n" + LAST),
    "a-thousand": good(b"1\r\nx\r\n" * 1000 + LAST, body=b"x" * 1000),
    "uppercase-digit": good(b"A\r\n0123456789\r\n" + LAST, body=b"0123456789"),
    "padded-size": good(b"5  \r\n12345\r\n" + LAST),
    "extension": good(b"5;a=b\r\n12345\r\n" + LAST, EXTENSION),
    "extension-quoted": good(b'5;a="b;c"\r\n12345\r\n' + LAST, EXTENSION),
    "extension-on-last": good(FIVE + b"0;a=b\r\n\r\n", EXTENSION),
    "chunks-in-the-data": good(b"5\r\n0\r\n\r\n\r\n" + LAST, body=b"0\r\n\r\n"),
    "byte-by-byte": ResponseCase(
        RULE, (chunks(b""), *[bytes([byte]) for byte in FIVE + LAST]), passed()
    ),
    "empty": good(LAST, body=b""),
}

BAD = {
    "size-empty": size(b""),
    "size-letter": size(b"g"),
    "size-negative": size(b"-5"),
    "size-plus": size(b"+5"),
    "size-prefix": size(b"0x5"),
    "size-leading-space": size(b" 5"),
    "size-leading-tab": size(b"\t5"),
    "size-two-numbers": size(b"5 5"),
    "size-underscored": size(b"0_5"),
    "size-nul": size(b"5\x00"),
    "size-vertical-tab": size(b"5\x0b"),
    "size-sixty-four-bits": size(b"ffffffffffffffff"),
    "size-sign-bit": size(b"8000000000000000"),
    "size-wraps-to-5": size(b"10000000000000005"),
    "size-three-hundred-digits": size(b"f" * 300),
    "size-bare-lf": bad(b"5\n12345\r\n" + LAST, why="Only CR LF ends a chunk's line."),
    "size-bare-cr": bad(b"5\r12345\r\n" + LAST),
    "data-bare-lf": bad(b"5\r\n12345\n" + LAST),
    "data-no-end": bad(b"5\r\n12345" + LAST),
    "data-two-other-bytes": bad(b"5\r\n12345XX" + LAST),
    "data-too-long": bad(b"5\r\n123456\r\n" + LAST),
    "data-too-short": bad(b"6\r\n12345\r\n" + LAST),
    "last-bare-lf": bad(FIVE + b"0\n\r\n"),
    "last-end-bare-lf": bad(FIVE + b"0\r\n\n"),
    "last-end-bare-cr": bad(FIVE + b"0\r\n\rX"),
    "last-0x0": bad(FIVE + b"0x0\r\n\r\n"),
    "last-negative": bad(FIVE + b"-0\r\n\r\n"),
    "extension-bare-lf": bad(b"5;a\n12345\r\n" + LAST, EXTENSION),
    "extension-bare-cr": bad(b"5;a\rb\r\n12345\r\n" + LAST, EXTENSION),
    "extension-nul": bad(b"5;a=\x00\r\n12345\r\n" + LAST, EXTENSION),
    "extension-endless": bad(b"5;" + b"a" * 100_000, EXTENSION),
    "spaces-endless": bad(b"5" + b" " * 100_000, EXTENSION),
    "a-response-instead": bad(response(b"Content-Length: 5")),
}

LATE = {
    "late-size-letter": late(b"g\r\n"),
    "late-size-empty": late(b"\r\n"),
    "late-size-overflow": late(b"f" * 17 + b"\r\n"),
    "late-data-end": late(b"2\r\nabX"),
    "late-bare-lf": late(b"2\nab\r\n" + LAST),
    "late-second-response": late(response(b"Content-Length: 5")),
    "late-trailer": late(b"0\r\nnonsense\r\n\r\n", TRAILER),
}

CUTS = {
    "cut-at-once": ended(b""),
    "cut-in-size": ended(b"5"),
    "cut-behind-size": ended(b"5\r\n"),
    "cut-in-data": ended(b"5\r\n123"),
    "cut-behind-data": ended(b"5\r\n12345"),
    "cut-behind-chunk": ended(FIVE),
    "cut-in-last-size": ended(FIVE + b"0"),
    "cut-behind-last-size": ended(FIVE + b"0\r\n"),
    "cut-in-the-end": ended(FIVE + b"0\r\n\r"),
    "cut-in-trailers": ended(FIVE + b"0\r\nX: y\r\n"),
    "reset-in-data": ResponseCase(RULE, (chunks(b"5\r\n123"), 0.02, RESET), cut()),
    "reset-behind-chunk": ResponseCase(RULE, (chunks(FIVE), 0.02, RESET), cut()),
    "cut-for-1.0": ResponseCase(RULE, (chunks(FIVE), 0.02, CLOSE), cut(), version=b"1.0"),
}

TRAILERS = {
    "trailer": ResponseCase(
        TRAILER, (chunks(trailer(b"X-A: 1", b"X-B: 2")),),
        passed(trailers={"X-A": ["1"], "X-B": ["2"]}),
    ),
    "trailer-for-1.0": ResponseCase(
        TRAILER, (chunks(trailer(b"X-A: 1")),), passed(keeps=False), version=b"1.0"
    ),
    "trailer-content-length": dropped(b"Content-Length: 9"),
    "trailer-transfer-encoding": dropped(b"Transfer-Encoding: chunked"),
    "trailer-connection": dropped(b"Connection: close"),
    "trailer-request-id": dropped(b"X-Request-ID: evil", "SecurityModel, about the ID"),
    "trailer-request-id-twin": dropped(b"X_Request_ID: evil", "SecurityModel, about the ID"),
    "trailer-content-type": dropped(b"Content-Type: text/html"),
    "trailer-upgrade": dropped(b"Upgrade: h2c"),
    "trailer-named-by-connection": dropped(
        b"X-Secret: a", "RFC 9110 section 7.6.1", b"Connection: X-Secret"
    ),
    "trailer-no-colon": bad(trailer(b"nonsense"), TRAILER),
    "trailer-space-before-colon": bad(trailer(b"X : a"), TRAILER),
    "trailer-folded": bad(trailer(b"X: a", b" b"), TRAILER),
    "trailer-bare-lf": bad(trailer(b"X: a\nY: b"), TRAILER),
    "trailer-bare-cr": bad(trailer(b"X: a\rY: b"), TRAILER),
    "trailer-nul": bad(trailer(b"X: a\x00b"), TRAILER),
    "trailer-name-no-token": bad(trailer(b"X@: a"), TRAILER),
    "trailer-flood-of-lines": bad(trailer(*[b"X-%d: a" % n for n in range(500)]), TRAILER),
    "trailer-flood-of-bytes": bad(trailer(b"X: " + b"a" * 50_000), TRAILER),
    "trailer-endless": bad(FIVE + b"0\r\n" + b"X: a\r\n" * 50_000, TRAILER),
}  # fmt: skip


def behind_size(byte: int) -> Answer | None:
    if byte in b"0123456789abcdefABCDEF":
        return None
    return passed() if byte in b" \t;" else cut()


SWEEPS = {
    "any-byte-behind-size": sweep(
        RULE, lambda byte: chunks(b"5" + byte + b"\r\n12345\r\n" + LAST), behind_size
    )
}

CASES = {**GOOD, **BAD, **LATE, **CUTS, **TRAILERS, **SWEEPS}
