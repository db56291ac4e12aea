"""Several requests on one connection, and what follows a rejected request."""

from __future__ import annotations

from dataclasses import replace

from .case import (
    CHUNKED,
    Case,
    Outcome,
    Seen,
    answered,
    get,
    last,
    left,
    post,
    refused,
    served,
    served_content,
    spoiled,
    then,
)

RULE = "RFC 9112 section 9.3.2"
LIMITS = "Operations, limits"
CLOSE = "RFC 9112 section 9.6"
EVIL = b"GET /evil HTTP/1.1\r\nHost: evil.test\r\n\r\n"
SECOND = get(target=b"/second")
SEEN_SECOND = served(target="/second")
SMALL = b"POST /small HTTP/1.1\r\nHost: a.test\r\n"
TOO_MUCH = Outcome((413,), probe=False, partial=True)


def own(*lines: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    return method + get(*lines, target=b"/own").removeprefix(b"GET") + body


def behind(bad: bytes, status: int = 400) -> Case:
    """A good request, a bad one, and an evil one that must never be read."""
    return Case(RULE, get() + bad + EVIL, then(served(), refused(status)))


IN_ORDER = {
    "two": Case(RULE, get() + SECOND, then(served(), SEEN_SECOND)),
    "ten": Case(
        RULE, b"".join(get(target=b"/%d" % number) for number in range(10)),
        Outcome((200,) * 10, tuple(Seen(target=f"/{number}") for number in range(10))),
    ),
    "content-between": Case(
        RULE, post(b"Content-Length: 5") + SECOND, then(served_content(), SEEN_SECOND)
    ),
    "chunks-between": Case(
        RULE, post(CHUNKED, body=b"5\r\n12345\r\n0\r\n\r\n") + SECOND,
        then(served_content(framing="chunked"), SEEN_SECOND),
    ),
    "trailers-between": Case(
        RULE, post(CHUNKED, body=b"0\r\nX: y\r\n\r\n") + SECOND,
        then(served_content(b"", framing="chunked"), SEEN_SECOND),
    ),
    "own-answers-between": Case(
        RULE, get() + own() + SECOND, then(then(served(), answered(200)), SEEN_SECOND)
    ),
    "own-answer-with-content": Case(
        RULE, own(b"Content-Length: 5", method=b"POST", body=b"12345") + SECOND,
        then(answered(200), SEEN_SECOND),
    ),
    "own-answer-content-like-a-request": Case(
        RULE, own(b"Content-Length: %d" % len(EVIL), method=b"POST", body=EVIL) + SECOND,
        then(answered(200), SEEN_SECOND), why="What the length covers is content.",
    ),
    "own-answer-with-chunks": Case(
        RULE, own(CHUNKED, method=b"POST", body=b"5\r\n12345\r\n0\r\n\r\n") + SECOND,
        then(answered(200), SEEN_SECOND),
    ),
    "own-answer-with-bad-chunks": Case(
        RULE, own(CHUNKED, method=b"POST", body=b"zz\r\n" + EVIL), last(answered(200))
    ),
    "own-answer-with-bad-length": Case(
        RULE, own(b"Content-Length: x", method=b"POST", body=EVIL), refused()
    ),
    "own-answer-on-1.0": Case(
        RULE, b"GET /own HTTP/1.0\r\n\r\n" + EVIL, last(answered(200))
    ),
    "own-answer-to-close": Case(CLOSE, own(b"Connection: close") + EVIL, last(answered(200))),
    "own-answer-to-head": Case(
        RULE, own(method=b"HEAD") + SECOND, then(answered(200), SEEN_SECOND)
    ),
}  # fmt: skip

REFUSED_BEHIND = {
    "space-before-colon": behind(get(b"X : a")),
    "two-lengths": behind(post(b"Content-Length: 5", b"Content-Length: 6")),
    "both-framings": behind(post(b"Content-Length: 5", CHUNKED)),
    "bad-chunk": Case(
        RULE, get() + post(CHUNKED, body=b"zz\r\n") + EVIL,
        replace(then(served(), spoiled()), partial=True),
    ),
    "no-host": behind(b"GET / HTTP/1.1\r\n\r\n"),
    "garbage": behind(b"\x00\x01\x02\r\n\r\n"),
    "version": behind(b"GET / HTTP/2.0\r\n\r\n", 505),
    "expectation": behind(get(b"Expect: cow"), 417),
    "known-coding": behind(post(b"Transfer-Encoding: gzip, chunked"), 501),
    "connect": behind(b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n", 501),
    "too-long": behind(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
    "bad-path": behind(get(target=b"/../..")),
}

CLOSED = {
    "close": Case(CLOSE, get(b"Connection: close") + EVIL, last(served())),
    "close-with-content": Case(
        CLOSE, post(b"Connection: close", b"Content-Length: 5") + EVIL, last(served_content())
    ),
    "close-on-second": Case(
        CLOSE, get() + get(b"Connection: close", target=b"/second") + EVIL,
        last(then(served(), SEEN_SECOND)),
    ),
    "version-1.0": Case(CLOSE, get(version=b"1.0") + EVIL, last(served())),
    "half-closed": Case(CLOSE, get() + SECOND, last(then(served(), SEEN_SECOND)), ends=True),
    "half-closed-in-second": Case(
        CLOSE, get() + b"GET /second HTTP/1.1\r\n", then(served(), left()), ends=True
    ),
}

TOO_LARGE = {
    "length": Case(
        LIMITS, SMALL + b"Content-Length: 11\r\n\r\n" + b"12345678901", answered(413)
    ),
    "length-like-a-request": Case(
        LIMITS, SMALL + b"Content-Length: %d\r\n\r\n" % len(EVIL) + EVIL, answered(413)
    ),
    "length-unsent": Case(
        LIMITS, SMALL + b"Content-Length: 5000000\r\n\r\n", refused(413)
    ),
    "chunks": Case(
        LIMITS, SMALL + CHUNKED + b"\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n" + EVIL,
        TOO_MUCH,
    ),
    "chunks-of-one": Case(
        LIMITS, SMALL + CHUNKED + b"\r\n\r\n" + b"1\r\nx\r\n" * 20 + b"0\r\n\r\n" + EVIL,
        TOO_MUCH,
    ),
    "chunk-size-alone": Case(
        LIMITS, SMALL + CHUNKED + b"\r\n\r\nffffff\r\n" + b"x" * 100 + EVIL,
        TOO_MUCH,
    ),
    "exactly": Case(
        LIMITS, SMALL + b"Content-Length: 10\r\n\r\n1234567890",
        served_content(b"1234567890", target="/small"),
    ),
    "chunks-exactly": Case(
        LIMITS, SMALL + CHUNKED + b"\r\n\r\na\r\n1234567890\r\n0\r\n\r\n",
        served_content(b"1234567890", framing="chunked", target="/small"),
    ),
    "expecting": Case(
        LIMITS, SMALL + b"Expect: 100-continue\r\nContent-Length: 11\r\n\r\n" + EVIL,
        refused(413),
    ),
}  # fmt: skip

HEADS = {
    "ninety-nine-fields": Case(
        LIMITS, get(*[b"X-%d: a" % number for number in range(99)]), served()
    ),
    "a-hundred-and-one-fields": Case(
        LIMITS, get(*[b"X-%d: a" % number for number in range(100)]), refused(431)
    ),
    "line-of-8000": Case(LIMITS, get(b"X: " + b"a" * 8000), served()),
    "line-of-9000": Case(LIMITS, get(b"X: " + b"a" * 9000), refused(431)),
    "name-of-9000": Case(LIMITS, get(b"X" * 9000 + b": a"), refused(431)),
    "name-of-60000": Case(LIMITS, get(b"X" * 60_000 + b": a"), refused(431)),
    "head-of-30000": Case(LIMITS, get(*[b"X: " + b"a" * 7000] * 4), served()),
    "head-of-40000": Case(LIMITS, get(*[b"X: " + b"a" * 7000] * 6), refused(431)),
    "endless-value": Case(LIMITS, get()[:-2] + b"X: " + b"a" * 200_000, refused(431)),
    "endless-name": Case(LIMITS, get()[:-2] + b"X" * 200_000, refused(431)),
    "endless-fields": Case(LIMITS, get()[:-2] + b"X: a\r\n" * 50_000, refused(431)),
}

CASES = {
    **{f"in-order-{name}": case for name, case in IN_ORDER.items()},
    **{f"behind-{name}": case for name, case in REFUSED_BEHIND.items()},
    **{f"closed-{name}": case for name, case in CLOSED.items()},
    **{f"too-large-{name}": case for name, case in TOO_LARGE.items()},
    **{f"head-{name}": case for name, case in HEADS.items()},
}
