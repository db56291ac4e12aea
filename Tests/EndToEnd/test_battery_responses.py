"""Every response case of the battery: no backend can mislead a client, or the one behind it."""

from contextlib import ExitStack

import pytest

from battery.bench import check, opened
from battery.conf import RESPONSES
from battery.hostile import HostileBackend
from battery.log_tail import LogTail
from battery.response_case import ResponseCase
from battery.response_judgement import response_faults, response_log_faults
from battery.response_observation import observe_response
from battery.tables import response_cases
from battery.way import PLAIN, Way
from conftest import Site
from harness.ports import free_port

CASES = response_cases()


class Bench:
    """One proxy in front of one hostile backend, for all cases of a run."""

    def __init__(self, site: Site, stack: ExitStack, way: Way = PLAIN):
        self.way = way
        self.backend = HostileBackend(wrap=way.wrap)
        stack.callback(self.backend.stop)
        conf = way.conf(site.directory, RESPONSES, free_port(), self.backend.address)
        self.proxy = stack.enter_context(site.running(conf))
        self.log = LogTail(self.proxy.access_log)

    def faults(self, case: ResponseCase) -> list[str]:
        """All that is wrong with what the proxy makes of a case."""
        self.proxy.alive()
        observation = observe_response(
            self.proxy.port, case, self.backend, connect=self.way.connect
        )
        first, second = observation.first.client, observation.next.client
        if first == second:
            lines = self.log.take(first, 2)
        else:
            lines = self.log.take(first, 1) + self.log.take(second, 1)
        return response_faults(case, observation) + response_log_faults(case, observation, lines)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from opened(Bench, tmp_path_factory.mktemp("battery"))


@pytest.mark.parametrize("name", CASES)
def test_response(bench, name):
    check(bench, name, CASES[name], lambda one: str(one.steps)[:400])
