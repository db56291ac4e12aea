"""Everything at once for a while: memory and descriptors must come to rest and stay there.

`WAYBILL_SOAK_SECONDS` says for how long (20). The log is rotated all the time, as nobody could keep
that of a long run; each line is checked and counted.
"""

import itertools
import os
import random
import signal
import threading
import time

import pytest

from harness import sanitizers
from harness.client import chunked, request_bytes
from harness.load import Load
from harness.log import read_lines
from harness.polling import wait_for
from harness.separate_backend import SeparateBackend

SECONDS = float(os.environ.get("WAYBILL_SOAK_SECONDS", "20"))
MEGABYTE = 1 << 20


@pytest.fixture
def backend(tmp_path):
    backend = SeparateBackend(tmp_path)
    yield backend
    backend.kill()


class Odd:
    """A client of the kinds that a `Load` has not, one connection after the other."""

    def __init__(self, proxy, name, play):
        self.name = name
        self.count = 0
        self.error = None
        self._proxy = proxy
        self._play = play
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.is_set():
                with self._proxy.connect() as connection:
                    self._play(connection)
                self.count += 1
                time.sleep(0.005)
        except Exception as error:  # the main thread fails with it
            self.error = error

    def stop(self):
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive(), f"{self.name} hangs"
        assert self.error is None, f"{self.name}: {self.error!r}"
        assert self.count > 0, f"{self.name} did nothing"


def slow(connection):
    """A head in pieces, then content in pieces."""
    data = request_bytes("POST", "/", body=b"s" * 300)
    for start in range(0, len(data), 40):
        connection.send(data[start : start + 40])
        time.sleep(0.02)
    assert connection.receive().status == 200


def too_slow(connection):
    """Its header timeout ends it."""
    connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert connection.receive().status == 408


def aborting(connection):
    """Leaves in the middle of a request, of an upload, or of a response."""
    kind = random.randrange(4)
    if kind == 0:
        connection.send(b"GET / HTTP/1.1\r\nHost:")
    elif kind == 1:
        connection.send(request_bytes("POST", "/", {"Content-Length": "100000"}) + b"x" * 5000)
    elif kind == 2:
        connection.send(request_bytes("GET", "/size/3000000"))
        connection.receive_head()
    else:
        connection.send(request_bytes("GET", "/sleep/0.3"))
        time.sleep(0.05)
    connection.reset()


def tunnelling(connection):
    """An upgraded connection with some messages."""
    upgrade = {"Connection": "upgrade", "Upgrade": "echo"}
    assert connection.exchange(request_bytes("GET", "/", upgrade)).status == 101
    for size in (1, 200, 40000):
        connection.send(b"m" * size)
        assert connection.stream.exactly(size) == b"m" * size
        time.sleep(0.01)


def uploading(connection):
    """Chunked content, and the answer in chunks as well."""
    body = chunked(*[b"c" * 50000] * 4)
    head = request_bytes("PUT", "/chunked", {"Transfer-Encoding": "chunked"})
    assert connection.exchange(head + body).status == 200


def wrong(connection):
    """What Waybill answers itself."""
    assert connection.exchange(b"GET / HTTP/1.1\r\n\r\n").status == 400


ODD = [slow, too_slow, aborting, tunnelling, uploading, wrong]


class RotatedLog:
    """Moves the log away now and then; reads what has been moved, checks and counts it."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.count = 0
        self.own = 0
        self._numbers = itertools.count()
        self._old = None

    def rotate(self):
        """Reads the file that was moved away last time: by now nobody writes to it."""
        self._read(self._old)
        self._old = self.proxy.directory / f"access.{next(self._numbers)}"
        self.proxy.access_log.rename(self._old)
        self.proxy.signal(signal.SIGUSR1)
        wait_for(self.proxy.access_log.exists, "the new log", 10)

    def finish(self):
        """After the proxy has ended."""
        self._read(self._old)
        self._read(self.proxy.access_log)

    def _read(self, path):
        if path is None:
            return
        lines = [line for line in read_lines(path) if "event" not in line]
        self.count += len(lines)
        self.own += sum(line["request_id"].startswith("load") for line in lines)
        path.unlink()


@pytest.mark.timeout(SECONDS * 1.5 + 90)
def test_a_mixed_load_leaves_nothing_behind(site, backend):
    proxy = site.serve(
        backend.address, workers=2,
        server="client_header_timeout 1s; keepalive_requests 200;",
    )  # fmt: skip
    log = RotatedLog(proxy)
    loads = [
        Load(proxy, clients=2, pause=0.001, keeps_answers=False),
        Load(proxy, clients=1, pause=0.002, keeps_alive=False, keeps_answers=False),
        Load(proxy, clients=1, pause=0.02, target="/size/2000000", keeps_answers=False),
        Load(
            proxy, clients=1, pause=0.02, method="POST", body=b"u" * MEGABYTE,
            keeps_answers=False,
        ),
    ]  # fmt: skip
    odd = [Odd(proxy, play.__name__, play) for play in ODD]
    samples = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(min(5.0, SECONDS / 20))
        log.rotate()
        backend.seen_file.write_text("")
        samples.append((proxy.memory(), proxy.descriptors()))
        assert not [one.error for one in odd if one.error], [one.error for one in odd]
    for one in [*loads, *odd]:
        one.stop()
    settle(proxy)
    check_flat(samples)
    proxy.stop()
    log.finish()
    assert log.own == sum(load.count for load in loads)
    assert all(set(load.statuses) == {200} for load in loads), [one.statuses for one in loads]
    print(f"{log.count} requests, {proxy_summary(samples)}, odd: {[one.count for one in odd]}")


def settle(proxy):
    """At rest there are the listeners, the logs, and pooled connections to the backend."""
    wait_for(lambda: proxy.descriptors() < 80, "descriptors to be given back", 10)


def check_flat(samples):
    """No growth between the second and the last quarter of the time."""
    quarter = len(samples) // 4
    early = max(memory for memory, _ in samples[quarter : 2 * quarter])
    late = max(memory for memory, _ in samples[-quarter:])
    if not sanitizers.is_sanitized():
        assert late < early + 4 * MEGABYTE, proxy_summary(samples)
    assert max(count for _, count in samples) < 120, proxy_summary(samples)


def proxy_summary(samples):
    every = max(1, len(samples) // 10)
    return "RSS MiB: " + " ".join(f"{memory / MEGABYTE:.1f}" for memory, _ in samples[::every]) + (
        "; descriptors: " + " ".join(str(count) for _, count in samples[::every])
    )
