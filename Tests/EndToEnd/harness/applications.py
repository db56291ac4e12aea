"""Runs the sites in `applications` under the servers that teams run them under."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .polling import wait_for
from .ports import free_port

FOLDER = Path(__file__).resolve().parents[1] / "applications"
SERVERS = {
    "django": ["-m", "gunicorn", "--threads", "4", "-b", "{address}", "django_app:application"],
    "flask": ["-m", "gunicorn", "-w", "2", "-b", "{address}", "flask_app:application"],
    "asgi": ["-m", "uvicorn", "--host", "{host}", "--port", "{port}", "asgi_app:application"],
}


class Application:
    """A site on a free port; its own log is in `log`."""

    def __init__(self, kind: str, directory: Path):
        port = free_port()
        self.kind = kind
        self.address = f"127.0.0.1:{port}"
        self.log = directory / f"{kind}.log"
        arguments = [
            part.format(address=self.address, host="127.0.0.1", port=port) for part in SERVERS[kind]
        ]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=FOLDER, stdout=output, stderr=output
            )
        wait_for(self._started, f"{kind} to start", 20)

    def _started(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        text = self.log.read_text()
        return "Booting worker" in text or "Uvicorn running" in text

    def logged(self, request_id: str) -> list[str]:
        """The application's own lines with this ID, once there is one."""

        def lines() -> list[str]:
            text = self.log.read_text("utf-8", "replace")
            return [line for line in text.splitlines() if f"[req-{request_id}]" in line]

        return wait_for(lines, f"[req-{request_id}] in the log of {self.kind}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
