"""The guide's code for Channels: a socket keeps the ID of its handshake as long as it is open."""

import secrets
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from harness import guide
from harness.trace import told


@pytest.fixture
def backend(tmp_path):
    server = guide.start("channels", tmp_path)
    yield server
    server.stop()


def test_a_sockets_lines_have_the_id_of_its_handshake(site, backend):
    proxy = site.serve(backend.address)
    load = guide.Load(proxy)
    with ExitStack() as stack:
        sockets = [stack.enter_context(opened(proxy, load)) for _ in range(3)]
        nonces = list(load.ids)
        # Other requests, of which each says something to all sockets.
        load.run(["/announce", "/async-work"], clients=3, rounds=1)
        announced = set(load.ids_of("/announce"))
        for socket in sockets:
            socket.send("hello")
            heard = {socket.recv(5) for _ in range(len(announced) + 1)}
            assert heard == announced | {"hello"}
    load.paths |= dict.fromkeys(nonces, "socket")
    guide.judge(load, {"socket": 8, "/announce": 2, "/async-work": 5}, backend.log)
    judge_story(proxy, backend, load, nonces[0])


def opened(proxy, load):
    """A WebSocket with an ID and a nonce of its own."""
    nonce = guide.fresh_nonce()
    load.ids[nonce] = f"socket-{secrets.token_hex(8)}"
    uri = f"ws://127.0.0.1:{proxy.port}/socket/{nonce}"
    return connect(uri, additional_headers={"X-Request-ID": load.ids[nonce]})


def judge_story(proxy, backend, load, nonce):
    """The access line comes when the socket is closed, the line of the upgrade when it opens."""
    proxy.log_line(load.ids[nonce])
    lines = told("-c", proxy.conf, load.ids[nonce], backend.log)
    texts = [line["line"] for line in lines]
    events = [number for number, text in enumerate(texts) if '"event":"upgrade"' in text]
    ends = [number for number, text in enumerate(texts) if '"status":101' in text]
    heard = [number for number, text in enumerate(texts) if "announced by" in text]
    received = [number for number, text in enumerate(texts) if "received" in text]
    assert events and events[0] < heard[0] < received[0] < ends[-1]
    # An announcement's own story names the sockets that it reached.
    told_by = load.ids_of("/announce")[0]
    proxy.log_line(told_by)
    texts = [line["line"] for line in told("-c", proxy.conf, told_by, backend.log)]
    assert sum(f"announced by {told_by} in" in text for text in texts) == 3
