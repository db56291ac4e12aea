"""A binary upgrade that fails, is given up, or is disturbed: the old process serves on, says why,
and leaves nothing behind."""

import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.generations import Generations, Program
from harness.load import Load, check_answers
from harness.polling import TIME_FACTOR, wait_for
from harness.ports import free_port
from harness.proxy import binary, environment

SILENT = b"#!/bin/sh\nexec sleep 60\n"


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path / "waybill")


@pytest.fixture
def served(site, program, make_backend, monkeypatch):
    """The processes of a proxy that runs `program`; orders are given by the real one."""
    with monkeypatch.context() as patch:
        patch.setenv("WAYBILL", str(program.path))
        generations = Generations(site.serve(make_backend(), workers=2))
    yield generations
    generations.kill()


def refuse(generations, *reasons):
    """Asks for an upgrade that fails for a reason that holds all of `reasons`."""
    program_of = generations.serving
    children = children_of(program_of)
    done = generations.order()
    assert done.returncode == 1, done.stderr
    for reason in reasons:
        assert reason in done.stderr, done.stderr
    assert done.stderr.startswith("waybill: the upgrade failed: ")
    assert generations.serving == program_of and children_of(program_of) == children == []
    assert generations.proxy.get().status == 200
    message = f"the upgrade failed, process {program_of} continues: "
    first = done.stderr.splitlines()[0].removeprefix("waybill: the upgrade failed: ")
    line = generations.proxy.wait_error(message + first)
    assert line.startswith("ERROR ") and " upgrade " in line
    assert message + first in generations.proxy.stderr.read_text()


def children_of(process):
    """The children of a process, those that have ended and were not taken note of as well."""
    with open(f"/proc/{process}/task/{process}/children") as file:
        return [int(word) for word in file.read().split()]


def new_process(process):
    """What an upgrade has started: the child of the keeper, which is the process' own child."""
    return [child for keeper in children_of(process) for child in children_of(keeper)]


@pytest.mark.parametrize(
    "content, reasons",
    [
        (None, ["no such file or directory"]),
        (b"", ["exec format error"]),
        (b"\x7fELF and so on", ["exec format error"]),
        (b"#!/bin/sh\nexit 0\n", ["ended with exit code 0 before it was ready"]),
        (b"#!/bin/sh\nexit 3\n", ["ended with exit code 3 before it was ready"]),
        (b"#!/bin/sh\nkill -SEGV $$\n", ["ended by signal 11 before it was ready"]),
        (b"#!/bin/sh\nkill -KILL $$\n", ["ended by signal 9 before it was ready"]),
        (b"#!/does/not/exist\n", ["no such file or directory"]),
    ],
    ids=["missing", "empty", "garbage", "succeeds", "fails", "crashes", "killed", "interpreter"],
)
def test_a_program_that_is_none(served, program, content, reasons):
    program.remove()
    if content is not None:
        program.put(content)
    refuse(served, str(program.path) if content != b"" else "", *reasons)
    refuse(served, *reasons)
    program.restore()
    served.upgrade()
    served.alone()
    served.end()


def test_a_program_that_may_not_be_run(served, program):
    # Root, too, may run only what somebody may.
    program.put(SILENT, 0o600)
    refuse(served, str(program.path), "permission denied")
    program.restore()
    served.end()


def test_a_program_that_says_nothing(served, program):
    program.put(SILENT)
    began = time.monotonic()
    refuse(served, "was not ready within 20 s")
    assert 19 < time.monotonic() - began < 25 * TIME_FACTOR
    served.end()


def test_a_program_that_says_something_else(served, program):
    """It closes what it was given and goes on."""
    program.put(b'#!/bin/bash\nfd=${WAYBILL_UPGRADE%%:*}\neval "exec $fd>&-"\nexec sleep 60\n')
    refuse(served, "did not respond like a new waybill process")
    program.put(b'#!/bin/bash\nfd=${WAYBILL_UPGRADE%%:*}\nprintf S >&$fd\nexec sleep 60\n')
    refuse(served, "did not respond like a new waybill process")
    served.end()


def test_a_configuration_that_is_broken(served):
    conf = served.proxy.conf
    good = conf.read_text()
    served_by = served.serving
    # The order reads the pid file's place from it, so the signal comes by itself.
    conf.write_text(good.replace("listen", "lisen") + "nonsense;")
    os.kill(served_by, signal.SIGUSR2)
    line = served.proxy.wait_error("the upgrade failed")
    assert re.search(r"proxy.conf:\d+:3: error: unknown directive .*lisen", line)
    assert children_of(served_by) == [] and served.proxy.get().status == 200
    # One that the order can read, and the new process can't serve.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        conf.write_text(f"{good} server {{ listen 127.0.0.1:{port}; return 204; }}")
        refuse(served, f"listen 127.0.0.1:{port}: address already in use")
    conf.write_text(good)
    served.upgrade()
    served.alone()
    served.end()


def test_a_new_process_that_is_killed(served, program):
    program.put(SILENT)
    os.kill(served.serving, signal.SIGUSR2)
    [child] = wait_for(lambda: new_process(served.serving), "the new process")
    os.kill(child, signal.SIGKILL)
    served.proxy.wait_error("ended by signal 9 before it was ready")
    assert children_of(served.serving) == [] and served.proxy.get().status == 200
    served.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_an_end_during_an_upgrade(served, program, number):
    program.put(SILENT)
    os.kill(served.serving, signal.SIGUSR2)
    [child] = wait_for(lambda: new_process(served.serving), "the new process")
    os.kill(served.serving, number)
    assert served.proxy.wait_exit() == 0
    assert not os.path.exists(f"/proc/{child}")


def test_asking_twice_has_one_effect(served, program):
    program.put(SILENT)
    for _ in range(5):
        os.kill(served.serving, signal.SIGUSR2)
        time.sleep(0.05)
    [child] = new_process(served.serving)
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: not children_of(served.serving), "its end")
    time.sleep(0.2)
    assert children_of(served.serving) == []
    served.end()


def test_all_who_ask_are_told(served, program):
    program.put(SILENT)
    command = [binary(), "-s", "upgrade", "-c", served.proxy.conf]
    asking = []
    for number in range(3):
        asking.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
        )
        [child] = wait_for(lambda: new_process(served.serving), "the new process")
        # One after the other: signals that come together are one.
        wait_for(lambda: served.proxy.output().count("already in progress") == number, "the order")
    os.kill(child, signal.SIGKILL)
    said = [process.communicate(timeout=10)[1] for process in asking]
    assert [process.returncode for process in asking] == [1] * 3, said
    assert all("ended by signal 9" in text for text in said), said
    served.end()


def test_other_signals_wait_for_the_outcome(served, program):
    """A reload belongs to whoever serves in the end; logs are opened anew at once."""
    program.put(SILENT)
    served_by = served.serving
    os.kill(served_by, signal.SIGUSR2)
    [child] = wait_for(lambda: new_process(served_by), "the new process")
    os.kill(served_by, signal.SIGHUP)
    log = served.proxy.access_log
    served.proxy.get()
    wait_for(log.exists, "the log")
    log.unlink()
    os.kill(served_by, signal.SIGUSR1)
    wait_for(log.exists, "the new log")
    assert "generation 2" not in served.proxy.output()
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: "generation 2" in served.proxy.output(), "the reload")
    served.end()


def test_an_upgrade_of_a_process_that_ends_is_refused(site, program, make_backend):
    proxy = site.serve(make_backend([3, reply()]))
    generations = Generations(proxy)
    with proxy.connect() as connection:
        connection.send(request_bytes())
        time.sleep(0.2)
        proxy.signal(signal.SIGTERM)
        time.sleep(0.2)
        done = generations.order()
        assert done.returncode == 1 and "the process is shutting down" in done.stderr
        assert children_of(proxy.process.pid) == []
    assert proxy.wait_exit() == 0


def test_a_process_that_hands_over_is_not_upgraded(site, make_backend):
    proxy = site.serve(make_backend([1.5, reply()]))
    generations = Generations(proxy)
    with proxy.connect() as connection:
        connection.send(request_bytes())
        time.sleep(0.2)
        second = generations.upgrade()
        proxy.signal(signal.SIGUSR2)
        wait_for(lambda: "another process already serves" in proxy.output(), "the refusal")
        assert connection.receive().status == 200
    assert proxy.wait_exit() == 0 and generations.processes == {second}
    generations.end()


def start_as_successor(site, backend):
    """A new process whose predecessor is this test, and the test's end of the channel."""
    proxy = site.directory / "proxy.conf"
    proxy.write_text(f"""pid {site.directory}/waybill.pid; error_log {site.directory}/error.log;
        access_log off; server {{ listen 127.0.0.1:{free_port()};
        location / {{ proxy_pass http://{backend.address}; }} }}""")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [binary(), "-c", proxy], pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True,
        env=environment() | {"WAYBILL_UPGRADE": str(theirs.fileno())},
    )  # fmt: skip
    theirs.close()
    ours.settimeout(10 * TIME_FACTOR)
    return process, ours


def test_a_new_process_whose_predecessor_dies_ends(site, backend):
    process, channel = start_as_successor(site, backend)
    assert channel.recv(100) == b"R"
    time.sleep(0.2)
    assert process.poll() is None
    channel.close()
    assert process.wait(10) == 1
    assert "upgrade: the old process has ended" in process.stderr.read()
    assert (site.directory / "waybill.pid").read_text() == ""


def test_a_new_process_that_was_told_to_begin_stays(site, backend):
    process, channel = start_as_successor(site, backend)
    assert channel.recv(100) == b"R"
    channel.send(b"B")
    assert channel.recv(1000).startswith(b"Sserves on 127.0.0.1:")
    channel.close()
    assert (site.directory / "waybill.pid").read_text() == f"{process.pid}\n"
    process.terminate()
    assert process.wait(10) == 0
    assert not (site.directory / "waybill.pid").exists()


@pytest.mark.parametrize("told", ["", "x", "0", "999", "1:2:3", ":", "-1", "99999999999999"])
def test_a_variable_that_means_nothing(site, backend, monkeypatch, told):
    monkeypatch.setenv("WAYBILL_UPGRADE", told)
    proxy = site.serve(backend)
    assert proxy.get().status == 200
    environ = open(f"/proc/{proxy.process.pid}/environ", "rb").read()
    assert f"WAYBILL_UPGRADE={told}\0".encode() in environ
    proxy.stop()


@pytest.mark.parametrize("seed", range(3))
def test_signals_in_any_order(site, backend, seed):
    """Upgrades, reloads and reopened logs, as they come, under load: every request is answered."""
    chance = random.Random(seed)
    proxy = site.serve(backend, workers=2)
    generations = Generations(proxy)
    numbers = [signal.SIGUSR2, signal.SIGUSR2, signal.SIGUSR1, signal.SIGHUP]
    with Load(proxy, clients=8) as kept, Load(proxy, clients=8, keeps_alive=False) as fresh:
        for _ in range(60):
            # A look at all processes may miss those that follow one another at that moment.
            process = chance.choice(sorted(generations.processes) or [proxy.process.pid])
            try:
                os.kill(process, chance.choice(numbers))
            except ProcessLookupError:
                pass
            time.sleep(chance.choice([0, 0.001, 0.01, 0.1]))
        answers = kept.stop() + fresh.stop()
    # What the last signals have begun may not be over.
    wait_for(lambda: generations.processes == {generations.serving}, "one process", 15)
    time.sleep(0.5)
    generations.alone()
    assert set(check_answers(answers, proxy.lines())) == {200}
    generations.end()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_during_the_start(site, backend, number):
    """One that comes before all is ready has its effect later, and does not end the process."""
    path, part, pid_file = (site.directory / name for name in ("proxy.conf", "part", "waybill.pid"))
    path.write_text(f"""pid {pid_file}; access_log off; error_log /dev/null; include {part};
        server {{ listen 127.0.0.1:{free_port()};
        location / {{ proxy_pass http://{backend.address}; }} }}""")
    # Reading the configuration takes a while.
    locations = "".join(f"location /l{number} {{ return 204; }}\n" for number in range(40_000))
    part.write_text(f"worker_threads 1; server {{ listen 127.0.0.1:{free_port()}; {locations} }}")
    process = subprocess.Popen(
        [binary(), "-c", path], stderr=subprocess.DEVNULL, env=environment(), cwd=site.directory
    )
    time.sleep(0.1)
    assert not pid_file.exists()
    process.send_signal(number)
    wait_for(lambda: pid_file.exists() and pid_file.read_text(), "the start", 10)
    if number == signal.SIGUSR2:
        wait_for(lambda: pid_file.read_text().strip() not in ("", str(process.pid)), "it", 20)
    time.sleep(0.5 * TIME_FACTOR)
    serving = int(pid_file.read_text())
    assert (serving == process.pid) == (number != signal.SIGUSR2)
    os.kill(serving, signal.SIGTERM)
    assert process.wait(10) == 0
    wait_for(lambda: not pid_file.exists(), "the end")
