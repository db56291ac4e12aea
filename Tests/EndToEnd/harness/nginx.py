"""nginx as a real backend: serves a folder, takes uploads by PUT."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .polling import wait_for
from .ports import free_port

# What every conf file begins with: one process in the foreground, all files in one folder.
START = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log;
events {{ worker_connections 512; }}
http {{
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  client_max_body_size 0;
"""

CONF = START + """\
  log_format id '$http_x_request_id $request $status';
  access_log {directory}/nginx-access.log id;
  server {{
    listen 127.0.0.1:{port};
    root {directory}/files;
    location / {{ dav_methods PUT; }}
  }}
}}
"""


class Nginx:
    def __init__(self, directory: Path):
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        assert program, "these tests need nginx: apt-get install nginx"
        self.directory = directory
        self.files = directory / "files"
        self.files.mkdir(parents=True)
        directory.chmod(0o755)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        conf = directory / "nginx.conf"
        conf.write_text(CONF.format(directory=directory, port=self.port))
        self.process = subprocess.Popen(
            [program, "-c", conf, "-p", directory, "-e", directory / "nginx-error.log"],
            stderr=subprocess.DEVNULL,
        )
        wait_for((directory / "nginx.pid").exists, "nginx to start")

    def saw(self, request_id: str) -> str:
        """The line of nginx's own log with this ID."""
        log = self.directory / "nginx-access.log"

        def lines() -> list[str]:
            text = log.read_text() if log.exists() else ""
            return [line for line in text.splitlines() if line.startswith(request_id + " ")]

        found = wait_for(lines, f"{request_id} in nginx's log")
        assert len(found) == 1, found
        return found[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)
