"""Expect, Upgrade and other ways to put two sides out of step."""

from __future__ import annotations

from .case import (
    CHUNKED,
    Case,
    Outcome,
    get,
    last,
    post,
    refused,
    served,
    served_content,
)

EXPECT = "RFC 9110 section 10.1.1"
UPGRADE = "RFC 9110 section 7.8"
H2C = "RFC 9113 section 3.1"
LENGTH = b"Content-Length: 5"
NONE: dict[str, list[str]] = {"Upgrade": [], "Connection": [], "HTTP2-Settings": []}
ASKED = b"Connection: upgrade"


def expecting(value: bytes, outcome: Outcome, version: bytes = b"1.1") -> Case:
    return Case(EXPECT, post(b"Expect: " + value, LENGTH, version=version), outcome)


def ignored(*lines: bytes, rule: str = UPGRADE, names: dict[str, list[str]] | None = None) -> Case:
    """An Upgrade that is not passed on: the request is an ordinary one."""
    return Case(rule, get(*lines), served(fields=NONE if names is None else names))


def passed(*lines: bytes, token: str = "websocket") -> Case:
    """An Upgrade that is passed on; the backend declines it, and the connection serves on."""
    fields = {"Upgrade": [token], "Connection": ["upgrade"]}
    return Case(UPGRADE, get(*lines), served(fields=fields))


EXPECTATIONS = {
    "continue": expecting(b"100-continue", served_content(fields={"Expect": ["100-continue"]})),
    "continue-uppercase": expecting(b"100-CONTINUE", served_content()),
    "continue-without-content": Case(EXPECT, get(b"Expect: 100-continue"), served()),
    "continue-chunked": Case(
        EXPECT, post(b"Expect: 100-continue", CHUNKED, body=b"5\r\n12345\r\n0\r\n\r\n"),
        served_content(framing="chunked"),
    ),
    "continue-on-1.0": expecting(b"100-continue", last(served_content()), b"1.0"),
    "other": expecting(b"200-ok", refused(417)),
    "word": expecting(b"cow", refused(417)),
    "continue-and-other": expecting(b"100-continue, cow", refused(417)),
    "continue-twice": expecting(b"100-continue, 100-continue", refused(417)),
    "continue-with-parameter": expecting(b"100-continue;q=1", refused(417)),
    "continue-quoted": expecting(b'"100-continue"', refused(417)),
    "continue-prefix": expecting(b"100-continued", refused(417)),
    "number-only": expecting(b"100", refused(417)),
    "empty": Case(EXPECT, post(b"Expect:", LENGTH), refused(417)),
    "other-on-1.0": expecting(b"cow", last(served_content()), b"1.0"),
    "other-and-bad-framing": Case(
        EXPECT, post(b"Expect: cow", LENGTH, b"Content-Length: 6"), refused(400)
    ),
    "space-before-colon": Case(EXPECT, post(b"Expect : 100-continue", LENGTH), refused()),
    "named-by-connection": Case(
        "RFC 9110 section 7.6.1", post(b"Connection: Expect", b"Expect: 100-continue", LENGTH),
        served_content(),
    ),
}  # fmt: skip

PASSED = {
    "websocket": passed(ASKED, b"Upgrade: websocket"),
    "websocket-capitals": passed(b"Connection: Upgrade", b"Upgrade: WebSocket", token="WebSocket"),
    "in-a-list": passed(b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"),
    "other-token": passed(ASKED, b"Upgrade: chat/2", token="chat/2"),
    # One line is passed on, so the other protocol is not offered at all.
    "h2c-second-line": passed(ASKED, b"Upgrade: websocket", b"Upgrade: h2c"),
}

IGNORED = {
    "no-connection": ignored(b"Upgrade: websocket"),
    "connection-other": ignored(b"Connection: keep-alive", b"Upgrade: websocket"),
    "connection-quoted": ignored(b'Connection: "upgrade"', b"Upgrade: websocket"),
    "no-upgrade": ignored(ASKED),
    "h2c": ignored(
        b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ",
        rule=H2C,
    ),
    "h2c-uppercase": ignored(ASKED, b"Upgrade: H2C", rule=H2C),
    "h2c-in-a-list": ignored(ASKED, b"Upgrade: websocket, h2c", rule=H2C),
    "h2c-first-in-a-list": ignored(ASKED, b"Upgrade: h2c,websocket", rule=H2C),
    "h2c-settings-only": ignored(
        b"Connection: HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAAQ", rule=H2C
    ),
    "h2c-then-preface": Case(
        H2C, get(ASKED, b"Upgrade: h2c") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        Outcome((200, 505), served(fields=NONE).seen, probe=False),
        why="The requests in such a tunnel would pass without any rule.",
    ),
    "with-content": Case(
        UPGRADE, post(ASKED, b"Upgrade: websocket", LENGTH), served_content(fields=NONE)
    ),
    "with-chunks": Case(
        UPGRADE, post(ASKED, b"Upgrade: websocket", CHUNKED, body=b"0\r\n\r\n"),
        served_content(b"", framing="chunked", fields=NONE),
    ),
    "on-1.0": Case(
        UPGRADE, get(ASKED, b"Upgrade: websocket", version=b"1.0"), last(served(fields=NONE)),
        why="A server must ignore it in HTTP/1.0.",
    ),
    "on-1.0-kept": Case(
        UPGRADE,
        get(b"Connection: upgrade, keep-alive", b"Upgrade: websocket", version=b"1.0"),
        served(fields=NONE),
    ),
    "h2c-first-line": ignored(ASKED, b"Upgrade: h2c", b"Upgrade: websocket", rule=H2C),
    "empty-token": ignored(ASKED, b"Upgrade:"),
    "empty-list": ignored(ASKED, b"Upgrade: , "),
}  # fmt: skip

ODD = {
    "space-before-colon": Case(UPGRADE, get(ASKED, b"Upgrade : websocket"), refused()),
    "and-bad-framing": Case(
        UPGRADE, get(ASKED, b"Upgrade: websocket", LENGTH, CHUNKED), refused()
    ),
    "websocket-fields-alone": Case(
        UPGRADE, get(b"Sec-WebSocket-Key: AAAA", b"Sec-WebSocket-Version: 13"),
        served(fields=NONE),
    ),
}

CASES = {
    **{f"expect-{name}": case for name, case in EXPECTATIONS.items()},
    **{f"upgrade-passed-{name}": case for name, case in PASSED.items()},
    **{f"upgrade-ignored-{name}": case for name, case in IGNORED.items()},
    **{f"upgrade-{name}": case for name, case in ODD.items()},
}
