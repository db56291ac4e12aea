"""Logs on a network file system: a thread writes them, and nothing else waits for it."""

import signal
import time

import pytest

from harness.load import Load
from harness.network_folder import NetworkFolder
from harness.polling import wait_for

SITE = 'server { listen PORT; location / { return 200 "x"; } }'


@pytest.fixture
def folder(tmp_path):
    folder = NetworkFolder(tmp_path)
    yield folder
    folder.remove()


def start(site, folder, workers=1, options=""):
    top = f"access_log {folder.path}/a.log combined{options};\n"
    proxy = site.servers(top + SITE, workers=workers)
    proxy.get()
    wait_for(lambda: count(folder, "a.log") == 1, "the first line")
    return proxy


def count(folder, name):
    content = folder.content(name)
    assert content == b"" or content.endswith(b"\n")
    return content.count(b"\n")


@pytest.mark.parametrize("workers", [1, 2])
def test_lines_are_written_by_themselves(site, folder, workers):
    proxy = start(site, folder, workers)
    with Load(proxy, clients=4) as load:
        load.more(2000, 60)
        answers = load.stop()
    wait_for(lambda: count(folder, "a.log") == 1 + len(answers), "all lines")
    proxy.stop()
    assert count(folder, "a.log") == 1 + len(answers)


def test_a_reopening_waits_for_nobody(site, folder):
    proxy = start(site, folder, workers=2)
    folder.stall()
    (folder.path / "a.log").rename(folder.path / "a.log.1")
    with Load(proxy, clients=4) as load:
        load.more(200, 30)
        proxy.signal(signal.SIGUSR1)
        load.more(200, 30)
        # Were a worker held up, its clients would wait here until the folder goes on.
        answers = load.stop()
    assert {answer.status for answer in answers} == {200}
    assert max(answer.seconds for answer in answers) < 2
    folder.relieve()

    def written():
        return count(folder, "a.log") + count(folder, "a.log.1")

    wait_for(lambda: written() == len(answers) + 1, "all lines")
    proxy.get()
    wait_for(lambda: written() == len(answers) + 2, "the last line")
    assert count(folder, "a.log") > 0


def test_the_end_waits_for_the_last_lines(site, folder):
    proxy = start(site, folder)
    folder.stall()
    for _ in range(10):
        proxy.get()
    proxy.signal(signal.SIGTERM)
    time.sleep(0.5)
    assert proxy.process.poll() is None
    folder.relieve()
    assert proxy.wait_exit() == 0
    assert count(folder, "a.log") == 11


def test_the_end_does_not_wait_for_ever(site, folder):
    proxy = start(site, folder)
    folder.stall()
    for _ in range(10):
        proxy.get()
    proxy.signal(signal.SIGTERM)
    said = "bytes could not be written in time"
    wait_for(lambda: said in proxy.output(), "the end of its patience", 10)
    assert "a.log: the last" in proxy.output()
    # A process with such a write under way is gone only when the write is, even by SIGKILL.
    folder.relieve()
    assert proxy.wait_exit() == 0


def test_ahead_of_the_response_is_ahead_even_so(site, folder):
    """`sync=response` is a promise about the file: there the response waits."""
    proxy = start(site, folder, options=" sync=response")
    for number in range(20):
        proxy.get()
        assert count(folder, "a.log") == number + 2
