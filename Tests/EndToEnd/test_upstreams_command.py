"""`waybill upstreams`: the servers of all upstreams, taken out and back."""

import json
import re
import signal
import subprocess
import threading

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.proxy import binary, command, environment


@pytest.fixture
def two(site, make_backend):
    """Two upstreams of two servers, two workers, checks of the first upstream."""
    backends = {name: make_backend(reply(body=name.encode())) for name in "abcd"}
    at = {name: backend.address for name, backend in backends.items()}
    proxy = site.servers(
        f"control unix:{site.directory}/control;\n"
        f"upstream app {{ server {at['a']} weight=2; server {at['b']};"
        " health_check interval=200ms timeout=200ms fails=2; }\n"
        f"upstream other {{ server {at['c']}; server {at['d']} backup; }}\n"
        "server { listen PORT; location / { proxy_pass http://app; }"
        " location /other { proxy_pass http://other; } }",
        workers=2,
    )
    proxy.at = at
    proxy.backends = backends
    return proxy


def rows(proxy):
    result = command("upstreams", "--json", "-c", proxy.conf)
    assert result.returncode == 0, result.stderr
    return {row["peer"]: row for row in map(json.loads, result.stdout.splitlines())}


def order(proxy, action, upstream, peer):
    return command("upstreams", action, upstream, peer, "-c", proxy.conf)


def seen(proxy, target="/", count=12):
    return {proxy.get(target).text for _ in range(count)}


def reload(proxy):
    count = proxy.output().count("reload: generation")
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: proxy.output().count("reload: generation") > count, "the reload")


def test_every_server_is_listed(two):
    for _ in range(9):
        two.get("/")
    found = rows(two)
    assert set(found) == set(two.at.values())
    a = found[two.at["a"]]
    assert (a["upstream"], a["state"], a["weight"], a["running"]) == ("app", "up", 2, 0)
    assert a["workers"] == 2
    assert a["tries"] + found[two.at["b"]]["tries"] == 9
    assert found[two.at["d"]]["backup"] is True and found[two.at["c"]]["upstream"] == "other"


def test_the_table_fits_80_columns(two):
    two.backends["c"].stop()
    two.get("/other")
    assert order(two, "drain", "app", two.at["b"]).returncode == 0
    table = command("upstreams", "-c", two.conf).stdout
    lines = table.splitlines()
    assert lines[0].split() == ["UPSTREAM", "PEER", "STATE", "RUN", "TRIES", "FAILED"]
    assert max(map(len, lines)) <= 80
    assert any("draining" in line for line in lines)
    [c] = [number for number, line in enumerate(lines) if two.at["c"] in line]
    assert re.search(r"since \d\d:\d\d:\d\d, until \d\d:\d\d:\d\d: connection refused",
                     lines[c + 1]), table


def test_running_requests_are_counted(site, make_backend):
    go = threading.Event()
    backend = make_backend([go, reply()])
    proxy = site.serve(backend, top=f"control unix:{site.directory}/control;", workers=2)
    with proxy.connect() as one, proxy.connect() as other:
        one.send(request_bytes())
        other.send(request_bytes())
        backend.wait_requests(2)
        [row] = rows(proxy).values()
        assert row["running"] == 2 and row["upstream"] == backend.address
        go.set()
        assert one.receive().status == other.receive().status == 200


@pytest.mark.parametrize("action, state", [("drain", "draining"), ("down", "down")])
def test_an_order_holds_over_reloads_until_up(two, action, state):
    a = two.at["a"]
    result = order(two, action, "app", a)
    assert result.returncode == 0 and a in result.stdout
    assert seen(two) == {"b"}
    assert rows(two)[a]["state"] == state
    for _ in range(2):
        reload(two)
        assert seen(two) == {"b"} and rows(two)[a]["state"] == state
    assert order(two, "up", "app", a).returncode == 0
    assert seen(two) == {"a", "b"} and rows(two)[a]["state"] == "up"
    lines = [line for line in two.error_text().split("\n") if "by order" in line]
    assert len(lines) == 2 and all(a in line and "upstream app " in line for line in lines), lines


def test_what_runs_is_finished_and_no_kept_connection_used(site, make_backend):
    go = threading.Event()
    backends = [make_backend([reply()[:-1], go, reply()[-1:]]), make_backend(reply(body=b"b"))]
    proxy = site.servers(
        f"control unix:{site.directory}/control;\nupstream app {{ server {backends[0].address};"
        f" server {backends[1].address} backup; }}\n"
        "server { listen PORT; location / { proxy_pass http://app; } }", workers=2)
    with proxy.connect() as held:
        held.send(request_bytes())
        backends[0].wait_requests(1)
        assert order(proxy, "drain", "app", backends[0].address).returncode == 0
        assert seen(proxy) == {"b"}
        assert rows(proxy)[backends[0].address]["running"] == 1
        reload(proxy)
        assert rows(proxy)[backends[0].address]["running"] == 1, "the old generation's counts"
        go.set()
        assert held.receive().status == 200
    assert seen(proxy) == {"b"} and len(backends[0].requests) == 1


def test_orders_that_change_nothing_are_no_line(two):
    for _ in range(3):
        assert order(two, "down", "app", two.at["a"]).returncode == 0
    assert two.error_text().count("by order") == 1


def test_nobody_by_that_name(two):
    for upstream, peer in [("app", "1.2.3.4:5"), ("nobody", two.at["a"]), ("app", two.at["c"])]:
        result = order(two, "drain", upstream, peer)
        assert result.returncode == 1 and "lists them" in result.stderr
    assert command("upstreams", "drain", "app", "-c", two.conf).returncode == 2
    assert command("upstreams", "stop", "app", "x", "-c", two.conf).returncode == 2


def test_the_state_of_checks_is_told(two):
    two.backends["b"].stop()
    two.wait_error("2 health checks in a row")
    row = rows(two)[two.at["b"]]
    assert (row["state"], row["why"], row["affected"]) == ("unhealthy", "connection refused", 2)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", row["since"])


def test_all_drained_is_no_peer(two):
    for name in "ab":
        assert order(two, "drain", "app", two.at[name]).returncode == 0
    assert two.get("/").status == 502
    assert "draining by order" in two.wait_error("no peer of upstream")


def test_watching(two):
    process = subprocess.Popen(
        [binary(), "upstreams", "-w", "-c", two.conf], stdout=subprocess.PIPE, text=True,
        env=environment())
    try:
        titles = 0
        while titles < 2:
            titles += process.stdout.readline().startswith("UPSTREAM")
    finally:
        process.kill()
        process.wait()
