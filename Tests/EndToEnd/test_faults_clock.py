"""The time of day is set while requests are served; faketime sets it for the proxy alone."""

import time
from pathlib import Path

import pytest

from harness import sanitizers
from harness.client import request_bytes
from harness.load import Load, check_answers
from harness.separate_backend import SeparateBackend


@pytest.fixture
def backend(tmp_path):
    backend = SeparateBackend(tmp_path)
    yield backend
    backend.kill()


def find_faketime():
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return str(found[0]) if found else None


@pytest.mark.skipif(not find_faketime(), reason="libfaketime is missing: apt-get install faketime")
@pytest.mark.skipif(sanitizers.is_sanitized(), reason="a sanitizer must be loaded first")
@pytest.mark.parametrize("step", ["-3600", "+3600"])
def test_the_clock_is_set_under_load(site, backend, monkeypatch, step):
    """Durations and timeouts follow the time that passes; only the time of day jumps."""
    offset = site.directory / "offset"
    offset.write_text("+0\n")
    monkeypatch.setenv("LD_PRELOAD", find_faketime())
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(offset))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    proxy = site.serve(
        backend.address, server="keepalive_timeout 1s; request_id_format uuid7;",
        location="proxy_read_timeout 1s;",
    )  # fmt: skip
    monkeypatch.delenv("LD_PRELOAD")
    with Load(proxy) as load:
        load.more(100)
        late = proxy.connect()
        idle = proxy.connect()
        assert idle.exchange(request_bytes()).status == 200
        late.send(request_bytes("GET", "/sleep/20"))
        began = time.monotonic()
        # At one stroke: libfaketime ends a program that finds the file empty.
        (site.directory / "next").write_text(f"{step}\n")
        (site.directory / "next").replace(offset)
        assert late.receive().status == 504
        assert idle.is_closed(2)
        assert 0.7 < time.monotonic() - began < 2.5
        load.more(100)
        answers = load.stop()
    late.close()
    lines = proxy.lines()
    assert set(check_answers(answers, lines)) == {200}
    assert max(line["duration"] for line in lines) < 2.5
    hours = {line["time"][:13] for line in lines}
    assert len(hours) >= 2, "the clock was not set"
    assert len({line["request_id"] for line in lines}) == len(lines)
    assert proxy.cpu_seconds() < 5
