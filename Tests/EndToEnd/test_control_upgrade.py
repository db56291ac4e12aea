"""The control socket after upgrades: what the processes that were replaced still finish is listed
and can be ended."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.proxy import command


@pytest.fixture
def held(site, backend):
    """A proxy whose backend holds back its answers until `release` is set."""
    release = threading.Event()
    backend.script = [release, reply()]
    top = f"control unix:{site.directory}/control; worker_shutdown_timeout 60s;"
    proxy = site.serve(backend, top=top, workers=2)
    proxy.release = release
    yield proxy
    release.set()


def ask(proxy, *arguments):
    return command(*arguments, "--json", "-c", proxy.conf)


def rows(proxy, *arguments, asked="requests"):
    result = ask(proxy, asked, *arguments)
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def begin(proxy, request_id, target="/"):
    """A connection on which a request is under way."""
    connection = proxy.connect()
    connection.send(request_bytes("GET", target, {"X-Request-ID": request_id}))
    wait_for(lambda: request_id in [row["request_id"] for row in rows(proxy)], request_id)
    return connection


def upgrade(generations):
    """Has the place taken; returns when the old process takes no connection any more."""
    old = generations.serving
    new = generations.upgrade()
    wait_for(lambda: not listens(old), "the old process to take no more connections")
    return new


def listens(process):
    """True while a socket of the process listens."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    waiting = {f"socket:[{line.split()[9]}]" for line in table if line.split()[3] == "0A"}
    try:
        return any(os.readlink(link) in waiting for link in Path(f"/proc/{process}/fd").iterdir())
    except FileNotFoundError:
        return False


def test_all_processes_are_asked(held, follow):
    generations = follow(held)
    first = generations.serving
    connections = [begin(held, "in-first")]
    second = upgrade(generations)
    connections.append(begin(held, "in-second"))
    upgrade(generations)
    connections.append(begin(held, "in-third"))
    listed = {row["request_id"]: row.get("process") for row in rows(held)}
    assert listed == {"in-first": first, "in-second": second, "in-third": None}
    (row,) = rows(held, "in-fir")
    assert row["process"] == first and row["history"]
    text = command("requests", "in-second", "-c", held.conf).stdout
    assert f"process       {second}, which an upgrade has replaced\n" in text
    held.release.set()
    for connection in connections:
        assert connection.receive().status == 200
    wait_for(lambda: rows(held) == [], "an empty list")
    generations.alone()
    assert rows(held) == []
    generations.end()


def test_a_request_of_a_former_process_is_ended(held, follow):
    """The numbers of connections begin anew in each process: only the one meant is ended."""
    generations = follow(held)
    connections = {}
    for process in range(3):
        connections[f"in-{process}"] = begin(held, f"in-{process}")
        if process < 2:
            upgrade(generations)
    numbers = {(row["connection"], row["connection_request"]) for row in rows(held)}
    assert len(numbers) < 3
    for ended in "in-1", "in-0", "in-2":
        result = command("requests", "--abort", ended, "-c", held.conf)
        assert result.returncode == 0 and ended in result.stdout
        assert connections.pop(ended).receive().status == 503
        assert {row["request_id"] for row in rows(held)} == set(connections)
    generations.alone()
    generations.end()


def test_what_failed_in_a_former_process_is_told(held, follow):
    bad = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    generations = follow(held)
    first = generations.serving
    with held.connect() as connection:
        connection.send(bad)
        assert connection.receive().status == 400
    slow = begin(held, "slow")
    upgrade(generations)
    with held.connect() as connection:
        connection.send(bad)
        assert connection.receive().status == 400
    failed = [(row["status"], row.get("process")) for row in rows(held, asked="errors")]
    assert failed == [(400, first), (400, None)]
    held.release.set()
    assert slow.receive().status == 200
    generations.alone()
    generations.end()


def test_a_long_answer_of_a_former_process_is_whole(held, follow):
    generations = follow(held)
    target = "/" + 2_000 * "x"
    connections = []
    for number in range(120):
        connections.append(held.connect())
        fields = {"X-Request-ID": f"long-{number:03}"}
        connections[-1].send(request_bytes("GET", target, fields))
    wait_for(lambda: len(rows(held)) == 120, "all requests")
    upgrade(generations)
    found = rows(held)
    assert len(found) == 120 and sum(len(row["uri"]) for row in found) > 3 * 65_536
    assert {row["request_id"] for row in found} == {f"long-{number:03}" for number in range(120)}
    held.release.set()
    for connection in connections:
        assert connection.receive().status == 200
    generations.alone()
    generations.end()


def test_a_former_process_that_does_not_answer_is_named(held, follow):
    generations = follow(held)
    first = generations.serving
    connections = [begin(held, "in-first")]
    upgrade(generations)
    connections.append(begin(held, "in-second"))
    os.kill(first, signal.SIGSTOP)
    try:
        result = ask(held, "requests")
    finally:
        os.kill(first, signal.SIGCONT)
    assert result.returncode == 0
    assert [json.loads(line)["request_id"] for line in result.stdout.splitlines()] == ["in-second"]
    assert result.stderr == (
        f"waybill: no answer in time from process {first}, which an upgrade has replaced\n"
    )
    # The late answer is not taken for that to the next question.
    (row,) = rows(held, "in-first")
    assert row["request_id"] == "in-first" and row["process"] == first
    held.release.set()
    for connection in connections:
        assert connection.receive().status == 200
    generations.alone()
    generations.end()


def test_a_former_process_that_is_killed_is_forgotten(held, follow):
    generations = follow(held)
    first = begin(held, "in-first")
    second = upgrade(generations)
    begin(held, "in-second")
    upgrade(generations)
    third = begin(held, "in-third")
    os.kill(second, signal.SIGKILL)
    left = ["in-first", "in-third"]
    wait_for(lambda: [row["request_id"] for row in rows(held)] == left, "two requests")
    held.release.set()
    for connection in first, third:
        assert connection.receive().status == 200
    generations.alone()
    generations.end()
