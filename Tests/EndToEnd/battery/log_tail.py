"""Reads an access log as it grows, so that thousands of cases need not read it anew."""

from __future__ import annotations

import time
from pathlib import Path

from harness.log import Line, checked
from harness.polling import TIME_FACTOR


class LogTail:
    """The lines of one log; each is handed out once, to whom its connection belongs."""

    def __init__(self, path: Path):
        self.path = path
        self._offset = 0
        self._waiting: list[Line] = []

    def _read(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = [checked(raw) for raw in whole.split(b"\n")[:-1]]
        self._waiting += [line for line in lines if "event" not in line]

    def take(self, client: str, count: int, seconds: float = 2) -> list[Line]:
        """All lines of a client's connection, once there are `count` or the time is over."""
        deadline = time.monotonic() + seconds * TIME_FACTOR
        while True:
            self._read()
            found = [line for line in self._waiting if line["client"] == client]
            if len(found) >= count or time.monotonic() > deadline:
                self._waiting = [line for line in self._waiting if line["client"] != client]
                return found
            time.sleep(0.002)

    def left_over(self) -> list[Line]:
        """Lines that no case has asked for."""
        self._read()
        return self._waiting
