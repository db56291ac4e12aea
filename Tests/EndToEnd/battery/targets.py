"""Request targets in all four forms, and in none."""

from __future__ import annotations

from .case import Case, Outcome, answered, get, last, refused, served

RULE = "RFC 9112 section 3.2"
ABSOLUTE = "RFC 9112 section 3.2.2"
PATH = "RFC 3986 section 6.2.2"
GUARD = "nginx: locations"
GUARDED = answered(203)


def target(text: bytes, outcome: Outcome | None = None, rule: str = RULE, why: str = "") -> Case:
    expected = outcome or served(target=text.decode("latin-1"))
    return Case(rule, get(target=text), expected, why=why)


def absolute(
    text: bytes, path: str, host: str = "b.test", why: str = "", lines: tuple[bytes, ...] = ()
) -> Case:
    """An absolute form: its authority prevails over the Host field, which says a.test."""
    fields = {"Host": [host], "X-Forwarded-Host": [host]}
    data = get(*lines, target=text)
    return Case(ABSOLUTE, data, served(target=path, fields=fields), why=why)


def other(method: bytes, text: bytes, outcome: Outcome) -> Case:
    return Case(RULE, method + get(target=text).removeprefix(b"GET"), outcome)


ORIGIN = {
    "root": target(b"/"),
    "query": target(b"/case?a=b"),
    "empty-query": target(b"/case?"),
    "two-question-marks": target(b"/case??a?b"),
    "slash-in-query": target(b"/case?/../x"),
    "url-in-query": target(b"/case?u=http://evil.test/"),
    "double-slash": target(b"//evil.test/case"),
    "triple-slash": target(b"///case"),
    "url-as-path": target(b"/http://evil.test/"),
    "dot-segment": target(b"/./case"),
    "dot-dot-within-root": target(b"/a/../case"),
    "trailing-dots": target(b"/case/.."),
    "three-dots": target(b"/.../case"),
    "semicolon": target(b"/case;a=b/c"),
    "dot-dot-semicolon": target(b"/a/..;/case"),
    "backslash": target(b"/a\\..\\case"),
    "at-sign": target(b"/user@evil.test"),
    "colon": target(b"/a:80/case"),
    "encoded-slash": target(b"/a%2fcase"),
    "encoded-backslash": target(b"/a%5ccase"),
    "encoded-dots": target(b"/a/%2e%2e/case"),
    "encoded-twice": target(b"/a/%252e%252e/case"),
    "encoded-space": target(b"/a%20b"),
    "encoded-line-end": target(b"/a%0d%0ab"),
    "encoded-question-mark": target(b"/a%3fb"),
    "encoded-non-ascii": target(b"/%c3%a9"),
    "overlong-utf-8": target(b"/%c0%ae%c0%ae/case"),
    "raw-utf-8": target(b"/\xc3\xa9", served(target="/%C3%A9")),
    "raw-bytes": target(b"/\xff\xfe", served(target="/%FF%FE")),
    "curly-braces": target(b"/{a}|[b]^`"),
    "angle-brackets": target(b'/<script>"'),
    "bad-percent-in-query": target(b"/case?%zz%"),
    "long": target(b"/" + b"a" * 7000),
}

BAD = {
    "fragment": target(b"/case#x", refused(), why="A fragment is never sent."),
    "fragment-in-query": target(b"/case?a#x", refused(), why="A fragment is never sent."),
    "fragment-alone": target(b"#x", refused()),
    "encoded-nul": target(b"/a%00b", refused(), PATH),
    "nul": target(b"/a\x00b", refused()),
    "percent-alone": target(b"/a%", refused(), PATH),
    "percent-one-digit": target(b"/a%2", refused(), PATH),
    "percent-no-digits": target(b"/a%zzb", refused(), PATH),
    "percent-unicode": target(b"/a%u002f", refused(), PATH),
    "above-the-root": target(b"/../case", refused(), PATH),
    "above-the-root-encoded": target(b"/%2e%2e/case", refused(), PATH),
    "above-the-root-deep": target(b"/a/../../case", refused(), PATH),
    "above-the-root-encoded-slash": target(b"/a%2f..%2f..%2fcase", refused(), PATH),
    "relative": target(b"case", refused()),
    "relative-dots": target(b"../case", refused()),
    "question-mark-first": target(b"?a=b", refused()),
    "backslash-first": target(b"\\case", refused()),
    "asterisk-on-get": target(b"*", refused()),
    "asterisk-and-more": target(b"*/case", refused()),
    "authority-on-get": target(b"a.test:80", refused()),
    "host-alone": target(b"a.test/case", refused()),
    "encoded-first-slash": target(b"%2fcase", refused()),
    "too-long": target(b"/" + b"a" * 9000, refused(414), "Operations, limits"),
    "query-too-long": target(b"/?" + b"a" * 9000, refused(414), "Operations, limits"),
    "endless": Case("Operations, limits", b"GET /" + b"a" * 200_000, refused(414)),
    "escape-character": target(b"/\x1b[31m", refused()),
}

ABSOLUTES = {
    "path": absolute(b"http://b.test/case", "/case"),
    "query": absolute(b"http://b.test/case?a=b", "/case?a=b"),
    "no-path": absolute(b"http://b.test", "/"),
    "no-path-query": absolute(b"http://b.test?a=b", "/?a=b"),
    "port": absolute(b"http://b.test:8080/case", "/case", "b.test:8080"),
    "empty-port": absolute(b"http://b.test:/case", "/case", "b.test:"),
    "ipv4": absolute(b"http://10.0.0.1/case", "/case", "10.0.0.1"),
    "ipv6": absolute(b"http://[::1]:80/case", "/case", "[::1]:80"),
    "uppercase-scheme": absolute(b"HTTP://b.test/case", "/case"),
    "mixed-scheme": absolute(b"hTtP://b.test/case", "/case"),
    "https": absolute(b"https://b.test/case", "/case"),
    "uppercase-host": absolute(b"http://B.TEST/case", "/case", "B.TEST"),
    "double-slash-path": absolute(b"http://b.test//case", "//case"),
    "host-named-by-connection": absolute(
        b"http://b.test/case", "/case", lines=(b"Connection: Host",)
    ),
    "1.0-without-host": Case(
        ABSOLUTE, b"GET http://b.test/case HTTP/1.0\r\n\r\n",
        last(served(fields={"Host": ["b.test"]})),
    ),
    "without-host": Case(
        RULE, b"GET http://b.test/case HTTP/1.1\r\n\r\n", refused(),
        why="HTTP/1.1 asks for Host with every form.",
    ),
    "bad-host-field": Case(
        ABSOLUTE, b"GET http://b.test/case HTTP/1.1\r\nHost: a b\r\n\r\n", refused()
    ),
    "two-host-fields": Case(
        ABSOLUTE, get(b"Host: b.test", target=b"http://b.test/case"), refused()
    ),
    "userinfo": target(b"http://user@b.test/case", refused(), "RFC 9110 section 4.2.4"),
    "userinfo-password": target(b"http://a.test:x@b.test/", refused(), "RFC 9110 section 4.2.4"),
    "no-authority": target(b"http:///case", refused(), "RFC 9110 section 4.2.1"),
    "no-slashes": target(b"http:/case", refused()),
    "one-slash": target(b"http:/b.test/case", refused()),
    "scheme-only": target(b"http://", refused()),
    "port-no-number": target(b"http://b.test:x/case", refused()),
    "port-too-large": target(b"http://b.test:65536/case", refused()),
    "space-in-host": target(b"http://b test/case", refused()),
    "backslash-in-host": target(b"http://b.test\\case", refused()),
    "fragment": target(b"http://b.test/case#x", refused()),
    "ftp": target(b"ftp://b.test/case", refused()),
    "file": target(b"file:///etc/passwd", refused()),
    "gopher": target(b"gopher://b.test/x", refused()),
    "javascript": target(b"javascript:alert(1)", refused()),
    "websocket": target(b"ws://b.test/case", refused()),
    "scheme-prefix": target(b"xhttp://b.test/case", refused()),
    "above-the-root": target(b"http://b.test/../case", refused(), PATH),
    "options-asterisk-by-absolute": other(
        b"OPTIONS", b"http://b.test", served(method="OPTIONS", target="*")
    ),
}  # fmt: skip

OTHERS = {
    "options-asterisk": other(b"OPTIONS", b"*", served(method="OPTIONS", target="*")),
    "options-two-asterisks": other(b"OPTIONS", b"**", refused()),
    "options-asterisk-query": other(b"OPTIONS", b"*?a", refused()),
    "connect": other(b"CONNECT", b"b.test:443", refused(501)),
    "connect-ipv6": other(b"CONNECT", b"[::1]:443", refused(501)),
    "connect-no-port": other(b"CONNECT", b"b.test", refused()),
    "connect-path": other(b"CONNECT", b"/case", refused()),
    "connect-absolute": other(b"CONNECT", b"http://b.test/", refused()),
    "connect-userinfo": other(b"CONNECT", b"u@b.test:443", refused()),
    "connect-without-host": Case(RULE, b"CONNECT b.test:443 HTTP/1.1\r\n\r\n", refused()),
}

GUARDS = {
    "plain": target(b"/guarded", GUARDED, GUARD),
    "double-slash": target(b"//guarded", GUARDED, GUARD),
    "dot": target(b"/./guarded", GUARDED, GUARD),
    "dot-dot": target(b"/a/../guarded", GUARDED, GUARD),
    "encoded-letter": target(b"/%67uarded", GUARDED, GUARD),
    "encoded-dots": target(b"/a/%2e%2e/guarded", GUARDED, GUARD),
    "encoded-slash": target(b"/a/..%2fguarded", GUARDED, GUARD),
    "absolute": target(b"http://a.test/guarded", GUARDED, GUARD),
    "absolute-dots": target(b"http://a.test/a/../guarded", GUARDED, GUARD),
    "host": Case(
        GUARD, b"GET /case HTTP/1.1\r\nHost: guarded.test\r\n\r\n", GUARDED
    ),
    "host-uppercase": Case(
        GUARD, b"GET /case HTTP/1.1\r\nHost: GUARDED.TEST\r\n\r\n", GUARDED
    ),
    "host-port": Case(
        GUARD, b"GET /case HTTP/1.1\r\nHost: guarded.test:81\r\n\r\n", GUARDED
    ),
    "host-by-absolute": target(
        b"http://guarded.test/case", GUARDED, ABSOLUTE, "The target's authority is the one meant."
    ),
    "host-field-behind-absolute": Case(
        ABSOLUTE, b"GET http://a.test/case HTTP/1.1\r\nHost: guarded.test\r\n\r\n",
        served(fields={"Host": ["a.test"]}), why="The target's authority is the one meant.",
    ),
    "replaced": target(b"/replaced/case", served(target="/base/case"), GUARD),
    "replaced-query": target(b"/replaced/case?a=b", served(target="/base/case?a=b"), GUARD),
    "replaced-dots": target(b"/replaced/a/../case", served(target="/base/case"), GUARD),
    "replaced-leaves": target(b"/replaced/../case", served(target="/replaced/../case"), GUARD),
    "replaced-encoded-leave": target(
        b"/replaced/%2e%2e/case", served(target="/replaced/%2e%2e/case"), GUARD
    ),
    "replaced-encoded-line-end": target(
        b"/replaced/a%0d%0aX:y", served(target="/base/a%0D%0AX:y"), GUARD
    ),
    "replaced-encoded-space": target(
        b"/replaced/a%20HTTP/1.1", served(target="/base/a%20HTTP/1.1"), GUARD
    ),
    "replaced-encoded-question-mark": target(
        b"/replaced/a%3fb", served(target="/base/a%3Fb"), GUARD
    ),
    "replaced-encoded-percent": target(b"/replaced/a%252f", served(target="/base/a%252f"), GUARD),
    "replaced-absolute": target(
        b"http://a.test/replaced/case", served(target="/base/case"), GUARD
    ),
}  # fmt: skip

CASES = {
    **{f"origin-{name}": case for name, case in ORIGIN.items()},
    **{f"bad-{name}": case for name, case in BAD.items()},
    **{f"absolute-{name}": case for name, case in ABSOLUTES.items()},
    **OTHERS,
    **{f"guard-{name}": case for name, case in GUARDS.items()},
}
