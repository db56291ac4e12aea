"""nginx and HAProxy with the conf of the battery, so that they can be given the same bytes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from harness.nginx import START
from harness.polling import wait_for
from harness.ports import free_port

from .conf import RESPONSES, SERVER

NGINX = START + """\
  access_log off;
  client_header_timeout 300ms;
  client_body_timeout 300ms;
  lingering_close off;
  upstream backend {{ server {backend} max_fails=0; keepalive 4; }}
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header Connection "";
  proxy_read_timeout 300ms;
  {servers}
}}
"""

HAPROXY = """\
global
  stats socket {directory}/haproxy.sock
defaults
  mode http
  timeout connect 1s
  timeout client 300ms
  timeout server 300ms
  timeout http-request 300ms
  retries 0
  http-reuse always
frontend battery
  bind 127.0.0.1:{port}
  {rules}
  default_backend backend
backend backend
  server only {backend}
"""

RULES = """\
  http-request return status 203 if { hdr(host) guarded.test }
  http-request return status 203 if { path_beg /guarded }
  http-request return status 200 if { path_beg /own }
  http-request replace-path /replaced/(.*) /base/\\1 if { path_beg /replaced/ }
""".strip()


class Reader:
    """A proxy other than Waybill, running in front of `backend`."""

    def __init__(self, name: str, version: str, command: list[str | Path], port: int):
        self.name = name
        self.version = version
        self.port = port
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wanted = f"0100007F:{port:04X}"
        wait_for(lambda: wanted in Path("/proc/net/tcp").read_text(), f"{name} to listen")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(5)


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert found, f"the comparison needs {name}: apt-get install nginx haproxy"
    return found


def version(name: str, option: str) -> str:
    """The first number that the program says of itself."""
    result = subprocess.run([program(name), option], capture_output=True, text=True)
    words = (result.stdout + result.stderr).split("\n")[0].replace("/", " ").split()
    return next(word for word in words if word[0].isdigit())


def nginx(directory: Path, backend: str, is_hostile: bool) -> Reader:
    port = free_port()
    servers = (RESPONSES if is_hostile else SERVER).format(
        port=port, backend="http://backend", proxy=""
    )
    conf = directory / "nginx.conf"
    conf.write_text(NGINX.format(directory=directory, backend=backend, servers=servers))
    command = [program("nginx"), "-c", conf, "-p", directory, "-e", directory / "nginx-error.log"]
    return Reader("nginx", version("nginx", "-v"), command, port)


def haproxy(directory: Path, backend: str, is_hostile: bool) -> Reader:
    port = free_port()
    conf = directory / "haproxy.cfg"
    rules = "" if is_hostile else RULES
    conf.write_text(
        HAPROXY.format(directory=directory, port=port, backend=backend, rules=rules)
    )
    command: list[str | Path] = [program("haproxy"), "-db", "-f", conf]
    return Reader("HAProxy", version("haproxy", "-v"), command, port)
