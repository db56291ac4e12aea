"""Whitespace and line folding around names, values and the parts of a request line."""

from __future__ import annotations

from .case import HOST, Case, get, post, refused, served, served_content

LINE = "RFC 9112 section 3"
FIELD = "RFC 9112 section 5.1"
FOLD = "RFC 9112 section 5.2"
VALUE = "RFC 9110 section 5.5"
ONE_SPACE = "Recipients that split at any white space see another target."


def line(text: bytes, why: str = ONE_SPACE) -> Case:
    """A request line that is not three parts with one space between them."""
    return Case(LINE, text + b"\r\n" + HOST + b"\r\n", refused(), why=why)


def field(text: bytes, rule: str = FIELD, why: str = "") -> Case:
    return Case(rule, get(text), refused(), why=why)


def folded(*lines: bytes) -> Case:
    return Case(FOLD, get(*lines), refused(), why="A fold is a new field to who does not know it.")


REQUEST_LINE = {
    "two-spaces-before-target": line(b"GET  /case HTTP/1.1"),
    "two-spaces-before-version": line(b"GET /case  HTTP/1.1"),
    "tab-before-target": line(b"GET\t/case HTTP/1.1"),
    "tab-before-version": line(b"GET /case\tHTTP/1.1"),
    "vertical-tab-before-target": line(b"GET\x0b/case HTTP/1.1"),
    "form-feed-before-version": line(b"GET /case\x0cHTTP/1.1"),
    "no-break-space-before-target": line(b"GET\xa0/case HTTP/1.1"),
    "space-behind-version": line(b"GET /case HTTP/1.1 "),
    "tab-behind-version": line(b"GET /case HTTP/1.1\t"),
    "word-behind-version": line(b"GET /case HTTP/1.1 x"),
    "space-in-target": line(b"GET /case /evil HTTP/1.1"),
    "version-twice": line(b"GET /case HTTP/1.1 HTTP/1.1"),
    "version-in-target": line(b"GET /case HTTP/1.0 HTTP/1.1"),
    "space-in-version": line(b"GET /case HTTP/ 1.1"),
    "space-before-slash": line(b"GET /case HTTP /1.1"),
    "space-in-method": line(b"GE T /case HTTP/1.1"),
    "only-a-method": line(b"GET"),
    "only-a-target": line(b"/case"),
    "only-a-version": line(b"HTTP/1.1"),
    "no-target": line(b"GET HTTP/1.1"),
    "empty-target": line(b"GET  HTTP/1.1"),
    "no-version": line(b"GET /case", "HTTP/0.9 has no fields and no framing."),
    "empty-version": line(b"GET /case "),
    "nothing-but-spaces": line(b"  "),
}

NAMES = {
    "space-before-colon": field(b"X : a"),
    "two-spaces-before-colon": field(b"X  : a"),
    "tab-before-colon": field(b"X\t: a"),
    "vertical-tab-before-colon": field(b"X\x0b: a"),
    "no-break-space-before-colon": field(b"X\xa0: a"),
    "space-in-name": field(b"X Y: a"),
    "tab-in-name": field(b"X\tY: a"),
    "space-before-host-colon": Case(
        FIELD, b"GET /case HTTP/1.1\r\nHost : a.test\r\n\r\n", refused()
    ),
    "space-before-connection-colon": field(b"Connection : close"),
    "space-before-id-colon": field(b"X-Request-ID : a"),
    "empty-name": field(b": a"),
    "space-as-name": field(b" : a"),
    "no-colon": field(b"nonsense"),
    "no-colon-space": field(b"non sense"),
    "colon-alone": field(b":"),
}

FOLDS = {
    "space": folded(b"X: a", b" b"),
    "tab": folded(b"X: a", b"\tb"),
    "several": folded(b"X: a", b" b", b" c"),
    "empty-first-line": folded(b"X:", b" b"),
    "blank-continuation": folded(b"X: a", b" "),
    "behind-host": folded(b" evil.test"),
    "behind-request-line": Case(FOLD, b"GET /case HTTP/1.1\r\n " + HOST + b"\r\n", refused()),
    "tab-behind-request-line": Case(
        FOLD, b"GET /case HTTP/1.1\r\n\t" + HOST + b"\r\n", refused()
    ),
    "folded-host": Case(FOLD, b"GET /case HTTP/1.1\r\nHost:\r\n a.test\r\n\r\n", refused()),
    "looks-like-a-field": folded(b"X: a", b" Content-Length: 5"),
    "looks-like-a-request": folded(b"X: a", b" GET /evil HTTP/1.1"),
    "in-the-id": folded(b"X-Request-ID: a", b" b"),
    "in-connection": folded(b"Connection: keep-alive,", b" close"),
}

VALUES = {
    "none-behind-colon": Case(VALUE, get(b"X:a"), served(fields={"X": ["a"]})),
    "many-spaces": Case(VALUE, get(b"X:      a      "), served(fields={"X": ["a"]})),
    "many-tabs": Case(VALUE, get(b"X:\t\t\ta\t\t"), served(fields={"X": ["a"]})),
    "mixed-blanks": Case(VALUE, get(b"X: \t a \t "), served(fields={"X": ["a"]})),
    "inside": Case(VALUE, get(b"X: a  b\tc"), served(fields={"X": ["a  b\tc"]})),
    "empty-value": Case(VALUE, get(b"X:"), served(fields={"X": [""]})),
    "blank-value": Case(VALUE, get(b"X:   "), served(fields={"X": [""]})),
    "vertical-tab": field(b"X: \x0ba", VALUE),
    "form-feed": field(b"X: a\x0c", VALUE),
    "nul": field(b"X: a\x00b", VALUE),
    "no-break-space-stays": Case(VALUE, get(b"X: \xa0a\xa0"), served(fields={"X": ["\xa0a\xa0"]})),
    "before-content": Case(
        VALUE, post(b"Content-Length: 5 ", body=b" 2345"), served_content(b" 2345")
    ),
}

CASES = {
    **{f"line-{name}": case for name, case in REQUEST_LINE.items()},
    **{f"name-{name}": case for name, case in NAMES.items()},
    **{f"fold-{name}": case for name, case in FOLDS.items()},
    **{f"value-{name}": case for name, case in VALUES.items()},
}
