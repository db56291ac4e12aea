"""Host: exactly one, and an authority."""

from __future__ import annotations

from .case import Case, get, last, refused, served, then

RULE = "RFC 9112 section 3.2"
AUTHORITY = "RFC 9110 section 7.2"
LINE = b"GET /case HTTP/1.1\r\n"
TWO = "Recipients take the first or the last."


def head(*lines: bytes) -> bytes:
    return LINE + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def good(value: bytes) -> Case:
    """A value that is an authority and passes unchanged."""
    fields = {"Host": [value.decode("latin-1")], "X-Forwarded-Host": [value.decode("latin-1")]}
    return Case(AUTHORITY, head(b"Host: " + value), served(fields=fields))


def bad(value: bytes, why: str = "") -> Case:
    return Case(AUTHORITY, head(b"Host: " + value), refused(), why=why)


GOOD = {
    "name": good(b"b.test"),
    "one-label": good(b"localhost"),
    "trailing-dot": good(b"b.test."),
    "uppercase": good(b"B.TEST"),
    "digits": good(b"12345"),
    "ipv4": good(b"10.0.0.1"),
    "ipv6": good(b"[::1]"),
    "ipv6-port": good(b"[2001:db8::1]:8080"),
    "ipv6-mapped": good(b"[::ffff:10.0.0.1]"),
    "port": good(b"b.test:8080"),
    "port-zero": good(b"b.test:0"),
    "port-largest": good(b"b.test:65535"),
    "port-empty": good(b"b.test:"),
    "port-leading-zeros": good(b"b.test:00080"),
    "underscore": good(b"a_b.test"),
    "dash-first": good(b"-a.test"),
    "dot-first": good(b".test"),
    "percent-encoded": good(b"a%41.test"),
    "sub-delimiters": good(b"a!$&'()*+;=b"),
    "tilde": good(b"a~b"),
    "no-space": Case(AUTHORITY, head(b"Host:b.test"), served(fields={"Host": ["b.test"]})),
    "spaces-around": Case(
        AUTHORITY, head(b"Host:   b.test   "), served(fields={"Host": ["b.test"]})
    ),
    "lowercase-name": Case(RULE, head(b"host: b.test"), served(fields={"Host": ["b.test"]})),
    "uppercase-name": Case(RULE, head(b"HOST: b.test"), served(fields={"Host": ["b.test"]})),
    "last-field": Case(
        RULE, head(*[b"X-%d: a" % number for number in range(50)], b"Host: b.test"),
        served(fields={"Host": ["b.test"]}),
    ),
    "of-200-bytes": good(b"a" * 200 + b".test"),
    "changes-on-a-connection": Case(
        RULE, head(b"Host: b.test") + head(b"Host: c.test"),
        then(served(fields={"Host": ["b.test"]}), served(fields={"Host": ["c.test"]})),
    ),
}  # fmt: skip

BAD = {
    "space": bad(b"b test"),
    "tab": bad(b"b\ttest"),
    "list": bad(b"b.test, c.test", "Recipients take the first or the last."),
    "slash": bad(b"b.test/case"),
    "url": bad(b"http://b.test"),
    "question-mark": bad(b"b.test?x"),
    "fragment": bad(b"b.test#x"),
    "backslash": bad(b"b.test\\x"),
    "userinfo": bad(b"u@b.test", "Some take what is before the @, others what is behind."),
    "userinfo-password": bad(b"u:p@b.test"),
    "at-first": bad(b"@b.test"),
    "port-word": bad(b"b.test:http"),
    "port-negative": bad(b"b.test:-1"),
    "port-plus": bad(b"b.test:+80"),
    "two-dots": bad(b"a..test"),
    "port-too-large": bad(b"b.test:65536"),
    "port-six-digits": bad(b"b.test:000080"),
    "port-and-more": bad(b"b.test:80x"),
    "port-userinfo": bad(b"b.test:80@c.test"),
    "two-ports": bad(b"b.test:80:81"),
    "port-only": bad(b":80"),
    "colon-only": bad(b":"),
    "ipv6-no-brackets": bad(b"::1"),
    "ipv6-open": bad(b"[::1"),
    "ipv6-closed": bad(b"::1]"),
    "ipv6-empty": bad(b"[]"),
    "ipv6-text-behind": bad(b"[::1]x"),
    "ipv6-zone": bad(b"[fe80::1%25eth0]"),
    "ipv6-nested": bad(b"[[::1]]"),
    "brackets-around-a-name": bad(b"[b.test]"),
    "quotes": bad(b'"b.test"'),
    "angle-brackets": bad(b"<script>"),
    "braces": bad(b"{b}"),
    "pipe": bad(b"b|c"),
    "caret": bad(b"b^c"),
    "backtick": bad(b"b`c"),
    "non-ascii": bad(b"b\xe9.test"),
    "utf-8": bad(b"b\xc3\xa9.test"),
    "nul": bad(b"b\x00.test"),
    "control": bad(b"b\x01.test"),
    "delete": bad(b"b\x7f.test"),
    "carriage-return": bad(b"b.test\rX"),
    "folded": Case(AUTHORITY, head(b"Host: b.test", b" c.test"), refused()),
}

COUNT = {
    "none": Case(RULE, head(), refused()),
    "none-but-forwarded-host": Case(RULE, head(b"X-Forwarded-Host: b.test"), refused()),
    "none-but-alike": Case(RULE, head(b"Ho_st: b.test"), refused()),
    "two": Case(RULE, head(b"Host: b.test", b"Host: c.test"), refused(), why=TWO),
    "two-equal": Case(RULE, head(b"Host: b.test", b"Host: b.test"), refused()),
    "two-differing-in-case": Case(RULE, head(b"Host: b.test", b"host: c.test"), refused(), why=TWO),
    "two-far-apart": Case(
        RULE, head(b"Host: b.test", *[b"X-%d: a" % n for n in range(60)], b"Host: c.test"),
        refused(), why=TWO,
    ),
    "good-and-empty": Case(RULE, head(b"Host: b.test", b"Host:"), refused()),
    "empty-and-good": Case(RULE, head(b"Host:", b"Host: b.test"), refused()),
    "good-and-bad": Case(RULE, head(b"Host: b.test", b"Host: a b"), refused()),
    "space-before-colon": Case(RULE, head(b"Host : b.test"), refused()),
    "second-space-before-colon": Case(RULE, head(b"Host: b.test", b"Host : c.test"), refused()),
    "second-space-before-name": Case(RULE, head(b"Host: b.test", b" Host: c.test"), refused()),
    "three": Case(RULE, head(*[b"Host: b.test"] * 3), refused()),
    "empty": Case(AUTHORITY, head(b"Host:"), refused()),
    "blank": Case(AUTHORITY, head(b"Host:   "), refused()),
    "none-on-1.0": Case(
        RULE, b"GET /case HTTP/1.0\r\n\r\n", last(served(fields={"X-Forwarded-Host": []}))
    ),
    "empty-on-1.0": Case(RULE, b"GET /case HTTP/1.0\r\nHost:\r\n\r\n", refused()),
    "bad-on-1.0": Case(RULE, b"GET /case HTTP/1.0\r\nHost: a b\r\n\r\n", refused()),
    "two-on-1.0": Case(
        RULE, b"GET /case HTTP/1.0\r\nHost: b.test\r\nHost: c.test\r\n\r\n", refused()
    ),
    "named-by-connection": Case(
        "RFC 9110 section 7.6.1", get(b"Connection: Host"), served(fields={"Host": ["a.test"]})
    ),
    "in-trailing-content": Case(RULE, head() + head(b"Host: b.test"), refused()),
}  # fmt: skip

CASES = {
    **{f"good-{name}": case for name, case in GOOD.items()},
    **{f"bad-{name}": case for name, case in BAD.items()},
    **{f"count-{name}": case for name, case in COUNT.items()},
}
