"""Runs the built binary on a conf file, and reads what it writes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import sanitizers
from .backend import RecordingBackend
from .client import RawConnection, request_bytes
from .log import Line, read_lines, with_id
from .messages import Request, Response
from .polling import TIME_FACTOR, wait_for

REPOSITORY = Path(__file__).resolve().parents[3]


def binary() -> Path:
    """The program under test: `WAYBILL`, else the release build, else the debug build."""
    if named := os.environ.get("WAYBILL"):
        return Path(named).resolve()
    builds = [REPOSITORY / ".build" / kind / "waybill" for kind in ("release", "debug")]
    return next((path for path in builds if path.exists()), builds[0])


def environment() -> dict[str, str]:
    return os.environ | {"SWIFT_BACKTRACE": "enable=no"} | sanitizers.settings()


def command(*arguments: str | Path, timeout: float = 15) -> subprocess.CompletedProcess[str]:
    """Runs the binary to its end."""
    return subprocess.run(
        [binary(), *arguments], capture_output=True, text=True, timeout=timeout, env=environment()
    )


@dataclass
class Observation:
    """One request as seen from its three sides, which agree on the ID."""

    response: Response
    seen: Request | None
    line: Line


class Proxy:
    """A running waybill; `ports` are those of its `listen` directives, in order."""

    def __init__(
        self, directory: Path, conf: str, preexec: Any = None, name: str = "proxy.conf"
    ):
        self.directory = directory
        self.conf = directory / name
        self.conf.write_text(conf)
        self.access_log = directory / "access.log"
        self.error_log = directory / "error.log"
        self.stdout = directory / "stdout"
        self.stderr = directory / "stderr"
        active = re.sub(r"#.*", "", conf)
        self.ports = [int(port) for port in re.findall(r"listen\s+127\.0\.0\.1:(\d+)", active)]
        self.unix = re.findall(r"listen\s+unix:([^\s;]+)", active)
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self.process = subprocess.Popen(
                [binary(), "-c", self.conf], stdout=out, stderr=err, cwd=directory,
                env=environment(), preexec_fn=preexec,
            )  # fmt: skip
        self.exit_code: int | None = None

    @property
    def port(self) -> int:
        return self.ports[0]

    def wait_ready(self) -> None:
        for port in self.ports:
            wait_for(lambda: self._accepts(port), f"listening on {port}", 10)
        for path in self.unix:
            wait_for(lambda: self._accepts_on(path), f"listening on {path}", 10)

    def alive(self) -> bool:
        assert self.process.poll() is None, (
            f"waybill ended with {self.process.returncode}: {self.output()}"
        )
        return True

    def _accepts(self, port: int) -> bool:
        """Whether the port listens, without opening a connection that would leave a trace."""
        self.alive()
        wanted = f"0100007F:{port:04X}"
        rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return any(row.split()[1] == wanted and row.split()[3] == "0A" for row in rows)

    def _accepts_on(self, path: str) -> bool:
        """Whether the socket file is more than what an earlier process has left."""
        self.alive()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(path) == 0

    def connect(self, port: int | None = None, **options: Any) -> RawConnection:
        return RawConnection(port or self.port, **options)

    def request(self, *arguments: Any, port: int | None = None, **options: Any) -> Response:
        """One request on a connection of its own; arguments as for `request_bytes`."""
        data = request_bytes(*arguments, **options)
        with self.connect(port) as connection:
            return connection.exchange(data, data.split(b" ")[0].decode())

    def get(self, target: str = "/", fields: Any = None, **options: Any) -> Response:
        return self.request("GET", target, fields, **options)

    def observe(
        self,
        backend: RecordingBackend | None,
        data: bytes,
        connection: RawConnection | None = None,
    ) -> Observation:
        """Sends a request and returns all three sides; their IDs and statuses are equal."""
        own = connection or self.connect()
        try:
            response = own.exchange(data, data.split(b" ")[0].decode("latin-1"))
        finally:
            if connection is None:
                own.close()
        line = self.log_line(response.request_id)
        assert line["status"] == response.status, (line, response)
        seen = backend.saw(response.request_id) if backend else None
        return Observation(response, seen, line)

    def lines(self) -> list[Line]:
        return read_lines(self.access_log)

    def wait_lines(self, count: int, seconds: float = 5) -> list[Line]:
        """All lines once there are `count`; more than that fail."""
        wait_for(lambda: len(self._raw_lines()) >= count, f"log line {count}", seconds)
        lines = self.lines()
        assert len(lines) == count, f"{len(lines)} lines instead of {count}: {lines}"
        return lines

    def _raw_lines(self) -> list[bytes]:
        data = self.access_log.read_bytes() if self.access_log.exists() else b""
        return data.split(b"\n")[:-1]

    def log_line(self, request_id: str, seconds: float = 5) -> Line:
        """The one line that ends the request with this ID; waits for it."""
        needle = f'"request_id":"{request_id}"'.encode()
        wait_for(
            lambda: any(needle in raw and b'"event"' not in raw for raw in self._raw_lines()),
            f"a log line for {request_id}",
            seconds,
        )
        found = with_id(self.lines(), request_id)
        assert len(found) == 1, f"{len(found)} lines for {request_id}: {found}"
        return found[0]

    def error_text(self) -> str:
        return self.error_log.read_text("utf-8", "replace") if self.error_log.exists() else ""

    def wait_error(self, text: str) -> str:
        """The first line of the error log that holds `text`; waits for it."""
        wait_for(lambda: text in self.error_text(), f"{text!r} in the error log")
        return next(line for line in self.error_text().split("\n") if text in line)

    def error_lines(self, request_id: str) -> list[str]:
        """The error log's lines with this ID; waits for the first."""
        mark = f"[req-{request_id}]"
        wait_for(lambda: mark in self.error_text(), f"{mark} in the error log")
        return [line for line in self.error_text().split("\n") if mark in line]

    def output(self) -> str:
        return self.stdout.read_text() + self.stderr.read_text()

    def memory(self) -> int:
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def cpu_seconds(self) -> float:
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_exit(self, seconds: float = 10) -> int:
        self.exit_code = self.process.wait(seconds * TIME_FACTOR)
        return self.exit_code

    def stop(self) -> None:
        """Ends the process gracefully and asserts that it ended well and left nothing."""
        if self.exit_code is None:
            assert self.process.poll() is None, (
                f"waybill had ended with {self.process.returncode}: {self.output()}"
            )
            self.signal(signal.SIGTERM)
            try:
                self.wait_exit()
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("waybill did not end within 10 s of SIGTERM") from None
            assert self.exit_code == 0, f"exit code {self.exit_code}: {self.output()}"
        for port in self.ports:
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0, f"{port} still accepts"
        assert not [path for path in self.unix if os.path.exists(path)], "a socket file is left"
        pid_file = self.directory / "waybill.pid"
        # Another process that serves may have it back.
        left = pid_file.read_text().strip() if pid_file.exists() else ""
        assert left != str(self.process.pid) and left != "" or not pid_file.exists(), (
            "the pid file is left"
        )

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
