"""Status lines and field lines from backends."""

from __future__ import annotations

from harness.backend import CLOSE, RESET

from .field_bytes import TOKEN, is_control
from .response_case import (
    LENGTH,
    OK,
    Answer,
    ResponseCase,
    bad,
    bad_gateway,
    good,
    passed,
    response,
    sweep,
)

STATUS = "RFC 9112 section 4"
LINE = "RFC 9112 section 2.2"
NAME = "RFC 9112 section 5.1"
FOLD = "RFC 9112 section 5.2"
VALUE = "RFC 9110 section 5.5"
LIMIT = "Operations, limits"
REST = b"\r\n" + LENGTH + b"\r\n12345"


def status(line: bytes, why: str = "", closes: bool = False) -> ResponseCase:
    """A status line that is none."""
    return bad(STATUS, line + REST, why, closes)


def field(line: bytes, rule: str = VALUE, why: str = "") -> ResponseCase:
    return bad(rule, OK + line + b"\r\n" + LENGTH + b"\r\n12345", why)


def kept(line: bytes) -> ResponseCase:
    name, _, value = line.decode("latin-1").partition(":")
    return good(VALUE, response(line, LENGTH[:-2]), fields={name: [value.strip(" \t")]})


def hidden(line: bytes, rule: str = "RFC 9110 section 7.6.1") -> ResponseCase:
    """A field that concerns the backend's connection alone."""
    name = line.decode("latin-1").partition(":")[0]
    return good(rule, response(line, LENGTH[:-2]), fields={name: []})


STATUSES = {
    "no-http": status(b"SSH-2.0-OpenSSH_9.2"),
    "text": status(b"hello world"),
    "html": status(b"<html><body>hello</body></html>"),
    "empty-line": bad(STATUS, b"\r\n" + response(LENGTH[:-2]), "No line may stand before it."),
    "space-before": status(b" HTTP/1.1 200 OK"),
    "two-digits": status(b"HTTP/1.1 20 OK"),
    "four-digits": status(b"HTTP/1.1 2000 OK"),
    "one-digit": status(b"HTTP/1.1 2 OK"),
    "letters": status(b"HTTP/1.1 abc OK"),
    "letter-behind": status(b"HTTP/1.1 200a OK"),
    "negative": status(b"HTTP/1.1 -20 OK"),
    "plus": status(b"HTTP/1.1 +20 OK"),
    "hexadecimal": status(b"HTTP/1.1 0xc OK"),
    "zero": status(b"HTTP/1.1 000 OK"),
    "below-100": status(b"HTTP/1.1 099 OK"),
    "missing": status(b"HTTP/1.1"),
    "missing-with-space": status(b"HTTP/1.1 "),
    "reason-only": status(b"HTTP/1.1 OK"),
    "two-spaces-before": status(b"HTTP/1.1  200 OK"),
    "tab-before": status(b"HTTP/1.1\t200 OK"),
    "tab-behind": status(b"HTTP/1.1 200\tOK"),
    "no-space": status(b"HTTP/1.1200 OK"),
    "lowercase": status(b"http/1.1 200 OK"),
    "icy": status(b"ICY 200 OK"),
    "http-2": status(b"HTTP/2.0 200 OK"),
    "http-0.9": status(b"HTTP/0.9 200 OK"),
    "http-1": status(b"HTTP/1 200 OK"),
    "http-1.10": status(b"HTTP/1.10 200 OK"),
    "a-request": status(b"GET / HTTP/1.1"),
    "tls-alert": bad(STATUS, b"\x15\x03\x01\x00\x02\x02\x46", closes=True),
    "nul-bytes": bad(STATUS, b"\x00" * 50, closes=True),
    "nul-in-reason": status(b"HTTP/1.1 200 O\x00K"),
    "control-in-reason": status(b"HTTP/1.1 200 O\x08K"),
    "carriage-return-in-reason": status(b"HTTP/1.1 200 O\rK"),
    "reason-empty": good(STATUS, b"HTTP/1.1 200 " + REST),
    "reason-missing": good(STATUS, b"HTTP/1.1 200" + REST),
    "reason-long": good(STATUS, b"HTTP/1.1 200 " + b"a" * 1000 + REST),
    "reason-obs-text": good(STATUS, b"HTTP/1.1 200 d\xe9j\xe0" + REST),
    "reason-tab": good(STATUS, b"HTTP/1.1 200 all\tgood" + REST),
    "http-1.2": good(STATUS, b"HTTP/1.2 200 OK" + REST),
    "status-299": ResponseCase(STATUS, (b"HTTP/1.1 299 New" + REST,), Answer(299, b"12345")),
    "status-599": ResponseCase(STATUS, (b"HTTP/1.1 599 New" + REST,), Answer(599, b"12345")),
    "status-666": ResponseCase(STATUS, (b"HTTP/1.1 666 New" + REST,), Answer(666, b"12345")),
    "status-999": ResponseCase(STATUS, (b"HTTP/1.1 999 New" + REST,), Answer(999, b"12345")),
}

LINES = {
    "bare-lf-everywhere": bad(LINE, b"HTTP/1.1 200 OK\nContent-Length: 5\n\n12345"),
    "bare-lf-behind-status": bad(LINE, b"HTTP/1.1 200 OK\n" + LENGTH + b"\r\n12345"),
    "bare-lf-behind-field": bad(LINE, OK + b"X: y\n" + LENGTH + b"\r\n12345"),
    "bare-lf-as-empty-line": bad(LINE, OK + LENGTH + b"\n12345"),
    "bare-lf-hides-a-length": bad(
        LINE, OK + b"X: y\nContent-Length: 1\r\n" + LENGTH + b"\r\n12345"
    ),
    "bare-cr-behind-status": bad(LINE, b"HTTP/1.1 200 OK\r" + LENGTH + b"\r\n12345"),
    "bare-cr-in-value": field(b"X: a\rb", LINE),
    "bare-cr-before-cr-lf": field(b"X: a\r", LINE),
    "bare-cr-as-empty-line": bad(LINE, OK + LENGTH + b"\rX12345"),
    "space-before-colon": field(b"X : a", NAME),
    "tab-before-colon": field(b"X\t: a", NAME),
    "space-in-name": field(b"X Y: a", NAME),
    "empty-name": field(b": a", NAME),
    "no-colon": field(b"nonsense", NAME),
    "name-no-token": field(b"X@Y: a", NAME),
    "byte-in-name": field(b"X\xe9: a", NAME),
    "nul-in-name": field(b"X\x00: a", NAME),
    "first-line-blank": bad(NAME, OK + b" X: a\r\n" + LENGTH + b"\r\n12345"),
    "folded": field(b"X: a\r\n b", FOLD),
    "folded-by-tab": field(b"X: a\r\n\tb", FOLD),
    "folded-empty": field(b"X:\r\n b", FOLD),
    "folded-cookie": field(b"Set-Cookie: a=b;\r\n Secure", FOLD),
    "nul-in-value": field(b"X: a\x00b"),
    "control-in-value": field(b"X: a\x01b"),
    "delete-in-value": field(b"X: a\x7fb"),
    "escape-in-value": field(b"X: \x1b[31m"),
    "obs-text": kept(b"X: d\xe9j\xe0"),
    "tab-in-value": kept(b"X: a\tb"),
    "empty-value": kept(b"X:"),
    "blanks-around": kept(b"X: \t a \t "),
    "underscore": kept(b"X_Y: a"),
    "name-of-symbols": kept(b"!#$%&'*+-.^_`|~: a"),
    "long-value": kept(b"X: " + b"a" * 20_000),
    "hundred-fields": good(
        LIMIT, response(*[b"X-%d: a" % n for n in range(100)], LENGTH[:-2]), fields={"X-99": ["a"]}
    ),
}

HIDDEN = {
    "request-id": good(
        "SecurityModel, about the ID", response(b"X-Request-ID: evil", LENGTH[:-2])
    ),
    "request-id-twin": hidden(b"X_Request_ID: evil", "SecurityModel, about the ID"),
    "two-request-ids": good(
        "SecurityModel, about the ID", response(b"X-Request-ID: a", b"X-Request-ID: b", LENGTH[:-2])
    ),
    "keep-alive": hidden(b"Keep-Alive: timeout=5"),
    "proxy-connection": hidden(b"Proxy-Connection: close"),
    "te": hidden(b"TE: trailers"),
    "upgrade": hidden(b"Upgrade: h2c"),
    "named-by-connection": good(
        "RFC 9110 section 7.6.1", response(b"X-A: a", b"Connection: X-A", LENGTH[:-2]),
        fields={"X-A": [], "Connection": []},
    ),
    "id-named-by-connection": good(
        "SecurityModel, about the ID", response(b"Connection: X-Request-ID", LENGTH[:-2])
    ),
}  # fmt: skip

LIMITS = {
    "too-many-fields": bad(LIMIT, response(*[b"X-%d: a" % n for n in range(200)], LENGTH[:-2])),
    "status-line-too-long": bad(LIMIT, b"HTTP/1.1 200 " + b"a" * 100_000 + REST),
    "field-too-long": bad(LIMIT, response(b"X: " + b"a" * 200_000, LENGTH[:-2])),
    "name-too-long": bad(LIMIT, response(b"X" * 100_000 + b": a", LENGTH[:-2])),
    "endless-head": bad(LIMIT, OK + b"X: a\r\n" * 100_000),
    "endless-status-line": bad(LIMIT, b"HTTP/1.1 200 " + b"a" * 500_000),
}

CUTS = {
    "nothing": ResponseCase(STATUS, (CLOSE,), bad_gateway()),
    "reset": ResponseCase(STATUS, (RESET,), bad_gateway()),
    "half-a-status-line": ResponseCase(STATUS, (b"HTTP/1.1 2", CLOSE), bad_gateway()),
    "status-line-only": ResponseCase(STATUS, (OK, CLOSE), bad_gateway()),
    "half-a-field": ResponseCase(STATUS, (OK + b"X: a", CLOSE), bad_gateway()),
    "no-empty-line": ResponseCase(STATUS, (OK + LENGTH, CLOSE), bad_gateway()),
    "half-an-empty-line": ResponseCase(STATUS, (OK + LENGTH + b"\r", CLOSE), bad_gateway()),
    "reset-in-head": ResponseCase(STATUS, (OK + LENGTH, 0.02, RESET), bad_gateway()),
}


def in_value(byte: int) -> Answer:
    if is_control(byte) and byte != 0x09:
        return bad_gateway()
    return passed(fields={"X": [f"a{chr(byte)}b"]})


def in_name(byte: int) -> Answer | None:
    if byte == 0x3A:
        return passed(fields={"A": ["B: c"]})
    return passed(fields={f"A{chr(byte)}B": ["c"]}) if byte in TOKEN else bad_gateway()


def in_reason(byte: int) -> Answer:
    return bad_gateway() if is_control(byte) and byte != 0x09 else passed()


SWEEPS = {
    "any-byte-in-value": sweep(
        VALUE, lambda byte: response(b"X: a" + byte + b"b", LENGTH[:-2]), in_value
    ),
    "any-byte-in-name": sweep(
        NAME, lambda byte: response(b"A" + byte + b"B: c", LENGTH[:-2]), in_name
    ),
    "any-byte-in-reason": sweep(
        STATUS, lambda byte: b"HTTP/1.1 200 O" + byte + b"K" + REST, in_reason
    ),
    "any-byte-behind-status": sweep(
        STATUS, lambda byte: b"HTTP/1.1 200" + byte + b"OK" + REST,
        lambda byte: passed() if byte == 0x20 else bad_gateway(),
    ),
}  # fmt: skip

CASES = {
    **{f"status-{name}": case for name, case in STATUSES.items()},
    **{f"line-{name}": case for name, case in LINES.items()},
    **{f"hidden-{name}": case for name, case in HIDDEN.items()},
    **{f"limit-{name}": case for name, case in LIMITS.items()},
    **{f"cut-{name}": case for name, case in CUTS.items()},
    **SWEEPS,
}
