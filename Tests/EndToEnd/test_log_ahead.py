"""`access_log PATH json sync=response`: whoever has a whole response has a line in the file.

The proof is `kill -9` under load. `WAYBILL_LOG_KILLS` says how often (3).
"""

import json
import os
import select

import pytest
from hyperframe.frame import HeadersFrame

from harness.client import request_bytes
from harness.http2 import Client, RawClient
from harness.load import Load
from harness.log import checked
from harness.messages import Truncated
from harness.polling import wait_for
from harness.ports import free_port
from harness.separate_backend import SeparateBackend

KILLS = int(os.environ.get("WAYBILL_LOG_KILLS", "3"))


@pytest.fixture
def backend(tmp_path):
    backend = SeparateBackend(tmp_path)
    yield backend
    backend.kill()


def ahead(site, address, workers=2, log="access.log"):
    """A site whose one log is written ahead."""
    return site.serve(
        address,
        workers=workers,
        server=f"access_log {site.directory}/{log} json sync=response;",
    )


def logged_ids(path):
    """The IDs of all whole lines; the last one may be cut by the kill."""
    lines = path.read_bytes().split(b"\n")
    try:
        json.loads(lines[-1])
    except ValueError:
        lines.pop()
    return [checked(line)["request_id"] for line in lines]


@pytest.mark.parametrize("kill", range(KILLS))
def test_after_a_kill_every_whole_response_has_its_line(site, backend, kill):
    proxy = ahead(site, backend.address)
    with Load(proxy, clients=16) as load:
        load.more(300 + 37 * kill)
        load.proxy_may_end = True
        proxy.process.kill()
        proxy.exit_code = proxy.process.wait(5)
        load.stop()
    (site.directory / "waybill.pid").unlink()
    logged = logged_ids(proxy.access_log)
    assert len(set(logged)) == len(logged), "an ID was logged twice"
    whole = {answer.request_id for answer in load.answers if answer.status is not None}
    assert len(whole) >= 300
    assert whole <= set(logged), f"{len(whole - set(logged))} responses without a line"


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_kill_in_the_middle_of_a_burst_leaves_no_response_without_a_line(site, kill):
    """Many pipelined requests at once make long turns: the kill comes in one of them."""
    proxy = site.servers(f"""server {{
  listen PORT;
  access_log {site.directory}/access.log json sync=response;
  location / {{ return 200 "x"; }}
}}""")
    connections = [proxy.connect() for _ in range(64)]
    for connection in connections:
        connection.send(request_bytes() * (20 + kill % 30))
    select.select([connections[kill % 64].socket], [], [], 5)
    proxy.process.kill()
    proxy.exit_code = proxy.process.wait(5)
    (site.directory / "waybill.pid").unlink()
    whole = [request_id for connection in connections for request_id in received(connection)]
    assert whole
    missing = set(whole) - set(logged_ids(proxy.access_log))
    assert not missing, f"{len(missing)} of {len(whole)} responses have no line"


def received(connection):
    """The IDs of all responses that came whole before the connection broke."""
    with connection:
        while True:
            try:
                yield connection.receive().request_id
            except (ConnectionError, Truncated):
                return


def test_lines_and_responses_are_those_of_the_normal_mode(site, backend):
    proxy = ahead(site, backend.address)
    with proxy.connect() as connection:
        connection.send(request_bytes("GET", "/one") + request_bytes("GET", "/two"))
        responses = [connection.receive() for _ in range(2)]
    refused = proxy.request("GET", "/", host="a b")
    lines = proxy.wait_lines(3)
    assert [line["request_id"] for line in lines] == [
        response.request_id for response in [*responses, refused]
    ]
    assert [line["status"] for line in lines] == [200, 200, 400]
    assert [line["bytes_out"] for line in lines[:2]] == [len(each.body) for each in responses]


def test_a_log_that_takes_nothing_holds_no_response_up(site, backend):
    path = site.directory / "pipe"
    os.mkfifo(path)
    proxy = ahead(site, backend.address, workers=1, log="pipe")
    with proxy.connect(timeout=3) as connection:
        for _ in range(400):
            data = request_bytes(fields={"User-Agent": "u" * 300})
            assert connection.exchange(data).status == 200
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    read = bytearray()

    def all_read():
        try:
            read.extend(os.read(reader, 1 << 16))
        except BlockingIOError:
            pass
        return read.count(b"\n") == 400

    wait_for(all_read, "all lines")
    mark = "responses were sent before their lines were in this log"
    wait_for(lambda: mark in proxy.error_text(), "the report")
    os.close(reader)


@pytest.mark.parametrize("connections", [252, 40])
def test_streams_that_end_before_their_lines_are_written(site, connections):
    """Each connection asks on many streams and breaks the protocol at once: their slots are taken
    again within the same turn."""
    proxy = site.start(f"""
      server {{ listen 127.0.0.1:{(port := free_port())}; http2 on;
        access_log {site.directory}/ahead.log json sync=response;
        location / {{ return 200 "answer"; }} }}""", connections=256)
    fields = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "localhost")]
    for _ in range(3):
        clients = [RawClient(port) for _ in range(connections)]
        block = clients[0].block(fields)
        head = b"".join(
            HeadersFrame(2 * number + 1, block, flags=["END_HEADERS", "END_STREAM"]).serialize()
            for number in range(128))
        # Headers on stream 0: an error of the connection.
        head += b"\0\0\1\1\4\0\0\0\0\x82"
        for client in clients:
            client.socket.setblocking(False)
            client.send(head)
        for client in clients:
            client.socket.settimeout(10)
            client.read_to_end()
            client.close()
    with Client(port) as connection:
        assert connection.get("/", [("x-request-id", "honest")]).status == 200
    lines = logged_ids(site.directory / "ahead.log")
    assert lines.count("honest") == 1 and len(lines) == len(set(lines))
    assert len(lines) == 3 * 128 * connections + 1
