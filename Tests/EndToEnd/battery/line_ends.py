"""Line endings: only CR LF."""

from __future__ import annotations

from .case import HOST, Case, get, last, left, post, refused, served, served_content, then

RULE = "RFC 9112 section 2.2"
ONLY = "Recipients that end lines elsewhere see other fields or another request."
LINE = b"GET /case HTTP/1.1\r\n"


def bad(data: bytes, why: str = ONLY) -> Case:
    return Case(RULE, data, refused(), why=why)


BARE_LF = {
    "lf-everywhere": bad(b"GET /case HTTP/1.1\nHost: a.test\n\n"),
    "lf-behind-request-line": bad(b"GET /case HTTP/1.1\n" + HOST + b"\r\n"),
    "lf-behind-host": bad(LINE + b"Host: a.test\n\r\n"),
    "lf-behind-a-field": bad(get(b"X: y\nZ: z")),
    "lf-behind-the-last-field": bad(LINE + HOST + b"X: y\n\r\n"),
    "lf-as-empty-line": bad(LINE + HOST + b"\n"),
    "lf-lf": bad(LINE + b"Host: a.test\n\n"),
    "lf-hides-a-field": bad(get(b"X: y\nContent-Length: 5") + b"12345"),
    "lf-hides-a-coding": bad(get(b"X: y\nTransfer-Encoding: chunked") + b"0\r\n\r\n"),
    "lf-hides-a-host": bad(get(b"X: y\nHost: evil.test")),
    "lf-hides-an-id": bad(get(b"X: y\nX-Request-ID: evil")),
    "lf-hides-a-request": bad(get(b"X: y\n\nGET /evil HTTP/1.1\r\nHost: evil.test")),
    "lf-in-method": bad(b"GE\nT /case HTTP/1.1\r\n" + HOST + b"\r\n"),
    "lf-in-target": bad(b"GET /ca\nse HTTP/1.1\r\n" + HOST + b"\r\n"),
    "lf-behind-method": bad(b"GET\n/case HTTP/1.1\r\n" + HOST + b"\r\n"),
    "lf-behind-target": bad(b"GET /case\nHTTP/1.1\r\n" + HOST + b"\r\n"),
    "lf-in-version": bad(b"GET /case HTTP\n/1.1\r\n" + HOST + b"\r\n"),
    "lf-in-name": bad(get(b"X\nY: z")),
    "lf-before-colon": bad(get(b"X\n: z")),
    "lf-behind-colon": bad(get(b"X:\nz")),
    "lf-in-id": bad(get(b"X-Request-ID: a\nb")),
    "lf-before-request": bad(b"\n" + get(), "An empty line before a request is CR LF."),
    "lf-cr": bad(b"GET /case HTTP/1.1\n\rHost: a.test\n\r\n\r"),
}

BARE_CR = {
    "cr-everywhere": bad(b"GET /case HTTP/1.1\rHost: a.test\r\r"),
    "cr-behind-request-line": bad(b"GET /case HTTP/1.1\r" + HOST + b"\r\n"),
    "cr-behind-host": bad(LINE + b"Host: a.test\rX: y\r\n\r\n"),
    "cr-behind-a-field": bad(get(b"X: y\rZ: z")),
    "cr-in-value": bad(get(b"X: y\rz")),
    "cr-at-value-begin": bad(get(b"X: \ry")),
    "cr-before-cr-lf": bad(get(b"X: y\r")),
    "cr-before-empty-line": bad(LINE + HOST + b"\r\r\n"),
    "cr-as-empty-line": bad(LINE + HOST + b"\rX"),
    "cr-hides-a-field": bad(get(b"X: y\rContent-Length: 5") + b"12345"),
    "cr-hides-a-coding": bad(get(b"X: y\rTransfer-Encoding: chunked") + b"0\r\n\r\n"),
    "cr-hides-a-request": bad(get(b"X: y\r\rGET /evil HTTP/1.1\rHost: evil.test")),
    "cr-in-method": bad(b"GE\rT /case HTTP/1.1\r\n" + HOST + b"\r\n"),
    "cr-in-target": bad(b"GET /ca\rse HTTP/1.1\r\n" + HOST + b"\r\n"),
    "cr-behind-version": bad(b"GET /case HTTP/1.1\r\r\n" + HOST + b"\r\n"),
    "cr-in-name": bad(get(b"X\rY: z")),
    "cr-before-colon": bad(get(b"X\r: z")),
    "cr-in-id": bad(get(b"X-Request-ID: a\rb")),
    "cr-before-request": bad(b"\r" + get(), "A bare CR is no line end."),
    "cr-cr-lf-lf": bad(LINE + HOST + b"\r\r\n\n"),
}

EMPTY_LINES = {
    "one-before": Case(RULE, b"\r\n" + get(), served()),
    "four-before": Case(RULE, b"\r\n" * 4 + get(), served()),
    "five-before": Case("Operations, limits", b"\r\n" * 5 + get(), refused()),
    "thousands-before": Case("Operations, limits", b"\r\n" * 5000 + get(), refused()),
    "one-between": Case(
        RULE, get() + b"\r\n" + get(target=b"/second"), then(served(), served(target="/second"))
    ),
    "one-behind-content": Case(
        RULE, post(b"Content-Length: 5") + b"\r\n" + get(target=b"/second"),
        then(served_content(), served(target="/second")),
    ),
    "lf-between": Case(RULE, get() + b"\n", last(then(served(), refused())), why=ONLY),
    "space-before": bad(b" " + get(), "White space before a request line is an error."),
    "space-line-before": bad(b" \r\n" + get(), "White space before a request line is an error."),
    "tab-before": bad(b"\t" + get(), "White space before a request line is an error."),
    "vertical-tab-before": bad(b"\x0b" + get()),
    "nul-before": bad(b"\x00" + get()),
    "only-empty-lines": Case(RULE, b"\r\n\r\n", left(), ends=True),
}  # fmt: skip

UNICODE = {
    "next-line-character": Case(RULE, get(b"X: y\xc2\x85Z: z"), served(fields={"Z": []})),
    "line-separator": Case(RULE, get(b"X: y\xe2\x80\xa8Z: z"), served(fields={"Z": []})),
    "letters-that-end-in-cr-lf-bytes": Case(
        RULE, get(b"X: y\xe5\x98\x8d\xe5\x98\x8aZ: z"), served(fields={"Z": []})
    ),
    "percent-encoded": Case(RULE, get(b"X: y%0d%0aZ: z"), served(fields={"Z": []})),
    "percent-encoded-in-target": Case(
        RULE, get(target=b"/case%0d%0aX:%20y"), served(target="/case%0d%0aX:%20y")
    ),
    "backslashes": Case(RULE, get(b"X: y\\r\\nZ: z"), served(fields={"Z": []})),
}

CUT = {
    "cut-in-request-line": Case(RULE, b"GET /case HT", left(), ends=True),
    "cut-in-field": Case(RULE, LINE + b"Host: a.t", left(), ends=True),
    "cut-behind-cr": Case(RULE, LINE + b"Host: a.test\r", left(), ends=True),
    "cut-before-empty-line": Case(RULE, LINE + HOST, left(), ends=True),
    "cut-in-empty-line": Case(RULE, LINE + HOST + b"\r", left(), ends=True),
}

CASES = {**BARE_LF, **BARE_CR, **EMPTY_LINES, **UNICODE, **CUT}
