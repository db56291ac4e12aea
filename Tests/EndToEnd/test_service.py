"""The service manager: what it is told, the sockets that it passes on, and the journal."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.client import RawConnection, request_bytes
from harness.log import read_lines
from harness.messages import Truncated
from harness.network_folder import NetworkFolder
from harness.polling import TIME_FACTOR, wait_for
from harness.ports import free_port
from harness.proxy import REPOSITORY, binary, environment

SITE = 'location / { return 200 "here"; }'


class Manager:
    """Plays the service manager: listens to what it is told, and starts the proxy."""

    def __init__(self, folder, address=None):
        self.folder = folder
        self.address = address or str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0"))
        self.messages = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.process = None

    def _listen(self):
        while message := self._socket.recv(4096).decode():
            fields = dict(line.split("=", 1) for line in message.split("\n"))
            self.messages.append(fields)

    def start(self, conf, sockets=(), names="", **variables):
        """Starts the proxy; the sockets become its descriptors from 3 on."""
        (self.folder / "proxy.conf").write_text(
            f"error_log {self.folder}/error.log info;\n"
            f"access_log {self.folder}/access.log json;\nshutdown_timeout 2s;\n{conf}"
        )
        told = {"NOTIFY_SOCKET": self.address, "LISTEN_FDNAMES": names}
        if sockets:
            told["LISTEN_FDS"] = str(len(sockets))
        self.output = (self.folder / "output").open("ab")

        def pass_on():
            for number, descriptor in enumerate(copies, 3):
                os.dup2(descriptor, number, inheritable=True)

        # Above the numbers that they are to get.
        copies = [os.dup(each.fileno()) for each in sockets]
        copies = [copy if copy > 10 else os.dup2(copy, copy + 50) for copy in copies]
        numbers = "LISTEN_PID=$$ WATCHDOG_PID=${WATCHDOG_PID:-$$}"
        self.process = subprocess.Popen(
            ["sh", "-c", f'{numbers} exec "$@"', "sh", binary(), "-c", "proxy.conf"],
            cwd=self.folder, env=environment() | told | dict(variables), stderr=self.output,
            stdout=self.output, preexec_fn=pass_on,
            pass_fds=list(range(3, 3 + len(copies))),
        )  # fmt: skip
        for copy in copies:
            os.close(copy)
        return self.process

    def said(self, name, value=None):
        """The messages that name `name`, with that value."""
        found = [fields for fields in self.messages if name in fields]
        return [fields for fields in found if value is None or fields[name] == value]

    def wait_ready(self, count=1):
        wait_for(lambda: len(self.said("READY", "1")) >= count, "readiness", 10)

    def text(self):
        return (self.folder / "output").read_text()

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.end()


def own_site():
    return f"server {{ listen 127.0.0.1:{free_port()}; {SITE} }}"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener


def get(port, **options):
    with RawConnection(port, **options) as connection:
        return connection.exchange(request_bytes())


def test_it_says_when_it_is_ready_reloads_and_stops(manager):
    process = manager.start(own_site())
    manager.wait_ready()
    assert manager.said("READY")[0]["MAINPID"] == str(process.pid)
    assert "127.0.0.1:" in manager.said("READY")[0]["STATUS"]
    before = time.monotonic_ns() // 1000
    process.send_signal(signal.SIGHUP)
    manager.wait_ready(2)
    reloading = manager.said("RELOADING", "1")[0]
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    order = [next(iter(fields)) for fields in manager.messages]
    assert order == ["READY", "RELOADING", "READY"]
    process.terminate()
    assert process.wait(10) == 0
    assert manager.said("STOPPING", "1")


def test_a_manager_in_the_abstract_space(tmp_path):
    manager = Manager(tmp_path, f"@waybill-{os.getpid()}-{tmp_path.name}")
    try:
        manager.start(own_site())
        manager.wait_ready()
    finally:
        manager.end()


@pytest.mark.parametrize("address", ["/does/not/exist", "nonsense", ""])
def test_a_manager_that_is_not_there_is_no_fault(manager, address):
    port = free_port()
    manager.address = address
    manager.start(f"server {{ listen 127.0.0.1:{port}; {SITE} }}")
    wait_for(lambda: "serves" in manager.text(), "the start", 10)
    assert get(port).status == 200


def test_the_watchdog_is_fed(manager):
    manager.start(f"worker_threads 2;\n{own_site()}", WATCHDOG_USEC="400000")
    manager.wait_ready()
    wait_for(lambda: len(manager.said("WATCHDOG", "1")) >= 5, "signs of life", 10)


def test_the_watchdog_of_another_process_is_not_fed(manager):
    manager.start(own_site(), WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    manager.wait_ready()
    time.sleep(0.5)
    assert not manager.said("WATCHDOG")


def test_a_worker_that_hangs_starves_the_watchdog(manager, tmp_path):
    folder = NetworkFolder(tmp_path)
    try:
        port = free_port()
        log = f"access_log {folder.path}/a.log json sync=response;"
        text = f"server {{ listen 127.0.0.1:{port}; {log} {SITE} }}"
        manager.start(f"worker_threads 1;\n{text}", WATCHDOG_USEC="400000")
        manager.wait_ready()
        assert get(port).status == 200
        wait_for(lambda: len(manager.said("WATCHDOG")) >= 2, "signs of life", 10)
        folder.stall()
        # The promise of `sync=response` holds the worker until its file answers.
        with RawConnection(port) as connection:
            connection.send(request_bytes())
            time.sleep(0.5 * TIME_FACTOR)
            count = len(manager.said("WATCHDOG"))
            time.sleep(0.5)
            assert len(manager.said("WATCHDOG")) == count
            folder.relieve()
            assert connection.receive().status == 200
        wait_for(lambda: len(manager.said("WATCHDOG")) > count, "signs of life again", 10)
    finally:
        manager.end()
        folder.remove()


@pytest.mark.parametrize("passes", [False, True], ids=["own", "passed"])
def test_an_upgrade_moves_the_main_process(manager, listener, passes):
    """The old process says so, because only the main process is listened to; from then on it says
    nothing more. The watchdog is fed by the new one."""
    port = listener.getsockname()[1] if passes else free_port()
    conf = f"pid waybill.pid; worker_threads 2;\nserver {{ listen 127.0.0.1:{port}; {SITE} }}"
    names = "web"
    manager.start(conf, [listener] if passes else [], names, WATCHDOG_USEC="1000000")
    manager.wait_ready()
    first = manager.process
    pid_file = manager.folder / "waybill.pid"
    assert pid_file.read_text() == f"{first.pid}\n"
    if passes:
        # What the manager has opened can be named by the next configuration.
        text = (manager.folder / "proxy.conf").read_text()
        named = text.replace(f"127.0.0.1:{port}", "systemd:web")
        (manager.folder / "proxy.conf").write_text(named)
    unfinished = RawConnection(port)
    unfinished.send(b"GET / HTTP/1.1\r\n")
    time.sleep(0.2)
    first.send_signal(signal.SIGUSR2)
    manager.wait_ready(2)
    second = int(manager.said("READY")[1]["MAINPID"])
    try:
        # Its own end is not the service's.
        first.terminate()
        time.sleep(0.2)
        assert first.poll() is None
        unfinished.close()
        assert second != first.pid and pid_file.read_text() == f"{second}\n"
        assert first.wait(10) == 0
        order = [next(iter(fields)) for fields in manager.messages if "WATCHDOG" not in fields]
        assert order == ["READY", "RELOADING", "READY"]
        fed = len(manager.said("WATCHDOG"))
        wait_for(lambda: len(manager.said("WATCHDOG")) > fed + 3, "signs of life", 10)
        assert get(port).body == b"here"
        environ = open(f"/proc/{second}/environ", "rb").read()
        assert b"WATCHDOG_PID" not in environ and manager.address.encode() in environ
    finally:
        os.kill(second, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(pid_file), "the end of the new process", 10)
    assert manager.said("STOPPING", "1")


def test_an_upgrade_that_fails_ends_the_reload(manager):
    process = manager.start(own_site())
    manager.wait_ready()
    (manager.folder / "proxy.conf").write_text("nonsense;")
    process.send_signal(signal.SIGUSR2)
    manager.wait_ready(2)
    assert manager.said("READY")[1]["MAINPID"] == str(process.pid)
    assert manager.said("READY")[1]["STATUS"] == "the upgrade failed"
    process.terminate()
    assert process.wait(10) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_socket_is_taken_by_its_address(manager, listener, workers):
    port = listener.getsockname()[1]
    text = f"server {{ listen 127.0.0.1:{port}; {SITE} }}"
    manager.start(f"worker_threads {workers};\n{text}", [listener])
    manager.wait_ready()
    assert {get(port).status for _ in range(20)} == {200}


def test_sockets_are_taken_by_their_names(manager, listener, tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(path)
        local.listen()
        text = f"""server {{ listen systemd:web; location / {{ return 200 "web"; }} }}
            server {{ listen systemd:local; location / {{ return 200 "local"; }} }}"""
        manager.start(text, [local, listener], names="local:web")
        manager.wait_ready()
        assert get(listener.getsockname()[1]).body == b"web"
        with RawConnection(unix=path) as connection:
            assert connection.exchange(request_bytes()).body == b"local"
        # It is the manager's file.
        manager.process.terminate()
        manager.process.wait(10)
        assert os.path.exists(path)


@pytest.mark.parametrize(
    "names, expected",
    [("other", "available: other"), ("", "available: (none)"), ("web:web", "2 sockets")],
)
def test_a_socket_that_was_not_passed_on_is_said(manager, listener, names, expected):
    sockets = [listener] * (names.count(":") + 1)
    process = manager.start(f"server {{ listen systemd:web; {SITE} }}", sockets, names=names)
    assert process.wait(10) == 1
    assert f"listen systemd:web: " in manager.text() and expected in manager.text()


def test_sockets_of_another_process_are_left_alone(manager, listener):
    manager.start(own_site(), LISTEN_FDS="3", LISTEN_PID="1")
    manager.wait_ready()


def test_nobody_is_refused_while_it_is_started_again(manager, listener):
    """Killed under load: who comes meanwhile waits in the kernel for the next one."""
    port = listener.getsockname()[1]
    conf = f"worker_threads 2;\nserver {{ listen 127.0.0.1:{port}; {SITE} }}"
    manager.start(conf, [listener])
    manager.wait_ready()
    refused, served, cut = [], [], []
    stop = threading.Event()

    def knock():
        while not stop.is_set():
            try:
                connection = RawConnection(port, timeout=20)
            except OSError as error:
                refused.append(error)
                continue
            try:
                served.append(connection.exchange(request_bytes()).status)
            except (OSError, Truncated) as error:
                cut.append(error)
            finally:
                connection.close()

    clients = [threading.Thread(target=knock) for _ in range(8)]
    for client in clients:
        client.start()
    for round_number in range(3):
        before = len(served)
        wait_for(lambda: len(served) > before + 50, "requests", 20)
        manager.process.kill()
        manager.process.wait(10)
        time.sleep(0.3)
        manager.start(conf, [listener])
        manager.wait_ready(round_number + 2)
    before = len(served)
    wait_for(lambda: len(served) > before + 50, "requests", 20)
    stop.set()
    for client in clients:
        client.join(30)
    assert not refused and set(served) == {200}
    # Those whose request was under way when it was killed, and no others.
    assert len(cut) <= 3 * len(clients)


def test_the_unit_file_is_hardened():
    unit = REPOSITORY / "Sources/waybill/Service/waybill.service"
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", unit],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-3000:]
    assert "Overall exposure level" in rated.stdout


def test_error_lines_for_the_journal_have_priorities(manager, tmp_path):
    port = free_port()
    file = (tmp_path / "journal").open("ab")
    status = os.fstat(file.fileno())
    conf = f"""error_log stderr info; access_log stdout simple;
        server {{ listen 127.0.0.1:{port}; {SITE}
          location /down {{ proxy_pass http://127.0.0.1:{free_port()}; }} }}"""
    (tmp_path / "proxy.conf").write_text(conf)
    stream = f"{status.st_dev}:{status.st_ino}"
    manager.process = subprocess.Popen(
        [binary(), "-c", "proxy.conf"], cwd=tmp_path, stderr=file, stdout=subprocess.DEVNULL,
        env=environment() | {"JOURNAL_STREAM": stream},
    )  # fmt: skip
    wait_for(lambda: "serves" in (tmp_path / "journal").read_text(), "the start", 10)
    with RawConnection(port) as connection:
        assert connection.exchange(request_bytes(target="/down")).status == 502
    lines = wait_for(
        lambda: re.findall(r"^<(\d)>(\w+) ", (tmp_path / "journal").read_text(), re.M), "lines"
    )
    assert ("3", "ERROR") in lines
    assert all(number == {"ERROR": "3", "INFO": "6"}[level] for number, level in lines)


def test_other_streams_have_none(manager, tmp_path):
    manager.start(own_site(), JOURNAL_STREAM="8:1")
    manager.wait_ready()
    manager.process.terminate()
    manager.process.wait(10)
    assert not re.search(r"^<\d>", manager.text(), re.M)
    assert read_lines(tmp_path / "access.log") == []
