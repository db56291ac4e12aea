"""Unexpected responses: interim, unsolicited, with forbidden content, leftovers."""

from __future__ import annotations

from harness.backend import CLOSE

from .response_case import (
    CHUNKED,
    LENGTH,
    OK,
    Answer,
    ResponseCase,
    bad,
    bad_gateway,
    passed,
    response,
)

INTERIM = "RFC 9110 section 15.2"
SWITCH = "RFC 9110 section 7.8"
EMPTY = "RFC 9112 section 6.3"
REST = "RFC 9112 section 9.2"
LIMIT = "Operations, limits"
FINAL = response(LENGTH[:-2])
EVIL = response(b"Content-Length: 4", body=b"evil")
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
FLOODED = Answer(502, interim=(103,) * 16, reuses=False)
ASK = b"Connection: upgrade\r\nUpgrade: websocket\r\n"
ONCE = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"


def interim(status: bytes, *statuses: int, fields: bytes = b"") -> ResponseCase:
    """Interim responses before the final one; `statuses` are those that pass."""
    head = b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n"
    return ResponseCase(INTERIM, (head + FINAL,), passed(interim=statuses))


def switched(head: bytes, request: bytes = b"", why: str = "") -> ResponseCase:
    """A change of protocols that nobody has asked for."""
    return ResponseCase(SWITCH, (head + b"\r\n",), bad_gateway(), request=request, why=why)


def empty(status: bytes, *lines: bytes, body: bytes = b"12345") -> ResponseCase:
    """Content behind a head that can't have any: it goes nowhere, nor does the connection."""
    code = int(status[:3])
    data = response(*lines, status=status, body=body)
    return ResponseCase(EMPTY, (data,), Answer(code, reuses=False))


def headless(*lines: bytes, body: bytes = b"12345") -> ResponseCase:
    """Content in an answer to HEAD."""
    data = response(*lines, body=body)
    return ResponseCase(EMPTY, (data,), passed(b"", reuses=False), method=b"HEAD")


def leftover(data: bytes, first: bytes = FINAL) -> ResponseCase:
    """Bytes behind a whole response, in the same piece."""
    return ResponseCase(REST, (first + data,), passed(reuses=False))


def unasked(data: bytes) -> ResponseCase:
    """Bytes on a connection that is idle again."""
    steps = (FINAL, 0.03, data)
    return ResponseCase(REST, steps, passed(reuses=False), pause=0.08)


INTERIMS = {
    "100": interim(b"100 Continue", 100),
    "102": interim(b"102 Processing", 102),
    "103": interim(b"103 Early Hints", 103, fields=b"Link: </a>\r\n"),
    "199": interim(b"199 New", 199),
    "three": ResponseCase(
        INTERIM, (HINTS * 3 + FINAL,), passed(interim=(103, 103, 103))
    ),
    "in-pieces": ResponseCase(
        INTERIM, (HINTS[:20], 0.01, HINTS[20:], 0.01, FINAL), passed(interim=(103,))
    ),
    "for-1.0": ResponseCase(
        INTERIM, (HINTS + FINAL,), passed(keeps=False), version=b"1.0",
        why="HTTP/1.0 knows no interim responses.",
    ),
    "sixteen": ResponseCase(LIMIT, (HINTS * 16 + FINAL,), passed(interim=(103,) * 16)),
    "flood": ResponseCase(LIMIT, (HINTS * 10_000,), FLOODED),
    "flood-then-final": ResponseCase(LIMIT, (HINTS * 100 + FINAL,), FLOODED),
    "with-length": ResponseCase(
        INTERIM, (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + FINAL,),
        passed(interim=(103,)),
    ),
    "with-content": ResponseCase(
        INTERIM, (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n12345" + FINAL,),
        Answer(502, interim=(103,), reuses=False),
        why="An interim response has no content: what follows is the next head.",
    ),
    "malformed": bad(INTERIM, b"HTTP/1.1 103 Early Hints\r\nX : a\r\n\r\n" + FINAL),
    "both-framings": bad(
        INTERIM, b"HTTP/1.1 100 Continue\r\n" + LENGTH + CHUNKED + b"\r\n" + FINAL
    ),
    "then-nothing": ResponseCase(INTERIM, (b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE), Answer(
        502, interim=(100,), reuses=False
    )),
    "id-of-the-backend": ResponseCase(
        "SecurityModel, about the ID",
        (b"HTTP/1.1 103 Early Hints\r\nX-Request-ID: evil\r\n\r\n" + FINAL,),
        passed(interim=(103,)),
    ),
}  # fmt: skip

SWITCHES = {
    "unasked": switched(ONCE + b"Upgrade: websocket\r\n", why="Nobody has asked for it."),
    "unasked-without-upgrade": switched(b"HTTP/1.1 101 Switching Protocols\r\n"),
    "unasked-then-final": ResponseCase(
        SWITCH, (ONCE + b"Upgrade: websocket\r\n\r\n" + FINAL,), bad_gateway()
    ),
    "asked-without-upgrade": switched(ONCE, ASK),
    "asked-for-h2c": switched(
        ONCE + b"Upgrade: h2c\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n"
    ),
    "h2c-without-connection": switched(ONCE + b"Upgrade: h2c\r\n", b"Upgrade: h2c\r\n"),
    "to-1.0": ResponseCase(
        SWITCH, (ONCE + b"Upgrade: websocket\r\n\r\n",),
        Answer(502, reuses=False, keeps=False), request=ASK, version=b"1.0",
    ),
    "declined": ResponseCase(SWITCH, (FINAL,), passed(), request=ASK),
    "required": ResponseCase(
        SWITCH, (response(LENGTH[:-2], b"Upgrade: websocket", status=b"426 Upgrade Required"),),
        Answer(426, b"12345"),
    ),
}  # fmt: skip

EMPTIES = {
    "204": ResponseCase(EMPTY, (response(status=b"204 No Content", body=b""),), Answer(204)),
    "304": ResponseCase(EMPTY, (response(status=b"304 Not Modified", body=b""),), Answer(304)),
    "204-with-content": empty(b"204 No Content"),
    "204-with-length": empty(b"204 No Content", LENGTH[:-2]),
    "204-with-length-only": ResponseCase(
        "RFC 9110 section 8.6", (response(LENGTH[:-2], status=b"204 No Content", body=b""),),
        Answer(204, fields={"Content-Length": []}),
    ),
    "204-with-chunks": empty(b"204 No Content", CHUNKED[:-2], body=b"5\r\n12345\r\n0\r\n\r\n"),
    "204-chunked-only": ResponseCase(
        "RFC 9112 section 6.1", (response(CHUNKED[:-2], status=b"204 No Content", body=b""),),
        Answer(204, fields={"Transfer-Encoding": []}),
    ),
    "204-with-a-response": empty(b"204 No Content", body=EVIL),
    "304-with-content": empty(b"304 Not Modified"),
    "304-with-length": empty(b"304 Not Modified", LENGTH[:-2]),
    "304-with-length-only": ResponseCase(
        EMPTY, (response(LENGTH[:-2], status=b"304 Not Modified", body=b""),),
        Answer(304, fields={"Content-Length": ["5"]}),
    ),
    "304-with-a-response": empty(b"304 Not Modified", body=EVIL),
    "head": ResponseCase(
        EMPTY, (response(LENGTH[:-2], body=b""),),
        passed(b"", fields={"Content-Length": ["5"]}), method=b"HEAD",
    ),
    "head-chunked": ResponseCase(
        EMPTY, (response(CHUNKED[:-2], body=b""),), passed(b""), method=b"HEAD"
    ),
    "head-no-framing": ResponseCase(EMPTY, (response(body=b""),), passed(b""), method=b"HEAD"),
    "head-with-content": headless(LENGTH[:-2]),
    "head-with-chunks": headless(CHUNKED[:-2], body=b"5\r\n12345\r\n0\r\n\r\n"),
    "head-with-a-response": headless(LENGTH[:-2], body=EVIL),
    "head-with-two-lengths": ResponseCase(
        EMPTY, (response(LENGTH[:-2], b"Content-Length: 6", body=b""),), bad_gateway(),
        method=b"HEAD",
    ),
    "205-with-content": ResponseCase(
        "RFC 9110 section 15.3.6", (response(LENGTH[:-2], status=b"205 Reset Content"),),
        Answer(205, b"12345"),
    ),
}  # fmt: skip

LEFTOVERS = {
    "junk": leftover(b"junk"),
    "one-byte": leftover(b"x"),
    "line-end": leftover(b"\r\n"),
    "a-response": leftover(EVIL),
    "half-a-response": leftover(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "longer-content": ResponseCase(
        REST, (response(b"Content-Length: 5", body=b"12345678"),), passed(reuses=False)
    ),
    "behind-chunks": leftover(
        EVIL, first=response(CHUNKED[:-2], body=b"5\r\n12345\r\n0\r\n\r\n")
    ),
    "junk-behind-chunks": leftover(
        b"\r\n", first=response(CHUNKED[:-2], body=b"5\r\n12345\r\n0\r\n\r\n")
    ),
    "behind-trailers": leftover(
        EVIL, first=response(CHUNKED[:-2], body=b"5\r\n12345\r\n0\r\nX: y\r\n\r\n")
    ),
    "interim-behind": leftover(HINTS),
    "timeout-behind": leftover(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
    "many-responses": leftover(EVIL * 1000),
}

IDLE = {
    "junk": unasked(b"junk"),
    "a-response": unasked(EVIL),
    "half-a-response": unasked(OK + LENGTH),
    "timeout": unasked(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
    "line-end": unasked(b"\r\n"),
    "close": ResponseCase(REST, (FINAL, 0.03, CLOSE), passed(reuses=False), pause=0.08),
    "close-at-once": ResponseCase(REST, (FINAL, CLOSE), passed(reuses=False), pause=0.08),
}

CASES = {
    **{f"interim-{name}": case for name, case in INTERIMS.items()},
    **{f"switch-{name}": case for name, case in SWITCHES.items()},
    **{f"empty-{name}": case for name, case in EMPTIES.items()},
    **{f"behind-{name}": case for name, case in LEFTOVERS.items()},
    **{f"idle-{name}": case for name, case in IDLE.items()},
}
