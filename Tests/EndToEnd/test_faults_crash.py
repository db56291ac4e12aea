"""The proxy itself is killed with -9 under load: what its log still owes, and the next start."""

import json
from collections import defaultdict

import pytest

from harness.client import RawConnection
from harness.load import Load
from harness.log import checked
from harness.polling import wait_for
from harness.separate_backend import SeparateBackend


@pytest.fixture
def backend(tmp_path):
    backend = SeparateBackend(tmp_path)
    yield backend
    backend.kill()


def whole_lines(path):
    """All lines but one that the kernel was writing at the moment of the kill."""
    raw = path.read_bytes().split(b"\n")
    try:
        raw[-1:] = [raw[-1]] if raw[-1] and json.loads(raw[-1]) else []
    except ValueError:
        raw.pop()
    return [checked(line) for line in raw]


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_kill_only_the_last_turn_has_no_lines(site, backend, workers):
    """A client that has its answer and sends the next request finds the first one's line written.

    So of each client only its last answer may be without a line.
    """
    proxy = site.serve(backend.address, workers=workers)
    with Load(proxy, clients=16) as load:
        load.more(1000)
        load.proxy_may_end = True
        proxy.process.kill()
        proxy.process.wait(5)
        load.stop()
    logged = {line["request_id"]: line for line in whole_lines(proxy.access_log)}
    assert len(logged) == len(whole_lines(proxy.access_log)), "an ID was logged twice"
    answers = defaultdict(list)
    for answer in load.answers:
        if answer.status is not None:
            assert answer.status == 200
            answers[answer.client].append(answer.request_id)
    assert sum(len(ids) for ids in answers.values()) >= 1000
    for ids in answers.values():
        missing = [request_id for request_id in ids if request_id not in logged]
        assert missing in ([], ids[-1:]), missing
    # Whatever has a line was really sent to the backend first.
    assert set(logged) <= set(backend.seen())
    start_again(site, proxy)
    proxy.exit_code = -9


def start_again(site, killed):
    """The files that the killed process left are no hindrance, and its log goes on."""
    assert (site.directory / "waybill.pid").exists()
    before = len(whole_lines(killed.access_log))
    with site.running(killed.conf.read_text()) as proxy:
        with RawConnection(proxy.port) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: again-1\r\n\r\n")
            assert connection.receive().request_id == "again-1"
        wait_for(lambda: b'"again-1"' in proxy.access_log.read_bytes(), "its line")
        assert len(whole_lines(proxy.access_log)) == before + 1
