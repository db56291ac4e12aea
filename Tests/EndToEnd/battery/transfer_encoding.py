"""Transfer-Encoding in forms that one recipient obeys and another overlooks."""

from __future__ import annotations

from .case import (
    CHUNKED,
    Case,
    Outcome,
    get,
    left,
    post,
    refused,
    served,
    served_content,
    sweep,
)

RULE = "RFC 9112 section 6.1"
LENGTH = "RFC 9112 section 6.3"
NAMES = "RFC 9112 section 5.1"
TWIN = "ARCHITECTURE, differences from nginx"
BODY = b"5\r\n12345\r\n0\r\n\r\n"
BOTH = "A recipient that reads the other field sees another request in the content."


def coding(text: bytes, status: int = 400, why: str = "") -> Case:
    """A value that is not exactly chunked."""
    return Case(RULE, post(b"Transfer-Encoding:" + text, body=BODY), refused(status), why=why)


def codings(*lines: bytes, status: int = 400, why: str = "") -> Case:
    """Several field lines of which at least one is Transfer-Encoding."""
    return Case(RULE, post(*lines, body=BODY), refused(status), why=why)


def chunked(*lines: bytes, **expected: object) -> Case:
    """Lines that say chunked without any doubt."""
    return Case(RULE, post(*lines, body=BODY), served_content(framing="chunked", **expected))


VALUES = {
    "empty": coding(b""),
    "spaces-only": coding(b"   "),
    "identity": coding(b" identity"),
    "gzip-alone": coding(b" gzip", why="Without chunked at the end no length is known."),
    "unknown-alone": coding(b" cow"),
    "gzip-then-chunked": coding(b" gzip, chunked", 501),
    "deflate-then-chunked": coding(b" deflate, chunked", 501),
    "compress-then-chunked": coding(b" compress, chunked", 501),
    "x-gzip-then-chunked": coding(b" x-gzip,chunked", 501),
    "unknown-then-chunked": coding(b" cow, chunked", 501),
    "identity-then-chunked": coding(b" identity, chunked", 501),
    "two-then-chunked": coding(b" deflate, gzip, chunked", 501),
    "chunked-then-gzip": coding(b" chunked, gzip"),
    "chunked-then-identity": coding(b" chunked, identity"),
    "chunked-then-unknown": coding(b" chunked, cow"),
    "chunked-twice": coding(b" chunked, chunked"),
    "chunked-twice-tight": coding(b" chunked,chunked"),
    "chunked-around-gzip": coding(b" chunked, gzip, chunked"),
    "comma-behind": coding(b" chunked,"),
    "comma-space-behind": coding(b" chunked, "),
    "comma-before": coding(b" , chunked"),
    "commas-around": coding(b" ,chunked,"),
    "comma-alone": coding(b" ,"),
    "with-parameter": coding(b" chunked;q=1"),
    "with-empty-parameter": coding(b" chunked;"),
    "gzip-with-parameter": coding(b" gzip;q=1, chunked"),
    "double-quotes": coding(b' "chunked"'),
    "single-quotes": coding(b" 'chunked'"),
    "half-a-quote": coding(b' "chunked'),
    "two-words": coding(b" chunked chunked"),
    "two-words-tab": coding(b" chunked\tchunked"),
    "word-before": coding(b" x chunked"),
    "prefix": coding(b" xchunked"),
    "suffix": coding(b" chunkedx"),
    "cut-short": coding(b" chunke"),
    "dashed": coding(b" chun-ked"),
    "spaced": coding(b" chun ked"),
    "kelvin-sign": coding(b" chun\xe2\x84\xaaed"),
    "fullwidth-letter": coding(b" \xef\xbd\x83hunked"),
    "vertical-tab-before": coding(b" \x0bchunked"),
    "vertical-tab-behind": coding(b" chunked\x0b"),
    "form-feed-before": coding(b" \x0cchunked"),
    "nul-before": coding(b" \x00chunked"),
    "nul-behind": coding(b" chunked\x00"),
    "backspace": coding(b" xchunked\x08"),
    "no-break-space-before": coding(b" \xa0chunked"),
    "next-line-behind": coding(b" chunked\x85"),
    "byte-order-mark": coding(b" \xef\xbb\xbfchunked"),
    "percent-encoded": coding(b" %63hunked"),
    "number": coding(b" 5"),
    "chunked-as-a-pair": coding(b" chunked=1"),
    "folded": Case(RULE, post(b"Transfer-Encoding:", b" chunked", body=BODY), refused()),
    "folded-by-tab": Case(RULE, post(b"Transfer-Encoding:", b"\tchunked", body=BODY), refused()),
    "folded-inside": Case(RULE, post(b"Transfer-Encoding: chun", b" ked", body=BODY), refused()),
    "folded-list": Case(RULE, post(CHUNKED, b" , gzip", body=BODY), refused()),
}

LINES = {
    "two-lines": codings(CHUNKED, CHUNKED),
    "chunked-and-identity": codings(CHUNKED, b"Transfer-Encoding: identity"),
    "identity-and-chunked": codings(b"Transfer-Encoding: identity", CHUNKED),
    "chunked-and-gzip": codings(CHUNKED, b"Transfer-Encoding: gzip"),
    "gzip-and-chunked": codings(b"Transfer-Encoding: gzip", CHUNKED),
    "chunked-and-empty": codings(CHUNKED, b"Transfer-Encoding:"),
    "empty-and-chunked": codings(b"Transfer-Encoding:", CHUNKED),
    "chunked-and-nonsense": codings(CHUNKED, b"Transfer-Encoding: x"),
    "far-apart": codings(CHUNKED, *[b"X-%d: a" % n for n in range(60)], CHUNKED),
    "differing-in-case": codings(CHUNKED, b"transfer-encoding: identity"),
}

WITH_LENGTH = {
    "and-length": codings(CHUNKED, b"Content-Length: 5", why=BOTH),
    "and-length-reversed": codings(b"Content-Length: 5", CHUNKED, why=BOTH),
    "and-length-zero": codings(CHUNKED, b"Content-Length: 0", why=BOTH),
    "and-length-zero-reversed": codings(b"Content-Length: 0", CHUNKED, why=BOTH),
    "and-exact-length": codings(b"Content-Length: %d" % len(BODY), CHUNKED, why=BOTH),
    "and-malformed-length": codings(CHUNKED, b"Content-Length: x"),
    "and-empty-length": codings(CHUNKED, b"Content-Length:"),
    "and-two-lengths": codings(b"Content-Length: 5", CHUNKED, b"Content-Length: 6"),
    "identity-and-length": codings(b"Transfer-Encoding: identity", b"Content-Length: 5"),
    "gzip-and-length": codings(b"Transfer-Encoding: gzip", b"Content-Length: 5"),
    "unknown-and-length": codings(b"Content-Length: 5", b"Transfer-Encoding: cow"),
    "empty-and-length": codings(b"Content-Length: 5", b"Transfer-Encoding:"),
    "quoted-and-length": codings(b"Content-Length: 5", b'Transfer-Encoding: "chunked"'),
    "vertical-tab-and-length": codings(b"Content-Length: 5", b"Transfer-Encoding: \x0bchunked"),
    "folded-and-length": codings(b"Content-Length: 5", b"Transfer-Encoding:", b" chunked"),
    "uppercase-and-length": codings(b"Content-Length: 5", b"TRANSFER-ENCODING: CHUNKED"),
    "on-get-and-length": Case(
        LENGTH, get(CHUNKED, b"Content-Length: 5") + BODY, refused(), why=BOTH
    ),
    "bare-lf-and-length": codings(b"Content-Length: 5", b"X: y\nTransfer-Encoding: chunked"),
    "bare-cr-and-length": codings(b"Content-Length: 5", b"X: y\rTransfer-Encoding: chunked"),
}

OLD = {
    "version-1.0": Case(RULE, post(CHUNKED, body=BODY, version=b"1.0"), refused()),
    "version-1.0-kept": Case(
        RULE, post(CHUNKED, b"Connection: keep-alive", body=BODY, version=b"1.0"), refused(),
        why="HTTP/1.0 has no transfer codings: its framing is to be treated as faulty.",
    ),
    "version-1.0-and-length": Case(
        RULE, post(CHUNKED, b"Content-Length: 5", body=BODY, version=b"1.0"), refused()
    ),
    "version-1.0-identity": Case(
        RULE, post(b"Transfer-Encoding: identity", body=b"", version=b"1.0"), refused()
    ),
    "version-1.0-on-get": Case(RULE, get(CHUNKED, version=b"1.0") + BODY, refused()),
}  # fmt: skip

ACCEPTED = {
    "plain": chunked(CHUNKED),
    "capitalised": chunked(b"Transfer-Encoding: Chunked"),
    "uppercase": chunked(b"TRANSFER-ENCODING: CHUNKED"),
    "mixed-case": chunked(b"tRaNsFeR-eNcOdInG: cHuNkEd"),
    "no-space": chunked(b"Transfer-Encoding:chunked"),
    "spaces-around": chunked(b"Transfer-Encoding:    chunked    "),
    "tabs-around": chunked(b"Transfer-Encoding:\tchunked\t"),
    "last-of-many": chunked(*[b"X-%d: a" % n for n in range(90)], CHUNKED),
    "named-by-connection": chunked(b"Connection: Transfer-Encoding", CHUNKED),
    "with-te": chunked(b"TE: chunked", CHUNKED, fields={"TE": []}),
    "with-content-encoding": chunked(
        b"Content-Encoding: gzip", CHUNKED, fields={"Content-Encoding": ["gzip"]}
    ),
    "empty-content": Case(
        RULE, post(CHUNKED, body=b"0\r\n\r\n"), served_content(b"", framing="chunked")
    ),
    "never-ended": Case(RULE, post(CHUNKED, body=b"5\r\n12345\r\n"), left(), ends=True),
    "nothing-of-it": Case(RULE, post(CHUNKED, body=b""), left(), ends=True),
}

for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"PUT", b"PROPFIND"):
    ACCEPTED[f"on-{method.decode().lower()}"] = Case(
        RULE,
        method + get(CHUNKED).removeprefix(b"GET") + BODY,
        served_content(framing="chunked", method=method.decode()),
    )


def by_length(line: bytes) -> Case:
    """A line that is no Transfer-Encoding: the length holds, and the line is left out."""
    name = line.partition(b":")[0].decode("latin-1")
    outcome = served_content(fields={"Transfer-Encoding": [], name: []})
    return Case(TWIN, post(b"Content-Length: 5", line), outcome)


def misspelt(line: bytes) -> Case:
    """A line that some recipients take for Transfer-Encoding."""
    return Case(NAMES, post(b"Content-Length: 5", line, body=BODY), refused())


NAMES_LIKE_IT = {
    "twin-underscore": by_length(b"Transfer_Encoding: chunked"),
    "twin-uppercase": by_length(b"TRANSFER_ENCODING: chunked"),
    "twin-dot": by_length(b"Transfer.Encoding: chunked"),
    "twin-tilde": by_length(b"Transfer~Encoding: chunked"),
    "twin-alone": Case(
        TWIN, get(b"Transfer_Encoding: chunked"), served(fields={"Transfer_Encoding": []}),
        why="Behind CGI it could not be told from Transfer-Encoding.",
    ),
    "twin-of-length": chunked(b"Content_Length: 5", CHUNKED, fields={"Content_Length": []}),
    "space-before-colon": misspelt(b"Transfer-Encoding : chunked"),
    "tab-before-colon": misspelt(b"Transfer-Encoding\t: chunked"),
    "space-before-name": misspelt(b" Transfer-Encoding: chunked"),
    "tab-before-name": misspelt(b"\tTransfer-Encoding: chunked"),
    "space-inside": misspelt(b"Transfer Encoding: chunked"),
    "nul-in-name": misspelt(b"Transfer-Encoding\x00: chunked"),
    "nul-before-name": misspelt(b"\x00Transfer-Encoding: chunked"),
    "vertical-tab-in-name": misspelt(b"Transfer-Encoding\x0b: chunked"),
    "carriage-return-in-name": misspelt(b"Transfer-Encoding\r: chunked"),
    "no-break-space-in-name": misspelt(b"\xa0Transfer-Encoding: chunked"),
    "colon-missing": misspelt(b"Transfer-Encoding chunked"),
    "double-colon": misspelt(b"Transfer-Encoding:: chunked"),
    "as-a-prefix": Case(
        NAMES, post(b"Content-Length: 5", b"Transfer-Encoding-X: chunked"), served_content()
    ),
    "as-a-suffix": Case(
        NAMES, post(b"Content-Length: 5", b"X-Transfer-Encoding: chunked"), served_content()
    ),
    "in-a-value": Case(
        NAMES, post(b"Content-Length: 5", b"X: Transfer-Encoding: chunked"), served_content()
    ),
}  # fmt: skip


def judge_around(byte: int) -> Outcome:
    """White space around the value is trimmed; any other byte makes it another coding."""
    return served_content(framing="chunked") if byte in b" \t" else refused()


SWEEPS = {
    "any-byte-before": sweep(
        RULE, lambda byte: post(b"Transfer-Encoding: " + byte + b"chunked", body=BODY), judge_around
    ),
    "any-byte-behind": sweep(
        RULE, lambda byte: post(b"Transfer-Encoding: chunked" + byte, body=BODY), judge_around
    ),
}

CASES = {**VALUES, **LINES, **WITH_LENGTH, **OLD, **ACCEPTED, **NAMES_LIKE_IT, **SWEEPS}
