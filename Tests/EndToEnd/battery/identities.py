"""Who a request is from and which ID it has: fields that only Waybill may write."""

from __future__ import annotations

from .case import Case, get, refused, served

ID = "SecurityModel, about the ID"
FORWARDED = "SecurityModel, whom Waybill trusts"
CLIENT = ["127.0.0.1"]
WRITTEN = {
    "X-Forwarded-For": CLIENT,
    "X-Forwarded-Proto": ["http"],
    "X-Forwarded-Host": ["a.test"],
}


def kept(value: bytes) -> Case:
    """A valid ID, which passes byte for byte."""
    fields = {"X-Request-ID": [value.decode("latin-1")]}
    return Case(ID, get(b"X-Request-ID: " + value), served(fields=fields))


def replaced(*lines: bytes) -> Case:
    """An ID that is not kept; that there is exactly one is held for every request."""
    return Case(ID, get(*lines), served())


def dropped(line: bytes, rule: str = FORWARDED) -> Case:
    """A field of an untrusted peer that says who the client is, or a twin of such."""
    name = line.partition(b":")[0].decode("latin-1")
    return Case(rule, get(line), served(fields={**WRITTEN, name: WRITTEN.get(name, [])}))


IDS = {
    "kept": kept(b"mine-1"),
    "kept-alphabet": kept(b"azAZ09-_.:+/=@~"),
    "kept-128": kept(b"a" * 128),
    "kept-one": kept(b"a"),
    "kept-two-equal": Case(
        ID, get(b"X-Request-ID: mine-1", b"X-Request-ID: mine-1"),
        served(fields={"X-Request-ID": ["mine-1"]}),
    ),
    "kept-lowercase-name": Case(
        ID, get(b"x-request-id: mine-1"), served(fields={"X-Request-ID": ["mine-1"]})
    ),
    "replaced-129": replaced(b"X-Request-ID: " + b"a" * 129),
    "replaced-8000": replaced(b"X-Request-ID: " + b"a" * 8000),
    "replaced-empty": replaced(b"X-Request-ID:"),
    "replaced-two": replaced(b"X-Request-ID: a", b"X-Request-ID: b"),
    "replaced-two-differing-in-case": replaced(b"X-Request-ID: a", b"x-request-id: A"),
    "replaced-list": replaced(b"X-Request-ID: a, b"),
    "replaced-list-tight": replaced(b"X-Request-ID: a,a"),
    "replaced-space": replaced(b"X-Request-ID: a b"),
    "replaced-quotes": replaced(b'X-Request-ID: "a"'),
    "replaced-script": replaced(b"X-Request-ID: <script>alert(1)</script>"),
    "replaced-utf-8": replaced(b"X-Request-ID: \xc3\xa9"),
    "replaced-percent": replaced(b"X-Request-ID: a%0d%0ab"),
    "replaced-braces": replaced(b"X-Request-ID: ${jndi:ldap://evil.test}"),
    "replaced-many": replaced(*[b"X-Request-ID: %d" % number for number in range(50)]),
    "refused-nul": Case(ID, get(b"X-Request-ID: a\x00"), refused()),
    "refused-folded": Case(ID, get(b"X-Request-ID: a", b" b"), refused()),
}

for twin in (
    b"X_Request_ID", b"X-Request_ID", b"X_Request-ID", b"x_request_id", b"X.Request.ID",
    b"X~Request~ID", b"X!Request!ID",
):  # fmt: skip
    name = twin.decode()
    IDS[f"twin-{name}"] = Case(
        ID, get(b"X-Request-ID: mine-1", twin + b": evil"),
        served(fields={"X-Request-ID": ["mine-1"], name: []}),
    )  # fmt: skip

FORGED = {
    "forwarded-for": dropped(b"X-Forwarded-For: 1.2.3.4"),
    "forwarded-for-lowercase": Case(
        FORWARDED, get(b"x-forwarded-for: 1.2.3.4"), served(fields=WRITTEN)
    ),
    "forwarded-for-list": dropped(b"X-Forwarded-For: 1.2.3.4, 127.0.0.1"),
    "forwarded-for-empty": dropped(b"X-Forwarded-For:"),
    "forwarded-for-twin": dropped(b"X_Forwarded_For: 1.2.3.4"),
    "forwarded-for-half-twin": dropped(b"X-Forwarded_For: 1.2.3.4"),
    "forwarded-proto": dropped(b"X-Forwarded-Proto: https"),
    "forwarded-proto-twin": dropped(b"X_Forwarded_Proto: https"),
    "forwarded-host": dropped(b"X-Forwarded-Host: evil.test"),
    "forwarded-host-twin": dropped(b"X_Forwarded_Host: evil.test"),
    "forwarded-port": dropped(b"X-Forwarded-Port: 443"),
    "forwarded-prefix": dropped(b"X-Forwarded-Prefix: /admin"),
    "forwarded-server-twin": dropped(b"X_Forwarded_Server: evil.test"),
    "forwarded-anything": dropped(b"X-Forwarded-Anything: a"),
    "forwarded": dropped(b"Forwarded: for=1.2.3.4;proto=https"),
    "no-twin": Case(
        "RFC 9110 section 5.1", get(b"F_orwarded: a"), served(fields={"F_orwarded": ["a"]})
    ),
    "real-ip": dropped(b"X-Real-IP: 1.2.3.4"),
    "real-ip-twin": dropped(b"X_Real_IP: 1.2.3.4"),
    "two-of-them": Case(
        FORWARDED, get(b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-For: 5.6.7.8"),
        served(fields=WRITTEN),
    ),
}  # fmt: skip

CASES = {
    **{f"id-{name}": case for name, case in IDS.items()},
    **{f"forged-{name}": case for name, case in FORGED.items()},
}
