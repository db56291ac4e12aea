"""SIGUSR2: another process takes the place of the one that serves, and nobody notices.

`WAYBILL_UPGRADE_RUNS` says how often it does so under load (20).
"""

import os
import re
import signal
import time

import pytest

from harness.authority import Authority
from harness.backend import reply
from harness.client import RawConnection, request_bytes
from harness.generations import Program, Tunnels
from harness.load import Load, check_answers
from harness.log import checked, read_lines
from harness.polling import TIME_FACTOR, wait_for
from harness.proxy import command
from harness.secure import SecureConnection, client_context

RUNS = int(os.environ.get("WAYBILL_UPGRADE_RUNS", "20"))
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


def echo(connection):
    """Sends back what comes until the peer stops sending."""
    connection.send(bytes(connection.stream.take(len(connection.stream.buffer))))
    while connection.stream.fill():
        connection.send(connection.stream.take(len(connection.stream.buffer)))


def answer(request):
    return [SWITCH, echo] if request.target == "/tunnel" else reply()


def test_the_new_process_serves_and_the_old_one_ends(site, backend, follow):
    proxy = site.serve(backend, workers=2)
    generations = follow(proxy)
    first = generations.serving
    assert proxy.get().status == 200
    second = generations.upgrade()
    assert proxy.wait_exit() == 0
    assert second != first and generations.processes == {second}
    assert proxy.get("/", {"X-Request-ID": "second-1"}).status == 200
    assert proxy.log_line("second-1")["status"] == 200
    third = generations.upgrade()
    generations.alone()
    assert third != second and proxy.get().status == 200
    generations.end()
    assert len(proxy.lines()) == 3


def test_by_signal(site, backend, follow):
    proxy = site.serve(backend)
    generations = follow(proxy)
    first = generations.serving
    proxy.signal(signal.SIGUSR2)
    wait_for(lambda: generations.serving != first, "the new process", 10)
    assert proxy.wait_exit() == 0 and proxy.get().status == 200
    generations.end()


@pytest.mark.parametrize("runs", [RUNS])
def test_nobody_notices_under_load(site, make_backend, follow, runs):
    """64 kept connections, 64 clients with a new one each time, and 10 tunnels."""
    backend = make_backend(answer)
    proxy = site.serve(backend, workers=2)
    generations = follow(proxy)
    tunnels = Tunnels(proxy, 10)
    kept = Load(proxy, clients=64, pause=0.02)
    fresh = Load(proxy, clients=64, pause=0.02, keeps_alive=False)
    with kept, fresh:
        for _ in range(runs):
            kept.more(64)
            fresh.more(64)
            generations.upgrade()
        kept.more(64)
        answers = kept.stop() + fresh.stop()
    tunnels.stop()
    generations.alone(20)
    assert set(check_answers(answers, proxy.lines())) == {200}
    # shutdown_timeout is 2 s.
    assert tunnels.echoes and all(time > 1.9 for time in tunnels.cut), sorted(tunnels.cut)[:10]
    ends = [line for line in proxy.lines() if line["uri"] == "/tunnel" and "event" not in line]
    assert len(ends) == tunnels.opened
    generations.end()
    print(f"{len(answers)} answers, {tunnels.opened} tunnels, {len(tunnels.cut)} cut")


def test_tunnels_live_until_the_shutdown_timeout(site, make_backend, follow):
    proxy = site.serve(make_backend(answer))
    generations = follow(proxy)
    tunnels = Tunnels(proxy, 3)
    wait_for(lambda: tunnels.echoes > 10, "echoes")
    generations.upgrade()
    began = time.monotonic()
    assert proxy.wait_exit() == 0
    assert 1.9 < time.monotonic() - began < 4 * TIME_FACTOR
    wait_for(lambda: len(tunnels.cut) == 3, "the clients to notice")
    assert proxy.get().status == 200
    tunnels.stop()
    generations.end()


def test_a_slow_response_is_finished_by_the_old_process(site, make_backend, follow):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
    proxy = site.serve(make_backend([head + b"half", 1, b"half"]))
    generations = follow(proxy)
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "slow-1"}))
        connection.receive_head()
        generations.upgrade()
        assert connection.stream.exactly(8) == b"halfhalf"
    assert proxy.wait_exit() == 0 and proxy.log_line("slow-1")["bytes_out"] == 8
    generations.end()


def test_idle_clients_are_served_once_more(site, backend, follow):
    """A request that is on its way at that moment is not lost with its connection."""
    proxy = site.serve(backend)
    generations = follow(proxy)
    with proxy.connect() as used, proxy.connect() as fresh:
        assert used.exchange(request_bytes()).status == 200
        generations.upgrade()
        for connection in used, fresh:
            response = connection.exchange(request_bytes())
            assert response.status == 200
            assert "close" in response.fields.tokens("Connection")
    assert proxy.wait_exit() == 0
    generations.end()


@pytest.mark.parametrize("counts", [[2, 1, 4, 3, 1], [1, 3]], ids=str)
def test_other_numbers_of_workers(site, backend, follow, counts):
    """No connection is lost at a socket of a worker that is no longer there."""
    proxy = site.serve(backend, workers=counts[0])
    generations = follow(proxy)
    with Load(proxy, clients=16, keeps_alive=False) as load:
        for count in counts[1:]:
            text = proxy.conf.read_text()
            proxy.conf.write_text(re.sub(r"worker_threads \d+", f"worker_threads {count}", text))
            generations.upgrade()
            load.more(200)
            tasks = [f"/proc/{generations.serving}/task/{task}/comm" for task in
                     os.listdir(f"/proc/{generations.serving}/task")]  # fmt: skip
            names = {open(task).read().strip() for task in tasks}
            assert {name for name in names if name.startswith("waybill-")} == {
                f"waybill-{number}" for number in range(count)
            }
        answers = load.stop()
    generations.alone()
    assert set(check_answers(answers, proxy.lines())) == {200}
    generations.end()


def test_unix_sockets_and_control_are_passed_on(site, backend, follow):
    front, control = site.directory / "front.sock", site.directory / "control"
    proxy = site.start(f"""control unix:{control};
        server {{ listen unix:{front}; location / {{ proxy_pass http://{backend.address}; }} }}""",
        workers=2)  # fmt: skip
    generations = follow(proxy)
    for _ in range(3):
        nodes = os.stat(front).st_ino, os.stat(control).st_ino
        generations.upgrade()
        generations.alone()
        assert (os.stat(front).st_ino, os.stat(control).st_ino) == nodes
        with RawConnection(unix=str(front)) as connection:
            assert connection.exchange(request_bytes()).status == 200
            asked = command("requests", "-c", proxy.conf)
            assert asked.returncode in (0, 1) and "control socket" not in asked.stderr
    generations.end()
    assert not front.exists() and not control.exists()


def test_what_the_new_configuration_adds_and_drops(site, backend, follow):
    old, new = site.directory / "old.sock", site.directory / "new.sock"
    text = f"server {{ listen unix:{old}; location / {{ proxy_pass http://{backend.address}; }} }}"
    proxy = site.start(text)
    generations = follow(proxy)
    proxy.conf.write_text(proxy.conf.read_text().replace(str(old), str(new)))
    generations.upgrade()
    generations.alone()
    assert new.exists() and not old.exists()
    with RawConnection(unix=str(new)) as connection:
        assert connection.exchange(request_bytes()).status == 200
    generations.end()
    assert not new.exists()


def test_a_socket_file_that_is_gone_is_made_again(site, backend, follow):
    path = site.directory / "front.sock"
    text = f"server {{ listen unix:{path}; location / {{ proxy_pass http://{backend.address}; }} }}"
    proxy = site.start(text)
    generations = follow(proxy)
    path.unlink()
    generations.upgrade()
    with RawConnection(unix=str(path)) as connection:
        assert connection.exchange(request_bytes()).status == 200
    generations.end()


def test_sessions_are_resumed_by_the_new_process(site, backend, follow, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue("localhost", "127.0.0.1")
    proxy = site.serve(backend, listen="ssl", top=pair.conf)
    generations = follow(proxy)
    context = client_context(authority.file)

    def connect(**options):
        return SecureConnection(proxy.port, context, **options)

    with connect() as first:
        first.exchange(request_bytes())
        session = first.tls.session
    with connect() as waiting:
        waiting.exchange(request_bytes())
        for _ in range(2):
            generations.upgrade()
        assert waiting.exchange(request_bytes()).status == 200
    with connect(session=session) as again:
        assert again.exchange(request_bytes()).status == 200
        assert again.tls.session_reused
    generations.end()


def test_logs_are_rotated_once(site, backend, follow):
    """The old process leaves rotation to the new one, and follows."""
    directory = site.directory
    proxy = site.serve(backend, workers=2)
    text = proxy.conf.read_text().replace("json;", "json rotate=20k keep=9999;")
    proxy.conf.write_text(text)
    generations = follow(proxy)
    generations.upgrade()
    # Sizes are looked at ten times a second.
    with Load(proxy, clients=16, pause=0.02) as load:
        for _ in range(8):
            load.more(300)
            generations.upgrade()
        load.more(300)
        answers = load.stop()
    generations.alone()
    generations.end()
    rotated = list(directory.glob("access.log.*"))
    assert len(rotated) > 5 and min(path.stat().st_size for path in rotated) >= 20 * 1024
    numbers = sorted(int(path.suffix[1:]) for path in rotated)
    assert numbers == list(range(1, len(rotated) + 1))
    lines = [line for path in [proxy.access_log, *rotated] for line in read_lines(path)]
    assert set(check_answers(answers, lines)) == {200}


def test_the_old_process_rotates_no_more(site, make_backend, follow):
    proxy = site.serve(make_backend(answer))
    proxy.conf.write_text(proxy.conf.read_text().replace("json;", "json rotate=20k;"))
    generations = follow(proxy)
    generations.upgrade()
    generations.alone()
    proxy.conf.write_text(proxy.conf.read_text().replace("json rotate=20k;", "json;"))
    tunnels = Tunnels(proxy, 1)
    wait_for(lambda: tunnels.echoes > 0, "an echo")
    generations.upgrade()
    with Load(proxy, clients=4) as load:
        load.more(100)
        load.stop()
    time.sleep(0.5)
    assert len(generations.processes) == 2 and proxy.access_log.stat().st_size > 20 * 1024
    assert not list(site.directory.glob("access.log.*"))
    tunnels.stop()
    generations.end()


def test_the_old_process_follows_logs_that_are_renamed(site, make_backend, follow):
    """Its last line is in the new file, though the signal to open it went to the new process."""
    proxy = site.serve(make_backend([1.5, reply()]))
    generations = follow(proxy)
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "late-1"}))
        generations.upgrade()
        proxy.access_log.rename(site.directory / "old.log")
        assert command("-s", "reopen", "-c", proxy.conf).returncode == 0
        assert connection.receive().status == 200
    assert proxy.log_line("late-1")
    assert proxy.wait_exit() == 0
    generations.end()


def test_descriptors_do_not_gather(site, backend, follow):
    proxy = site.serve(backend, workers=2, top=f"control unix:{site.directory}/control;")
    generations = follow(proxy)

    def count():
        generations.alone()
        return len(os.listdir(f"/proc/{generations.serving}/fd"))

    generations.upgrade()
    generations.alone()
    # It notices that no former process is left, at the latest when it is asked.
    assert command("requests", "-c", proxy.conf).returncode == 0
    before = count()
    for _ in range(4):
        generations.upgrade()
    wait_for(lambda: count() == before, "as many descriptors as before", 5)
    generations.end()


def test_a_link_may_lead_to_another_program(site, backend, follow, monkeypatch):
    """The program is sought by the name that it was started by."""
    first, second = Program(site.directory / "one"), Program(site.directory / "two")
    link = site.directory / "waybill"
    link.symlink_to(first.path)
    # The harness would follow the link.
    monkeypatch.setattr("harness.proxy.binary", lambda: link)
    proxy = site.serve(backend)
    generations = follow(proxy)
    link.unlink()
    link.symlink_to(second.path)
    first.remove()
    process = generations.upgrade()
    assert os.readlink(f"/proc/{process}/exe") == str(second.path)
    generations.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_rights(site, backend, follow):
    """What root has opened is passed on to a process that could not open it."""
    for folder in [site.directory, *site.directory.parents][:4]:
        if str(folder) not in ("/", "/tmp"):
            folder.chmod(0o755)
    conf = site.directory / "proxy.conf"
    top = f"user nobody; control unix:{site.directory}/control 0660;"
    proxy = site.serve(backend, top=top, workers=2)
    conf.chmod(0o644)
    generations = follow(proxy)
    for _ in range(2):
        generations.upgrade()
        generations.alone()
        assert proxy.get().status == 200
        status = open(f"/proc/{generations.serving}/status").read()
        assert re.search(r"^Uid:\s+65534\s+65534\s", status, re.M)
    assert "is ignored" not in proxy.output()
    os.kill(generations.serving, signal.SIGTERM)
    assert proxy.wait_exit() == 0
    wait_for(lambda: not generations.processes, "the end")
    # As without an upgrade: the folder is root's, so the file is emptied.
    pid_file = site.directory / "waybill.pid"
    assert pid_file.read_text() == ""
    for path in pid_file, site.directory / "control":
        path.unlink()


def test_lines_are_whole(site, backend, follow):
    """Two processes append to one file."""
    proxy = site.serve(backend, workers=2)
    generations = follow(proxy)
    with Load(proxy, clients=8) as load:
        for _ in range(3):
            load.more(100)
            generations.upgrade()
        answers = load.stop()
    generations.alone()
    ids = [checked(raw)["request_id"] for raw in proxy.access_log.read_bytes().split(b"\n")[:-1]]
    assert len(ids) == len(set(ids)) == len(answers)
    generations.end()
