"""Trailer fields, which must not act as header fields."""

from __future__ import annotations

from .case import CHUNKED, Case, Outcome, post, served_content, spoiled, sweep

RULE = "RFC 9110 section 6.5.1"
SYNTAX = "RFC 9112 section 7.1.2"
TRUST = "SecurityModel, whom Waybill trusts"
TWIN = "ARCHITECTURE, differences from nginx"


def content(*trailers: bytes, lines: tuple[bytes, ...] = ()) -> bytes:
    section = b"".join(line + b"\r\n" for line in trailers)
    return post(*lines, CHUNKED, body=b"5\r\n12345\r\n0\r\n" + section + b"\r\n")


def passed(name: str, value: str = "a") -> Case:
    """A trailer field that is forwarded."""
    outcome = served_content(framing="chunked", trailers={name: [value]})
    return Case(SYNTAX, content(f"{name}: {value}".encode("latin-1")), outcome)


def dropped(line: bytes, rule: str = RULE, lines: tuple[bytes, ...] = ()) -> Case:
    """A trailer field that goes nowhere, neither as a trailer nor into the head."""
    name = line.partition(b":")[0].decode("latin-1")
    outcome = served_content(framing="chunked", trailers={name: [], "X-Last": ["z"]})
    return Case(rule, content(line, b"X-Last: z", lines=lines), outcome)


def bad(*trailers: bytes, why: str = "") -> Case:
    """A trailer section that must never complete a request."""
    return Case(SYNTAX, content(*trailers), spoiled(), why=why)


PASSED = {
    "ordinary": passed("X-Checksum"),
    "digest": passed("Content-Digest", "sha-256=:AA==:"),
    "server-timing": passed("Server-Timing", "db;dur=5"),
    "empty-value": passed("X-Empty", ""),
    "long-value": passed("X-Long", "v" * 4000),
    "several": Case(
        SYNTAX, content(b"X-A: 1", b"X-B: 2", b"X-A: 3"),
        served_content(framing="chunked", trailers={"X-A": ["1", "3"], "X-B": ["2"]}),
    ),
    "announced": Case(
        "RFC 9110 section 6.6.2", content(b"X-A: 1", lines=(b"Trailer: X-A",)),
        served_content(framing="chunked", trailers={"X-A": ["1"]}, fields={"Trailer": ["X-A"]}),
    ),
    "a-hundred": Case(
        SYNTAX, content(*[b"X-%d: a" % number for number in range(100)]),
        served_content(framing="chunked", trailers={"X-99": ["a"]}),
    ),
}  # fmt: skip

DROPPED = {
    "content-length": dropped(b"Content-Length: 99"),
    "transfer-encoding": dropped(b"Transfer-Encoding: chunked"),
    "host": dropped(b"Host: evil.test"),
    "connection": dropped(b"Connection: close"),
    "keep-alive": dropped(b"Keep-Alive: timeout=5"),
    "te": dropped(b"TE: trailers"),
    "trailer": dropped(b"Trailer: X"),
    "upgrade": dropped(b"Upgrade: websocket"),
    "proxy-connection": dropped(b"Proxy-Connection: keep-alive"),
    "expect": dropped(b"Expect: 100-continue"),
    "content-type": dropped(b"Content-Type: text/html"),
    "request-id": dropped(b"X-Request-ID: evil", "SecurityModel, about the ID"),
    "request-id-lowercase": dropped(b"x-request-id: evil", "SecurityModel, about the ID"),
    "request-id-twin": dropped(b"X_Request_ID: evil", "SecurityModel, about the ID"),
    "forwarded": dropped(b"Forwarded: for=1.2.3.4", TRUST),
    "forwarded-for": dropped(b"X-Forwarded-For: 1.2.3.4", TRUST),
    "forwarded-for-twin": dropped(b"X_Forwarded_For: 1.2.3.4", TRUST),
    "forwarded-host": dropped(b"X-Forwarded-Host: evil", TRUST),
    "forwarded-proto": dropped(b"X-Forwarded-Proto: https", TRUST),
    "forwarded-port": dropped(b"X-Forwarded-Port: 443", TRUST),
    "real-ip": dropped(b"X-Real-IP: 1.2.3.4", TRUST),
    "content-length-twin": dropped(b"Content_Length: 99", TWIN),
    "transfer-encoding-twin": dropped(b"Transfer_Encoding: chunked", TWIN),
    "named-by-connection": dropped(
        b"X-Secret: a", "RFC 9110 section 7.6.1", (b"Connection: X-Secret",)
    ),
}

BAD = {
    "no-colon": bad(b"nonsense"),
    "a-request-line": bad(b"GET /evil HTTP/1.1"),
    "empty-name": bad(b": a"),
    "space-before-colon": bad(b"X-A : a"),
    "space-in-name": bad(b"X A: a"),
    "folded": bad(b"X-A: a", b" b"),
    "folded-first": bad(b" X-A: a"),
    "bare-lf": bad(b"X-A: a\nX-B: b"),
    "bare-lf-end": Case(
        SYNTAX, post(CHUNKED, body=b"5\r\n12345\r\n0\r\nX: y\n\n"), spoiled(),
        why="Only CR LF ends a line.",
    ),
    "bare-cr": bad(b"X-A: a\rX-B: b"),
    "nul-in-value": bad(b"X-A: a\x00b"),
    "control-in-value": bad(b"X-A: a\x08b"),
    "delete-in-value": bad(b"X-A: a\x7fb"),
    "name-no-token": bad(b"X@A: a"),
    "byte-in-name": bad(b"X\xe9: a"),
    "line-of-9000-bytes": bad(b"X-A: " + b"a" * 9000),
    "flood-of-lines": bad(*[b"X-%d: a" % number for number in range(500)]),
    "flood-of-bytes": bad(*[b"X-%d: %s" % (number, b"a" * 900) for number in range(90)]),
    "second-request-id-bad": bad(b"X-Request-ID: a\x00b"),
}  # fmt: skip

TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def judge_in_name(byte: int) -> Outcome | None:
    """A byte in a trailer's name; a colon ends the name."""
    return served_content(framing="chunked") if byte in TOKEN + b":" else spoiled()


def judge_in_value(byte: int) -> Outcome:
    is_control = byte < 0x20 and byte != 0x09 or byte == 0x7F
    return spoiled() if is_control else served_content(framing="chunked")


SWEEPS = {
    "any-byte-in-name": sweep(
        SYNTAX, lambda byte: content(b"A" + byte + b"B: c"), judge_in_name
    ),
    "any-byte-in-value": sweep(
        SYNTAX, lambda byte: content(b"A: b" + byte + b"c"), judge_in_value
    ),
}

CASES = {**PASSED, **DROPPED, **BAD, **SWEEPS}
