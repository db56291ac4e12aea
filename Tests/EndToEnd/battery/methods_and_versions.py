"""Methods and versions."""

from __future__ import annotations

from .case import HOST, Case, Outcome, answered, get, last, refused, served, then

METHOD = "RFC 9110 section 9.1"
VERSION = "RFC 9112 section 2.3"
PERSISTENCE = "RFC 9112 section 9.3"


def method(name: bytes, outcome: Outcome | None = None, rule: str = METHOD) -> Case:
    expected = outcome or served(method=name.decode("latin-1"))
    return Case(rule, name + get().removeprefix(b"GET"), expected)


def version(text: bytes, status: int = 400, why: str = "") -> Case:
    return Case(VERSION, b"GET /case " + text + b"\r\n" + HOST + b"\r\n", refused(status), why=why)


def old(*lines: bytes, outcome: Outcome) -> Case:
    return Case(PERSISTENCE, get(*lines, version=b"1.0"), outcome)


METHODS = {
    "get": method(b"GET"),
    "head": method(b"HEAD"),
    "post": method(b"POST"),
    "options": method(b"OPTIONS"),
    "trace": Case(
        "RFC 9110 section 9.3.8", b"TRACE" + get().removeprefix(b"GET"), answered(405),
        why="An echo would show scripts what is kept from them; nginx refuses it, too.",
    ),
    "track": method(b"TRACK"),
    "unknown": method(b"FROBNICATE"),
    "lowercase": method(b"get"),
    "mixed-case": method(b"Get"),
    "one-letter": method(b"X"),
    "digits": method(b"123"),
    "symbols": method(b"!#$%&'*+-.^_`|~"),
    "with-dash": method(b"M-SEARCH"),
    "get-and-a-letter": method(b"GETX"),
    "prefix-before-get": method(b"XGET"),
    "connect-in-eight-letters": method(b"XCONNECT"),
    "thirty-two-bytes": method(b"M" * 32),
    "thirty-three-bytes": method(b"M" * 33, refused(), "Operations, limits"),
    "endless": method(b"M" * 10_000, refused(), "Operations, limits"),
    "parentheses": method(b"GET()", refused()),
    "slash": method(b"G/T", refused()),
    "colon": method(b"GET:", refused()),
    "quotes": method(b'"GET"', refused()),
    "at-sign": method(b"G@T", refused()),
    "comma": method(b"GET,POST", refused()),
    "non-ascii": method(b"G\xc9T", refused()),
    "byte-order-mark": method(b"\xef\xbb\xbfGET", refused()),
    "nul": method(b"GET\x00", refused()),
    "empty": Case(METHOD, b" /case HTTP/1.1\r\n" + HOST + b"\r\n", refused()),
    "http2-preface": Case(
        "RFC 9113 section 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused(505),
        why="It is a request of another protocol, which nobody has agreed upon.",
    ),
    "tls-hello": Case(
        METHOD, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 60, refused()
    ),
    "proxy-protocol-1": Case(
        METHOD, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(), refused(),
        why="Nobody has said that this peer may name other addresses.",
    ),
    "proxy-protocol-2": Case(
        METHOD, b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + b"\x01" * 12 + get(), refused()
    ),
    "max-forwards-on-trace": Case(
        "RFC 9110 section 7.6.2", b"TRACE" + get(b"Max-Forwards: 5").removeprefix(b"GET"),
        answered(405),
    ),
    "max-forwards-on-get": Case(
        "RFC 9110 section 7.6.2", get(b"Max-Forwards: 0"), served(fields={"Max-Forwards": ["0"]})
    ),
}  # fmt: skip

# RFC 9110 asks a proxy to count Max-Forwards down and to answer a zero itself. Waybill passes it
# on, as nginx and HAProxy do: it adds no Via either, so such a request would tell nothing of it.
METHODS["max-forwards-zero-on-options"] = Case(
    "RFC 9110 section 7.6.2",
    b"OPTIONS" + get(b"Max-Forwards: 0").removeprefix(b"GET"),
    served(method="OPTIONS", fields={"Max-Forwards": ["0"]}),
)

VERSIONS = {
    "http-1.1": Case(VERSION, get(), served()),
    "http-1.2": Case(VERSION, get(version=b"1.2"), served()),
    "http-1.9": Case(VERSION, get(version=b"1.9"), served()),
    "http-2.0": version(b"HTTP/2.0", 505),
    "http-3.0": version(b"HTTP/3.0", 505),
    "http-0.9": version(b"HTTP/0.9", 505),
    "http-0.0": version(b"HTTP/0.0", 505),
    "http-9.9": version(b"HTTP/9.9", 505),
    "http-2": version(b"HTTP/2"),
    "http-1": version(b"HTTP/1"),
    "http-1-dot": version(b"HTTP/1."),
    "http-1.10": version(b"HTTP/1.10"),
    "http-1.01": version(b"HTTP/1.01"),
    "http-01.1": version(b"HTTP/01.1"),
    "http-1.1.1": version(b"HTTP/1.1.1"),
    "http-11.1": version(b"HTTP/11.1"),
    "http-minus": version(b"HTTP/-1.1"),
    "http-plus": version(b"HTTP/+1.1"),
    "http-comma": version(b"HTTP/1,1"),
    "http-letters": version(b"HTTP/a.b"),
    "lowercase": version(b"http/1.1"),
    "mixed-case": version(b"Http/1.1"),
    "no-slash": version(b"HTTP1.1"),
    "two-slashes": version(b"HTTP//1.1"),
    "backslash": version(b"HTTP\\1.1"),
    "other-protocol": version(b"HTCPCP/1.0"),
    "https": version(b"HTTPS/1.1"),
    "icap": version(b"ICAP/1.0"),
    "rtsp": version(b"RTSP/1.0"),
    "prefix": version(b"XHTTP/1.1"),
    "nul-behind": version(b"HTTP/1.1\x00"),
    "tab-behind": version(b"HTTP/1.1\t"),
    "fullwidth-digit": version(b"HTTP/1.\xef\xbc\x91"),
}

PERSISTENCES = {
    "1.0": old(outcome=last(served())),
    "1.0-without-host": Case(
        PERSISTENCE, b"GET /case HTTP/1.0\r\n\r\n", last(served())
    ),
    "1.0-close": old(b"Connection: close", outcome=last(served())),
    "1.0-keep-alive": old(b"Connection: keep-alive", outcome=served()),
    "1.0-keep-alive-uppercase": old(b"Connection: KEEP-ALIVE", outcome=served()),
    "1.0-keep-alive-and-close": old(b"Connection: keep-alive, close", outcome=last(served())),
    "1.0-keep-alive-field-only": old(b"Keep-Alive: timeout=5", outcome=last(served())),
    "1.0-proxy-connection": old(b"Proxy-Connection: keep-alive", outcome=last(served())),
    "1.0-two-hosts": Case(
        "RFC 9112 section 3.2", get(b"Host: b.test", version=b"1.0"), refused()
    ),
    "1.1-close": Case(PERSISTENCE, get(b"Connection: close"), last(served())),
    "1.1-close-uppercase": Case(PERSISTENCE, get(b"Connection: CLOSE"), last(served())),
    "1.1-close-in-list": Case(PERSISTENCE, get(b"Connection: x, close , y"), last(served())),
    "1.1-close-second-line": Case(
        PERSISTENCE, get(b"Connection: keep-alive", b"Connection: close"), last(served())
    ),
    "1.1-closed-is-no-option": Case(PERSISTENCE, get(b"Connection: closed"), served()),
    "1.1-quoted-close": Case(PERSISTENCE, get(b'Connection: "close"'), served()),
    "1.1-then-1.0": Case(
        PERSISTENCE, get() + get(version=b"1.0"), last(then(served(), served()))
    ),
}

CASES = {
    **{f"method-{name}": case for name, case in METHODS.items()},
    **{f"version-{name}": case for name, case in VERSIONS.items()},
    **{f"kept-{name}": case for name, case in PERSISTENCES.items()},
}
