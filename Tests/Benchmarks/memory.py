"""What connections cost in memory: idle ones, and clients that read slowly."""

import sys
import time

from load import KeptConnections, SlowReaders
from measure import process_memory

IDLE_GOAL = 300
"""Bytes for each idle kept-alive connection."""

IDLE_SECURE_GOAL = 10_000
"""Bytes for each idle kept-alive connection over TLS 1.3, after a full handshake.

Nearly all of it is OpenSSL 3.0's own: 7,600 the session's state, 2,300 that of two ciphers."""

SLOW_READER_GOAL = 320 << 10
"""Bytes for each slow reader: a read buffer of 256 KiB, a head, and nothing that grows."""


def measure_idle(directory, backend, kinds, quick, results):
    measure_kept(directory, backend, kinds, quick, results, secure=False)


def measure_idle_secure(directory, backend, kinds, quick, results):
    measure_kept(directory, backend, kinds, quick, results, secure=True)


def measure_kept(directory, backend, kinds, quick, results, secure):
    """The growth between 1,000 connections and 5,000 more, after one request on each."""
    count = 2000 if quick else 5000
    purpose = "idle-tls" if secure else "idle"
    title = f"bytes per idle {'TLS ' if secure else ''}connection"
    for kind in kinds:
        if kind.name == "nginx-unbuffered":
            continue
        print(f"{count} connections, {title}: {kind.name}", file=sys.stderr)
        with started(kind, directory, backend, purpose) as proxy:
            kept = KeptConnections(proxy.secure_port if secure else proxy.port, secure)
            kept.open(1000)
            before = process_memory(proxy.pid, "Anonymous")
            kept.open(count)
            time.sleep(0.2)
            grown = process_memory(proxy.pid, "Anonymous") - before
            kept.close()
        goal = IDLE_SECURE_GOAL if secure else IDLE_GOAL
        if kind.name != "waybill":
            goal = None
        results.add_memory(title, kind.name, grown / count, goal)


def measure_slow_readers(directory, backend, kinds, quick, results):
    """The most memory that clients of a 100 MB response make a proxy use while they sip."""
    count = 200 if quick else 1000
    seconds = 5 if quick else 15
    for kind in kinds:
        if kind.name == "nginx-unbuffered":
            continue
        print(f"{count} slow readers of 100 MB: {kind.name}", file=sys.stderr)
        with started(kind, directory, backend, "slow") as proxy:
            before = process_memory(proxy.pid, "Anonymous")
            readers = SlowReaders(proxy.port, "/files/100m", count)
            peak = before
            for _ in readers.sips(seconds):
                peak = max(peak, process_memory(proxy.pid, "Anonymous"))
            readers.close()
        grown = (peak - before) / count
        goal = SLOW_READER_GOAL if kind.name == "waybill" else None
        results.add_memory("bytes per slow reader of 100 MB", kind.name, grown, goal)


class started:
    """A fresh process of a proxy, in a directory of its own, that ends with the block."""

    def __init__(self, kind, directory, backend, purpose):
        name = f"{kind.name}-{purpose}"
        self.proxy = type("Fresh", (kind,), {"name": name})(directory, backend.port)

    def __enter__(self):
        self.proxy.start().check_its_job()
        return self.proxy

    def __exit__(self, *_):
        self.proxy.stop()


SCENARIOS = {"idle": measure_idle, "tls-idle": measure_idle_secure, "slow": measure_slow_readers}
