"""Backends that crash, come back, or hang while clients keep sending requests."""

import time

import pytest

from harness.load import Load, check_answers
from harness.polling import wait_for
from harness.separate_backend import SeparateBackend

GROUP = """
upstream app {
  FIRST
  SECOND
}
server {
  listen PORT;
  location / {
    proxy_pass http://app;
    proxy_connect_timeout 500ms;
    proxy_read_timeout 500ms;
  }
}
"""


@pytest.fixture
def backends(tmp_path):
    started = [SeparateBackend(tmp_path) for _ in range(2)]
    yield started
    for backend in started:
        backend.kill()


def serve(site, backends, parameters="max_fails=1 fail_timeout=1s", **options):
    """A proxy before these backends, each of them with these parameters."""
    servers = [f"server {backend.address} {parameters};" for backend in backends] + [""]
    return site.servers(GROUP.replace("FIRST", servers[0]).replace("SECOND", servers[1]), **options)


def settled(proxy, load):
    """How often each status came, after the load has ended and its lines are there."""
    answers = load.stop()
    wait_for(lambda: len(proxy.lines()) >= len(answers), "the lines")
    return check_answers(answers, proxy.lines())


def kill_twice(backend, load):
    """Kills a backend under load and starts it again, and once more."""
    for _ in range(2):
        load.more(200)
        backend.kill()
        load.more(200)
        backend.start()
        # fail_timeout is one second, and each worker finds out for itself.
        backend.wait_more(2.5)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_backend_costs_no_request_when_there_is_another(site, backends, workers):
    proxy = serve(site, backends, workers=workers)
    with Load(proxy) as load:
        kill_twice(backends[0], load)
        statuses = settled(proxy, load)
    assert set(statuses) == {200}, [line for line in proxy.lines() if line["status"] != 200]
    seen = set(backends[0].seen()) | set(backends[1].seen())
    assert {answer.request_id for answer in load.answers} <= seen


def test_requests_that_may_not_be_repeated_reach_no_second_backend(site, backends):
    proxy = serve(site, backends)
    with Load(proxy, method="POST", body=b"once") as load:
        kill_twice(backends[0], load)
        statuses = settled(proxy, load)
    assert set(statuses) <= {200, 502} and statuses[502] < 0.1 * statuses[200]
    seen = backends[0].seen() + backends[1].seen()
    assert len(seen) == len(set(seen)), "a POST was seen twice"
    answered = {answer.request_id for answer in load.answers if answer.status == 200}
    assert answered <= set(seen)


def test_the_only_backend_is_killed_and_comes_back(site, backends):
    proxy = serve(site, backends[:1])
    with Load(proxy, pause=0.005) as load:
        load.more(100)
        backends[0].kill()
        load.more(100)
        backends[0].start()
        started = time.monotonic()
        backends[0].wait_more(2)
        assert time.monotonic() - started < 1.5
        load.more(100)
        statuses = settled(proxy, load)
    assert set(statuses) == {200, 502}
    after_recovery = [answer.status for answer in load.answers[-50:]]
    assert after_recovery == [200] * 50
    assert proxy.descriptors() < 40


def test_a_paused_backend_delays_few_requests_and_comes_back(site, backends):
    """It accepts connections, as the kernel does that for it, but says nothing."""
    proxy = serve(site, backends)
    with Load(proxy) as load:
        load.more(200)
        backends[0].pause()
        paused = len(load.answers)
        load.more(1000)
        while_paused = load.answers[paused:]
        backends[0].resume()
        backends[0].wait_more(2.5)
        statuses = settled(proxy, load)
    assert set(statuses) == {200}
    slow = [answer for answer in while_paused if answer.seconds > 0.4]
    # One for each client at first, then one at each end of fail_timeout.
    assert 1 <= len(slow) <= 24, len(slow)
    for answer in slow:
        assert answer.seconds < 2
        line = proxy.log_line(answer.request_id)
        assert [one["address"] for one in line["tries"]] == [one.address for one in backends]


def test_the_only_backend_is_paused(site, backends):
    proxy = serve(site, backends[:1])
    with Load(proxy, clients=16) as load:
        load.more(200)
        backends[0].pause()
        wait_for(lambda: [one for one in load.answers if one.status == 504], "a 504", 5)
        load.more(32)
        backends[0].resume()
        backends[0].wait_more(2.5)
        load.more(100)
        statuses = settled(proxy, load)
    assert set(statuses) <= {200, 502, 504}
    assert [answer.status for answer in load.answers[-20:]] == [200] * 20


def test_responses_in_flight_are_cut_when_their_backend_is_killed(site, backends):
    """What has begun can't be repeated: the client must see that it is not whole."""
    proxy = serve(site, backends[:1])
    with Load(proxy, target="/size/3000000", clients=6) as load:
        load.more(30)
        backends[0].kill()
        wait_for(lambda: any(one.status != 200 for one in load.answers), "an answer that is cut")
        backends[0].start()
        wait_for(lambda: load.answers[-1].status == 200, "recovery", 4)
        answers = load.stop()
    lines = proxy.lines()
    whole = [answer for answer in answers if answer.status is not None]
    check_answers(whole, lines)
    by_id = {line["request_id"]: line for line in lines}
    for answer in answers:
        line = by_id[answer.request_id]
        assert (answer.status == 200) == ("termination" not in line and line["status"] == 200)
    assert all(line["bytes_out"] == 3000000 for line in lines if "termination" not in line)
