"""Responses whose end two recipients may see in different places."""

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
    cut,
    good,
    passed,
    response,
    sweep,
)

RULE = "RFC 9112 section 6.3"
CODING = "RFC 9112 section 6.1"
GRAMMAR = "RFC 9110 section 8.6"
BODY = b"5\r\n12345\r\n0\r\n\r\n"
END = passed(reuses=False)


def length(text: bytes, why: str = "") -> ResponseCase:
    """A value that is no length."""
    return bad(GRAMMAR, response(b"Content-Length: " + text), why)


def coding(text: bytes, why: str = "") -> ResponseCase:
    """A value that is not exactly chunked."""
    return bad(CODING, response(b"Transfer-Encoding:" + text, body=BODY), why)


def both(*lines: bytes) -> ResponseCase:
    return bad(RULE, response(*lines, body=BODY), "Who reads the other field sees another end.")


LENGTHS = {
    "length-word": length(b"five"),
    "length-negative": length(b"-5"),
    "length-plus": length(b"+5"),
    "length-hexadecimal": length(b"0x5"),
    "length-fraction": length(b"5.0"),
    "length-exponent": length(b"5e0"),
    "length-quoted": length(b'"5"'),
    "length-letter-behind": length(b"5a"),
    "length-semicolon": length(b"5;"),
    "length-two-numbers": length(b"5 5"),
    "length-vertical-tab": length(b"\x0b5"),
    "length-nul": length(b"5\x00"),
    "length-no-break-space": length(b"\xa05"),
    "length-empty": bad(GRAMMAR, response(b"Content-Length:")),
    "length-blank": length(b"  "),
    "length-two-to-63": length(b"9223372036854775808"),
    "length-two-to-64-and-5": length(b"18446744073709551621"),
    "length-forty-nines": length(b"9" * 40),
    "length-list-equal": length(b"5, 5"),
    "length-list-different": length(b"5, 6"),
    "length-list-comma": length(b"5,"),
    "length-twice-equal": bad(RULE, response(b"Content-Length: 5", b"Content-Length: 5")),
    "length-twice-different": bad(RULE, response(b"Content-Length: 5", b"Content-Length: 6")),
    "length-twice-larger-first": bad(RULE, response(b"Content-Length: 6", b"Content-Length: 5")),
    "length-twice-zero-first": bad(RULE, response(b"Content-Length: 0", b"Content-Length: 5")),
    "length-twice-far-apart": bad(
        RULE,
        response(b"Content-Length: 5", *[b"X-%d: a" % n for n in range(60)], b"Content-Length: 6"),
    ),
    "length-folded": bad(RULE, response(b"Content-Length:", b" 5")),
    "length-space-before-colon": bad(RULE, response(b"Content-Length : 5")),
    "length-leading-zero": good(GRAMMAR, response(b"Content-Length: 05")),
    "length-tabs": good(GRAMMAR, response(b"Content-Length:\t5\t")),
    "length-lowercase": good(GRAMMAR, response(b"content-length: 5")),
    "length-zero": good(GRAMMAR, response(b"Content-Length: 0", body=b""), b""),
    "length-twin": good(
        RULE, response(b"Content-Length: 5", b"Content_Length: 6"), fields={"Content-Length": ["5"]}
    ),
    "length-named-by-connection": good(
        "RFC 9110 section 7.6.1", response(b"Content-Length: 5", b"Connection: Content-Length"),
        fields={"Content-Length": ["5"]},
    ),
}  # fmt: skip

CODINGS = {
    "coding-empty": coding(b""),
    "coding-identity": coding(b" identity"),
    "coding-gzip": coding(b" gzip"),
    "coding-unknown": coding(b" cow"),
    "coding-gzip-then-chunked": coding(b" gzip, chunked"),
    "coding-chunked-then-gzip": coding(b" chunked, gzip"),
    "coding-chunked-twice": coding(b" chunked, chunked"),
    "coding-chunked-identity": coding(b" chunked, identity"),
    "coding-comma-behind": coding(b" chunked,"),
    "coding-comma-before": coding(b" ,chunked"),
    "coding-parameter": coding(b" chunked;q=1"),
    "coding-quoted": coding(b' "chunked"'),
    "coding-prefix": coding(b" xchunked"),
    "coding-suffix": coding(b" chunkedx"),
    "coding-vertical-tab": coding(b" \x0bchunked"),
    "coding-nul": coding(b" chunked\x00"),
    "coding-no-break-space": coding(b" \xa0chunked"),
    "coding-kelvin-sign": coding(b" chun\xe2\x84\xaaed"),
    "coding-two-words": coding(b" chunked chunked"),
    "coding-two-lines": bad(CODING, response(CHUNKED[:-2], CHUNKED[:-2], body=BODY)),
    "coding-two-lines-identity": bad(
        CODING, response(CHUNKED[:-2], b"Transfer-Encoding: identity", body=BODY)
    ),
    "coding-folded": bad(CODING, response(b"Transfer-Encoding:", b" chunked", body=BODY)),
    "coding-space-before-colon": bad(
        CODING, response(b"Transfer-Encoding : chunked", body=BODY)
    ),
    "coding-on-1.0": bad(CODING, b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n" + BODY),
    "coding-uppercase": good(CODING, response(b"TRANSFER-ENCODING: CHUNKED", body=BODY)),
    "coding-blanks": good(CODING, response(b"Transfer-Encoding: \t chunked \t", body=BODY)),
    "coding-named-by-connection": good(
        "RFC 9110 section 7.6.1",
        response(CHUNKED[:-2], b"Connection: Transfer-Encoding", body=BODY),
    ),
    "coding-for-1.0": ResponseCase(
        CODING, (response(CHUNKED[:-2], body=BODY),),
        passed(keeps=False, fields={"Transfer-Encoding": []}), version=b"1.0",
        why="HTTP/1.0 has no transfer codings.",
    ),
}  # fmt: skip

BOTH = {
    "both": both(LENGTH[:-2], CHUNKED[:-2]),
    "both-reversed": both(CHUNKED[:-2], LENGTH[:-2]),
    "both-length-zero": both(b"Content-Length: 0", CHUNKED[:-2]),
    "both-length-exact": both(b"Content-Length: %d" % len(BODY), CHUNKED[:-2]),
    "both-length-malformed": both(CHUNKED[:-2], b"Content-Length: x"),
    "both-identity": both(LENGTH[:-2], b"Transfer-Encoding: identity"),
    "both-unknown-coding": both(LENGTH[:-2], b"Transfer-Encoding: cow"),
    "both-vertical-tab": both(LENGTH[:-2], b"Transfer-Encoding: \x0bchunked"),
    "both-on-204": bad(
        RULE, response(LENGTH[:-2], CHUNKED[:-2], status=b"204 No Content", body=b"")
    ),
}

ENDS = {
    "until-close": ResponseCase(RULE, (response(), CLOSE), END),
    "until-close-empty": ResponseCase(RULE, (response(body=b""), CLOSE), passed(b"", reuses=False)),
    "until-close-1.0": ResponseCase(
        RULE, (b"HTTP/1.0 200 OK\r\n\r\n12345", CLOSE), END
    ),
    "until-close-for-1.0": ResponseCase(
        RULE, (response(), CLOSE), passed(reuses=False, keeps=False), version=b"1.0"
    ),
    "until-close-like-a-response": ResponseCase(
        RULE, (response(body=OK + LENGTH + b"\r\nother"), CLOSE),
        passed(OK + LENGTH + b"\r\nother", reuses=False),
    ),
    "too-short": ResponseCase(RULE, (response(b"Content-Length: 10"), CLOSE), cut()),
    "too-short-for-1.0": ResponseCase(
        RULE, (response(b"Content-Length: 10"), CLOSE), cut(), version=b"1.0"
    ),
    "nothing-of-it": ResponseCase(RULE, (response(b"Content-Length: 10", body=b""), CLOSE), cut()),
    "one-byte-missing": ResponseCase(
        RULE, (response(b"Content-Length: 6"), 0.02, CLOSE), cut()
    ),
    "close-said": ResponseCase(
        "RFC 9112 section 9.3", (response(LENGTH[:-2], b"Connection: close"),), END
    ),
    "close-in-a-list": ResponseCase(
        "RFC 9112 section 9.3", (response(LENGTH[:-2], b"Connection: x, Close"),), END
    ),
    "1.0-with-length": ResponseCase(
        "RFC 9112 section 9.3", (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n12345",), END
    ),
    "1.0-kept": good(
        "RFC 9112 section 9.3",
        b"HTTP/1.0 200 OK\r\n" + LENGTH + b"Connection: keep-alive\r\n\r\n12345",
    ),
}  # fmt: skip


def around_length(byte: int) -> Answer | None:
    """A byte behind the length: white space is trimmed, a digit makes another length."""
    if byte in b"0123456789":
        return None
    return passed() if byte in b" \t" else bad_gateway()


SWEEPS = {
    "length-any-byte-behind": sweep(
        GRAMMAR, lambda byte: response(b"Content-Length: 5" + byte), around_length
    ),
    "coding-any-byte-behind": sweep(
        CODING,
        lambda byte: response(b"Transfer-Encoding: chunked" + byte, body=BODY),
        lambda byte: passed() if byte in b" \t" else bad_gateway(),
    ),
}

CASES = {**LENGTHS, **CODINGS, **BOTH, **ENDS, **SWEEPS}
