"""Connections that say nothing, or hardly anything, or that stay after their last answer, lock
nobody out: where `worker_connections` are used up, the oldest of them makes room."""

from __future__ import annotations

import contextlib

import pytest

from harness.client import RawConnection, request_bytes
from harness.polling import wait_for
from harness.secure import SecureConnection, client_context

HEADER = b"PROXY TCP4 192.0.2.1 127.0.0.1 5555 80\r\n"
LIMIT = 20
PORTS = {
    "plain": ("", [b"G", b"GET / HTTP/1.1\r\nHost: a\r\n"]),
    "proxy": ("proxy_protocol", [b"", b"PROXY TCP4", HEADER + b"GE"]),
    "tls": ("ssl", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"]),
    "both": ("ssl proxy_protocol", [b"", b"PROXY", HEADER, HEADER + b"\x16\x03\x01"]),
}


@pytest.fixture
def connect(authority):
    """Makes a client that goes through with what the port asks for."""
    context = client_context(authority.file)

    def open_one(proxy, listen):
        if listen == "":
            return proxy.connect()
        if listen == "proxy_protocol":
            connection = proxy.connect()
            connection.send(HEADER)
            return connection
        return SecureConnection(proxy.port, context)

    return open_one


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind, index", [(k, i) for k in PORTS for i in range(len(PORTS[k][1]))])
def test_honest_clients_are_served(site, backend, pair, connect, kind, index, workers):
    listen, beginnings = PORTS[kind]
    top = pair.conf if "ssl" in listen else ""
    proxy = site.serve(backend, listen=listen, top=top, workers=workers, connections=LIMIT)
    with contextlib.ExitStack() as stack:
        for _ in range(4 * LIMIT * workers):
            silent = stack.enter_context(RawConnection(proxy.port))
            silent.send(beginnings[index])
        if kind == "both":
            return check_places_are_given_up(proxy)
        for number in range(10):
            with connect(proxy, listen) as honest:
                assert honest.exchange(request_bytes(target=f"/{number}")).status == 200
    assert wait_for(lambda: statuses(proxy).count(200) == 10, "ten lines with 200")
    assert 503 not in statuses(proxy)
    check_places_are_given_up(proxy)


def statuses(proxy):
    return [line["status"] for line in proxy.lines()]


def check_places_are_given_up(proxy):
    proxy.wait_error("closed to make room")


POST = [("Content-Length", "10")]
ANSWERED = {
    "malformed": ("", b"BAD\r\n\r\n"),
    "too long": ("", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n"),
    "content to come": ("", request_bytes("POST", "/own", fields=POST) + b"ab"),
    "content to come, last": (
        "",
        request_bytes("POST", "/own", fields=[*POST, ("Connection", "close")]) + b"ab",
    ),
    "content of a refusal": ("", request_bytes("POST", "/large", fields=POST) + b"ab"),
    "last over TLS": ("ssl", request_bytes(target="/own", fields=[("Connection", "close")])),
    "HTTP/1.0 over TLS": ("ssl", b"GET /own HTTP/1.0\r\n\r\n"),
    "plain on a TLS port": ("ssl", None),
    "broken TLS": ("ssl", None),
}
OWN = """
  location = /own { return 200 own; }
  location = /large { client_max_body_size 5; return 200 own; }
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ANSWERED)
def test_answered_clients_that_stay_lock_nobody_out(
    site, backend, pair, authority, connect, kind, workers
):
    listen, sent = ANSWERED[kind]
    top = pair.conf if listen else ""
    proxy = site.serve(
        backend, listen=listen, top=top, server=OWN, workers=workers, connections=LIMIT
    )
    context = client_context(authority.file)
    with contextlib.ExitStack() as stack:
        for _ in range(4 * LIMIT * workers):
            if listen and sent:
                client = SecureConnection(proxy.port, context)
            else:
                client = RawConnection(proxy.port)
            stack.enter_context(client)
            plain = b"GET / HTTP/1.0\r\n\r\n"
            client.send(sent or (plain if "plain" in kind else b"\x16\x03\x01\x00\x05hello"))
        for number in range(10):
            with connect(proxy, listen) as honest:
                assert honest.exchange(request_bytes(target=f"/{number}")).status == 200
    assert 503 not in statuses(proxy)


def test_a_part_of_a_head_has_its_answer_and_its_line(site, backend):
    proxy = site.serve(backend, connections=LIMIT)
    with contextlib.ExitStack() as stack:
        parts = [stack.enter_context(proxy.connect()) for _ in range(LIMIT)]
        for number, part in enumerate(parts):
            part.send(f"GET /part/{number} HTTP/1.1\r\nHost: a\r\nX-Requ")
        # Taken in when the proxy has read all of them: the next one finds no place.
        assert wait_for(lambda: proxy.get("/honest").status == 200, "an honest answer")
        answer = parts[0].receive()
        assert answer.status == 408 and "close" in answer.fields.tokens("Connection")
        assert parts[0].is_closed()
        line = proxy.log_line(answer.request_id)
        assert line["termination"] == "proxy:request_head" and line["uri"] == "/part/0"
        assert line["error"] == "connection_limit_reached"
        text = "\n".join(proxy.error_lines(answer.request_id))
        assert "worker_connections are not enough" in text
        # The youngest may still complete its request.
        parts[-1].send("ested: x\r\n\r\n")
        assert parts[-1].receive().status == 200


def test_idle_clients_go_first(site, backend):
    """A connection that owes a head stays while there are kept-alive ones."""
    proxy = site.serve(backend, connections=LIMIT)
    with contextlib.ExitStack() as stack:
        part = stack.enter_context(proxy.connect())
        part.send("GET /part HTTP/1.1\r\n")
        for _ in range(LIMIT):
            idle = stack.enter_context(proxy.connect())
            assert idle.exchange(request_bytes()).status == 200
        for _ in range(4):
            assert proxy.get("/honest").status == 200
        part.send("Host: a\r\n\r\n")
        assert part.receive().status == 200
