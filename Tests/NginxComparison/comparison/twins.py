"""nginx and Waybill on the same conf file, on the same ports of two addresses."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness.messages import Malformed, Response, Stream, Truncated, read_response

from .backend import Backend, Seen
from .conf import Ask, Case
from .site import make_site

NGINX, WAYBILL = "nginx", "waybill"
ADDRESSES = {NGINX: "127.0.0.2", WAYBILL: "127.0.0.3"}
CONF = """
user nobody nogroup;
worker_processes 1;
pid {own}/process.pid;
error_log {own}/error.log info;
events { worker_connections 1024; }
http {
  client_body_temp_path {own}/t1; proxy_temp_path {own}/t2;
  fastcgi_temp_path {own}/t3; uwsgi_temp_path {own}/t4; scgi_temp_path {own}/t5;
  access_log off;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  keepalive_timeout 30s;
  variables_hash_max_size 16384;
"""


class Outcome:
    """What became of a request: an answer or none, and what the backend saw."""

    def __init__(self, answer: Response | None, failure: str, seen: list[Seen], log: str):
        self.answer, self.failure, self.seen = answer, failure, seen
        self.error_log = log
        self.line = ""


class Program:
    """One of the two, on the cases of a batch."""

    def __init__(self, name: str, binary: Path, folder: Path):
        self.name, self.binary = name, binary
        self.own = folder / name
        self.own.mkdir(mode=0o777, exist_ok=True)
        self.own.chmod(0o777)
        self.process: subprocess.Popen[bytes] | None = None
        self.conf = self.own / "nginx.conf"
        self._log_end = 0

    def command(self, *more: str) -> list[str | Path]:
        if self.name == NGINX:
            errors = self.own / "error.log"
            return [self.binary, "-p", self.own, "-c", self.conf, "-e", errors, *more]
        return [self.binary, "-c", self.conf, *more]

    def refusal(self, text: str) -> str:
        """What the program says against a conf file; empty when it accepts it."""
        self.conf.write_text(text)
        result = subprocess.run(self.command("-t"), capture_output=True, text=True, timeout=30,
                                env=ENVIRONMENT, cwd=self.own)  # fmt: skip
        return "" if result.returncode == 0 else result.stderr or f"code {result.returncode}"

    def start(self, text: str, port: int) -> None:
        self.conf.write_text(text)
        more = ["-g", "daemon off;"] if self.name == NGINX else []
        with (self.own / "stderr").open("wb") as out:
            self.process = subprocess.Popen(
                self.command(*more), stdout=out, stderr=out, cwd=self.own, env=ENVIRONMENT)
        end = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((ADDRESSES[self.name], port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not start: {self.output()}")
            time.sleep(0.01)

    def output(self) -> str:
        return (self.own / "stderr").read_text("utf-8", "replace")[-3000:]

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def new_errors(self) -> str:
        """The error log since the last call."""
        path = self.own / "error.log"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(self._log_end)
            data = file.read()
        self._log_end += len(data)
        return data.decode("utf-8", "replace")

    def stop(self) -> None:
        if self.process:
            if self.is_running():
                self.process.send_signal(signal.SIGTERM if self.name == NGINX else signal.SIGINT)
                try:
                    self.process.wait(10)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait(10)
            self.process = None
        self._log_end = 0
        for path in self.own.glob("*.log"):
            path.unlink()


ENVIRONMENT = os.environ | {"SWIFT_BACKTRACE": "enable=no"}


class Twins:
    """Both programs, a folder of files and a backend; any number of batches one after another."""

    def __init__(self, binary: Path):
        self.folder = Path(tempfile.mkdtemp(prefix="confs-"))
        self.folder.chmod(0o755)
        self.root = make_site(self.folder)
        self.backend = Backend()
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.programs = [Program(NGINX, Path(nginx), self.folder),
                         Program(WAYBILL, binary, self.folder)]  # fmt: skip
        self.ports: dict[int, int] = {}
        self._next_port = 20000

    def close(self) -> None:
        for program in self.programs:
            program.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def text(self, cases: list[Case], program: Program) -> str:
        parts = [CONF.replace("{own}", str(program.own))]
        for number, case in enumerate(cases):
            values = {"root": self.root, "own": program.own, "backend": self.backend.address,
                      "address": ADDRESSES[program.name], "port": self.ports[number]}
            parts.append(case.text(values))
        return "".join(parts) + "}\n"

    def assign_ports(self, count: int) -> None:
        self.ports = {}
        for number in range(count):
            self.ports[number] = self._next_port
            self._next_port = 20000 + (self._next_port - 19999) % 9000

    def refusals(self, cases: list[Case]) -> list[str]:
        self.assign_ports(len(cases))
        return [program.refusal(self.text(cases, program)) for program in self.programs]

    def run(self, cases: list[Case]) -> list[list[tuple[Outcome, Outcome]]]:
        """Starts both, asks all; the outcomes of nginx and of Waybill of each request."""
        self.assign_ports(len(cases))
        try:
            for program in self.programs:
                program.start(self.text(cases, program), self.ports[0])
            found = []
            for number, case in enumerate(cases):
                sides = [self._ask(program, self.ports[number], case.asks)
                         for program in self.programs]  # fmt: skip
                found.append(list(zip(*sides)))
            for number, case in enumerate(cases):
                self._read_lines(case, found[number])
        finally:
            for program in self.programs:
                program.stop()
        return found

    @staticmethod
    def _connect(program: Program, port: int) -> Stream:
        sock = socket.create_connection((ADDRESSES[program.name], port), timeout=5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Stream(sock)

    def _ask(self, program: Program, port: int, asks: list[Ask]) -> list[Outcome]:
        stream: Stream | None = None
        outcomes = []
        for number, ask in enumerate(asks):
            answer, failure = None, ""
            self.backend.take()
            # A kept connection may end by itself; a new one must give an answer.
            for is_kept in [True, False] if stream else [False]:
                try:
                    if not is_kept or stream is None:
                        stream = self._connect(program, port)
                    stream.socket.sendall(ask.data(number))
                    answer, failure = read_response(stream, ask.method), ""
                    break
                except (Truncated, Malformed, OSError) as error:
                    failure = f"{type(error).__name__}: {error}"
                    if stream:
                        stream.socket.close()
            closing = answer is None or answer.framing == "close" or ask.version == "HTTP/1.0"
            if answer and "close" in answer.fields.tokens("Connection"):
                closing = True
            if stream and closing:
                stream.socket.close()
                stream = None
            log = program.new_errors()
            outcomes.append(Outcome(answer, failure, self.backend.take(), log))
        if stream:
            stream.socket.close()
        return outcomes

    def _logs(self, case: Case) -> list[str]:
        paths = [program.own / f"{case.seed}.log" for program in self.programs]
        return [path.read_text("utf-8", "replace") if path.exists() else "" for path in paths]

    def _read_lines(self, case: Case, found: list[tuple[Outcome, Outcome]]) -> None:
        """Gives each outcome its line of the access log; they may come a little late."""
        texts = self._logs(case)
        for _ in range(20):
            if len({text.count("\n") for text in texts}) == 1:
                break
            time.sleep(0.01)
            texts = self._logs(case)
        for side, text in enumerate(texts):
            for line in text.splitlines():
                if match := re.match(r"n=(\d+) ", line):
                    outcome = found[int(match[1])][side]
                    outcome.line += line + "\n"
