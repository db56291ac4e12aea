"""Every byte in every position of a head."""

from __future__ import annotations

from .case import HOST, Case, Outcome, get, refused, served, sweep

TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ID = b"-_.:+/=@~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
REGISTERED = b"-._~!$&'()*+,;=%0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME = "RFC 9110 section 5.1"
VALUE = "RFC 9110 section 5.5"
TARGET = "RFC 9112 section 3.2"
METHOD = "RFC 9110 section 9.1"
HOST_RULE = "RFC 9110 section 7.2"
VERSION = "RFC 9112 section 2.3"


def is_control(byte: int) -> bool:
    return byte < 0x20 or byte == 0x7F


def text(byte: int) -> str:
    return chr(byte)


def in_value(byte: int) -> Outcome:
    """A value may hold anything but control characters other than the tab."""
    if is_control(byte) and byte != 0x09:
        return refused()
    return served(fields={"X": [f"a{text(byte)}b"]})


def at_value_begin(byte: int) -> Outcome:
    if is_control(byte) and byte != 0x09:
        return refused()
    return served(fields={"X": [f"{text(byte)}b".lstrip(" \t")]})


def in_name(byte: int) -> Outcome:
    """A name is a token; a colon ends it."""
    if byte == 0x3A:
        return served(fields={"A": ["B: c"]})
    return served(fields={f"A{text(byte)}B": ["c"]}) if byte in TOKEN else refused()


def name_alone(byte: int) -> Outcome:
    return served(fields={text(byte): ["c"]}) if byte in TOKEN else refused()


def in_target(byte: int) -> str:
    """As a target shows it to the backend: what is not ASCII is encoded."""
    return text(byte) if byte < 0x80 else f"%{byte:02X}"


def in_path(byte: int) -> Outcome | None:
    """What the path of a target may hold: any visible byte, as nginx has it. A question mark and a
    percent sign have cases of their own."""
    if byte in b"?%":
        return None
    if is_control(byte) or byte in b" #":
        return refused()
    return served(target=f"/case{in_target(byte)}x")


def in_query(byte: int) -> Outcome:
    if is_control(byte) or byte in b" #":
        return refused()
    return served(target=f"/case?a{in_target(byte)}x")


def in_method(byte: int) -> Outcome | None:
    if byte == 0x20:
        return refused()
    return served(method=f"G{text(byte)}T") if byte in TOKEN else refused()


def in_host(byte: int) -> Outcome | None:
    """What a registered name may hold; a colon begins the port, which is a number, and a percent
    sign stands before two hexadecimal digits."""
    if byte in REGISTERED and byte != 0x25:
        return served(fields={"Host": [f"a{text(byte)}b"]})
    return refused()


def in_id(byte: int) -> Outcome | None:
    """An ID of the alphabet is kept, another one replaced, a control character refused."""
    if is_control(byte) and byte != 0x09:
        return refused()
    return served(fields={"X-Request-ID": [f"a{text(byte)}b"]}) if byte in ID else served()


def version(byte: int) -> Outcome | None:
    """The minor version: a digit. HTTP/1.0 is another protocol, and has cases of its own."""
    if byte == 0x30:
        return None
    return served() if byte in b"123456789" else refused()


def request(line: bytes) -> bytes:
    return line + b"\r\n" + HOST + b"\r\n"


CASES = {
    "in-value": sweep(VALUE, lambda byte: get(b"X: a" + byte + b"b"), in_value),
    "at-value-begin": sweep(VALUE, lambda byte: get(b"X:" + byte + b"b"), at_value_begin),
    "in-name": sweep(NAME, lambda byte: get(b"A" + byte + b"B: c"), in_name),
    "as-name": sweep(NAME, lambda byte: get(byte + b": c"), name_alone),
    "in-path": sweep(TARGET, lambda byte: get(target=b"/case" + byte + b"x"), in_path),
    "in-query": sweep(TARGET, lambda byte: get(target=b"/case?a" + byte + b"x"), in_query),
    "in-method": sweep(METHOD, lambda byte: request(b"G" + byte + b"T /case HTTP/1.1"), in_method),
    "in-host": sweep(
        HOST_RULE,
        lambda byte: b"GET /case HTTP/1.1\r\nHost: a" + byte + b"b\r\n\r\n",
        in_host,
    ),
    "in-id": sweep(
        "SecurityModel, about the ID",
        lambda byte: get(b"X-Request-ID: a" + byte + b"b"),
        in_id,
    ),
    "as-minor-version": sweep(
        VERSION, lambda byte: request(b"GET /case HTTP/1." + byte), version
    ),
    "as-first-byte": sweep(
        METHOD,
        lambda byte: byte + get(),
        lambda byte: served(method=f"{text(byte)}GET") if byte in TOKEN else refused(),
    ),
    "value-of-all-bytes": Case(
        VALUE,
        get(b"X: " + bytes(byte for byte in range(0x21, 0x100) if byte != 0x7F)),
        served(fields={"X": ["".join(chr(b) for b in range(0x21, 0x100) if b != 0x7F)]}),
    ),
}
