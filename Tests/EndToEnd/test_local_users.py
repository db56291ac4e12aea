"""Other users of the machine: what they put in the way of a root that starts, orders and reads."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import binary, command, environment

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def theirs(tmp_path):
    """A folder of the service's user's."""
    for folder in [tmp_path, *tmp_path.parents]:
        if folder not in (Path("/"), Path("/tmp")):
            folder.chmod(0o755)
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


def configured(tmp_path, top, port=None):
    conf = tmp_path / "proxy.conf"
    conf.write_text(
        f"worker_threads 2; user nobody; error_log stderr; access_log stdout; {top}\n"
        f"server {{ listen 127.0.0.1:{port or free_port()}; return 200; }}\n"
    )
    return conf


def as_nobody(*words, **options):
    """Runs a command as somebody else."""
    return subprocess.run(
        [str(word) for word in words], user=NOBODY, group=NOBODY, extra_groups=[],
        capture_output=True, text=True, timeout=30, env=environment(), cwd="/", **options,
    )  # fmt: skip


@pytest.fixture
def program(theirs):
    """The program where others can run it."""
    path = theirs.parent / "waybill"
    shutil.copy(binary(), path)
    path.chmod(0o755)
    return path


TOPS = {
    "access_log": "access_log {path} json;",
    "error_log": "error_log {path} info;",
    "pid": "pid {path};",
    "control": "control unix:{path};",
}


@pytest.mark.parametrize("kind", ["link", "dangling", "way", "name"])
@pytest.mark.parametrize("directive", TOPS)
def test_root_follows_no_link_of_the_user(tmp_path, theirs, directive, kind):
    target = tmp_path / "precious"
    target.write_text("precious\n")
    path = theirs / "file"
    if kind == "link":
        path.symlink_to(target)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "made")
    elif kind == "name":
        os.link(target, path)
    else:
        (theirs / "way").symlink_to(tmp_path)
        path = theirs / "way" / "made"
    conf = configured(tmp_path, TOPS[directive].format(path=path))
    for options in (["-t"], []):
        done = command(*options, "-c", conf)
        assert done.returncode == 1 and str(path) in done.stderr, done
        assert not (tmp_path / "made").exists()
        assert target.read_text() == "precious\n" and target.stat().st_uid == 0


def test_devices_and_old_files_are_not_given_away(tmp_path, theirs):
    old = theirs / "old.log"
    old.write_text("")
    old.chmod(0o666)
    new = theirs / "new.log"
    top = f"error_log /dev/null; access_log {old}; access_log {new}; pid {tmp_path}/pid;"
    port = free_port()
    process = subprocess.Popen([binary(), "-c", configured(tmp_path, top, port)])
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "listening")
        # Connections are accepted before the logs are there.
        wait_for(lambda: new.exists() and new.stat().st_uid == NOBODY, "the new log")
        assert Path("/dev/null").stat().st_uid == 0 and old.stat().st_uid == 0
    finally:
        process.terminate()
        process.wait(10)


def test_links_of_root_lead_to_logs(tmp_path, theirs):
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    (tmp_path / "logs").symlink_to(place)
    conf = configured(tmp_path, f"access_log {tmp_path}/logs/access.log;")
    assert command("-t", "-c", conf).returncode == 0
    assert list(place.iterdir()) == []


SQUATTER = """
import os, socket, sys
first, last = int(sys.argv[1]), int(sys.argv[2])
held = []
for number in range(first, last):
    one = socket.socket(socket.AF_UNIX)
    try:
        one.bind(f"\\0waybill-answer-{number}")
        one.listen()
    except OSError:
        continue
    held.append(one)
print("ready", flush=True)
sys.stdin.read()
got = 0
for one in held:
    one.setblocking(False)
    try:
        connection = one.accept()[0]
        got += len(connection.recv(100000))
    except OSError:
        pass
print(got, flush=True)
"""


@pytest.mark.parametrize("word", ["reload", "upgrade"])
def test_nobody_can_take_the_name_of_an_answer(site, backend, word):
    """Somebody else listens under the names that the numbers of the next processes would make."""
    proxy = site.serve(backend)
    latest = int(Path("/proc/loadavg").read_text().split()[-1])
    squatter = subprocess.Popen(
        [sys.executable, "-c", SQUATTER, str(latest), str(latest + 900)], user=NOBODY,
        group=NOBODY, extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd="/",
    )  # fmt: skip
    try:
        assert squatter.stdout.readline() == "ready\n"
        if word == "upgrade":
            proxy.conf.write_text(proxy.conf.read_text() + "secret_of_mine;\n")
        done = command("-s", word, "-c", proxy.conf, timeout=60)
        assert "can't be received" not in done.stderr
        assert (done.returncode == 0) == (word == "reload"), done
    finally:
        output, _ = squatter.communicate("", timeout=20)
    assert output == "0\n", "a stranger has heard something"


@pytest.mark.parametrize("word", ["stop", "quit", "reopen", "reload", "upgrade"])
def test_a_number_that_means_another_process_gets_nothing(site, backend, word):
    proxy = site.serve(backend)
    proxy.kill()
    proxy.exit_code = 0
    stranger = subprocess.Popen(["sleep", "60"])
    pid_file = site.directory / "waybill.pid"
    try:
        pid_file.write_text(f"{stranger.pid}\n")
        done = command("-s", word, "-c", proxy.conf)
        assert done.returncode == 1 and "nothing was sent" in done.stderr, done
        time.sleep(0.2)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        pid_file.unlink()


def test_another_waybill_is_not_meant_either(site, backend, tmp_path):
    """The number of a Waybill that has another pid file."""
    proxy = site.serve(backend)
    other = tmp_path / "other.conf"
    other.write_text(
        f"pid {tmp_path}/other.pid; error_log stderr;"
        f" server {{ listen {free_port()}; return 200; }}"
    )
    (tmp_path / "other.pid").write_text(f"{proxy.process.pid}\n")
    done = command("-s", "stop", "-c", other)
    assert done.returncode == 1 and "nothing was sent" in done.stderr
    assert proxy.get().status == 200


def test_orders_reach_who_serves_after_reload_and_upgrade(site, backend, follow):
    proxy = site.serve(backend)
    generations = follow(proxy)
    assert command("-s", "reload", "-c", proxy.conf).returncode == 0
    for _ in range(2):
        generations.upgrade()
        assert command("-s", "reload", "-c", proxy.conf).returncode == 0
    generations.alone()
    assert command("-s", "quit", "-c", proxy.conf).returncode == 0
    wait_for(lambda: not generations.processes, "the end")
    proxy.exit_code = 0


def test_a_second_start_that_fails_leaves_the_pid_file(site, backend):
    proxy = site.serve(backend)
    assert command("-c", proxy.conf).returncode == 1
    assert (site.directory / "waybill.pid").read_text() == f"{proxy.process.pid}\n"
    assert command("-s", "reload", "-c", proxy.conf).returncode == 0


def test_who_reads_logs_needs_no_key(tmp_path, theirs, pair, program):
    """Neither keys nor password files nor the addresses of backends."""
    key = next(path for path in tmp_path.rglob("*") if "key" in path.name)
    key.chmod(0o600)
    secret = tmp_path / "passwords"
    secret.write_text("x\n")
    secret.chmod(0o600)
    (theirs / "access.log").write_text("")
    (theirs / "error.log").write_text("")
    conf = tmp_path / "proxy.conf"
    conf.write_text(
        f"access_log {theirs}/access.log json; error_log {theirs}/error.log;\n"
        f"pid {tmp_path}/pid; control unix:{tmp_path}/control;\n"
        f"server {{ listen 127.0.0.1:{free_port()} ssl; {pair.conf}\n"
        f"ssl_password_file {secret}; location / {{ return 200; }} }}\n"
    )
    for words in (["logs"], ["trace", "some-id"], ["explain", "/"], ["-T"]):
        done = as_nobody(program, *words, "-c", conf)
        assert "can't be read" not in done.stderr and done.returncode in (0, 1), (words, done)
        assert done.stderr == "" or words[0] == "trace", done
    for words in (["requests"], ["errors"], ["status"]):
        done = as_nobody(program, *words, "-c", conf)
        assert f"control socket {tmp_path}/control" in done.stderr, done
    assert f"{tmp_path}/pid" in as_nobody(program, "-s", "stop", "-c", conf).stderr
    assert as_nobody(program, "-t", "-c", conf).returncode != 0


def test_reading_resolves_no_names(tmp_path):
    conf = tmp_path / "proxy.conf"
    (tmp_path / "access.log").write_text("")
    conf.write_text(
        f"access_log {tmp_path}/access.log json; error_log stderr;\n"
        f"upstream u {{ server waybill.invalid:80; server b.waybill.invalid:80; }}\n"
        f"server {{ listen {free_port()}; location / {{ proxy_pass http://u; }} }}\n"
    )
    done = command("logs", "-c", conf)
    assert done.returncode == 0 and done.stderr == "", done
    assert command("-t", "-c", conf).returncode != 0
