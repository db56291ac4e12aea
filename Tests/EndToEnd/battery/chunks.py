"""Chunk sizes, chunk data and chunk extensions."""

from __future__ import annotations

from .case import CHUNKED, Case, Outcome, left, post, served_content, spoiled, sweep

RULE = "RFC 9112 section 7.1"
EXTENSION = "RFC 9112 section 7.1.1"
LAST = b"0\r\n\r\n"


def content(data: bytes) -> bytes:
    return post(CHUNKED, body=data)


def good(data: bytes, body: bytes = b"12345", rule: str = RULE) -> Case:
    """Chunks that hold `body`."""
    return Case(rule, content(data), served_content(body, framing="chunked"))


def bad(data: bytes, why: str = "", rule: str = RULE) -> Case:
    """Chunks that must never complete a request."""
    return Case(rule, content(data), spoiled(), why=why)


def size(text: bytes, why: str = "") -> Case:
    """A size that is none, before five bytes of data."""
    return bad(text + b"\r\n12345\r\n" + LAST, why)


def extended(text: bytes) -> Case:
    """An extension that is skipped."""
    return good(b"5" + text + b"\r\n12345\r\n" + LAST, rule=EXTENSION)


def extended_badly(text: bytes, why: str = "") -> Case:
    """An extension that no recipient may skip."""
    return bad(b"5" + text + b"\r\n12345\r\n" + LAST, why, rule=EXTENSION)


TEN = b"0123456789"
SIZES = {
    "plain": good(b"5\r\n12345\r\n" + LAST),
    "leading-zero": good(b"05\r\n12345\r\n" + LAST),
    "leading-zeros": good(b"0000005\r\n12345\r\n" + LAST),
    "sixteen-digits": good(b"0" * 15 + b"5\r\n12345\r\n" + LAST),
    "lowercase-digit": good(b"a\r\n" + TEN + b"\r\n" + LAST, TEN),
    "uppercase-digit": good(b"A\r\n" + TEN + b"\r\n" + LAST, TEN),
    "two-chunks": good(b"2\r\n12\r\n3\r\n345\r\n" + LAST),
    "a-hundred-chunks": good(b"1\r\nx\r\n" * 100 + LAST, b"x" * 100),
    "chunks-in-the-data": good(b"5\r\n0\r\n\r\n\r\n" + LAST, b"0\r\n\r\n"),
    "last-chunk-00": good(b"5\r\n12345\r\n00\r\n\r\n"),
    "last-chunk-many-zeros": good(b"5\r\n12345\r\n0000000000\r\n\r\n"),
    "last-chunk-alone": good(LAST, b""),
    "empty": size(b""),
    "letter": size(b"g"),
    "negative": size(b"-5", "A recipient that parses signed numbers reads backwards."),
    "plus": size(b"+5"),
    "negative-zero": bad(b"5\r\n12345\r\n-0\r\n\r\n"),
    "hexadecimal-prefix": size(b"0x5", "A recipient that stops at the x ends the content."),
    "hexadecimal-prefix-uppercase": size(b"0X5"),
    "last-chunk-0x0": bad(b"5\r\n12345\r\n0x0\r\n\r\n"),
    "suffix-h": size(b"5h"),
    "fraction": size(b"5.0"),
    "underscored": size(b"0_5"),
    "comma": size(b"5,"),
    "two-numbers": size(b"5 5"),
    "leading-space": size(b" 5"),
    "leading-tab": size(b"\t5"),
    "quoted": size(b'"5"'),
    "vertical-tab-behind": size(b"5\x0b"),
    "form-feed-behind": size(b"5\x0c"),
    "nul-behind": size(b"5\x00"),
    "nul-before": size(b"\x005"),
    "no-break-space-behind": size(b"5\xa0"),
    "fullwidth-digit": size(b"\xef\xbc\x95"),
    "sixty-four-bits": size(b"ffffffffffffffff", "It is -1 for a signed number."),
    "sign-bit": size(b"8000000000000000"),
    "wraps-to-5": size(b"10000000000000005", "It wraps to 5."),
    "wraps-to-0": bad(b"5\r\n12345\r\n10000000000000000\r\n\r\n", "It wraps to 0."),
    "thirty-two-bits-and-5": Case(
        RULE, content(b"100000005\r\n12345\r\n" + LAST), left(), ends=True,
        why="It does not wrap to 5.",
    ),
    "three-hundred-digits": size(b"f" * 300),
    "three-hundred-zeros": size(b"0" * 300 + b"5"),
    "largest": Case(RULE, content(b"7ffffffffffffff\r\n12345"), left(), ends=True),
}  # fmt: skip

LINE_ENDS = {
    "size-bare-lf": bad(b"5\n12345\r\n" + LAST, "Only CR LF ends a chunk's line."),
    "size-bare-cr": bad(b"5\r12345\r\n" + LAST),
    "size-two-crs": bad(b"5\r\r\n12345\r\n" + LAST),
    "size-lf-cr": bad(b"5\n\r12345\r\n" + LAST),
    "size-empty-line-before": bad(b"\r\n5\r\n12345\r\n" + LAST),
    "size-line-folded": bad(b"5\r\n 12345\r\n" + LAST),
    "data-bare-lf": bad(b"5\r\n12345\n" + LAST),
    "data-bare-cr": bad(b"5\r\n12345\r" + LAST),
    "data-no-end": bad(b"5\r\n12345" + LAST),
    "data-two-ends": bad(b"5\r\n12345\r\n\r\n" + LAST),
    "data-two-other-bytes": bad(b"5\r\n12345XX" + LAST, "The two bytes must be CR LF."),
    "data-too-long": bad(b"5\r\n123456\r\n" + LAST),
    "data-too-short": bad(b"6\r\n12345\r\n" + LAST),
    "data-missing": bad(b"5\r\n" + LAST),
    "last-bare-lf": bad(b"5\r\n12345\r\n0\n\r\n"),
    "last-bare-lf-twice": bad(b"5\r\n12345\r\n0\n\n"),
    "last-end-bare-lf": bad(b"5\r\n12345\r\n0\r\n\n"),
    "last-end-missing": bad(
        b"5\r\n12345\r\n0\r\n", "What follows stands where a trailer field would."
    ),
    "last-end-bare-cr": bad(b"5\r\n12345\r\n0\r\n\rX"),
    "last-line-bare-cr": bad(b"5\r\n12345\r\n0\r\r\n\r\n"),
    "cut-in-size": Case(RULE, content(b"5"), left(), ends=True),
    "cut-in-size-end": Case(RULE, content(b"5\r"), left(), ends=True),
    "cut-in-data": Case(RULE, content(b"5\r\n123"), left(), ends=True),
    "cut-behind-data": Case(RULE, content(b"5\r\n12345"), left(), ends=True),
    "cut-behind-last-size": Case(RULE, content(b"5\r\n12345\r\n0"), left(), ends=True),
    "cut-before-the-end": Case(RULE, content(b"5\r\n12345\r\n0\r\n"), left(), ends=True),
    "cut-in-the-end": Case(RULE, content(b"5\r\n12345\r\n0\r\n\r"), left(), ends=True),
}

EXTENSIONS = {
    "extension": extended(b";a=b"),
    "extension-name-only": extended(b";a"),
    "extension-spaced": extended(b" ; a = b"),
    "extension-tabs": extended(b"\t;\ta=b"),
    "extension-quoted": extended(b';a="b c"'),
    "extension-quoted-semicolon": extended(b';a="b;c"'),
    "extension-quoted-escape": extended(b';a="b\\"c"'),
    "extension-quoted-obs-text": extended(b';a="\xe9"'),
    "extensions-two": extended(b";a=b;c=d"),
    "extension-like-a-size": extended(b";5"),
    "extension-of-200-bytes": extended(b";a=" + b"b" * 200),
    "extension-on-last": good(b"5\r\n12345\r\n0;a=b\r\n\r\n", rule=EXTENSION),
    "extension-on-each": good(b"1;a=b\r\nx\r\n" * 50 + LAST, b"x" * 50, rule=EXTENSION),
    "extension-of-300-bytes": extended_badly(b";a=" + b"b" * 300),
    "extension-of-100000-bytes": extended_badly(b";a=" + b"b" * 100_000),
    "extension-spaces-endless": extended_badly(b" " * 5000),
    "extension-bare-lf": bad(
        b"5;a\n12345\r\n" + LAST, "Only CR LF ends a chunk's line.", rule=EXTENSION
    ),
    "extension-bare-lf-hides-a-chunk": bad(
        b"5;\n12345\r\n0\r\n\r\n", "Who ends the line at LF sees other chunks.", rule=EXTENSION
    ),
    "extension-bare-cr": bad(b"5;a\r12345\r\n" + LAST, rule=EXTENSION),
    "extension-cr-inside": extended_badly(b";a\rb"),
    "extension-quoted-line-end": bad(b'5;a="\r\n1234"\r\n\r\n' + LAST, rule=EXTENSION),
    "extension-quoted-bare-lf": extended_badly(b';a="\n"'),
    "extension-nul": extended_badly(b";a=\x00"),
    "extension-delete": extended_badly(b";a=\x7f"),
    "extension-escape-character": extended_badly(b";a=\x1b[0m"),
    "extension-without-semicolon": extended_badly(b" a=b"),
    "extension-comma": extended_badly(b",a=b"),
    "extension-colon": extended_badly(b":a=b"),
}
TOLERATED = {
    "padded-size": good(b"5   \r\n12345\r\n" + LAST),
    "padded-size-tab": good(b"5\t\r\n12345\r\n" + LAST),
    "padded-last-size": good(b"5\r\n12345\r\n0  \r\n\r\n"),
    "extension-empty": extended(b";"),
    "extension-empty-twice": extended(b";;"),
    "extension-no-name": extended(b";=b"),
    "extension-no-value": extended(b";a="),
    "extension-half-a-quote": extended(b';a="b'),
    "extension-flood": good(
        b"1;%s\r\nx\r\n" % (b"a" * 200) * 2000 + LAST, b"x" * 2000, rule=EXTENSION
    ),
}


def judge_behind_size(byte: int) -> Outcome | None:
    """A byte between size and CR LF: blanks and a semicolon; a digit makes another size."""
    if byte in b"0123456789abcdefABCDEF":
        return None
    return served_content(framing="chunked") if byte in b" \t;" else spoiled()


def judge_in_extension(byte: int) -> Outcome:
    """A byte within an extension: anything but a control character."""
    is_control = byte < 0x20 and byte != 0x09 or byte == 0x7F
    return spoiled() if is_control else served_content(framing="chunked")


SWEEPS = {
    "any-byte-behind-size": sweep(
        RULE, lambda byte: content(b"5" + byte + b"\r\n12345\r\n" + LAST), judge_behind_size
    ),
    "any-byte-in-extension": sweep(
        EXTENSION, lambda byte: content(b"5;a" + byte + b"b\r\n12345\r\n" + LAST),
        judge_in_extension,
    ),
    "any-byte-behind-data": sweep(
        RULE, lambda byte: content(b"5\r\n12345" + byte + b"\n" + LAST),
        lambda byte: served_content(framing="chunked") if byte == 0x0D else spoiled(),
    ),
}  # fmt: skip

CASES = {**SIZES, **LINE_ENDS, **EXTENSIONS, **TOLERATED, **SWEEPS}
