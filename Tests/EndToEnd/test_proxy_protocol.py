"""The client's address by PROXY protocol or by field, from trusted peers only."""

import socket
import struct
import time

import pytest

from harness.client import request_bytes

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TRUSTING = "set_real_ip_from 127.0.0.0/8; real_ip_header proxy_protocol;"


def version_2(command=1, family=0x11, payload=b"", version=2):
    return SIGNATURE + struct.pack("!BBH", version << 4 | command, family, len(payload)) + payload


def addresses_4(source="192.0.2.1", port=5555):
    pack = socket.inet_aton
    return pack(source) + pack("127.0.0.1") + struct.pack("!HH", port, 80)


def addresses_6(source="2001:db8::1", port=5555):
    pack = socket.inet_pton
    family = socket.AF_INET6
    return pack(family, source) + pack(family, "::1") + struct.pack("!HH", port, 80)


TLV = struct.pack("!BH", 0x04, 5) + b"noise"
GOOD = {
    "v1-tcp4": (b"PROXY TCP4 192.0.2.1 127.0.0.1 5555 80\r\n", "192.0.2.1:5555"),
    "v1-tcp6": (b"PROXY TCP6 2001:db8::1 ::1 5555 80\r\n", "[2001:db8::1]:5555"),
    "v2-tcp4": (version_2(payload=addresses_4()), "192.0.2.1:5555"),
    "v2-tcp6": (version_2(family=0x21, payload=addresses_6()), "[2001:db8::1]:5555"),
    "v2-tlv": (version_2(payload=addresses_4() + TLV), "192.0.2.1:5555"),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1-unknown-with-text": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "v2-local": (version_2(command=0, family=0), None),
    "v2-local-with-payload": (version_2(command=0, family=0, payload=b"whatever"), None),
    "v2-unix": (version_2(family=0x31, payload=b"\0" * 216), None),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("pieces", ["whole", "split"])
def test_the_address_of_the_header(site, backend, name, pieces):
    header, address = GOOD[name]
    proxy = site.serve(backend, listen="proxy_protocol", server=TRUSTING)
    with proxy.connect() as connection:
        if pieces == "split":
            for index in range(len(header)):
                connection.send(header[index : index + 1])
            header = b""
        one = proxy.observe(backend, header + request_bytes(), connection)
        expected = address or connection.address
        again = proxy.observe(backend, request_bytes("GET", "/again"), connection)
    assert one.line["client"] == again.line["client"] == expected
    forwarded = expected.rpartition(":")[0].strip("[]")
    assert one.seen.fields.one("X-Forwarded-For").strip('"[]') == forwarded


def test_without_set_real_ip_from_the_peer_stays_the_client(site, backend):
    proxy = site.serve(backend, listen="proxy_protocol",
                       location="proxy_set_header X-Addr $proxy_protocol_addr;")  # fmt: skip
    with proxy.connect() as connection:
        one = proxy.observe(backend, GOOD["v1-tcp4"][0] + request_bytes(), connection)
        assert one.line["client"] == connection.address
    assert one.seen.fields.one("X-Addr") == "192.0.2.1"
    assert one.seen.fields.one("X-Forwarded-For") == "127.0.0.1"


MALFORMED = {
    "none": b"",
    "v1-lowercase": b"proxy TCP4 192.0.2.1 127.0.0.1 5555 80\r\n",
    "v1-few-parts": b"PROXY TCP4 192.0.2.1 127.0.0.1 5555\r\n",
    "v1-bad-address": b"PROXY TCP4 192.0.2.999 127.0.0.1 5555 80\r\n",
    "v1-bad-port": b"PROXY TCP4 192.0.2.1 127.0.0.1 99999 80\r\n",
    "v1-port-word": b"PROXY TCP4 192.0.2.1 127.0.0.1 http 80\r\n",
    "v1-family": b"PROXY TCP5 192.0.2.1 127.0.0.1 5555 80\r\n",
    "v1-wrong-family": b"PROXY TCP4 2001:db8::1 ::1 5555 80\r\n",
    "v1-bare-lf": b"PROXY TCP4 192.0.2.1 127.0.0.1 5555 80\n",
    "v1-too-long": b"PROXY TCP4 " + b"1" * 200 + b"\r\n",
    "v2-version": version_2(version=3, payload=addresses_4()),
    "v2-command": version_2(command=9, payload=addresses_4()),
    "v2-short": version_2(payload=b"\0" * 4),
    "v2-signature": b"\r\n\r\n\0\r\nQUIX\n" + b"\x21\x11\0\x0c" + addresses_4(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_header_is_refused(site, backend, name):
    proxy = site.serve(backend, listen="proxy_protocol", server=TRUSTING)
    with proxy.connect() as connection:
        connection.send(MALFORMED[name] + request_bytes())
        received = connection.rest()
    assert received == b"" or received.startswith(b"HTTP/1.1 400 ")
    backend.assert_untouched()
    with proxy.connect() as connection:
        one = proxy.observe(backend, GOOD["v1-tcp4"][0] + request_bytes(), connection)
    assert one.response.status == 200
    assert len(proxy.lines()) == (2 if received else 1)
    assert "PROXY" in proxy.error_text() or received


@pytest.mark.parametrize("part", [b"", b"PROXY TCP4 192", SIGNATURE[:6]])
def test_an_unfinished_header_does_not_hold_a_connection(site, backend, part):
    proxy = site.serve(backend, listen="proxy_protocol", server="client_header_timeout 300ms;")
    with proxy.connect() as connection:
        connection.send(part)
        started = time.monotonic()
        connection.rest()
        assert time.monotonic() - started < 2
    backend.assert_untouched()


def test_a_header_where_none_is_expected_is_a_bad_request(site, backend):
    proxy = site.serve(backend, server=TRUSTING)
    with proxy.connect() as connection:
        assert connection.exchange(GOOD["v1-tcp4"][0] + request_bytes()).status == 400
    backend.assert_untouched()


FROM_FIELD = "set_real_ip_from {network}; real_ip_header {header};"


@pytest.mark.parametrize(
    "network, header, sent, client",
    [
        ("127.0.0.0/8", "X-Real-IP", {"X-Real-IP": "203.0.113.9"}, "203.0.113.9"),
        ("127.0.0.1", "X-Real-IP", {"X-Real-IP": "2001:db8::7"}, "2001:db8::7"),
        ("127.0.0.1", "X-Forwarded-For", {"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
        ("127.0.0.1", "X-Forwarded-For", {"X-Forwarded-For": "1.1.1.1, 203.0.113.9"},
         "203.0.113.9"),
        ("127.0.0.1", "X-Real-IP", {"X-Forwarded-For": "203.0.113.9"}, None),
        ("127.0.0.1", "X-Real-IP", {"X-Real-IP": "nonsense"}, None),
        ("127.0.0.1", "X-Real-IP", {}, None),
        ("10.0.0.0/8", "X-Real-IP", {"X-Real-IP": "203.0.113.9"}, None),
    ],
)  # fmt: skip
def test_the_address_of_a_field(site, backend, network, header, sent, client):
    proxy = site.serve(
        backend,
        server=FROM_FIELD.format(network=network, header=header),
        location="proxy_set_header X-Addr $remote_addr;",
    )
    with proxy.connect() as connection:
        one = proxy.observe(backend, request_bytes(fields=sent), connection)
        expected = client or "127.0.0.1"
        assert one.seen.fields.one("X-Addr") == expected
        if client is None:
            assert one.line["client"] == connection.address
        else:
            assert one.line["client"].strip("[").startswith(expected)
    assert one.seen.fields.one("X-Forwarded-For").split(", ")[-1] == expected
