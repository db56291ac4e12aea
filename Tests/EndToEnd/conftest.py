"""Fixtures: the proxy on a conf file, and backends that end with the test."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import sanitizers
from harness.authority import Authority, Pair
from harness.backend import RecordingBackend
from harness.generations import Generations
from harness.http2_backend import HTTP2Backend
from harness.log_follower import LogFollower
from harness.ports import free_port
from harness.proxy import Proxy, binary
from harness.separate_backend import SeparateBackend

# A thousand clients and the backend that they reach stand in this process, both ends of everything.
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 16384), hard), hard))

WITHOUT_PROXY = {"test_harness.py", "test_battery_judgement.py"}
PREAMBLE = """\
worker_threads {workers};
worker_connections {connections};
pid {directory}/waybill.pid;
shutdown_timeout 2s;
error_log {directory}/error.log info;
access_log {directory}/access.log json;
"""


class Site:
    """Builds conf files in the test's folder and starts the proxy on them."""

    def __init__(self, directory: Path, stack: ExitStack):
        self.directory = directory
        self._stack = stack
        self._count = 0

    @contextmanager
    def running(self, conf: str, **options: Any) -> Iterator[Proxy]:
        """The proxy on exactly this conf file; at the end it stops cleanly, or the test fails."""
        proxy = Proxy(self.directory, conf, **options)
        try:
            proxy.wait_ready()
            yield proxy
            proxy.stop()
        except BaseException:
            print(f"--- conf\n{conf}\n--- output\n{proxy.output()}", file=sys.stderr)
            print(f"--- error log\n{proxy.error_text()[-4000:]}", file=sys.stderr)
            raise
        finally:
            proxy.kill()

    @contextmanager
    def running_at(self, directory: Path, name: str, conf: str) -> Iterator[Proxy]:
        """The proxy on a conf file of that name in a folder of its own."""
        outer, self.directory = self.directory, directory
        try:
            with self.running(conf, name=name) as proxy:
                yield proxy
        finally:
            self.directory = outer

    def start(
        self, text: str, *, workers: int = 1, connections: int = 1024, **options: Any
    ) -> Proxy:
        """The proxy on the usual preamble and `text`, until the test ends."""
        preamble = PREAMBLE.format(
            directory=self.directory, workers=workers, connections=connections
        )
        return self._stack.enter_context(self.running(preamble + text, **options))

    def serve(
        self,
        backend: RecordingBackend | str,
        *,
        top: str = "",
        server: str = "",
        location: str = "",
        listen: str = "",
        scheme: str = "http",
        **options: Any,
    ) -> Proxy:
        """One server with one location that passes everything to `backend`."""
        address = backend if isinstance(backend, str) else backend.address
        port = free_port()
        conf = f"""{top}
server {{
  listen 127.0.0.1:{port}{" " + listen if listen else ""};
  {server}
  location / {{
    proxy_pass {scheme}://{address};
    {location}
  }}
}}
"""
        return self.start(conf, **options)

    def servers(self, text: str, **options: Any) -> Proxy:
        """The proxy on `text` in which each `listen PORT` becomes a free port of the loopback."""
        port = free_port()
        return self.start(text.replace("PORT", f"127.0.0.1:{port}"), **options)


@pytest.fixture(autouse=True)
def no_sanitizer_report() -> Iterator[None]:
    """Fails the test whose processes left a report, after all of them have ended."""
    yield
    found = sanitizers.new_reports()
    assert found == "", found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


@pytest.fixture
def backend(make_backend: Callable[..., RecordingBackend]) -> RecordingBackend:
    """A backend that answers 200 to everything; a test may change its `script`."""
    return make_backend()


@pytest.fixture
def make_backend() -> Iterator[Callable[..., RecordingBackend]]:
    started: list[RecordingBackend] = []

    def make(*arguments: Any, **options: Any) -> RecordingBackend:
        started.append(RecordingBackend(*arguments, **options))
        return started[-1]

    yield make
    for backend in started:
        backend.stop()


@pytest.fixture
def make_http2_backend() -> Iterator[Callable[..., HTTP2Backend]]:
    """Makes HTTP/2 backends that end with the test."""
    with ExitStack() as stack:

        def make(*arguments: Any, **options: Any) -> HTTP2Backend:
            backend = HTTP2Backend(*arguments, **options)
            stack.callback(backend.stop)
            return backend

        yield make


@pytest.fixture
def separate(tmp_path: Path) -> Iterator[SeparateBackend]:
    """A backend in a process of its own."""
    backend = SeparateBackend(tmp_path)
    yield backend
    backend.kill()


@pytest.fixture
def follow() -> Iterator[Callable[[Proxy], Generations]]:
    """Follows the processes of a proxy; at the end of the test all have ended."""
    followed: list[Generations] = []

    def start(proxy: Proxy) -> Generations:
        followed.append(Generations(proxy))
        return followed[-1]

    yield start
    for generations in followed:
        generations.kill()


@pytest.fixture
def follow_log() -> Iterator[Callable[..., LogFollower]]:
    """Starts `waybill logs -f` with some arguments."""
    started: list[LogFollower] = []

    def start(*arguments: object) -> LogFollower:
        started.append(LogFollower(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    """A certificate for the loopback, and its key."""
    return authority.issue("localhost", "127.0.0.1")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Says once and clearly that the binary is missing, instead of failing in every test."""
    needing = [item for item in session.items if item.path.name not in WITHOUT_PROXY]
    if needing and not binary().exists() and not session.config.option.collectonly:
        pytest.exit(f"{binary()} does not exist: build it, or set WAYBILL", returncode=2)


def pytest_report_header() -> str:
    path = binary()
    if not path.exists():
        return f"waybill: {path} (missing)"
    result = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=10)
    return f"waybill: {path} ({(result.stdout + result.stderr).strip()})"


@pytest.fixture(params=["plain", "tls"])
def serve(request, site, pair):
    """Serves a backend over HTTP/2, with and without TLS."""

    def start(backend, **options):
        secure = request.param == "tls"
        server = options.pop("server", "") + " http2 on;"
        if secure:
            server += f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};"
        proxy = site.serve(backend, server=server, listen="ssl" if secure else "", **options)
        proxy.secure = secure
        return proxy

    return start
