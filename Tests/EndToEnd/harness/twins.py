"""nginx and Waybill side by side, on the same conf file and the same folder of files."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from email.utils import parsedate_to_datetime
from pathlib import Path

from .client import RawConnection, request_bytes
from .messages import Response
from .polling import wait_for
from .ports import free_port
from .proxy import Proxy

CONF = """
user nobody nogroup;
worker_processes {workers};
pid {own}/process.pid;
error_log {own}/error.log info;
events {{ worker_connections 512; }}
http {{
  access_log {own}/access.log;
  client_body_temp_path {own}/t1; proxy_temp_path {own}/t2;
  fastcgi_temp_path {own}/t3; uwsgi_temp_path {own}/t4; scgi_temp_path {own}/t5;
  sendfile on;
  {http}
  server {{
    listen 127.0.0.1:{port};
    server_name files.test;
    {server}
  }}
}}
"""

COMPARED = ["Content-Type", "Content-Length", "Last-Modified", "ETag", "Accept-Ranges",
            "Content-Range", "Location", "Cache-Control", "Content-Encoding", "Vary"]  # fmt: skip
OF_ERRORS = ["Content-Range", "Location", "Cache-Control", "Last-Modified", "Accept-Ranges"]


class Twins:
    """Both programs; `root` is the folder that `{root}` stands for in the conf file."""

    def __init__(self, http: str = "", server: str = "", workers: int = 1, listen: str = ""):
        self.folder = Path(tempfile.mkdtemp(prefix="twins-"))
        self.folder.chmod(0o755)
        self.root = self.folder / "root"
        self.root.mkdir()
        self.http, self.server, self.workers, self.listen = http, server, workers, listen
        self.ports: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.proxy: Proxy | None = None

    def start(self, **values: object) -> Twins:
        for name in ["nginx", "waybill"]:
            own = self.folder / name
            own.mkdir(mode=0o777)
            self.ports[name] = free_port()
            values |= {"root": self.root, "own": own}
            parts = {"http": self.http, "server": self.server}
            for part, text in parts.items():
                for key, value in values.items():
                    text = text.replace("{%s}" % key, str(value))
                parts[part] = text
            conf = CONF.format(own=own, port=self.ports[name], workers=self.workers, **parts)
            if self.listen:
                conf = conf.replace(f":{self.ports[name]};", f":{self.ports[name]} {self.listen};")
            (own / "nginx.conf").write_text(conf)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        own = self.folder / "nginx"
        self.process = subprocess.Popen(
            [program, "-p", own, "-c", own / "nginx.conf", "-e", own / "error.log",
             "-g", "daemon off;"], stderr=(own / "stderr").open("wb"), cwd=own,
        )  # fmt: skip
        wait_for((own / "process.pid").exists, "nginx to start")
        own = self.folder / "waybill"
        self.proxy = Proxy(own, (own / "nginx.conf").read_text(), name="nginx.conf")
        self.proxy.wait_ready()
        return self

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        try:
            if self.proxy:
                self.proxy.stop()
        finally:
            if self.proxy:
                self.proxy.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, name: str, data: bytes) -> Response:
        with RawConnection(self.ports[name]) as connection:
            return connection.exchange(data, data.split(b" ")[0].decode("latin-1"))

    def answers(self, data: bytes) -> tuple[Response, Response]:
        """nginx's answer and Waybill's."""
        return self.ask("nginx", data), self.ask("waybill", data)

    def compare(self, *arguments: object, **options: object) -> Response:
        """Asks both; fails if they differ, returns Waybill's answer."""
        data = request_bytes(*arguments, **options)  # type: ignore[arg-type]
        return self.compare_bytes(data)

    def compare_bytes(self, data: bytes) -> Response:
        theirs, ours = self.answers(data)
        assert self.facts(ours) == self.facts(theirs), data
        assert ours.fields.one("X-Request-ID"), data
        return ours

    def facts(self, answer: Response) -> dict[str, object]:
        """What both must say alike."""
        is_content = answer.status in (200, 206, 304)
        facts: dict[str, object] = {"status": answer.status}
        for name in COMPARED if is_content else OF_ERRORS:
            values = answer.fields.all(name)
            facts[name] = [self._plain(value) for value in values]
        if is_content:
            facts["body"] = self._plain(answer.body.decode("latin-1"))
        expires = answer.fields.all("Expires")
        facts["expires"] = [lifetime(answer, value) for value in expires]
        return facts

    def _plain(self, text: str) -> str:
        for port in self.ports.values():
            text = text.replace(f":{port}", ":PORT")
        return re.sub(r"(?<=boundary=)\d{20}|(?<=--)\d{20}", "BOUNDARY", text)

    def error_log(self) -> str:
        return (self.folder / "waybill/error.log").read_text()


def lifetime(answer: Response, expires: str) -> object:
    """Tens of seconds from the response's date on, because the two answer in turn; old dates and
    what is no date as they are."""
    try:
        moment = parsedate_to_datetime(expires)
    except ValueError:
        return expires
    if moment.year in (1970, 2037):
        return expires
    date = parsedate_to_datetime(answer.fields.one("Date"))
    return round((moment - date).total_seconds() / 10)


def give_to_nobody(path: Path) -> None:
    """Makes a file one of the user that both programs run as."""
    shutil.chown(path, "nobody", "nogroup")


def make_special_files(folder: Path) -> list[str]:
    """A FIFO, a socket and a device in `folder`; returns their names."""
    import socket

    os.mkfifo(folder / "fifo", 0o644)
    made = ["fifo"]
    with socket.socket(socket.AF_UNIX) as holder:
        holder.bind(str(folder / "socket"))
    os.chmod(folder / "socket", 0o666)
    made.append("socket")
    try:
        os.mknod(folder / "device", 0o020666, os.makedev(1, 5))
        made.append("device")
    except OSError:
        pass
    return made
