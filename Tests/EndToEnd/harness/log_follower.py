"""A running `waybill logs -f`."""

from __future__ import annotations

import json
import signal
import subprocess
import threading

from .polling import wait_for
from .proxy import binary, environment


class LogFollower:
    """Collects the numbers in the IDs (`id-number-N`) of the lines that it shows."""

    def __init__(self, *arguments: object):
        self.found: list[int] = []
        self.process = subprocess.Popen(
            [binary(), "logs", "-f", "--json", *map(str, arguments)], stdout=subprocess.PIPE,
            text=True, env=environment(),
        )  # fmt: skip
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.found.append(int(json.loads(line)["request_id"].split("-")[2]))

    def wait(self, *wanted: int) -> None:
        """Waits for as many lines as are wanted; fails if they are others."""
        wait_for(lambda: len(self.found) >= len(wanted), f"{wanted}, have {self.found}", 15)
        assert self.found == list(wanted)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.go_on()
        self.process.terminate()
        self.process.wait(5)
        self.thread.join(5)
