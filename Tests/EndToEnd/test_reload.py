"""The configuration is replaced under load, and nobody who is connected notices."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from harness import sanitizers
from harness.client import RawConnection, request_bytes
from harness.load import Load, check_answers
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command
from harness.secure import SecureConnection, client_context

RELOADS = int(os.environ.get("WAYBILL_RELOADS", "100"))
UPGRADE = {"Connection": "upgrade", "Upgrade": "echo"}


def change(proxy, old, new):
    text = proxy.conf.read_text()
    assert old in text, text
    proxy.conf.write_text(text.replace(old, new))


def reload(proxy, status=0):
    """`waybill -s reload` with its exit status; returns what it said."""
    result = command("-c", proxy.conf, "-s", "reload", timeout=90)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stderr


def begin(backend, connection, target):
    """Sends a request and waits until the backend has it."""
    before = backend.seen_file.stat().st_size
    connection.send(request_bytes("GET", target))
    wait_for(lambda: backend.seen_file.stat().st_size > before, "the request at the backend")


class Tunnel:
    """A connection that was upgraded, and is spoken on from time to time."""

    def __init__(self, proxy):
        self.connection = proxy.connect()
        response = self.connection.exchange(request_bytes("GET", "/tunnel", UPGRADE))
        assert response.status == 101
        self.request_id = response.request_id

    def speak(self, text=b"still here"):
        self.connection.send(text)
        assert self.connection.stream.exactly(len(text)) == text

    def close(self):
        self.connection.close()


def workers(proxy):
    """How many there are, of all generations."""
    names = []
    for task in Path(f"/proc/{proxy.process.pid}/task").iterdir():
        try:
            names.append((task / "comm").read_text())
        except OSError:
            pass  # It has just ended.
    return sum(bool(re.fullmatch(r"waybill-\d+\n", name)) for name in names)


# Under load


@pytest.mark.timeout(300)
def test_a_hundred_reloads_under_load_lose_nothing(site, separate):
    proxy = site.serve(
        separate.address, workers=2, location="add_header X-Round 0 always; "
    )  # fmt: skip
    kept = Load(proxy, clients=64, pause=0.05)
    fresh = Load(proxy, clients=64, pause=0.1, keeps_alive=False)
    tunnels = [Tunnel(proxy) for _ in range(10)]
    memory = []
    for number in range(RELOADS):
        change(proxy, f"X-Round {number} ", f"X-Round {number + 1} ")
        reload(proxy)
        if number % 10 == 9:
            for tunnel in tunnels:
                tunnel.speak()
            memory.append(proxy.memory())
    assert proxy.get("/").fields.one("X-Round") == str(RELOADS)
    # Only the workers of the first configuration, which have the tunnels, and the newest ones.
    wait_for(lambda: workers(proxy) <= 4, "the ends of the workers in between")
    for tunnel in tunnels:
        tunnel.speak()
        tunnel.close()
    wait_for(lambda: workers(proxy) <= 2, "the end of the first workers")
    answers = kept.stop() + fresh.stop()
    lines = wait_for(lambda: whole(proxy, answers, tunnels), "all lines", 10)
    assert set(check_answers(answers, lines)) == {200}
    if not sanitizers.is_sanitized():
        # Later ones need no more than earlier ones did.
        assert max(memory[5:]) < max(memory[:5]) + 4 * 2**20, memory
    print(f"{len(answers)} requests, RSS {[size >> 10 for size in memory]} KiB")


def whole(proxy, answers, tunnels):
    """The access log once each request and tunnel has its line."""
    lines = [line for line in proxy.lines() if "event" not in line]
    return lines if len(lines) >= len(answers) + len(tunnels) else None


def test_kept_connections_go_on_and_keep_their_counts(site, backend):
    """A connection is the same before and after: its number, its count of requests."""
    proxy = site.serve(backend, top="log_format ids '$connection $connection_requests $gen';",
        location="access_log {}/ids ids;".format(site.directory))  # fmt: skip
    with proxy.connect() as connection:
        for _ in range(3):
            assert connection.exchange(request_bytes()).status == 200
        reload(proxy)
        for _ in range(2):
            assert connection.exchange(request_bytes()).status == 200
        reload(proxy)
        assert connection.exchange(request_bytes()).status == 200
    wait_for(lambda: len((site.directory / "ids").read_text().split("\n")) == 7, "the lines")
    lines = [line.split() for line in (site.directory / "ids").read_text().split("\n")[:-1]]
    assert len({line[0] for line in lines}) == 1
    assert [line[1] for line in lines] == ["1", "2", "3", "4", "5", "6"]
    assert [line[2] for line in lines] == ["1", "1", "1", "2", "2", "3"]


def test_requests_finish_under_the_configuration_that_they_began_with(site, separate):
    proxy = site.serve(separate.address, location="add_header X-Round 0 always;")
    with proxy.connect() as slow:
        begin(separate, slow, "/sleep/1.5")
        change(proxy, "X-Round 0", "X-Round 1")
        reload(proxy)
        assert proxy.get("/").fields.one("X-Round") == "1"
        assert slow.receive().fields.one("X-Round") == "0"
        # The next one on the same connection is under the new one.
        assert slow.exchange(request_bytes()).fields.one("X-Round") == "1"


def test_connections_to_backends_are_carried_over(site, backend):
    proxy = site.serve(backend)
    threads = Path(f"/proc/{proxy.process.pid}/task")
    for _ in range(3):
        assert proxy.get("/").status == 200
        before = len(list(threads.iterdir()))
        reload(proxy)
        # A worker hands its connections over before it ends.
        wait_for(lambda most=before: len(list(threads.iterdir())) <= most, "the old workers' end")
    assert proxy.get("/").status == 200
    assert len(backend.connections) == 1


# What changes


def test_listeners_come_and_go(site, backend, tmp_path):
    first, second, third = free_port(), free_port(), tmp_path / "c.sock"
    proxy = site.serve(backend, server=f"listen 127.0.0.1:{first};")
    with proxy.connect(first) as kept:
        assert kept.exchange(request_bytes()).status == 200
        change(
            proxy, f"listen 127.0.0.1:{first};",
            f"listen 127.0.0.1:{second}; listen unix:{third};",
        )  # fmt: skip
        reload(proxy)
        assert proxy.get("/", port=second).status == 200
        with RawConnection(unix=str(third)) as local:
            assert local.exchange(request_bytes()).status == 200
        assert kept.is_closed()
    with pytest.raises(ConnectionRefusedError):
        proxy.connect(first)
    change(proxy, f"listen unix:{third};", "")
    reload(proxy)
    wait_for(lambda: not third.exists(), "the end of the unix socket")
    assert proxy.get("/", port=second).status == 200


def test_a_listener_that_goes_finishes_what_runs(site, separate):
    gone = free_port()
    proxy = site.serve(separate.address, server=f"listen 127.0.0.1:{gone};")
    with proxy.connect(gone) as slow:
        begin(separate, slow, "/sleep/1")
        change(proxy, f"listen 127.0.0.1:{gone};", "")
        reload(proxy)
        response = slow.receive()
        assert response.status == 200
        assert "close" in response.fields.tokens("Connection")
        assert slow.is_closed()


@pytest.mark.parametrize("counts", [(1, 4), (4, 1), (3, 2)])
def test_the_number_of_workers_changes(site, separate, counts):
    before, after = counts
    proxy = site.serve(separate.address, workers=before)
    kept = Load(proxy, clients=16, pause=0.002)
    fresh = Load(proxy, clients=16, pause=0.002, keeps_alive=False)
    for old, new in ((before, after), (after, before)) * 3:
        change(proxy, f"worker_threads {old};", f"worker_threads {new};")
        reload(proxy)
        kept.more(100)
        fresh.more(100)
        wait_for(lambda: workers(proxy) == new, f"{new} workers")
    answers = kept.stop() + fresh.stop()
    lines = wait_for(lambda: whole(proxy, answers, []), "all lines", 10)
    assert set(check_answers(answers, lines)) == {200}


def test_logs_are_opened_anew_and_elsewhere(site, backend):
    proxy = site.serve(backend)
    assert proxy.get("/").status == 200
    old = proxy.access_log.rename(site.directory / "moved.log")
    reload(proxy)
    first = proxy.get("/").request_id
    assert wait_for(lambda: first in proxy.access_log.read_text(), "the line in the new file")
    change(proxy, "/access.log json", "/other.log json")
    reload(proxy)
    second = proxy.get("/").request_id
    other = site.directory / "other.log"
    wait_for(lambda: other.exists() and second in other.read_text(), "the line elsewhere")
    assert old.read_text().count("\n") == 1 and proxy.access_log.read_text().count("\n") == 1


def test_pid_file_and_control_socket_move(site, backend):
    old, new = site.directory / "old.sock", site.directory / "new.sock"
    proxy = site.serve(backend, top=f"control unix:{old};")
    pid = site.directory / "waybill.pid"
    conf = proxy.conf.read_text()
    proxy.conf.write_text(conf.replace(str(old), str(new)).replace(str(pid), f"{pid}2"))
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: new.exists() and not old.exists(), "the socket elsewhere")
    wait_for(lambda: not pid.exists(), "the end of the old pid file")
    assert int(Path(f"{pid}2").read_text()) == proxy.process.pid
    assert command("requests", "-c", proxy.conf).returncode == 0
    change(proxy, f"control unix:{new};", "")
    reload(proxy)
    wait_for(lambda: not new.exists(), "the end of the socket")
    proxy.stop()
    assert not Path(f"{pid}2").exists()


def test_the_generation_is_known(site, backend):
    """The same number everywhere: what is printed, asked, counted and logged."""
    control = site.directory / "control"
    proxy = site.serve(
        backend, top=f"control unix:{control};", server="location = /metrics { metrics; }"
    )  # fmt: skip
    for number in (2, 3):
        assert f"generation {number} serves" in reload(proxy)
    assert "# The running process serves generation 3." in command("-T", "-c", proxy.conf).stdout
    assert "waybill_configuration_generation 3\n" in proxy.get("/metrics").body.decode()
    assert "generation 3 serves" in proxy.error_text()


def test_tls_goes_on(site, backend, authority, pair):
    """A session outlives the reload, and so do its tickets."""
    proxy = site.serve(backend, listen="ssl", top=pair.conf)
    context = client_context(authority.file)
    with SecureConnection(proxy.port, context) as old:
        assert old.exchange(request_bytes()).status == 200
        session = old.tls.session
        reload(proxy)
        assert old.exchange(request_bytes()).status == 200
        with SecureConnection(proxy.port, context, session=session) as resumed:
            assert resumed.exchange(request_bytes()).status == 200
            assert resumed.tls.session_reused


def test_metrics_count_on(site, separate):
    """No counter goes back, and the sum is that of all generations."""
    proxy = site.serve(separate.address, workers=2, server="location = /metrics { metrics; }")
    with Load(proxy, clients=4) as load:
        last = 0
        for _ in range(10):
            reload(proxy)
            count = requests_counted(proxy)
            assert count >= last
            last = count
        load.more(10)
        answers = load.stop()
    wait_for(lambda: requests_counted(proxy) == len(answers), "all to be counted")


def requests_counted(proxy):
    """Those that went to the backend."""
    page = proxy.get("/metrics").body.decode()
    rows = re.findall(r"^waybill_http_requests_total{(.*)} (\d+)", page, re.MULTILINE)
    return sum(int(count) for labels, count in rows if 'upstream="127' in labels)


# What does not come to pass


def refused(proxy, expected):
    """A reload by the signal that changes nothing and says why, in both places."""
    before = proxy.error_text()
    proxy.signal(signal.SIGHUP)
    wait_for(
        lambda: "reload failed; generation 1 stays in use" in proxy.error_text()[len(before):],
        "the refusal",
    )  # fmt: skip
    assert re.search(expected, proxy.error_text()), proxy.error_text()
    assert re.search(expected, proxy.stderr.read_text())
    assert proxy.get("/").status == 200


def test_a_conf_with_errors_is_refused_with_all_of_them(site, backend):
    proxy = site.serve(backend)
    change(proxy, "location /", "nonsense on; frobnicate; location /")
    said = reload(proxy, status=2)
    for word in ("nonsense", "frobnicate"):
        assert re.search(rf"proxy\.conf:\d+:\d+: error: .*{word}", said), said
    refused(proxy, r"proxy\.conf:\d+:\d+: error: .*frobnicate")


def test_a_conf_that_is_gone_or_cut(site, backend):
    proxy = site.serve(backend)
    whole = proxy.conf.read_text()
    proxy.conf.write_text(whole[: len(whole) // 2])
    refused(proxy, "error")
    proxy.conf.unlink()
    refused(proxy, "no such file or directory")
    proxy.conf.write_text(whole)
    assert "generation 2" in reload(proxy)


def test_a_port_that_is_taken(site, backend):
    proxy = site.serve(backend)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        free = free_port()
        change(proxy, "location /", f"listen 127.0.0.1:{free}; listen 127.0.0.1:{port}; location /")
        said = reload(proxy, status=2)
        assert f"listen 127.0.0.1:{port}: address already in use" in said
        refused(proxy, f"listen 127.0.0.1:{port}: address already in use")
        # What had been opened is closed again.
        with pytest.raises(ConnectionRefusedError):
            RawConnection(free)
    said = reload(proxy)
    assert "generation 2" in said
    assert proxy.get("/", port=port).status == 200


def test_a_log_that_cannot_be_opened(site, backend):
    proxy = site.serve(backend)
    change(proxy, "/access.log json", "/none/access.log json")
    assert "none/access.log: no such file or directory" in reload(proxy, status=2)
    assert proxy.get("/").status == 200


def test_orders_in_a_burst_have_few_effects(site, separate):
    """Any signals in any order: each has its effect, or none, and nothing breaks."""
    proxy = site.serve(separate.address, workers=2)
    load = Load(proxy, clients=8)
    for _ in range(40):
        proxy.signal(signal.SIGHUP)
        proxy.signal(signal.SIGUSR1)
    load.more(200)
    answers = load.stop()
    assert {answer.status for answer in answers} == {200}
    wait_for(lambda: workers(proxy) == 2, "the end of the workers in between")
    proxy.signal(signal.SIGHUP)
    proxy.signal(signal.SIGTERM)
    proxy.signal(signal.SIGHUP)
    assert proxy.wait_exit() == 0


def test_a_reload_of_a_process_that_ends_is_refused(site, separate):
    proxy = site.serve(separate.address)
    with proxy.connect() as slow:
        begin(separate, slow, "/sleep/1")
        proxy.signal(signal.SIGTERM)
        time.sleep(0.1)
        assert "the process is shutting down" in reload(proxy, status=2)
        assert slow.receive().status == 200
    assert proxy.wait_exit() == 0


def test_tunnels_of_earlier_configurations_end_with_the_process(site, separate):
    proxy = site.serve(separate.address)
    tunnels = []
    for _ in range(3):
        tunnels.append(Tunnel(proxy))
        reload(proxy)
    for tunnel in tunnels:
        tunnel.speak()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_exit() == 0
    for tunnel in tunnels:
        line = proxy.log_line(tunnel.request_id)
        assert line["termination"] == "proxy:tunnel", line


# Together with upgrades


def test_a_listener_goes_and_comes_again_after_an_upgrade(site, backend, follow):
    """Its socket was passed on once; what has its number by then is something else."""
    other = free_port()
    proxy = site.serve(backend, workers=2, server=f"listen 127.0.0.1:{other};")
    generations = follow(proxy)
    generations.upgrade()
    assert proxy.wait_exit() == 0
    for _ in range(3):
        change(proxy, f"listen 127.0.0.1:{other};", "")
        reload(proxy)
        wait_for(lambda: is_refused(other), "the end of the listener")
        change(proxy, "location /", f"listen 127.0.0.1:{other}; location /")
        reload(proxy)
        assert proxy.get("/", port=other).status == 200
        assert proxy.get("/").status == 200
    generations.end()


def is_refused(port):
    try:
        RawConnection(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_upgrade_finds_workers_that_are_being_replaced(site, separate, follow):
    """The tunnels of all configurations live until the end of the old process."""
    proxy = site.serve(separate.address, workers=2)
    generations = follow(proxy)
    tunnels = []
    for _ in range(3):
        tunnels.append(Tunnel(proxy))
        reload(proxy)
    load = Load(proxy, clients=8)
    generations.upgrade()
    for tunnel in tunnels:
        tunnel.speak()
    load.more(50)
    answers = load.stop()
    assert {answer.status for answer in answers} == {200}
    assert proxy.wait_exit() == 0
    for tunnel in tunnels:
        assert proxy.log_line(tunnel.request_id)["termination"] == "proxy:tunnel"
    generations.end()
