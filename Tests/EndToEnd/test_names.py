"""Names that are looked up while Waybill runs: `resolver`, `resolve`, variables in `proxy_pass`,
against a name server that changes, lies, truncates, delays and dies."""

import shutil
import subprocess
import threading
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.dns_server import A, AAAA, NXDOMAIN, SERVFAIL, NameServer, address, alias, service
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

HOSTS = ("127.0.0.2", "127.0.0.3")


@pytest.fixture
def names():
    server = NameServer()
    yield server
    server.die()


@pytest.fixture
def pods(make_backend):
    """Two backends at two addresses and one port; each answers with its address."""
    port = free_port()
    return [make_backend(reply(body=host.encode()), host=host, port=port) for host in HOSTS]


VARIABLE = "set $app http://app.test:{port}; proxy_pass $app;"
WAYS = {
    "variable": ("", VARIABLE),
    "host": ("", "set $app app.test; proxy_pass http://$app:{port}$request_uri;"),
    "resolve": ("upstream pods {{ zone u 64k; server app.test:{port} resolve; }}",
                "proxy_pass http://pods;"),
}


def start(site, names, port, way, *, resolver="{dns}", level="", workers=2, extra=""):
    top, location = WAYS[way]
    line = f"resolver {resolver.format(dns=names.address)};"
    return site.servers(
        f"{line} {extra} {top.format(port=port)}\n"
        f"server {{ listen PORT; {level} location / {{ {location.format(port=port)} }} }}",
        workers=workers)


def test_an_answer_is_used_for_its_ttl_and_the_next_one_then(site, names, pods):
    for way in WAYS:
        names.zone["app.test"] = [HOSTS[0]]
        names.questions.clear()
        proxy = start(site, names, pods[0].port, way)
        assert proxy.get("/").text == HOSTS[0]
        names.zone["app.test"] = [HOSTS[1]]
        # No request fails on the way, and none goes back.
        seen = []
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            response = proxy.get("/")
            assert response.status == 200
            seen.append(response.text)
            time.sleep(0.01)
        assert seen[-1] == HOSTS[1], way
        assert HOSTS[0] not in seen[seen.index(HOSTS[1]) + 20:], way
        assert names.asked("app.test", A) <= 6, way
        proxy.stop()


def test_an_address_that_has_left_gets_nothing_on_kept_connections(site, names, pods):
    """Many clients at once, an address that changes every second."""
    for way in ("variable", "resolve"):
        names.zone["app.test"] = [HOSTS[0]]
        proxy = start(site, names, pods[0].port, way, extra="keepalive_requests 1000000;")
        statuses, stop = [], threading.Event()

        def load(proxy=proxy, statuses=statuses, stop=stop):
            with proxy.connect() as connection:
                while not stop.is_set():
                    statuses.append(connection.exchange(request_bytes()).status)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(4):
            time.sleep(1.3)
            names.zone["app.test"] = [HOSTS[(turn + 1) % 2]]
        names.zone["app.test"] = [HOSTS[0]]
        time.sleep(2.2)
        before = len(pods[1].requests)
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200} and len(statuses) > 100
        assert len(pods[1].requests) == before
        if way == "resolve":
            left = pods[1].connections
            wait_for(lambda left=left: all(one.closed_by_peer for one in left), "the closing")
        assert {line["upstream"] for line in proxy.lines()} <= {pod.address for pod in pods}
        proxy.stop()


def test_many_requests_ask_once(site, names, pods):
    names.zone["app.test"] = [HOSTS[0]]
    names.delay, names.ttl = 0.5, 60
    proxy = start(site, names, pods[0].port, "variable")
    connections = [proxy.connect() for _ in range(20)]
    for connection in connections:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for connection in connections:
        assert connection.receive().status == 200
    assert names.asked("app.test", A) == 1 and names.asked("app.test", AAAA) == 1


def test_valid_overrides_the_ttl(site, names, pods):
    names.zone["app.test"], names.ttl = [HOSTS[0]], 3600
    proxy = start(site, names, pods[0].port, "resolve", resolver="{dns} valid=1s")
    assert proxy.get("/").text == HOSTS[0]
    names.zone["app.test"] = [HOSTS[1]]
    wait_for(lambda: proxy.get("/").text == HOSTS[1], "the other address")


def test_a_lookup_that_fails_keeps_the_last_addresses_and_says_so_once(site, names, pods):
    for way in ("variable", "resolve"):
        names.zone["app.test"], names.code, names.silent = [HOSTS[0]], 0, False
        proxy = start(site, names, pods[0].port, way)
        assert proxy.get("/").status == 200
        before = proxy.error_text().count("can't be looked up")
        names.code = SERVFAIL
        wait_for(lambda text=before: proxy.error_text().count("can't be looked up") > text,
                 "the line", 15)  # fmt: skip
        proxy.wait_error("host app.test can't be looked up: no name server has given an answer")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert proxy.get("/").text == HOSTS[0]
            time.sleep(0.05)
        assert proxy.error_text().count("can't be looked up") == before + 1
        names.code = 0
        names.zone["app.test"] = [HOSTS[1]]
        wait_for(lambda: proxy.get("/").text == HOSTS[1], "the other address")
        proxy.wait_error("can be looked up again")
        proxy.stop()


def test_a_name_server_that_dies_keeps_the_last_addresses(site, names, pods):
    names.zone["app.test"] = [HOSTS[0]]
    proxy = start(site, names, pods[0].port, "resolve")
    assert proxy.get("/").status == 200
    names.die()
    wait_for(lambda: "can't be looked up" in proxy.error_text(), "the line", 20)
    assert [proxy.get("/").status for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_does_not_exist_is_answered_502(site, names, way):
    proxy = start(site, names, 1, way)
    response = proxy.get("/")
    line = proxy.log_line(response.request_id)
    assert response.status == 502 and line["error"] == "dns_error"
    errors = "".join(proxy.error_lines(response.request_id))
    assert 'the host "app.test" can\'t be used: it has no address' in errors


@pytest.mark.parametrize("way", WAYS)
def test_a_silent_name_server_is_waited_for_as_long_as_the_conf_says(site, names, way):
    names.silent = True
    proxy = start(site, names, 1, way, extra="resolver_timeout 700ms;")
    begin = time.monotonic()
    response = proxy.get("/")
    assert 0.6 < time.monotonic() - begin < 3
    line = proxy.log_line(response.request_id)
    assert response.status == 502 and line["error"] == "dns_timeout"
    assert "within resolver_timeout" in "".join(proxy.error_lines(response.request_id))


def test_who_leaves_while_waiting_has_a_line(site, names):
    names.silent = True
    proxy = start(site, names, 1, "variable")
    with proxy.connect() as connection:
        connection.send(b"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: names.asked("app.test"), "the question")
        connection.reset()
    line = proxy.wait_lines(1)[0]
    assert line["status"] == 499


def test_content_waits_for_the_name(site, names, pods):
    names.zone["app.test"], names.delay = [HOSTS[0]], 0.3
    for buffering in ("on", "off"):
        proxy = start(site, names, pods[0].port, "variable",
                      level=f"proxy_request_buffering {buffering};")
        for body in (b"x" * 10, b"y" * 300_000):
            assert proxy.request("POST", "/", body=body).status == 200
            assert pods[0].requests[-1].body == body
        proxy.stop()


def test_zero_answers_and_the_wrong_family_count_as_none(site, names, pods):
    """A server that lies: an AAAA record for A, no record, aliases in a circle."""
    lies = {
        "none": lambda name, kind: (0, []),
        "family": lambda name, kind: (0, [address(name, "::1" if kind == A else HOSTS[0], 1)]),
        "circle": lambda name, kind: (0, [alias(name, "b.test", 1), alias("b.test", name, 1)]),
        "gone": lambda name, kind: (NXDOMAIN, []),
    }
    names.zone["app.test"] = [HOSTS[0]]
    proxy = start(site, names, pods[0].port, "resolve")
    for lie in lies.values():
        names.answers.clear()
        wait_for(lambda: proxy.get("/").status == 200, "the address")
        names.answers["app.test"] = lie
        wait_for(lambda: proxy.get("/").status == 502, "the end of the address")
        before = len(pods[0].requests)
        assert proxy.get("/").status == 502 and len(pods[0].requests) == before
    assert proxy.alive


def test_a_truncated_answer_is_asked_for_by_tcp(site, names, pods):
    names.truncates = True
    names.zone["app.test"] = [HOSTS[0]]
    proxy = start(site, names, pods[0].port, "variable")
    assert proxy.get("/").text == HOSTS[0] and names.transports["tcp"] >= 1


def test_more_addresses_than_a_datagram_holds_and_than_there_were(site, names, pods):
    names.zone["app.test"] = [f"127.0.1.{number}" for number in range(1, 101)]
    names.ttl = 1
    proxy = start(site, names, pods[0].port, "resolve")
    assert proxy.get("/").status == 502
    names.zone["app.test"] = [HOSTS[1]]
    wait_for(lambda: proxy.get("/").text == HOSTS[1], "the only address")


def test_ipv6(site, names, make_backend):
    backend = make_backend(host="::1")
    other = NameServer("::1")
    other.zone["app.test"] = ["::1", "127.0.0.9"]
    for families in ("ipv4=off", "ipv6=on ipv4=off valid=1s"):
        proxy = start(site, other, backend.port, "variable", resolver=f"{{dns}} {families}")
        response = proxy.get("/")
        assert response.status == 200
        assert proxy.log_line(response.request_id)["upstream"] == backend.address
        proxy.stop()
    assert other.asked("app.test", A) == 0
    other.questions.clear()
    proxy = start(site, other, 1, "resolve", resolver="{dns} ipv6=off")
    proxy.get("/")
    assert other.asked("app.test", AAAA) == 0 and other.asked("app.test", A) >= 1
    other.die()


def test_service_records_name_hosts_ports_and_weights(site, names, make_backend):
    backends = [make_backend(reply(body=name.encode())) for name in ("one", "two", "spare")]
    ports = [backend.port for backend in backends]
    names.zone["host.test"] = ["127.0.0.1"]
    records = [(1, 3, ports[0]), (1, 1, ports[1]), (2, 1, ports[2])]
    names.answers["_http._tcp.app.test"] = lambda name, kind: (
        0, [service(name, *one, "host.test", 1) for one in records])
    proxy = site.servers(
        f"resolver {names.address}; upstream pods {{ zone u 64k;"
        " server app.test service=http resolve; }"
        "server { listen PORT; location / { proxy_pass http://pods; } }")
    answers = [proxy.get("/").text for _ in range(8)]
    assert sorted(answers) == ["one"] * 6 + ["two"] * 2
    # A lower weight holds at once: an operator drains a backend by it.
    records[:] = [(1, 1, ports[0]), (1, 3, ports[1]), (2, 1, ports[2])]

    def shares():
        answers = [proxy.get("/").text for _ in range(8)]
        return answers.count("one"), answers.count("two")

    wait_for(lambda: shares() == (2, 6), "the other weights")
    records[:] = [(5, 1, ports[2])]
    wait_for(lambda: proxy.get("/").text == "spare", "the other record")


def test_a_reload_asks_for_nothing_that_is_known(site, names, pods):
    names.zone["app.test"], names.ttl = [HOSTS[0]], 60
    for way in ("variable", "resolve"):
        names.questions.clear()
        proxy = start(site, names, pods[0].port, way)
        assert proxy.get("/").status == 200
        names.silent = True
        for _ in range(3):
            assert command("-c", proxy.conf, "-s", "reload", timeout=60).returncode == 0
            assert proxy.get("/").status == 200
        assert names.asked("app.test", A) == 1
        names.silent = False
        proxy.stop()


def test_an_unknown_name_stops_neither_start_nor_reload(site, names, pods):
    proxy = start(site, names, pods[0].port, "resolve")
    proxy.wait_error('the host app.test has no addresses')
    result = command("-c", proxy.conf, "-s", "reload", timeout=60)
    assert result.returncode == 0
    names.zone["app.test"] = [HOSTS[0]]
    wait_for(lambda: proxy.get("/").status == 200, "the address")
    conf = site.directory / "unresolvable.conf"
    conf.write_text("upstream u { server nowhere.invalid; } server { listen 127.0.0.1:1; }")
    result = command("-t", "-c", conf, timeout=60)
    assert result.returncode == 2 and 'host "nowhere.invalid" can\'t be resolved' in result.stderr


def test_an_upgrade_goes_on_with_names(site, names, pods, follow):
    names.zone["app.test"] = [HOSTS[0]]
    proxy = start(site, names, pods[0].port, "resolve")
    assert proxy.get("/").status == 200
    generations = follow(proxy)
    generations.upgrade()
    assert proxy.get("/").text == HOSTS[0]
    names.zone["app.test"] = [HOSTS[1]]
    wait_for(lambda: proxy.get("/").text == HOSTS[1], "the other address")
    generations.alone()
    generations.end()


def test_levels_have_resolvers_of_their_own(site, names, pods):
    other = NameServer()
    names.zone["app.test"], other.zone["app.test"] = [HOSTS[0]], [HOSTS[1]]
    port = pods[0].port
    passing = VARIABLE.format(port=port)
    proxy = site.servers(
        f"resolver {names.address}; server {{ listen PORT; location /top {{ {passing} }}"
        f" location /own {{ resolver {other.address} valid=30s; {passing} }} }}")
    assert [proxy.get(f"/{place}").text for place in ("top", "own", "top")] == [
        HOSTS[0], HOSTS[1], HOSTS[0]]
    other.die()


def test_names_that_clients_choose_are_bounded(site, names):
    proxy = site.servers(
        f"resolver {names.address}; server {{ listen PORT;"
        " location / { proxy_pass http://$host:8080$request_uri; } }")
    for host in ("a..b", "x" * 64 + ".test", "under_score.test", "1.2.3", "-", "ü".encode()):
        assert proxy.get("/", [("Host", host)]).status in (400, 502)
    for number in range(300):
        assert proxy.get("/", [("Host", f"n{number}.test")]).status == 502
    assert proxy.alive


def test_the_system_is_asked_without_a_resolver(site, backend):
    proxy = site.servers(
        f"server {{ listen PORT; set $app localhost:{backend.port};"
        " location / { proxy_pass http://$app; }"
        f" location /local {{ resolver local=on ipv6=off; proxy_pass http://$app; }} }}")
    assert proxy.get("/").status == 200 and proxy.get("/local").status == 200


def test_explain_looks_names_up(site, backend):
    conf = site.directory / "explained.conf"
    conf.write_text("server { listen 127.0.0.1:8080; location / {"
                    f" set $app localhost:{backend.port}; proxy_pass http://$app; }} }}")
    result = command("explain", "-c", conf, "http://127.0.0.1:8080/", timeout=60)
    assert f"127.0.0.1:{backend.port}" in result.stdout, result.stdout + result.stderr


@pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="dnsmasq is not installed")
def test_dnsmasq(site, pods, tmp_path):
    """A name server that many use, whose file of hosts changes."""
    hosts, port = tmp_path / "hosts", free_port()
    hosts.write_text(f"{HOSTS[0]} app.test\n")
    process = subprocess.Popen(
        ["dnsmasq", "-k", "-p", str(port), "-h", "-H", hosts, "-R", "--local-ttl=1", "-C",
         "/dev/null", "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root",
         "--pid-file="])
    try:
        proxy = site.servers(
            f"resolver 127.0.0.1:{port}; server {{ listen PORT; location / {{"
            f" {VARIABLE.format(port=pods[0].port)} }} }}")
        wait_for(lambda: proxy.get("/").text == HOSTS[0], "the first address", 10)
        hosts.write_text(f"{HOSTS[1]} app.test\n")
        process.send_signal(1)
        wait_for(lambda: proxy.get("/").text == HOSTS[1], "the second address", 10)
    finally:
        process.terminate()
        process.wait()
