"""Runs the sites in `applications` under the servers that teams run them under."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .polling import wait_for
from .ports import free_port
from .proxy import REPOSITORY

FOLDER = REPOSITORY / "Tests" / "EndToEnd" / "applications"
GUIDE = REPOSITORY / "Tests" / "EndToEnd" / "guide"
GUNICORN = ["-m", "gunicorn", "--threads", "4", "--graceful-timeout", "1", "-b", "{address}"]
UVICORN = ["-m", "uvicorn", "--host", "{host}", "--port", "{port}"]
CELERY = ["-m", "celery", "-A", "guide_tasks", "worker", "--concurrency", "2", "--without-mingle",
          "--without-gossip", "--without-heartbeat", "--loglevel", "INFO"]  # fmt: skip
SERVERS = {
    "django": [*GUNICORN, "django_app:application"],
    "flask": ["-m", "gunicorn", "-w", "2", "-b", "{address}", "flask_app:application"],
    "asgi": [*UVICORN, "asgi_app:application"],
}
GUIDE_SERVERS = {
    "django-wsgi": [*GUNICORN, "django_wsgi:application"],
    "django-asgi": [*UVICORN, "django_asgi:application"],
    "channels": [*UVICORN, "channels_asgi:application"],
    "flask": [*GUNICORN, "guide_flask:app"],
    "sentry": [*GUNICORN, "guide_sentry:app"],
    "fastapi": [*UVICORN, "guide_fastapi:application"],
    "celery": CELERY,
}


class Application:
    """A site on a free port; its own log is in `log`."""

    def __init__(
        self,
        kind: str,
        directory: Path,
        command: list[str] | None = None,
        environment: dict[str, str] | None = None,
    ):
        port = free_port()
        self.kind = kind
        self.address = f"127.0.0.1:{port}"
        self.log = directory / f"{kind}.log"
        arguments = [
            part.format(address=self.address, host="127.0.0.1", port=port)
            for part in command or SERVERS[kind]
        ]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=FOLDER, stdout=output, stderr=output,
                env=os.environ | (environment or {}),
            )  # fmt: skip
        wait_for(self._started, f"{kind} to start", 20)

    def _started(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        text = self.log.read_text()
        return any(word in text for word in ["Booting worker", "Uvicorn running", " ready."])

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
