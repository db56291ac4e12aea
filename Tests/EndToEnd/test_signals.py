"""Signals, the pid file and the orderly end: what runs is finished, and bounded in time."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.log import read_lines
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

MINE = {"X-Request-ID": "mine-1"}
ENDING = [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT]


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def held(site, make_backend, gate):
    """A proxy, and a connection whose request waits at the backend for the gate."""
    backend = make_backend([gate, reply(body=b"finished")])
    proxy = site.serve(backend)
    connection = proxy.connect()
    connection.send(request_bytes(fields=MINE))
    backend.wait_requests(1)
    yield proxy, connection
    connection.close()


def refuses(proxy):
    try:
        proxy.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


@pytest.mark.parametrize("number", ENDING)
def test_what_runs_is_finished(held, gate, number):
    proxy, connection = held
    proxy.signal(number)
    wait_for(lambda: refuses(proxy), "the end of accepting")
    assert proxy.process.poll() is None
    gate.set()
    response = connection.receive()
    assert (response.status, response.body) == (200, b"finished")
    assert "close" in response.fields.tokens("Connection") and connection.is_closed()
    assert proxy.wait_exit(5) == 0
    line = proxy.log_line("mine-1")
    assert line["status"] == 200 and "termination" not in line


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
def test_idle_connections_do_not_delay_the_end(site, backend, number, used):
    proxy = site.serve(backend, workers=2)
    connections = [proxy.connect() for _ in range(10)]
    if used:
        assert [one.exchange(request_bytes()).status for one in connections] == [200] * 10
    started = time.monotonic()
    proxy.signal(number)
    assert proxy.wait_exit(5) == 0
    assert time.monotonic() - started < 1.5, "the end waits for shutdown_timeout"
    assert all(connection.is_closed() for connection in connections)
    assert len(proxy.wait_lines(10 if used else 0)) == (10 if used else 0)


def test_who_waits_to_be_accepted_is_served(site, backend):
    """However many: closing the socket would reset them, requests and all."""
    proxy = site.serve(backend)
    proxy.signal(signal.SIGSTOP)
    connections = [proxy.connect() for _ in range(300)]
    for connection in connections:
        connection.send(request_bytes())
    proxy.signal(signal.SIGTERM)
    proxy.signal(signal.SIGCONT)
    assert {connection.receive().status for connection in connections} == {200}
    assert proxy.wait_exit(5) == 0
    proxy.wait_lines(300)


@pytest.mark.parametrize("number", ENDING)
def test_a_second_signal_ends_at_once(held, number):
    proxy, connection = held
    proxy.signal(number)
    wait_for(lambda: refuses(proxy), "the end of accepting")
    started = time.monotonic()
    proxy.signal(number)
    assert proxy.wait_exit(5) in (0, 1) and time.monotonic() - started < 1
    assert read_lines(proxy.access_log) is not None


def test_shutdown_timeout_bounds_the_end(site, make_backend, gate):
    backend = make_backend([gate, reply()])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(request_bytes(fields=MINE))
        backend.wait_requests(1)
        started = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_exit(6) == 0
        assert 1.5 < time.monotonic() - started < 4, "shutdown_timeout is 2s"
    line = proxy.log_line("mine-1")
    assert line["termination"] and line["level"] == "ERROR"


def test_a_response_in_flight_is_finished(site, make_backend, gate):
    backend = make_backend([b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", gate, b"half"])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(request_bytes(fields=MINE))
        connection.receive_head()
        assert connection.stream.exactly(4) == b"half"
        proxy.signal(signal.SIGTERM)
        wait_for(lambda: refuses(proxy), "the end of accepting")
        gate.set()
        assert connection.stream.exactly(4) == b"half" and connection.is_closed()
    assert proxy.wait_exit(5) == 0 and proxy.log_line("mine-1")["bytes_out"] == 8


def test_other_signals_change_nothing(site, backend):
    proxy = site.serve(backend)
    for number in [signal.SIGPIPE, signal.SIGUSR1, signal.SIGWINCH]:
        proxy.signal(number)
        assert proxy.get().status == 200


def test_the_pid_file(site, backend):
    proxy = site.serve(backend)
    pid_file = site.directory / "waybill.pid"
    assert pid_file.read_text().strip() == str(proxy.process.pid)
    proxy.stop()
    assert not pid_file.exists()


@pytest.mark.parametrize("word", ["quit", "stop"])
def test_ending_by_command(site, backend, word):
    proxy = site.serve(backend)
    result = command("-s", word, "-c", proxy.conf)
    assert result.returncode == 0, result.stderr
    assert proxy.wait_exit(5) == 0


def test_quit_finishes_what_runs(held, gate):
    proxy, connection = held
    assert command("-s", "quit", "-c", proxy.conf).returncode == 0
    wait_for(lambda: refuses(proxy), "the end of accepting")
    gate.set()
    assert connection.receive().body == b"finished" and proxy.wait_exit(5) == 0


def test_reopening_by_command(site, backend):
    proxy = site.serve(backend)
    proxy.get("/", MINE)
    proxy.log_line("mine-1")
    proxy.access_log.rename(site.directory / "old.log")
    assert command("-s", "reopen", "-c", proxy.conf).returncode == 0
    wait_for(proxy.access_log.exists, "the new log")
    proxy.get("/", {"X-Request-ID": "two-1"})
    assert proxy.log_line("two-1") and len(read_lines(site.directory / "old.log")) == 1


def test_a_command_to_nobody_fails_clearly(site, backend):
    proxy = site.serve(backend)
    proxy.stop()
    result = command("-s", "quit", "-c", proxy.conf)
    assert result.returncode == 1 and len(result.stderr.strip().splitlines()) == 1


def test_a_stale_pid_file_does_not_prevent_the_start(site, backend):
    (site.directory / "waybill.pid").write_text("999999\n")
    proxy = site.serve(backend)
    assert (site.directory / "waybill.pid").read_text().strip() == str(proxy.process.pid)


def test_a_stale_socket_file_does_not_prevent_the_start(site, backend):
    path = site.directory / "front.sock"
    conf = f"server {{ listen unix:{path}; location / {{ proxy_pass http://{backend.address}; }} }}"
    first = site.start(conf)
    first.kill()
    first.exit_code = 0
    assert path.exists()
    os.unlink(site.directory / "waybill.pid")
    second = site.start(conf)
    with second.connect(1, unix=str(path)) as connection:
        assert connection.exchange(request_bytes()).status == 200
    second.stop()


def test_there_are_as_many_workers_as_asked(site, backend):
    proxy = site.serve(backend, workers=4)
    tasks = f"/proc/{proxy.process.pid}/task"
    wait_for(lambda: len(os.listdir(tasks)) >= 4, "four workers")
    assert proxy.get().status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_user(site, backend):
    # The user must be able to reach its logs, as a package would arrange it.
    for folder in [site.directory, *site.directory.parents][:4]:
        if folder not in (Path("/"), Path("/tmp")):
            folder.chmod(0o755)
    os.chown(site.directory, 65534, 65534)
    proxy = site.serve(backend, top="user nobody;")
    wait_for(lambda: users(proxy) == {"65534"}, "becoming nobody")
    assert proxy.get("/", MINE).status == 200 and proxy.log_line("mine-1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_log_that_the_user_cannot_reach_is_said(site, backend):
    site.directory.chmod(0o700)
    path = site.directory / "proxy.conf"
    path.write_text(
        f"user nobody; error_log stderr; access_log {site.directory}/access.log;"
        f"server {{ listen 127.0.0.1:{free_port()}; return 200; }}"
    )
    done = command("-c", path)
    assert done.returncode == 1 and f"log {site.directory}/access.log" in done.stderr


def users(proxy):
    """The real, effective, saved and file-system user of the process."""
    status = Path(f"/proc/{proxy.process.pid}/status").read_text()
    return set(next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")))


def test_load_balancers_learn_of_the_end_first(site):
    """Until the delay is over all is served; health checks fail from the signal on."""
    text = """shutdown_delay 2s;
        server { listen PORT; location / { return 200 "x"; } location = /up { health; } }"""
    proxy = site.servers(text)
    assert (proxy.get("/up").status, proxy.get("/up").body) == (200, b"ok\n")
    with proxy.connect() as kept:
        kept.exchange(request_bytes())
        proxy.signal(signal.SIGTERM)
        wait_for(lambda: proxy.get("/up").status == 503, "a failing check")
        assert proxy.get("/").status == 200
        response = kept.exchange(request_bytes())
        assert response.status == 200 and "close" in response.fields.tokens("Connection")
    wait_for(lambda: refuses(proxy), "the end of accepting")
    assert proxy.wait_exit() == 0
