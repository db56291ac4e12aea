"""A thousand clients that are slow on purpose, beside some that only want their answers."""

import shutil
import subprocess
import time

import pytest

from harness.load import Load, check_answers
from harness.nginx import Nginx
from harness.polling import wait_for
from harness.separate_backend import SeparateBackend

pytestmark = pytest.mark.skipif(
    not shutil.which("slowhttptest"), reason="slowhttptest is missing: apt-get install slowhttptest"
)

TIMEOUTS = """
client_header_timeout 2s;
client_body_timeout 2s;
send_timeout 2s;
keepalive_timeout 5s;
"""
# Idle connections that stay in the pool: a backend is free as soon as its response has been kept.
POOL = 32
ATTACKS = {
    # Field lines, one every ten seconds.
    "heads": (1000, ["-H", "-i", "10"], 408),
    # Content of which a few bytes come every ten seconds.
    "content": (1000, ["-B", "-i", "10", "-s", "8192"], 408),
    # A response of which some bytes are read every ten seconds, through a tiny window. Fewer do
    # that, as each fills the kernel's buffers with some megabytes.
    "reading": (200, ["-X", "-w", "512", "-y", "1024", "-n", "10", "-z", "32"], 200),
}


@pytest.fixture
def backends(tmp_path):
    """One for those that are slow in sending, one for the others."""
    started = [SeparateBackend(tmp_path) for _ in range(2)]
    yield started
    for backend in started:
        backend.kill()


@pytest.fixture
def nginx(tmp_path):
    """One that fills buffers fast enough, for those that are slow in reading."""
    server = Nginx(tmp_path / "nginx")
    with (server.files / "large").open("wb") as file:
        file.truncate(8_000_000)
    yield server
    server.stop()


def attack(proxy, options, count):
    return subprocess.Popen(
        ["slowhttptest", *options, "-c", str(count), "-r", "500", "-l", "15", "-p", "3",
         "-x", "10", "-u", f"http://127.0.0.1:{proxy.port}/large"],
        cwd=proxy.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mode", ATTACKS)
def test_slow_clients_are_ended_and_hinder_nobody(site, backends, nginx, mode):
    count, options, status = ATTACKS[mode]
    attacked = nginx if mode == "reading" else backends[0]
    own = f"location = / {{ proxy_pass http://{backends[1].address}; }}"
    proxy = site.serve(attacked.address, server=TIMEOUTS + own, connections=8192)
    with Load(proxy, clients=2, pause=0.01) as load:
        load.more(50)
        before = proxy.descriptors()
        attacker = attack(proxy, options, count)
        try:
            slow = slow_lines(proxy, status, count)
            # All of them have been ended: what is left belongs to the load.
            most = before + 4 + (POOL if mode == "reading" else 0)
            wait_for(lambda: proxy.descriptors() <= most, "descriptors to be given back", 10)
            load.more(50)
        finally:
            attacker.kill()
            attacker.wait(5)
        answers = load.stop()
    assert set(check_answers(answers, proxy.lines())) == {200}
    # Less than any of the timeouts that end the slow ones; far less on a machine with nothing else.
    assert max(answer.seconds for answer in answers) < 5
    for line in slow:
        assert line["termination"] and line["error"], line
        assert line["duration"] < 8, line


def slow_lines(proxy, status, count):
    """The lines of the slow clients, once there is one for each."""

    def found():
        time.sleep(0.2)
        lines = [line for line in proxy.lines() if not line["request_id"].startswith("load")]
        return lines if len(lines) >= count else None

    lines = wait_for(found, f"{count} lines of slow clients", 25)
    slow = [line for line in lines if line["status"] == status and line["duration"] > 1.9]
    # The others are the tool's own: it asks now and then whether the server still answers.
    assert len(slow) > count - 20 and len(lines) < count + 20
    return slow
