"""Both batteries once more with TLS on both sides: sealed bytes are read as strictly as plain ones,
and what ends a stream ends it here, too."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
import test_battery
import test_battery_responses

from battery.bench import check, opened
from battery.way import secure_way
from conftest import Site


STEP = 16


def share(case):
    """The case; of the 256 of a sweep, which differ in a byte that TLS has no eye for, some."""
    if not hasattr(case, "cases"):
        return case
    return replace(case, cases=dict(list(case.cases.items())[::STEP]))


class SecureBench(test_battery.Bench):
    """One proxy between TLS clients and a recording https backend."""

    def __init__(self, site: Site, stack: ExitStack):
        super().__init__(site, stack, secure_way(site.directory))


class SecureResponseBench(test_battery_responses.Bench):
    """One proxy between TLS clients and a hostile https backend."""

    def __init__(self, site: Site, stack: ExitStack):
        super().__init__(site, stack, secure_way(site.directory))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from opened(SecureBench, tmp_path_factory.mktemp("battery"))


@pytest.fixture(scope="module")
def response_bench(tmp_path_factory):
    yield from opened(SecureResponseBench, tmp_path_factory.mktemp("battery"))


@pytest.mark.parametrize("name", test_battery.REQUESTS)
def test_request(bench, name):
    check(bench, name, share(test_battery.REQUESTS[name]), lambda one: repr(one.data[:300]))


@pytest.mark.parametrize("name", test_battery_responses.CASES)
def test_response(response_bench, name):
    case = share(test_battery_responses.CASES[name])
    check(response_bench, name, case, lambda one: str(one.steps)[:400])
