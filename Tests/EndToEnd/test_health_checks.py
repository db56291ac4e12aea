"""Active checks: peers that flap, hang, babble and lie, seen by all workers, over reloads."""

import re
import signal
import socket
import threading
import time

import pytest

from harness.backend import CLOSE, reply
from harness.polling import wait_for
from harness.ports import RefusingPort
from harness.proxy import command

CHECK = "health_check interval=200ms timeout=300ms"


class Health:
    """A backend's script whose checks can be switched."""

    def __init__(self, name, answer=reply(body=b"fine")):
        self.name = name
        self.answer = answer
        self.checks = []

    def __call__(self, request):
        if "waybill-health-check" in (request.fields.get("User-Agent") or ""):
            self.checks.append(request)
            return self.answer
        return reply(body=self.name.encode())


@pytest.fixture
def checked(site, make_backend):
    """A proxy in front of two backends that are checked."""

    def start(
        check=f"{CHECK};", *, top="", servers="server {a}; server {b};", workers=2,
        answer=reply(body=b"fine"),
    ):
        scripts = {name: Health(name, answer) for name in "ab"}
        backends = {name: make_backend(script) for name, script in scripts.items()}
        text = servers.format(**{name: one.address for name, one in backends.items()})

        proxy = site.servers(
            f"{top}\nupstream app {{ {text} {check} }}\n"
            f"server {{ listen PORT; location / {{ proxy_pass http://app; }} }}",
            workers=workers,
        )
        return proxy, scripts, backends

    return start


def seen(proxy, count=12):
    """Which backends answer: enough requests, each on a connection of its own, for all workers."""
    return {proxy.get("/").text for _ in range(count)}


def reload(proxy):
    count = proxy.output().count("reload: generation")
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: proxy.output().count("reload: generation") > count, "the reload")


def changes(proxy):
    return [line for line in proxy.error_text().split("\n") if " health" in line and "peer" in line]


def test_all_workers_leave_a_peer_that_fails_its_checks(checked):
    proxy, scripts, backends = checked()
    wait_for(lambda: len(scripts["a"].checks) > 1)
    assert seen(proxy) == {"a", "b"}
    scripts["a"].answer = reply("503 Service Unavailable")
    line = proxy.wait_error("failed its health check")
    assert "the status 503" in line and backends["a"].address in line and "upstream app " in line
    assert seen(proxy) == {"b"}
    scripts["a"].answer = reply()
    proxy.wait_error("passes its health checks")
    assert seen(proxy) == {"a", "b"}
    assert len(changes(proxy)) == 2, "one line for each change"


def test_the_line_of_a_change_has_the_id_of_the_probe(checked):
    proxy, scripts, _ = checked()
    scripts["a"].answer = reply("500 Oops")
    line = proxy.wait_error("failed its health check")
    [found] = re.findall(r"\[req-([^\] ]+)\]", line)
    assert found in {check.request_id for check in scripts["a"].checks}
    ids = [check.request_id for check in scripts["a"].checks + scripts["b"].checks]
    assert len(ids) == len(set(ids)) and all(ids)


def test_the_request_of_a_check(checked):
    proxy, scripts, _ = checked(f"{CHECK} uri=/up?x=1 host=example.org;")
    wait_for(lambda: scripts["a"].checks)
    check = scripts["a"].checks[0]
    assert (check.method, check.target) == ("GET", "/up?x=1")
    assert check.fields.one("Host") == "example.org" and check.fields.one("Connection") == "close"


def test_the_host_of_a_check_is_the_upstream(checked):
    proxy, scripts, _ = checked()
    wait_for(lambda: scripts["b"].checks)
    assert scripts["b"].checks[0].fields.one("Host") == "app"


@pytest.mark.parametrize("answer, reason", [
    ([b"HTTP/1.1 200 OK\r\n", 9.0], "300 ms"),
    ([9.0], "300 ms"),
    (b"garbage\r\n\r\n", "malformed"),
    ([b"HTTP/1.1 200", CLOSE], "closed the connection"),
    ([CLOSE], "closed the connection"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000_000, "bytes"),
    ([b"HTTP/1.1 200 OK\r\n"] + [b"X: y\r\n", 0.05] * 60, "300 ms"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, "bytes"),
    (reply("404 Not Found"), "status 404"),
], ids=["half a head", "silence", "garbage", "cut", "closed", "10 MB head", "drip", "100 for ever",
        "404"])
def test_what_fails_a_check(checked, answer, reason):
    proxy, scripts, _ = checked()
    scripts["a"].answer = answer
    assert reason in proxy.wait_error("failed its health check")
    assert seen(proxy) == {"b"}


@pytest.mark.parametrize("answer", [
    reply("302 Found", fields={"Location": "http://127.0.0.1:1/"}), reply("204 No Content"),
    b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply(),
    [b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * 65536] * 200,
], ids=["redirect", "204", "interim", "endless content"])
def test_what_passes_a_check(checked, answer):
    proxy, scripts, _ = checked(f"{CHECK} mandatory;")
    scripts["a"].answer = answer
    wait_for(lambda: len(scripts["a"].checks) > 3)
    assert changes(proxy) == [] or all("passes" in line for line in changes(proxy))
    assert seen(proxy) == {"a", "b"}


@pytest.mark.parametrize("match, good, bad", [
    ("status 200 404;", reply("404 Not Found"), reply("302 Found")),
    ("status ! 500-599;", reply("404 Not Found"), reply("503 Busy")),
    ("header X-Ready;", reply(fields={"x-ready": "1"}), reply()),
    ("header ! Refresh;", reply(), reply(fields={"Refresh": "1"})),
    ("header X = yes;", reply(fields={"X": "yes"}), reply(fields={"X": "no"})),
    ("header X != no;", reply(fields={"X": "yes"}), reply(fields={"X": "no"})),
    ("header X ~ ^y.s$;", reply(fields={"X": "yes"}), reply(fields={"X": "yess"})),
    ("header X !~* NO;", reply(fields={"X": "yes"}), reply(fields={"X": "no"})),
    ('body ~ "all (is )?well";', reply(body=b"all is well"), reply(body=b"all is lost")),
    ("body !~ maintenance;", reply(), reply(body=b"maintenance")),
    ("body ~ end$;",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nen\r\n1\r\nd\r\n0\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nend\r\n1\r\n!\r\n0\r\n\r\n"),
    ("body ~ end$;", [b"HTTP/1.1 200 OK\r\n\r\nen", 0.05, b"d", CLOSE],
     [b"HTTP/1.1 200 OK\r\n\r\nend", 0.05, b"s", CLOSE]),
])
def test_match(checked, match, good, bad):
    proxy, scripts, _ = checked(
        f"{CHECK} match=good;", top=f"match good {{ {match} }}", answer=good)
    wait_for(lambda: len(scripts["b"].checks) > 2)
    assert changes(proxy) == []
    scripts["a"].answer = bad
    proxy.wait_error("failed its health check")
    assert len(changes(proxy)) == 1 and seen(proxy) == {"b"}


def test_content_that_never_ends_is_judged_by_its_begin(checked):
    endless = [b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * 65536] * 500
    proxy, scripts, _ = checked(
        f"{CHECK} match=good;", top="match good { body ~ ^x+$; }", answer=endless)
    wait_for(lambda: len(scripts["a"].checks) > 3)
    assert changes(proxy) == [] and seen(proxy) == {"a", "b"}


def test_fails_and_passes_are_counted(checked):
    proxy, scripts, _ = checked(f"{CHECK} fails=3 passes=2;")
    wait_for(lambda: scripts["a"].checks)
    before = len(scripts["a"].checks)
    scripts["a"].answer = reply("500 Oops")
    assert "3 health checks in a row" in proxy.wait_error("health checks in a row")
    assert len(scripts["a"].checks) - before >= 3
    before = len(scripts["a"].checks)
    scripts["a"].answer = reply()
    proxy.wait_error("passes its health checks")
    assert len(scripts["a"].checks) - before >= 2


def test_tcp_checks_connect_only(checked):
    proxy, scripts, backends = checked(f"{CHECK} type=tcp;")
    wait_for(lambda: len(backends["a"].connections) > 3)
    assert scripts["a"].checks == [] and seen(proxy) == {"a", "b"}
    backends["a"].stop()
    assert "connection refused" in proxy.wait_error("failed its health check")
    assert seen(proxy) == {"b"}


def test_another_port(checked):
    refusing = RefusingPort()
    try:
        port = refusing.address.rsplit(":", 1)[1]
        proxy, scripts, _ = checked(f"{CHECK} port={port} fails=2;")
        proxy.wait_error("2 health checks in a row")
        wait_for(lambda: len(changes(proxy)) == 2)
        # All fail: fail_open.
        assert seen(proxy) <= {"a", "b"} and scripts["a"].checks == []
    finally:
        refusing.close()


def test_unix_sockets(site, make_backend, tmp_path):
    script = Health("u")
    path = str(tmp_path / "u.sock")
    backend = make_backend(script, unix=path)
    proxy = site.servers(
        f"upstream app {{ server unix:{path}; server 127.0.0.1:9 backup; {CHECK}; }}\n"
        "server { listen PORT; location / { proxy_pass http://app; } }")
    wait_for(lambda: len(script.checks) > 1)
    assert proxy.get("/").text == "u"
    script.answer = reply("500 Oops")
    assert f"unix:{path}" in proxy.wait_error("the status 500")
    assert backend.connections


def test_in_a_location(site, make_backend):
    scripts = {name: Health(name) for name in "ab"}
    backends = [make_backend(script) for script in scripts.values()]
    proxy = site.servers(
        "upstream one { server %s; server %s; }\nupstream two { server %s; }\n"
        "server { listen PORT; location / { proxy_pass http://one; health_check uri=/1"
        " interval=200ms; health_check uri=/2 interval=200ms; }"
        " location /two { proxy_pass http://two; } }"
        % (backends[0].address, backends[1].address, backends[1].address), workers=2)
    wait_for(lambda: {check.target for check in scripts["a"].checks} == {"/1", "/2"})
    scripts["b"].answer = reply("500 Oops")
    proxy.wait_error("failed its health check")
    assert seen(proxy) == {"a"}
    assert proxy.get("/two").text == "b", "the other upstream is not checked"


def test_mandatory_peers_wait_for_their_first_check(checked):
    proxy, scripts, _ = checked(
        f"{CHECK} mandatory;", servers="server {a}; server {b};")
    # The first answers of this process, by either worker.
    wait_for(lambda: len(changes(proxy)) == 2)
    assert all("passes" in line for line in changes(proxy))
    assert seen(proxy) == {"a", "b"}


def test_one_prober_for_all_workers(checked):
    proxy, scripts, _ = checked("health_check interval=1s;", workers=4)
    time.sleep(2.5)
    assert 2 <= len(scripts["a"].checks) <= 4


def test_states_survive_a_reload(checked):
    proxy, scripts, backends = checked(f"{CHECK} fails=2;")
    scripts["a"].answer = reply("500 Oops")
    proxy.wait_error("2 health checks in a row")
    for _ in range(2):
        reload(proxy)
        assert seen(proxy, 8) == {"b"}
    assert len(changes(proxy)) == 1
    scripts["a"].answer = reply()
    proxy.wait_error("passes its health checks")
    assert seen(proxy) == {"a", "b"}


def test_all_that_fail_are_tried_nevertheless(checked):
    proxy, scripts, _ = checked()
    for script in scripts.values():
        script.answer = reply("500 Oops")
    wait_for(lambda: len(changes(proxy)) == 2)
    assert seen(proxy) == {"a", "b"}
    assert "fail_open" in proxy.error_text()


def test_all_that_fail_without_fail_open(checked):
    proxy, scripts, backends = checked(f"fail_open off; {CHECK};")
    for script in scripts.values():
        script.answer = reply("500 Oops")
    wait_for(lambda: len(changes(proxy)) == 2)
    assert proxy.get("/").status == 502
    line = proxy.wait_error("no peer of upstream")
    for one in backends.values():
        assert f"{one.address} fails its health checks" in line


def test_a_pair_killed_under_load_and_restarted(checked, make_backend):
    """No client error but what can't be repeated; each is used within a second of accepting."""
    proxy, scripts, backends = checked("health_check interval=500ms timeout=300ms;")
    statuses, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            statuses.append((time.monotonic(), proxy.get("/").status))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    port = int(backends["a"].address.rsplit(":", 1)[1])
    backends["a"].stop()
    time.sleep(1.5)
    assert {status for _, status in statuses} == {200}
    revived = make_backend(Health("again"), port=port)
    began = time.monotonic()
    wait_for(lambda: any(b"waybill-health-check" not in one.received and one.requests
                         for one in revived.connections))
    assert time.monotonic() - began < 1.0
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for _, status in statuses} == {200}


@pytest.mark.parametrize("text, message", [
    ("health_check type=grpc;", "not supported yet"),
    ("health_check type=udp;", "invalid type"),
    ("health_check uri=up;", "invalid path"),
    ("health_check type=tcp uri=/;", "has no request"),
    ("health_check match=none;", 'the match "none" is not declared'),
    ("health_check intervall=1s;", "invalid parameter"),
    ("health_check fails=0;", "invalid"),
])
def test_refusals(site, text, message):
    path = site.directory / "refused.conf"
    path.write_text(
        f"upstream app {{ server 127.0.0.1:9; {text} }}\nserver {{ listen 127.0.0.1:9; }}"
    )
    outcome = command("-t", "-c", path)
    assert outcome.returncode != 0 and message in outcome.stderr


def test_descriptors_and_memory_stay(checked):
    """A peer that accepts and says nothing holds one descriptor, and gives it back."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    try:
        address = "127.0.0.1:%d" % listener.getsockname()[1]
        proxy, _, _ = checked(
            "health_check interval=100ms timeout=100ms;",
            servers="server {a}; server {b}; server %s;" % address)
        proxy.wait_error("failed its health check")
        before = proxy.descriptors()
        time.sleep(1.0)
        assert abs(proxy.descriptors() - before) <= 3
    finally:
        listener.close()
