"""The processes that follow one another when a proxy is upgraded, and programs to put on its disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

from .client import RawConnection, request_bytes
from .polling import wait_for
from .proxy import Proxy, binary, command

PATIENCE = 40
"""Seconds for an upgrade: the new process has 20 until it is given up."""


class Program:
    """A place on the disk that holds the real program, or something else."""

    def __init__(self, path: Path):
        self.path = path
        self._real = binary()
        self.restore()

    def restore(self) -> None:
        self.remove()
        try:
            os.link(self._real, self.path)
        except OSError:  # another file system
            shutil.copy(self._real, self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def put(self, content: bytes, mode: int = 0o755) -> None:
        """Something else. A new file: the one that runs can't be written to."""
        self.remove()
        self.path.write_bytes(content)
        self.path.chmod(mode)


class Generations:
    """The processes of `proxy`, which has a pid file."""

    def __init__(self, proxy: Proxy):
        self.proxy = proxy
        self._pid_file = proxy.directory / "waybill.pid"

    @property
    def serving(self) -> int:
        return int(self._pid_file.read_text())

    @property
    def processes(self) -> set[int]:
        """All that run with this conf file, but `waybill -s`."""
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(self.proxy.conf) in words and b"-s" not in words:
                found.add(int(folder.name))
        return found

    def order(self) -> subprocess.CompletedProcess[str]:
        """`waybill -s upgrade`, whatever comes of it."""
        return command("-s", "upgrade", "-c", self.proxy.conf, timeout=PATIENCE + 10)

    def upgrade(self) -> int:
        """Has the place taken and returns the process that serves now."""
        before = self.serving
        done = self.order()
        assert done.returncode == 0, done.stderr + self.proxy.output()
        assert self.serving != before and done.stderr == f"waybill: process {self.serving} serves\n"
        return self.serving

    def alone(self, seconds: float = 10) -> None:
        """Waits until only the process that serves is left."""
        wait_for(lambda: self.processes == {self.serving}, "the end of the others", seconds)

    def end(self) -> None:
        """Ends the process that serves, and waits for all others."""
        os.kill(self.serving, signal.SIGTERM)
        self.proxy.wait_exit()
        wait_for(lambda: not self.processes, "the end of all processes", 10)
        assert self.proxy.exit_code == 0, self.proxy.output()

    def kill(self) -> None:
        for process in self.processes:
            os.kill(process, signal.SIGKILL)


class Tunnels:
    """Clients that hold a tunnel each, send through it all the time, and open the next one when it
    is cut."""

    def __init__(self, proxy: Proxy, count: int):
        self.opened = 0
        self.echoes = 0
        self.cut: list[float] = []
        """How long each tunnel lived that was cut."""
        self.errors: list[BaseException] = []
        self._proxy = proxy
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with self._proxy.connect(timeout=15) as connection:
                    self._hold(connection)
        except BaseException as error:  # the main thread fails with it
            self.errors.append(error)

    def _hold(self, connection: RawConnection) -> None:
        began = os.times().elapsed
        fields = {"Connection": "upgrade", "Upgrade": "echo"}
        connection.send(request_bytes(target="/tunnel", fields=fields))
        assert connection.receive_head().status == 101
        self.opened += 1
        while not self._stop.wait(0.05):
            try:
                connection.send(b"ping")
                if not connection.stream.buffer and not connection.stream.fill():
                    raise ConnectionResetError
            except ConnectionError:
                self.cut.append(os.times().elapsed - began)
                return
            assert connection.stream.take(4) == b"ping"
            self.echoes += 1

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive(), "a tunnel hangs"
        assert not self.errors, self.errors
