"""What an operator does while requests run: reload, upgrade, end. None of it holds up another."""

import ctypes
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


def reload(proxy):
    result = command("-c", proxy.conf, "-s", "reload", timeout=90)
    assert result.returncode == 0, result.stdout + result.stderr


def parent(process):
    return int(re.search(r"PPid:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1])


def memory(process):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1])


def error_text(proxy):
    return proxy.error_log.read_text()


def slow_down(proxy, count=40_000):
    """Has the conf file take a while to be read."""
    part = proxy.conf.parent / "slow.conf"
    locations = "".join(f"location /l{number} {{ return 204; }}\n" for number in range(count))
    part.write_text(f"server {{ listen 127.0.0.1:{free_port()}; {locations} }}")
    proxy.conf.write_text(f"include {part};\n" + proxy.conf.read_text())


def test_signals_are_obeyed_while_a_configuration_is_read(site, backend):
    proxy = site.serve(backend, workers=2)
    slow_down(proxy)
    proxy.signal(signal.SIGHUP)
    time.sleep(0.05)
    proxy.access_log.rename(proxy.access_log.with_suffix(".old"))
    proxy.signal(signal.SIGUSR1)
    wait_for(proxy.access_log.exists, "the log, opened anew", 2)
    assert "generation 2 serves" not in error_text(proxy)
    # It is not lost: what it wants read is read after the first one.
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: "generation 2 serves" in error_text(proxy), "the first reload", 20)
    assert proxy.get().status == 200
    wait_for(lambda: "generation 3 serves" in error_text(proxy), "the second reload", 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_stop_does_not_wait_for_a_configuration_that_is_read(site, backend, number):
    proxy = site.serve(backend, workers=2)
    slow_down(proxy, 150_000)
    began = time.monotonic()
    assert command("-t", "-c", proxy.conf, timeout=60).returncode == 0
    reading = time.monotonic() - began
    proxy.signal(signal.SIGHUP)
    time.sleep(0.1)
    began = time.monotonic()
    proxy.signal(number)
    assert proxy.wait_exit(20) == 0
    assert time.monotonic() - began < reading / 2
    assert "generation 2 serves" not in error_text(proxy)


def test_every_asker_hears_of_a_reload_that_took_its_time(site, backend):
    proxy = site.serve(backend)
    slow_down(proxy)
    results = []

    def ask():
        results.append(command("-c", proxy.conf, "-s", "reload", timeout=60))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [result.returncode for result in results] == [0, 0], results


def test_many_generations_never_make_a_reload_impossible(site, make_backend, gate):
    """The oldest ends early, and says so; those behind it go on."""
    backend = make_backend([gate, reply()])
    proxy = site.serve(backend, workers=1)
    held = []
    for _ in range(67):
        connection = proxy.connect()
        connection.send(request_bytes())
        held.append(connection)
        time.sleep(0.01)
        reload(proxy)
    wait_for(lambda: len(proxy.lines()) >= 3, "the lines of those that were cut")
    lines = proxy.lines()
    assert [line["termination"] for line in lines] == ["proxy:response_head"] * len(lines)
    assert len(lines) == 3
    text = error_text(proxy)
    assert text.count("ended early because") == 3 and "generation 1 is ended early" in text
    assert text.count("too many earlier configurations") == 3
    gate.set()
    assert {connection.receive().status for connection in held[3:]} == {200}


def test_replaced_workers_end_in_time(site, make_backend, gate):
    proxy = site.serve(make_backend([gate, reply()]), workers=2)
    proxy.conf.write_text("worker_shutdown_timeout 1s;\n" + proxy.conf.read_text())
    reload(proxy)
    held = [proxy.connect() for _ in range(4)]
    for connection in held:
        connection.send(request_bytes())
    time.sleep(0.3)
    began = time.monotonic()
    reload(proxy)
    lines = proxy.wait_lines(4)
    assert 0.9 < time.monotonic() - began < 4
    assert {line["termination"] for line in lines} == {"proxy:response_head"}
    assert error_text(proxy).count("ended by worker_shutdown_timeout") == 4
    gate.set()
    assert proxy.get().status == 200


def test_the_new_process_is_no_child_of_the_old_one(site, make_backend, gate):
    """A service manager wants its main process to be its own child."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        proxy = site.serve(make_backend([gate, reply()]), workers=2)
        old = proxy.process.pid
        connection = proxy.connect()
        connection.send(request_bytes())
        time.sleep(0.2)
        result = command("-c", proxy.conf, "-s", "upgrade", timeout=60)
        assert result.returncode == 0, result.stderr
        new = int(re.search(r"process (\d+) serves", result.stdout + result.stderr)[1])
        assert proxy.process.poll() is None and parent(new) == os.getpid()
        children = Path(f"/proc/{old}/task/{old}/children").read_text().split()
        assert children == []
        gate.set()
        assert connection.receive().status == 200
        assert proxy.wait_exit(10) == 0
        os.kill(new, signal.SIGTERM)
        assert os.waitpid(new, 0) == (new, 0)
    finally:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def test_clients_of_a_stop_are_served_once_more(site, backend):
    proxy = site.serve(backend, workers=2)
    used = [proxy.connect() for _ in range(10)]
    assert {one.exchange(request_bytes()).status for one in used} == {200}
    fresh = [proxy.connect() for _ in range(10)]
    time.sleep(0.1)
    proxy.signal(signal.SIGTERM)
    time.sleep(0.5)
    for connection in used + fresh:
        response = connection.exchange(request_bytes())
        assert response.status == 200 and "close" in response.fields.tokens("Connection")
    assert proxy.wait_exit(5) == 0


def test_reloads_cost_no_memory(site, backend, monkeypatch):
    # With an arena for each thread, the C library's memory grows for some thousand reloads.
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    proxy = site.serve(backend, workers=2)
    sizes = []
    for number in range(600):
        proxy.signal(signal.SIGHUP)
        expected = f"generation {number + 2} serves"
        wait_for(lambda: expected in error_text(proxy)[-4000:], expected)
        if number >= 100:
            sizes.append(memory(proxy.process.pid))
    growth = sum(sizes[-50:]) / 50 - sum(sizes[:50]) / 50
    assert growth < 150, f"{growth} KiB in 450 reloads"
