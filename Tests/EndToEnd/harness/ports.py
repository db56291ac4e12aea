"""Loopback ports for listeners, apart for each pytest worker and below the ephemeral range."""

import itertools
import os
import random
import socket

_first, _count, _per_worker = 12000, 19000, 1500
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_base = _first + (_worker * _per_worker) % _count
_start = random.SystemRandom().randrange(_per_worker)
_candidates = itertools.cycle(
    [_base + (_start + offset) % _per_worker for offset in range(_per_worker)]
)


def free_port() -> int:
    """A port that nobody listens on now and that no connection takes by chance."""
    for port in itertools.islice(_candidates, _per_worker):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class RefusingPort:
    """A port that stays bound but never listens: connecting to it is refused, for certain."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._socket.close()


class SilentPort:
    """A listener whose queue is full: connecting to it never completes."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        host, port = self._listener.getsockname()
        self.address = f"{host}:{port}"
        self._fillers = [self._filler(port) for _ in range(4)]

    def _filler(self, port: int) -> socket.socket:
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        return filler

    def close(self) -> None:
        for sock in [self._listener, *self._fillers]:
            sock.close()
