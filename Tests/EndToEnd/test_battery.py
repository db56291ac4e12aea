"""Every case of the battery: what client, backend and log must show, and that nobody is misled."""

from contextlib import ExitStack

import pytest

from battery.bench import check, opened
from battery.case import Case
from battery.conf import SERVER
from battery.judgement import faults, log_faults
from battery.log_tail import LogTail
from battery.observation import observe
from battery.recorder import Recorder, Sighting
from battery.tables import request_cases
from battery.way import PLAIN, Way
from conftest import Site
from harness.ports import free_port

REQUESTS = request_cases()


class Bench:
    """One proxy in front of one recording backend, for all cases of a run."""

    def __init__(self, site: Site, stack: ExitStack, way: Way = PLAIN):
        self.way = way
        self.recorder = Recorder(wrap=way.wrap)
        stack.callback(self.recorder.stop)
        conf = way.conf(site.directory, SERVER, free_port(), self.recorder.address)
        self.proxy = stack.enter_context(site.running(conf))
        self.log = LogTail(self.proxy.access_log)
        self._unfinished: set[str] = set()

    def faults(self, case: Case) -> list[str]:
        """All that is wrong with what the proxy makes of a case."""
        self.proxy.alive()
        case = self.way.expected(case)
        observation = observe(self.proxy.port, case, self.recorder, connect=self.way.connect)
        observation.sightings = [one for one in observation.sightings if not self._is_late(one)]
        lines = self.log.take(observation.client, max(1, len(observation.responses)))
        if case.outcome.partial:
            self._unfinished |= {line.get("request_id", "") for line in lines}
        return faults(case, observation) + log_faults(case, observation, lines)

    def _is_late(self, sighting: Sighting) -> bool:
        """True for a part of an earlier case's request: the refusal has overtaken it."""
        if sighting.is_complete or not sighting.request:
            return False
        return sighting.request.fields.get("X-Request-ID") in self._unfinished


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from opened(Bench, tmp_path_factory.mktemp("battery"))


@pytest.mark.parametrize("name", REQUESTS)
def test_request(bench, name):
    check(bench, name, REQUESTS[name], lambda one: repr(one.data[:300]))
