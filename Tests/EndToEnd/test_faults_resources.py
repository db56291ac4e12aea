"""Descriptors and places for logs taken away while requests are served, and given back."""

import os
import re
import resource
import select
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from harness.load import Load, check_answers
from harness.log import checked
from harness.polling import wait_for
from harness.proxy import command
from harness.separate_backend import SeparateBackend
from harness.small_disk import SmallDisk


@pytest.fixture
def backend(tmp_path):
    backend = SeparateBackend(tmp_path)
    yield backend
    backend.kill()


def limit_descriptors(proxy, count):
    """Sets the limit of the running process; only root may raise it again."""
    hard = 4096
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (count, hard))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="this system has no prlimit")
def test_descriptors_run_out_under_load_and_come_back(site, backend):
    """Clients wait, or get an error with their ID and a line; afterwards all is as before."""
    proxy = site.serve(backend.address)
    limit_descriptors(proxy, 1024)
    with Load(proxy, clients=4, keeps_alive=False) as new, Load(proxy, clients=4) as kept:
        new.more(100)
        limit_descriptors(proxy, proxy.descriptors() - 2)
        began = len(new.answers) + len(kept.answers)
        time.sleep(1)
        assert len(new.answers) + len(kept.answers) > began, "nobody was served"
        limit_descriptors(proxy, 1024)
        new.more(100)
        kept.more(100)
        back = len(new.answers)
        new.more(50)
        answers = new.stop() + kept.stop()
    # Idle connections are closed to make room. A request that meets that gets no answer, as with
    # any server, but then nobody has seen it.
    unanswered = {answer.request_id for answer in answers if answer.status is None}
    assert not unanswered & set(backend.seen()) and len(unanswered) < len(answers) / 10
    answered = [answer for answer in answers if answer.status is not None]
    statuses = check_answers(answered, proxy.lines())
    assert set(statuses) <= {200, 502, 503}
    assert {answer.status for answer in new.answers[back:]} == {200}
    assert "accepting is paused" in proxy.error_text()
    wait_for(lambda: proxy.descriptors() < 40, "descriptors to be given back")


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.remove()


LONG = {"User-Agent": "u" * 6000}


def lost_lines(proxy, path):
    """The number that the error log has for this log, once it is there."""
    mark = rf"(\d+) log lines were lost, because this log could not be written: {path}, \d+ in all"
    counts = wait_for(lambda: re.findall(mark, proxy.error_text()), "the report of lost lines")
    return sum(int(count) for count in counts)


def test_a_full_disk_stops_no_request_and_lost_lines_are_counted(site, backend, small_disk):
    path = small_disk.place / "full.log"
    proxy = site.serve(backend.address, top=f"access_log {path} json;")
    with Load(proxy, fields=LONG) as load:
        # 256 KB on the disk and 1 MB in the queue hold about 210 lines.
        load.more(600)
        answers = load.stop()
    assert set(check_answers(answers, proxy.wait_lines(len(answers)))) == {200}
    assert path.stat().st_size <= 256 << 10
    kept = path.read_bytes()
    small_disk.enlarge("8m")
    # The next line that is due after the pause finds room, and those that waited go first.
    probes = []

    def has_room():
        probes.append(proxy.get())
        return path.stat().st_size > 1 << 20

    wait_for(has_room, "room for the lines")
    lost = lost_lines(proxy, path)
    assert lost > 100
    whole = wait_for_all(path, len(answers) + len(probes) - lost)
    assert path.read_bytes().startswith(kept)
    assert len({line["request_id"] for line in whole}) == len(whole)


def wait_for_all(path, count):
    """All lines of the log, checked, once there are as many."""
    wait_for(lambda: path.read_bytes().count(b"\n") >= count, f"{count} lines")
    lines = [checked(raw) for raw in path.read_bytes().split(b"\n")[:-1]]
    assert len(lines) == count
    return lines


class Pipe:
    """A log's reader that may stop reading for a while."""

    def __init__(self, path: Path):
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._reading = threading.Event()
        self._stop = threading.Event()
        self.data = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._stop.is_set():
            if self._reading.wait(0.05) and select.select([self._end], [], [], 0.05)[0]:
                self.data += os.read(self._end, 1 << 16)

    def read(self, on: bool):
        (self._reading.set if on else self._reading.clear)()

    def close(self):
        self._stop.set()
        self._thread.join(5)
        os.close(self._end)


def test_a_pipe_that_stalls_gets_the_waiting_lines_and_the_number_of_the_others(site, backend):
    path = site.directory / "pipe"
    pipe = Pipe(path)
    proxy = site.serve(backend.address, top=f"access_log {path} json;")
    with Load(proxy, fields=LONG) as load:
        pipe.read(True)
        load.more(100)
        pipe.read(False)
        load.more(600)
        pipe.read(True)
        lost_lines(proxy, path)
        load.more(100)
        answers = load.stop()
    assert set(check_answers(answers, proxy.wait_lines(len(answers)))) == {200}

    def all_are_accounted_for():
        return pipe.data.count(b"\n") + lost_lines(proxy, path) == len(answers)

    wait_for(all_are_accounted_for, "the rest of the lines")
    assert lost_lines(proxy, path) > 100
    for raw in pipe.data.split(b"\n")[:-1]:
        checked(raw)
    pipe.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="this system has no prlimit")
def test_the_operator_gets_through_when_clients_hold_all_descriptors(site, backend):
    proxy = site.serve(
        backend.address, workers=2, top=f"control unix:{site.directory}/control;"
    )  # fmt: skip
    limit_descriptors(proxy, 100)
    clients = []
    try:
        for _ in range(120):
            clients.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=5))
            # Not idle, so that nobody closes it to make room.
            clients[-1].sendall(b"GET / HTTP/1.1\r\n")
        wait_for(lambda: proxy.descriptors() >= 98, "descriptors to run out")
        began = time.monotonic()
        assert command("status", "-c", proxy.conf).returncode == 0
        done = command("-s", "reload", "-c", proxy.conf)
        assert done.returncode == 0, done.stderr
        proxy.signal(signal.SIGHUP)
        wait_for(lambda: "generation 3 serves" in proxy.error_text(), "word of the reload")
        assert time.monotonic() - began < 15
    finally:
        for client in clients:
            client.close()


def test_the_operator_gets_through_under_a_hard_limit(site, backend):
    """As with `ulimit -n`, which sets both limits."""
    proxy = site.serve(
        backend.address, workers=2, top=f"control unix:{site.directory}/control;",
        preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160)),
    )  # fmt: skip
    clients = []
    try:
        for _ in range(200):
            clients.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=5))
            # Not idle, so that nobody closes it to make room.
            clients[-1].sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.5)
        assert command("status", "-c", proxy.conf).returncode == 0
        done = command("-s", "reload", "-c", proxy.conf)
        assert done.returncode == 0, done.stderr
    finally:
        for client in clients:
            client.close()
