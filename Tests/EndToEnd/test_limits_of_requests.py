"""`limit_req` and `limit_conn`: nginx's numbers, in one place for all workers."""

from __future__ import annotations

import concurrent.futures
import threading
import time

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.proxy import command
from harness.twins import Twins

HTTP = """
limit_req_zone $arg_key zone=slow:1m rate=1r/m;
limit_req_zone $arg_key zone=minute:1m rate=30r/m;
limit_req_zone $binary_remote_addr$arg_key zone=quick:1m rate=10r/s;
limit_req_zone $server_name zone=server:1m rate=1000r/s;
limit_req_zone $arg_other zone=server2:1m rate=1r/m;
limit_conn_zone $arg_key zone=conn:1m;
limit_conn_zone $server_name zone=all:1m;
log_format limits '$arg_id $limit_req_status $limit_conn_status $status';
access_log {own}/limits.log limits;
"""

SERVER = """
location /none/ { alias {root}/; limit_req zone=slow; }
location /burst/ { alias {root}/; limit_req zone=slow burst=3 nodelay; }
location /delay/ { alias {root}/; limit_req zone=quick burst=5; }
location /partly/ { alias {root}/; limit_req zone=quick burst=5 delay=2; }
location /two/ { alias {root}/; limit_req zone=server burst=100 nodelay;
  limit_req zone=slow burst=1 nodelay; }
location /status/ { alias {root}/; limit_req zone=slow; limit_req_status 429; }
location /page/ { alias {root}/; limit_req zone=slow; error_page 503 =200 /sorry.html; }
location = /sorry.html { return 200 "sorry"; }
location /dry/ { alias {root}/; limit_req zone=slow; limit_req_dry_run on; }
location /index/ { alias {root}/; limit_req zone=slow; }
location /denied/ { alias {root}/; limit_req zone=slow; deny all; }
location /return/ { limit_req zone=slow; return 200 "answered"; }
location /conn/ { proxy_pass http://{backend}; limit_conn conn 2; }
location /conn429/ { proxy_pass http://{backend}; limit_conn conn 1; limit_conn_status 429; }
location /conndry/ { proxy_pass http://{backend}; limit_conn conn 1; limit_conn_dry_run on; }
location /triedrate/ { root {root}; limit_conn all 100; try_files /none @rated; }
location @rated { limit_req zone=server2; proxy_pass http://{backend}; }
location /triedconn/ { root {root}; limit_req zone=server burst=100 nodelay;
  try_files /none @conn; }
location @conn { limit_conn conn 1; proxy_pass http://{backend}; }
location /outer/ { limit_req zone=slow; location /outer/inner/ { alias {root}/; } }
"""


@pytest.fixture(scope="module")
def pair():
    gate = threading.Event()

    def script(request):
        return [gate, reply()] if "hold" in request.target else reply()

    backend = RecordingBackend(script)
    backend.gate = gate
    twins = Twins(HTTP, SERVER, workers=1)
    (twins.root / "index.html").write_text("a page")
    try:
        yield twins.start(backend=backend.address), backend
    finally:
        gate.set()
        twins.stop()
        backend.stop()


@pytest.mark.parametrize("place", [
    "/none/", "/burst/", "/two/", "/status/", "/page/", "/dry/", "/index/", "/denied/", "/return/",
    "/outer/inner/", "/triedrate/",
])  # fmt: skip
def test_the_same_requests_are_refused_as_in_nginx(pair, place):
    twins, _ = pair
    for key in ["a", "b", "", "a" * 300]:
        found = []
        for name in ["nginx", "waybill"]:
            statuses = []
            for number in range(6):
                query = f"key={place}{key}&other={place}{key}&" if key else ""
                target = f"{place}?{query}id={number}"
                data = request_bytes(target=target, host="files.test")
                statuses.append(twins.ask(name, data).status)
            found.append(statuses)
        assert found[0] == found[1], (place, key)


def logged(twins, name):
    return sorted((twins.folder / name / "limits.log").read_text().splitlines())


def test_what_variables_say_is_what_they_say_in_nginx(pair):
    twins, _ = pair
    wait_for(lambda: len(logged(twins, "nginx")) == len(logged(twins, "waybill")), "both logs")
    assert logged(twins, "nginx") == logged(twins, "waybill")


@pytest.mark.parametrize("place", ["/delay/", "/partly/"])
def test_early_requests_wait_as_in_nginx(pair, place):
    twins, _ = pair
    times = {}
    for name in ["nginx", "waybill"]:
        start = time.monotonic()

        def ask(_, name=name, start=start):
            data = request_bytes(target=f"{place}?key={place}", host="files.test")
            status = twins.ask(name, data).status
            return status, time.monotonic() - start

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = sorted(pool.map(ask, range(8)))
        assert [status for status, _ in found] == [200] * 6 + [503] * 2
        times[name] = [moment for status, moment in found if status == 200]
    for theirs, ours in zip(times["nginx"], times["waybill"]):
        assert abs(theirs - ours) < 0.09, times


@pytest.mark.parametrize("place", ["/conn/", "/conn429/", "/conndry/", "/triedconn/"])
def test_requests_at_the_same_time_are_counted_as_in_nginx(pair, place):
    twins, backend = pair
    found = {}
    for name in ["nginx", "waybill"]:
        backend.gate.clear()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            data = request_bytes(target=f"{place}hold?key={place}", host="files.test")
            held = [pool.submit(twins.ask, name, data) for _ in range(5)]
            limit = {"/conn/": 2, "/conn429/": 1, "/conndry/": 5, "/triedconn/": 1}[place]
            wait_for(lambda: sum(one.done() for one in held) == 5 - limit, "those beyond")
            other = request_bytes(target=f"{place}?key=other", host="files.test")
            others = twins.ask(name, other).status
            backend.gate.set()
            statuses = sorted(one.result().status for one in held)
        # All have left: there is room again.
        again = [twins.ask(name, data).status for _ in range(4)]
        found[name] = (statuses, others, again)
    assert found["nginx"] == found["waybill"]


def test_all_workers_count_in_one_place(site, make_backend):
    """Many clients over two workers: as many pass as the rate and the burst allow."""
    backend = make_backend(reply())
    proxy = site.serve(
        backend, top="limit_req_zone $server_name zone=one:1m rate=100r/s;",
        server="server_name one.test; limit_req zone=one burst=50 nodelay;"
        " limit_req_status 429; keepalive_requests 1000000;", workers=2,
    )  # fmt: skip
    passed, refused = [], []
    end = time.monotonic() + 4

    def ask(_):
        with proxy.connect() as client:
            while time.monotonic() < end:
                status = client.exchange(request_bytes()).status
                (passed if status == 200 else refused).append(time.monotonic())

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    seconds = max(passed[-1], refused[-1]) - start
    expected = 51 + 100 * seconds
    assert abs(len(passed) - expected) <= 0.02 * expected, (len(passed), expected)
    assert len(refused) > 100
    workers = {line["pid"] for line in proxy.lines() if "pid" in line}
    assert len(workers) in (0, 2)


def test_a_reload_goes_on_with_what_was_counted(site, make_backend):
    backend = make_backend(reply())
    proxy = site.serve(
        backend, top="limit_req_zone $arg_key zone=one:1m rate=1r/m;",
        location="limit_req zone=one burst=1 nodelay;",
    )  # fmt: skip
    assert [proxy.get("/?key=a").status for _ in range(3)] == [200, 200, 503]
    proxy.conf.write_text(proxy.conf.read_text() + "# changed\n")
    assert command("-s", "reload", "-c", proxy.conf).returncode == 0
    assert proxy.get("/?key=a").status == 503
    assert proxy.get("/?key=b").status == 200
    text = proxy.conf.read_text().replace("zone=one:1m", "zone=one:2m")
    proxy.conf.write_text(text)
    assert command("-s", "reload", "-c", proxy.conf).returncode == 0
    assert proxy.get("/?key=a").status == 200


def test_a_refusal_has_its_id_and_a_line(site, make_backend):
    backend = make_backend(reply())
    proxy = site.serve(
        backend, top="limit_req_zone $arg_key zone=one:1m rate=1r/m;"
        "limit_conn_zone $arg_key zone=two:1m;",
        location="limit_req zone=one; limit_req_log_level warn; limit_conn two 3;",
    )  # fmt: skip
    assert proxy.get("/?key=a").status == 200
    answer = proxy.get("/?key=a", fields=[("X-Request-ID", "early-1")])
    assert answer.status == 503 and answer.fields.one("X-Request-ID") == "early-1"
    line = proxy.log_line("early-1")
    assert line["status"] == 503 and line["error"] == "http_request_denied"
    error = proxy.error_lines("early-1")[0]
    assert 'limiting requests, by zone "one"' in error and "WARN" in error.upper()


def test_a_client_that_leaves_while_it_waits(site, make_backend):
    backend = make_backend(reply())
    proxy = site.serve(
        backend, top="limit_req_zone $arg_key zone=one:1m rate=1r/s;"
        "limit_conn_zone $arg_key zone=two:1m;",
        location="limit_req zone=one burst=5; limit_conn two 1;"
        " proxy_ignore_client_abort off;",
    )  # fmt: skip
    assert proxy.get("/?key=a").status == 200
    with proxy.connect() as client:
        client.send(request_bytes(target="/?key=a", fields=[("X-Request-ID", "left-1")]))
        time.sleep(0.2)
    time.sleep(2.5)
    assert proxy.get("/?key=a").status == 200
    line = proxy.log_line("left-1")
    assert line["status"] in (499, 200)


def test_many_keys_need_no_more_memory_than_the_zone(site, make_backend):
    backend = make_backend(reply())
    proxy = site.serve(
        backend, top="limit_req_zone $arg_key zone=one:32k rate=1r/m; keepalive_requests 10000;",
        location="limit_req zone=one;",
    )  # fmt: skip
    with proxy.connect() as client:
        for number in range(2000):
            answer = client.exchange(request_bytes(target=f"/?key={number}"))
            assert answer.status == 200, number
        assert client.exchange(request_bytes(target="/?key=1999")).status == 503
        assert client.exchange(request_bytes(target="/?key=0")).status == 200
