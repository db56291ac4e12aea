"""A log that takes nothing costs the requests nothing: neither time nor memory, and no line goes
missing without being counted.

`WAYBILL_LOG_MEASURE=1` asks for what is promised, a 99th percentile within 1.2 times of the usual
one, by the medians of rounds in turns; without it there is room for what else a machine does.
"""

import os
import re
import statistics
import threading

import pytest

from harness.load import Load
from harness.log import checked
from harness.network_folder import NetworkFolder
from harness.polling import wait_for
from harness.small_disk import SmallDisk

MEASURES = os.environ.get("WAYBILL_LOG_MEASURE") == "1"
REQUESTS = 5_000 if MEASURES else 3_000
ROUNDS = 7 if MEASURES else 1
LONG = {"User-Agent": "u" * 1000}


class FIFO:
    """A pipe that nobody reads until `relieve`."""

    def __init__(self, place):
        self.path = place / "pipe"
        os.mkfifo(self.path)
        self._data = bytearray()
        self._stop = threading.Event()

    def relieve(self):
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

        def drain():
            while not self._stop.is_set():
                try:
                    self._data += os.read(descriptor, 1 << 16)
                except BlockingIOError:
                    self._stop.wait(0.001)

        threading.Thread(target=drain, daemon=True).start()

    def content(self):
        return bytes(self._data)

    def remove(self):
        self._stop.set()


class FullDisk:
    """A file on a disk that is soon full and that `relieve` enlarges."""

    def __init__(self, place):
        self._disk = SmallDisk(place / "disk")
        self.path = self._disk.place / "full.log"

    def relieve(self):
        self._disk.enlarge("64m")

    def content(self):
        return self.path.read_bytes()

    def remove(self):
        self._disk.remove()


class StalledNetwork:
    """A file on a network file system that does not answer until `relieve`."""

    def __init__(self, place):
        self._folder = NetworkFolder(place)
        self.path = self._folder.path / "a.log"
        # The file is there and open before the network fails.
        (self._folder.store / "a.log").touch()
        self._folder.stall_writes()

    def relieve(self):
        self._folder.relieve()

    def content(self):
        return self._folder.content("a.log")

    def remove(self):
        self._folder.remove()


@pytest.fixture(params=[FIFO, FullDisk, StalledNetwork])
def sink(request, tmp_path):
    sink = request.param(tmp_path)
    yield sink
    sink.remove()


def percentile(answers):
    times = sorted(answer.seconds for answer in answers)
    return times[len(times) * 99 // 100]


def run(proxy):
    with Load(proxy, clients=4, fields=LONG) as load:
        load.more(REQUESTS, 240)
        answers = load.stop()
    assert {answer.status for answer in answers} == {200}
    return answers


def lost(proxy):
    counts = re.findall(r"(\d+) log lines were lost, because", proxy.error_text())
    return sum(int(count) for count in counts)


def test_a_stalled_log_costs_no_time_and_no_memory(site, sink):
    text = 'server { listen PORT; location / { return 200 "x"; } location /b { return 200 "y"; } }'
    normal = site.servers(text)
    proxy = site.servers(f"access_log {sink.path} json;\n{text}")
    answers = run(proxy)
    # By now the queue of 1 MiB is full, with as much memory as it will ever have.
    memory = proxy.memory()
    rounds = []
    for _ in range(ROUNDS):
        usual = percentile(run(normal))
        with_stall = run(proxy)
        answers += with_stall
        rounds.append((usual, percentile(with_stall)))
    usual = statistics.median(one for one, _ in rounds)
    stalled = statistics.median(other for _, other in rounds)
    grown = proxy.memory() - memory
    print(f"p99 {usual * 1e6:.0f} us usually, {stalled * 1e6:.0f} us stalled; {grown} bytes more")
    assert stalled <= (usual * 1.2 if MEASURES else usual * 2 + 0.02)
    assert grown < 512 << 10
    sink.relieve()
    count = len(answers)
    wait_for(lambda: sink.content().count(b"\n") + lost(proxy) >= count, "all lines", 20)
    lines = [checked(raw) for raw in sink.content().split(b"\n")[:-1]]
    assert lost(proxy) > 100
    assert len(lines) + lost(proxy) == count
    assert len({line["request_id"] for line in lines}) == len(lines)
