"""Loads: wrk, and what wrk can't do (connections that stay idle, clients that read slowly)."""

import re
import resource
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from proxies import find

FIELDS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
    "Referer": "http://localhost/articles/2026/how-to-follow-a-request",
    "Cookie": "session=7c9e6679f3a94b5c8d2e1f0a9b8c7d6e; theme=dark; consent=yes",
}
"""What a browser sends: a head of about 500 bytes."""


@dataclass
class Result:
    """What the clients saw."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: str

    @property
    def rate(self):
        return self.requests / self.seconds


def run_wrk(port, path, connections, seconds, script=None, fields=(), secure=False):
    """One run of wrk with one thread. Latencies in microseconds."""
    command = [find("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout=8s"]
    for name, value in {**FIELDS, **dict(fields)}.items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(Path(__file__).parent / script)]
    command.append(f"{'https' if secure else 'http'}://127.0.0.1:{port}{path}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return read_wrk_report(done.stdout)


def read_wrk_report(text):
    counts = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", text)
    latency = {
        name: float(number) * UNITS[unit]
        for name, number, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", text, re.M)
    }
    errors = re.findall(r"^\s*((?:Socket errors|Non-2xx).*)$", text, re.M)
    return Result(
        requests=int(counts.group(1)),
        seconds=float(counts.group(2)) * UNITS[counts.group(3)] / 1e6,
        p50=latency.get("50", 0.0),
        p99=latency.get("99", 0.0),
        errors="; ".join(errors),
    )


UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


def request_head(path, port, close=False):
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in FIELDS.items()]
    lines += ["Connection: close"] if close else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def raise_descriptor_limit():
    """As many descriptors as allowed, for this process and those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def exchange(connection, request):
    """Sends a request and reads the response, whose length its head states."""
    connection.sendall(request)
    finish_exchange(connection)


def finish_exchange(connection):
    received = b""
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            raise SystemExit(f"the proxy closed a connection after {received!r}")
        received += chunk
        head, separator, body = received.partition(b"\r\n\r\n")
        if not separator:
            continue
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        if not head.startswith(b"HTTP/1.1 200 ") or not length:
            raise SystemExit(f"unexpected response: {head!r}")
        if len(body) >= int(length.group(1)):
            return


def trusting_context():
    """TLS with whoever answers: the benchmark's certificate has no authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class KeptConnections:
    """Kept-alive connections that take turns in a fixed order: the same work in every run."""

    def __init__(self, port, secure=False):
        self.port = port
        self.context = trusting_context() if secure else None
        self.request = request_head("/", port)
        self.connections = []

    def open(self, count):
        """Opens more connections, each with one request and its response."""
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", self.port), 30)
            if self.context:
                connection = self.context.wrap_socket(connection)
            exchange(connection, self.request)
            self.connections.append(connection)

    def exchange_all(self):
        """One request on every connection at once, then all of the responses."""
        for connection in self.connections:
            connection.sendall(self.request)
        for connection in self.connections:
            finish_exchange(connection)

    def close(self):
        for connection in self.connections:
            connection.close()
        self.connections = []


def run_resumed(port, path, seconds):
    """One request after the other, each on a new connection that resumes the session before it
    (RFC 8446 section 2.2). wrk can't resume, so this is Python, slow, and the same for all."""
    context = trusting_context()
    request = request_head(path, port, close=True)
    session = None
    times = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        start = time.monotonic()
        plain = socket.create_connection(("127.0.0.1", port), 30)
        with context.wrap_socket(plain, session=session) as connection:
            exchange(connection, request)
            if session and not connection.session_reused:
                raise SystemExit("the proxy did not resume a session")
            session = connection.session
        times.append((time.monotonic() - start) * 1e6)
    times.sort()
    return Result(
        requests=len(times),
        seconds=sum(times) / 1e6,
        p50=times[len(times) // 2],
        p99=times[len(times) * 99 // 100],
        errors="",
    )


class SlowReaders:
    """Clients that ask for a large response each, and take it in small sips."""

    def __init__(self, port, path, count):
        self.sockets = []
        request = request_head(path, port)
        for _ in range(count):
            connection = socket.socket()
            # A small window, so that what is not read waits in the proxy and not in this kernel.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            connection.connect(("127.0.0.1", port))
            connection.sendall(request)
            connection.setblocking(False)
            self.sockets.append(connection)

    def sips(self, seconds):
        """Every reader takes at most 4 KB per tenth of a second; yields after each time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            tick = time.monotonic() + 0.1
            for connection in self.sockets:
                try:
                    if not connection.recv(4096):
                        raise SystemExit("the proxy closed the connection of a slow reader")
                except BlockingIOError:
                    continue
            yield
            time.sleep(max(0.0, tick - time.monotonic()))

    def close(self):
        for connection in self.sockets:
            connection.close()
