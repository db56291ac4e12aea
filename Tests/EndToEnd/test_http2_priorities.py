"""Which of several responses a client of HTTP/2 gets first (RFC 9218)."""

from __future__ import annotations

import socket
import time

import pytest

from harness.backend import reply
from harness.http2 import Client

SIZE = 24_000_000
BODY = b"x" * SIZE


@pytest.fixture
def connection(serve, make_backend):
    """A client that takes less at a time than what is there for it."""
    proxy = serve(make_backend(reply(body=BODY)), workers=2)
    with Client(proxy.port, secure=proxy.secure, window=2**30) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.protocol.increment_flow_control_window(2**30)
        client.flush()
        yield client


def progress(connection, priorities):
    """What has come of the other response when one has ended, by the order of `priorities`."""
    streams = []
    for value in priorities:
        fields = [("priority", value)] if value is not None else []
        streams.append(connection.begin("/", fields))
    # Both backends have sent more by now than the connection takes.
    time.sleep(0.5)
    answers = [connection.answers[stream] for stream in streams]
    while not any(answer.ended for answer in answers):
        assert connection.turn()
    found = [len(answer.body) / SIZE for answer in answers]
    for answer in connection.finish(*streams):
        assert answer.body == BODY
    return found


@pytest.mark.parametrize("late", ["u=0", "u=2, i", "i, u=1"])
@pytest.mark.parametrize("early", ["u=7", "u=5, i", "u=3"])
def test_the_more_urgent_one_comes_first(connection, early, late):
    first, second = progress(connection, [early, late])
    assert second == 1 and first < 0.7


def test_what_is_wanted_whole_comes_one_after_the_other(connection):
    first, second = progress(connection, ["u=3", "u=3"])
    assert first == 1 and second < 0.5


@pytest.mark.parametrize("value", [None, "u=4, i", "u=1, i"])
def test_what_may_share_shares(connection, value):
    assert min(progress(connection, [value, value])) > 0.6


def test_an_urgent_response_that_waits_holds_nobody_up(serve, make_backend):
    """Its backend is slow, or its client does not take it: the others go on."""
    backend = make_backend()
    backend.script = lambda request: [
        lambda connection: time.sleep(2) if request.target == "/slow" else None,
        reply(body=BODY),
    ]
    proxy = serve(backend)
    with Client(proxy.port, secure=proxy.secure) as connection:
        slow = connection.begin("/slow", [("priority", "u=0")])
        stuck = connection.begin("/stuck", [("priority", "u=0")])
        began = time.monotonic()
        # Without credit of its own that stream stays where it is.
        acknowledge = connection.protocol.acknowledge_received_data

        def others(size, stream):
            if stream == stuck:
                connection.protocol.increment_flow_control_window(size)
            else:
                acknowledge(size, stream)

        connection.protocol.acknowledge_received_data = others
        answer = connection.get("/", [("priority", "u=7")])
        assert answer.body == BODY and time.monotonic() - began < 2
        assert not connection.answers[slow].ended and not connection.answers[stuck].ended
