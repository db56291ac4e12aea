"""Content-Length in forms that two recipients may read differently."""

from __future__ import annotations

from .case import (
    Case,
    Outcome,
    get,
    last,
    left,
    post,
    refused,
    served,
    served_content,
    sweep,
    then,
)

RULE = "RFC 9112 section 6.3"
GRAMMAR = "RFC 9110 section 8.6"
NAMES = "RFC 9112 section 5.1"
TWIN = "ARCHITECTURE, differences from nginx"
DIGITS = "The grammar is digits and nothing else."


def value(text: bytes, why: str = DIGITS) -> Case:
    """A value that is no length."""
    return Case(GRAMMAR, post(b"Content-Length: " + text), refused(), why=why)


def fives(*lines: bytes) -> Case:
    """Other ways to say 5."""
    return Case(GRAMMAR, post(*lines), served_content(fields={"Content-Length": ["5"]}))


VALUES = {
    "word": value(b"five"),
    "negative": value(b"-5"),
    "negative-zero": value(b"-0"),
    "plus": value(b"+5"),
    "plus-zero": value(b"+0"),
    "hexadecimal": value(b"0x5"),
    "octal-prefix": value(b"0o5"),
    "fraction": value(b"5.0"),
    "fraction-zero": value(b".5"),
    "exponent": value(b"5e0"),
    "grouped": value(b"1,000"),
    "underscored": value(b"1_000"),
    "double-quotes": value(b'"5"'),
    "single-quotes": value(b"'5'"),
    "letter-behind": value(b"5a"),
    "letter-before": value(b"a5"),
    "unit": value(b"5k"),
    "semicolon": value(b"5;"),
    "parameter": value(b"5;a=b"),
    "space-between": value(b"5 5"),
    "tab-between": value(b"5\t5"),
    "space-sign": value(b"- 5"),
    "vertical-tab-before": value(b"\x0b5"),
    "vertical-tab-behind": value(b"5\x0b"),
    "form-feed-before": value(b"\x0c5"),
    "nul-before": value(b"\x005"),
    "nul-behind": value(b"5\x00"),
    "nul-between": value(b"5\x006"),
    "backspace": value(b"56\x08"),
    "no-break-space": value(b"\xa05"),
    "next-line": value(b"5\x85"),
    "fullwidth-digit": value(b"\xef\xbc\x95"),
    "arabic-digit": value(b"\xd9\xa5"),
    "percent": value(b"%35"),
    "empty": Case(GRAMMAR, post(b"Content-Length:"), refused(), why=DIGITS),
    "spaces-only": value(b"   "),
    "tab-only": value(b"\t"),
    "two-to-63": value(b"9223372036854775808", "It does not fit any signed length."),
    "two-to-64": value(b"18446744073709551616", "It wraps to 0."),
    "two-to-64-and-5": value(b"18446744073709551621", "It wraps to 5."),
    "forty-nines": value(b"9" * 40, "It does not fit any length."),
    "zeros-and-overflow": value(b"0" * 30 + b"18446744073709551621", "It wraps to 5."),
}

LISTS = {
    "equal-list": Case(RULE, post(b"Content-Length: 5, 5"), refused()),
    "equal-list-tight": Case(RULE, post(b"Content-Length: 5,5"), refused()),
    "different-list": value(b"5, 6", "Recipients take the first or the last."),
    "different-list-reversed": value(b"6, 5", "Recipients take the first or the last."),
    "list-comma-behind": value(b"5,"),
    "list-comma-before": value(b",5"),
    "list-empty-element": value(b"5, , 5"),
    "list-commas-only": value(b",,"),
    "list-of-three": Case(RULE, post(b"Content-Length: 5, 5, 5"), refused()),
    "equal-lines": Case(RULE, post(b"Content-Length: 5", b"Content-Length: 5"), refused()),
    "different-lines": Case(
        RULE, post(b"Content-Length: 5", b"Content-Length: 6"), refused(),
        why="Recipients take the first or the last.",
    ),
    "larger-first": Case(RULE, post(b"Content-Length: 6", b"Content-Length: 5"), refused()),
    "zero-first": Case(RULE, post(b"Content-Length: 0", b"Content-Length: 5"), refused()),
    "zero-last": Case(RULE, post(b"Content-Length: 5", b"Content-Length: 0"), refused()),
    "equal-numbers-unequal-text": Case(
        RULE, post(b"Content-Length: 5", b"Content-Length: 05"), refused()
    ),
    "bad-then-good": Case(RULE, post(b"Content-Length: x", b"Content-Length: 5"), refused()),
    "good-then-bad": Case(RULE, post(b"Content-Length: 5", b"Content-Length: x"), refused()),
    "empty-then-good": Case(RULE, post(b"Content-Length:", b"Content-Length: 5"), refused()),
    "good-then-empty": Case(RULE, post(b"Content-Length: 5", b"Content-Length:"), refused()),
    "three-lines": Case(RULE, post(*[b"Content-Length: 5"] * 3), refused()),
    "far-apart": Case(
        RULE,
        post(b"Content-Length: 5", *[b"X-%d: a" % n for n in range(60)], b"Content-Length: 6"),
        refused(),
    ),
    "differing-in-case": Case(RULE, post(b"Content-Length: 5", b"CONTENT-LENGTH: 6"), refused()),
    "second-folded": Case(RULE, post(b"Content-Length: 5", b" 6"), refused()),
    "second-folded-by-tab": Case(RULE, post(b"Content-Length: 5", b"\t6"), refused()),
    "value-folded": Case(RULE, post(b"Content-Length:", b" 5"), refused()),
}  # fmt: skip

ACCEPTED = {
    "plain": fives(b"Content-Length: 5"),
    "lowercase": fives(b"content-length: 5"),
    "uppercase": fives(b"CONTENT-LENGTH: 5"),
    "mixed-case": fives(b"cOnTeNt-LeNgTh: 5"),
    "no-space": fives(b"Content-Length:5"),
    "spaces-around": fives(b"Content-Length:    5    "),
    "tabs-around": fives(b"Content-Length:\t5\t"),
    "leading-zero": fives(b"Content-Length: 05"),
    "forty-leading-zeros": fives(b"Content-Length: " + b"0" * 40 + b"5"),
    "last-of-many": fives(*[b"X-%d: a" % n for n in range(90)], b"Content-Length: 5"),
    "zero": Case(RULE, post(b"Content-Length: 0", body=b""), served_content(b"")),
    "zeros": Case(RULE, post(b"Content-Length: 000", body=b""), served_content(b"")),
    "none-on-post": Case(RULE, post(body=b""), served(method="POST")),
    "on-get": Case(
        "RFC 9110 section 9.3.1", get(b"Content-Length: 5") + b"12345",
        served(framing="length", body=b"12345"),
    ),
    "zero-on-get": Case(RULE, get(b"Content-Length: 0"), served(framing="length")),
    "content-looks-like-a-request": Case(
        RULE, post(b"Content-Length: 22", body=b"GET /evil HTTP/1.1\r\n\r\n"),
        served_content(b"GET /evil HTTP/1.1\r\n\r\n"),
    ),
    "version-1.0": Case(
        RULE, post(b"Content-Length: 5", version=b"1.0"), last(served_content())
    ),
    "version-1.0-kept": Case(
        "RFC 9112 section 9.3",
        post(b"Content-Length: 5", b"Connection: keep-alive", version=b"1.0"),
        served_content(),
    ),
}  # fmt: skip

for method in (b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"PUT", b"PROPFIND"):
    ACCEPTED[f"on-{method.decode().lower()}"] = Case(
        "RFC 9110 section 8.6",
        method + get(b"Content-Length: 5").removeprefix(b"GET") + b"12345",
        served_content(method=method.decode()),
    )

EXTENT = {
    "shorter-than-the-content": Case(
        RULE, post(b"Content-Length: 3", body=b"123@@"), then(served_content(b"123"), refused())
    ),
    "longer-than-the-content": Case(
        RULE, post(b"Content-Length: 10"), then(served_content(b"12345GET /"), refused()),
        why="The length says so, whatever the content looks like.",
    ),
    "content-without-length": Case(
        RULE, post(body=b"@@"), then(served(method="POST"), refused()),
        why="Without a length there is no content.",
    ),
    "zero-with-content": Case(
        RULE, post(b"Content-Length: 0", body=b"@@"), then(served_content(b""), refused())
    ),
    "content-then-request": Case(
        RULE, post(b"Content-Length: 5") + get(target=b"/second"),
        then(served_content(), served(target="/second")),
    ),
    "never-all-of-it": Case(RULE, post(b"Content-Length: 6"), left(), ends=True),
    "none-of-it": Case(RULE, post(b"Content-Length: 6", body=b""), left(), ends=True),
    "two-to-32-and-5": Case(
        RULE, post(b"Content-Length: 4294967301"), left(), ends=True,
        why="It does not wrap to 5.",
    ),
    "two-to-31-and-5": Case(RULE, post(b"Content-Length: 2147483653"), left(), ends=True),
}  # fmt: skip


def twin(name: bytes, text: bytes = b"6") -> Case:
    """A name that CGI-style backends fold into Content-Length."""
    fields = {"Content-Length": ["5"], name.decode("latin-1"): []}
    data = post(b"Content-Length: 5", name + b": " + text)
    return Case(TWIN, data, served_content(fields=fields))


def misspelt(line: bytes, why: str = "") -> Case:
    """A field line that some recipients take for a Content-Length."""
    return Case(NAMES, post(b"Content-Length: 5", line), refused(), why=why)


NAMES_LIKE_IT = {
    "twin-underscore": twin(b"Content_Length"),
    "twin-uppercase": twin(b"CONTENT_LENGTH"),
    "twin-dot": twin(b"Content.Length"),
    "twin-plus": twin(b"Content+Length"),
    "twin-alone": Case(
        TWIN, get(b"Content_Length: 5"),
        served(fields={"Content-Length": [], "Content_Length": []}),
        why="Behind CGI it could not be told from Content-Length.",
    ),
    "twin-malformed": twin(b"Content_Length", b"x"),
    "space-before-colon": misspelt(b"Content-Length : 6"),
    "tab-before-colon": misspelt(b"Content-Length\t: 6"),
    "space-before-name": misspelt(b" Content-Length: 6"),
    "space-inside": misspelt(b"Content Length: 6"),
    "space-inside-dash": misspelt(b"Content -Length: 6"),
    "nul-in-name": misspelt(b"Content-Length\x00: 6"),
    "vertical-tab-in-name": misspelt(b"Content-Length\x0b: 6"),
    "no-break-space-in-name": misspelt(b"Content-Length\xa0: 6"),
    "colon-missing": misspelt(b"Content-Length 6"),
    "equals-sign": misspelt(b"Content-Length=6"),
    "bare-cr-before": misspelt(b"X: y\rContent-Length: 6"),
    "bare-lf-before": misspelt(b"X: y\nContent-Length: 6"),
    "in-a-value": Case(
        NAMES, post(b"Content-Length: 5", b"X: Content-Length: 6"), served_content()
    ),
    "as-a-prefix": Case(
        NAMES, post(b"Content-Length: 5", b"Content-Length-X: 6"), served_content()
    ),
    "as-a-suffix": Case(
        NAMES, post(b"Content-Length: 5", b"X-Content-Length: 6"), served_content()
    ),
    "double-colon": Case(GRAMMAR, post(b"Content-Length:: 5"), refused()),
    "named-by-connection": Case(
        "RFC 9110 section 7.6.1", post(b"Content-Length: 5", b"Connection: Content-Length"),
        served_content(fields={"Content-Length": ["5"]}),
    ),
}  # fmt: skip


def judge_before(byte: int) -> Outcome | None:
    """A byte and 5: white space and a zero change nothing, another digit makes another length."""
    if byte in b"123456789":
        return None
    return served_content() if byte in b" \t0" else refused()


def judge_behind(byte: int) -> Outcome | None:
    """5 and a byte: white space is trimmed, a digit makes another length."""
    if byte in b"0123456789":
        return None
    return served_content() if byte in b" \t" else refused()


SWEEPS = {
    "any-byte-before": sweep(
        GRAMMAR, lambda byte: post(b"Content-Length: " + byte + b"5"), judge_before
    ),
    "any-byte-behind": sweep(
        GRAMMAR, lambda byte: post(b"Content-Length: 5" + byte), judge_behind
    ),
}

CASES = {**VALUES, **LISTS, **ACCEPTED, **EXTENT, **NAMES_LIKE_IT, **SWEEPS}
