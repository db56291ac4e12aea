"""Connection, and hop-by-hop fields."""

from __future__ import annotations

from .case import CHUNKED, Case, get, last, post, served, served_content

RULE = "RFC 9110 section 7.6.1"
ID = "SecurityModel, about the ID"
FORWARDED = "SecurityModel, whom Waybill trusts"
BODY = b"5\r\n12345\r\n0\r\n\r\n"
CLIENT = "127.0.0.1"


def named(option: bytes, **fields: list[str]) -> Case:
    """A Connection that names one field of the request."""
    wanted = {name.replace("_", "-"): values for name, values in fields.items()}
    return Case(RULE, get(b"Connection: " + option, b"X-A: a", b"X-B: b"), served(fields=wanted))


def gone(*lines: bytes, names: tuple[str, ...], rule: str = RULE) -> Case:
    """Fields that the backend must not get."""
    return Case(rule, get(*lines), served(fields={name: [] for name in names}))


def kept(line: bytes, option: bytes, rule: str = RULE) -> Case:
    """A field that is written by Waybill or needed by it, whatever Connection says."""
    name, value = line.decode("latin-1").split(": ")
    return Case(rule, get(b"Connection: " + option, line), served(fields={name: [value]}))


DROPPED = {
    "one": named(b"X-A", X_A=[], X_B=["b"]),
    "lowercase": named(b"x-a", X_A=[], X_B=["b"]),
    "uppercase": named(b"X-A", X_A=[], X_B=["b"]),
    "two": named(b"X-A, X-B", X_A=[], X_B=[]),
    "tight": named(b"X-A,X-B", X_A=[], X_B=[]),
    "tabs": named(b"X-A\t,\tX-B", X_A=[], X_B=[]),
    "empty-elements": named(b",,X-A,,", X_A=[], X_B=["b"]),
    "with-keep-alive": named(b"keep-alive, X-A", X_A=[], X_B=["b"]),
    "absent-name": named(b"X-C", X_A=["a"], X_B=["b"]),
    "prefix": named(b"X-", X_A=["a"], X_B=["b"]),
    "longer": named(b"X-AA", X_A=["a"], X_B=["b"]),
    "quoted": named(b'"X-A"', X_A=["a"]),
    "twin": named(b"X_A", X_A=["a"]),
    "space-inside": named(b"X-A X-B", X_A=["a"], X_B=["b"]),
    "parameter": named(b"X-A;q=1", X_A=["a"]),
    "behind-a-long-list": named(b", ".join([b"Y-%d" % n for n in range(500)]) + b", X-A", X_A=[]),
    "second-line": gone(
        b"Connection: X-C", b"Connection: X-A", b"X-A: a", b"X-C: c", names=("X-A", "X-C")
    ),
    "behind-the-field": gone(b"X-A: a", b"Connection: X-A", names=("X-A",)),
    "both-lines-of-it": gone(b"X-A: a", b"X-A: b", b"Connection: X-A", names=("X-A",)),
    "cookie": gone(b"Cookie: a=b", b"Connection: Cookie", names=("Cookie",)),
    "authorization": gone(
        b"Authorization: Basic eA==", b"Connection: Authorization", names=("Authorization",)
    ),
    "itself": gone(b"Connection: Connection", names=("Connection",)),
    "empty": gone(b"Connection:", names=("Connection",)),
    "comma-only": gone(b"Connection: ,", names=("Connection",)),
}

HOP_BY_HOP = {
    "keep-alive": gone(b"Keep-Alive: timeout=5", names=("Keep-Alive",)),
    "proxy-connection": gone(b"Proxy-Connection: keep-alive", names=("Proxy-Connection",)),
    "te": gone(b"TE: gzip, trailers", names=("TE",)),
    "te-named": gone(b"TE: trailers", b"Connection: TE", names=("TE",)),
    "te-chunked": gone(b"TE: chunked;q=0.5", names=("TE",)),
    "upgrade-unnamed": gone(b"Upgrade: websocket", names=("Upgrade", "Connection")),
}

KEPT = {
    "host": Case(RULE, get(b"Connection: Host"), served(fields={"Host": ["a.test"]})),
    "request-id": kept(b"X-Request-ID: mine-1", b"X-Request-ID", ID),
    "request-id-lowercase": kept(b"X-Request-ID: mine-1", b"x-request-id", ID),
    "request-id-among-others": kept(b"X-Request-ID: mine-1", b"close2, X-Request-ID, te", ID),
    "content-length": Case(
        RULE, post(b"Connection: Content-Length", b"Content-Length: 5"),
        served_content(fields={"Content-Length": ["5"]}),
    ),
    "transfer-encoding": Case(
        RULE, post(b"Connection: Transfer-Encoding", CHUNKED, body=BODY),
        served_content(framing="chunked"),
    ),
    "close-and-request-id": Case(
        ID, get(b"Connection: close, X-Request-ID", b"X-Request-ID: mine-1"),
        last(served(fields={"X-Request-ID": ["mine-1"]})),
    ),
    "forwarded-for": Case(
        FORWARDED, get(b"Connection: X-Forwarded-For", b"X-Forwarded-For: 1.2.3.4"),
        served(fields={"X-Forwarded-For": [CLIENT]}),
    ),
    "forwarded-host": Case(
        FORWARDED, get(b"Connection: X-Forwarded-Host"),
        served(fields={"X-Forwarded-Host": ["a.test"]}),
    ),
    "forwarded-proto": Case(
        FORWARDED, get(b"Connection: X-Forwarded-Proto"),
        served(fields={"X-Forwarded-Proto": ["http"]}),
    ),
}  # fmt: skip

CASES = {
    **{f"drops-{name}": case for name, case in DROPPED.items()},
    **{f"drops-{name}": case for name, case in HOP_BY_HOP.items()},
    **{f"keeps-{name}": case for name, case in KEPT.items()},
}
