"""Groups of backends: balancing, health, retries, pools and timeouts."""

import collections
import threading
import time

import pytest

from harness.backend import CLOSE, RESET, reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.ports import RefusingPort, SilentPort


@pytest.fixture
def group(site, make_backend):
    """Starts a proxy in front of named backends; each answers with its name."""

    def start(servers, *, extra="", location="", workers=1, **scripts):
        backends = {}
        for letter in "abc":
            if "{" + letter + "}" in servers:
                script = scripts.get(letter, reply(body=letter.encode()))
                backends[letter] = make_backend(script)
        text = servers.format(**{name: one.address for name, one in backends.items()})
        proxy = site.servers(
            f"upstream app {{ {extra} {text} }}\n"
            f"server {{ listen PORT; location / {{ proxy_pass http://app; {location} }} }}",
            workers=workers,
        )
        return proxy, backends

    return start


def bodies(proxy, count, target="/"):
    return [proxy.get(target).text for _ in range(count)]


@pytest.fixture
def refusing():
    port = RefusingPort()
    yield port
    port.close()


@pytest.fixture
def silent():
    port = SilentPort()
    yield port
    port.close()


def test_weighted_round_robin_is_exact_and_smooth(group):
    proxy, backends = group("server {a} weight=3; server {b};")
    answers = bodies(proxy, 16)
    assert collections.Counter(answers) == {"a": 12, "b": 4}
    assert "bb" not in "".join(answers)
    logged = collections.Counter(line["upstream"] for line in proxy.wait_lines(16))
    assert logged == {backends["a"].address: 12, backends["b"].address: 4}


def test_two_workers_share_the_load(group):
    proxy, _ = group("server {a}; server {b};", workers=2)
    counts = collections.Counter(bodies(proxy, 40))
    assert abs(counts["a"] - counts["b"]) <= 2


def test_least_conn_avoids_the_busy_one(group):
    go = threading.Event()
    proxy, backends = group(
        "server {a}; server {b};", extra="least_conn;", a=[go, reply(body=b"a")]
    )
    held = []
    while not backends["a"].requests:
        held.append(proxy.connect())
        held[-1].send(request_bytes())
        wait_for(lambda: sum(len(b.requests) for b in backends.values()) >= len(held))
    assert bodies(proxy, 6) == ["b"] * 6
    go.set()
    for connection in held:
        assert connection.receive().status == 200
        connection.close()


def test_random_uses_all(group):
    proxy, _ = group("server {a}; server {b};", extra="random;")
    counts = collections.Counter(bodies(proxy, 60))
    assert counts["a"] >= 10 and counts["b"] >= 10


@pytest.mark.parametrize("consistent", ["", " consistent"])
def test_hash_is_sticky(group, consistent):
    proxy, _ = group("server {a}; server {b}; server {c};", extra=f"hash $arg_key{consistent};")
    chosen = {}
    for key in range(30):
        answers = set(bodies(proxy, 2, f"/{key}?key={key}"))
        assert len(answers) == 1, f"key {key} went to {answers}"
        chosen[key] = answers.pop()
    assert set(chosen.values()) == {"a", "b", "c"}


def test_a_failed_server_is_left_alone_for_fail_timeout(group, refusing):
    proxy, backends = group(f"server {refusing.address} max_fails=1 fail_timeout=1s; server {{a}};")
    assert bodies(proxy, 8) == ["a"] * 8
    tried = [line for line in proxy.wait_lines(8) if "tries" in line]
    assert len(tried) == 1, "the failed server was tried again within fail_timeout"
    time.sleep(1.1)
    bodies(proxy, 4)
    assert len([line for line in proxy.wait_lines(12) if "tries" in line]) == 2


def test_max_fails_0_never_gives_up_a_server(group, refusing):
    proxy, _ = group(f"server {refusing.address} max_fails=0; server {{a}};")
    assert bodies(proxy, 6) == ["a"] * 6
    assert len([line for line in proxy.wait_lines(6) if "tries" in line]) == 3


def test_a_backup_serves_only_when_the_others_cannot(group, refusing):
    proxy, backends = group("server {a}; server {b} backup;")
    assert bodies(proxy, 4) == ["a"] * 4
    backends["a"].stop()
    assert bodies(proxy, 4) == ["b"] * 4


def test_a_server_that_is_down_gets_nothing(group):
    proxy, backends = group("server {a} down; server {b};")
    assert bodies(proxy, 5) == ["b"] * 5
    assert backends["a"].connections == []


def test_all_down_is_an_error_with_id(group):
    proxy, _ = group("server {a} down;")
    one = proxy.observe(None, request_bytes())
    assert one.response.status in (502, 503) and one.line["error"] == "destination_unavailable"


def test_max_conns(group):
    go = threading.Event()
    proxy, backends = group("server {a} max_conns=1; server {b} backup;", a=[go, reply(body=b"a")])
    with proxy.connect() as held:
        held.send(request_bytes())
        backends["a"].wait_requests(1)
        assert bodies(proxy, 3) == ["b"] * 3
        go.set()
        assert held.receive().text == "a"
    assert bodies(proxy, 1) == ["a"]


def test_max_conns_without_another_server(group):
    go = threading.Event()
    proxy, backends = group("server {a} max_conns=1;", a=[go, reply(body=b"a")])
    with proxy.connect() as held:
        held.send(request_bytes())
        backends["a"].wait_requests(1)
        one = proxy.observe(None, request_bytes())
        assert one.response.status in (502, 503) and one.line["error"]
        go.set()
        assert held.receive().text == "a"


FAILURES = {"refused": None, "closed": [CLOSE], "reset": [RESET], "cut": [b"HTTP/1.1 200", CLOSE]}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_idempotent_request_goes_to_the_next_server(group, refusing, failure):
    if failure == "refused":
        proxy, backends = group(f"server {refusing.address}; server {{b}};")
        first = refusing.address
    else:
        proxy, backends = group("server {a}; server {b};", a=FAILURES[failure])
        first = backends["a"].address
    second = backends["b"].address
    one = proxy.observe(backends["b"], request_bytes(fields={"X-Request-ID": "mine-1"}))
    assert one.response.text == "b"
    tries = one.line["tries"]
    assert [attempt["address"] for attempt in tries] == [first, second]
    assert "error" in tries[0] and tries[1]["status"] == 200
    assert all(attempt["seconds"] >= 0 for attempt in tries)
    assert (one.line["upstream"], one.line["upstream_status"]) == (second, 200)
    if "a" in backends:
        assert backends["a"].request.request_id == "mine-1", "both tries carry the same ID"


def test_a_slow_server_is_left_after_the_read_timeout(group):
    proxy, backends = group(
        "server {a}; server {b};", a=[5.0], location="proxy_read_timeout 300ms;"
    )
    one = proxy.observe(backends["b"], request_bytes())
    assert one.response.text == "b" and len(one.line["tries"]) == 2
    assert one.line["tries"][0]["seconds"] >= 0.3 and one.line["duration"] >= 0.3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_request_that_is_not_idempotent_is_sent_once(group, method):
    proxy, backends = group("server {a}; server {b};", a=[CLOSE])
    one = proxy.observe(None, request_bytes(method, "/", body=b"pay"))
    assert one.response.status == 502 and one.line["error"] and "tries" not in one.line
    assert len(backends["a"].requests) == 1 and backends["b"].requests == []


def test_a_post_that_was_never_sent_may_go_elsewhere(group, refusing):
    proxy, backends = group(f"server {refusing.address}; server {{b}};")
    one = proxy.observe(backends["b"], request_bytes("POST", "/", body=b"pay"))
    assert one.response.text == "b" and one.seen.body == b"pay"


def test_a_response_that_has_begun_is_never_retried(group):
    cut = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", CLOSE]
    proxy, backends = group("server {a}; server {b};", a=cut)
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "mine-1"}))
        assert connection.receive_head().status == 200
        assert connection.rest() == b"half"
    assert backends["b"].requests == [] and proxy.log_line("mine-1")["termination"]


def refuse_the_second(request):
    """A backend that gives up each kept-alive connection on its second request."""
    return reply() if len(request.connection.requests) == 1 else [CLOSE]


def test_a_stale_pooled_connection_is_retried_at_once(site, make_backend):
    backend = make_backend(refuse_the_second)
    proxy = site.serve(backend)
    first = proxy.observe(backend, request_bytes())
    response = proxy.get("/", {"X-Request-ID": "second-1"})
    line = proxy.log_line("second-1")
    assert response.status == 200 and "tries" not in first.line
    assert [attempt["address"] for attempt in line["tries"]] == [backend.address] * 2
    assert [len(connection.requests) for connection in backend.connections] == [2, 1]


def test_a_pooled_connection_that_was_closed_is_not_used(site, make_backend):
    backend = make_backend([reply(), CLOSE])
    proxy = site.serve(backend)
    for number in range(5):
        assert proxy.request("POST", f"/{number}", body=b"x").status == 200
        time.sleep(0.05)
    assert len(backend.requests) == 5
    assert all("tries" not in line for line in proxy.wait_lines(5))


def test_bytes_on_an_idle_connection_make_it_useless(site, make_backend):
    backend = make_backend(lambda request: [reply(), 0.02, b"HTTP/1.1 200 OK\r\n\r\nunasked"])
    proxy = site.serve(backend)
    for _ in range(3):
        assert proxy.get().body == b"hello\n"
        time.sleep(0.1)
    assert len(backend.connections) == 3


@pytest.mark.parametrize("tries, expected", [(1, 1), (2, 2), (0, 3)])
def test_the_number_of_tries_is_bounded(site, tries, expected):
    ports = [RefusingPort() for _ in range(3)]
    servers = " ".join(f"server {port.address};" for port in ports)
    proxy = site.servers(
        f"upstream app {{ {servers} }} server {{ listen PORT; location / "
        f"{{ proxy_pass http://app; proxy_next_upstream_tries {tries}; }} }}"
    )
    one = proxy.observe(None, request_bytes())
    assert (one.response.status, one.line["error"]) == (502, "connection_refused")
    assert len(one.line.get("tries", [None])) == expected
    assert one.line["upstream"] == ports[expected - 1].address or expected == 3
    for port in ports:
        port.close()


def test_the_time_for_tries_is_bounded(group, silent):
    proxy, backends = group(
        f"server {silent.address}; server {{b}} backup;",
        location="proxy_connect_timeout 400ms; proxy_next_upstream_timeout 200ms;",
    )
    one = proxy.observe(None, request_bytes())
    assert one.response.status == 504 and backends["b"].requests == []


def test_next_upstream_off(group, refusing):
    proxy, _ = group(
        f"server {refusing.address}; server {{b}} backup;", location="proxy_next_upstream off;"
    )
    assert proxy.observe(None, request_bytes()).response.status == 502


def test_refused_is_502(site, refusing):
    one = site.serve(refusing.address).observe(None, request_bytes())
    assert (one.response.status, one.line["error"]) == (502, "connection_refused")
    assert one.line["upstream"] == refusing.address and one.line["termination"]


def test_a_missing_unix_socket_is_502(site):
    proxy = site.serve(f"unix:{site.directory}/none.sock:")
    one = proxy.observe(None, request_bytes())
    assert one.response.status == 502 and one.line["error"]


def test_a_connection_that_does_not_open_is_504(site, silent):
    proxy = site.serve(silent.address, location="proxy_connect_timeout 300ms;")
    one = proxy.observe(None, request_bytes())
    assert (one.response.status, one.line["error"]) == (504, "connection_timeout")
    assert 0.3 <= one.line["duration"] < 2


def test_a_head_that_does_not_come_is_504(site, make_backend):
    proxy = site.serve(make_backend([3.0]), location="proxy_read_timeout 300ms;")
    one = proxy.observe(None, request_bytes())
    assert one.response.status == 504
    assert one.line["error"] in ("http_response_timeout", "connection_read_timeout")
    assert 0.3 <= one.line["duration"] < 2 and one.line["termination"]


def test_the_read_timeout_counts_from_the_last_byte(site, make_backend):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
    backend = make_backend([head, *[part for _ in range(8) for part in (0.1, b"x")]])
    proxy = site.serve(backend, location="proxy_read_timeout 400ms;")
    assert proxy.observe(backend, request_bytes()).response.body == b"x" * 8


def test_a_body_that_stops_is_cut(site, make_backend):
    backend = make_backend([b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", 3.0])
    proxy = site.serve(backend, location="proxy_read_timeout 300ms;")
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "mine-1"}))
        connection.receive_head()
        assert connection.rest() == b"half"
    line = proxy.log_line("mine-1")
    assert line["termination"] and line["error"] and line["level"] == "ERROR"


def test_times_are_logged(site, make_backend):
    backend = make_backend([0.15, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", 0.1, b"b"])
    line = site.serve(backend).observe(backend, request_bytes()).line
    assert 0 <= line["upstream_connect"] < 0.15
    assert 0.15 <= line["upstream_first_byte"] < line["upstream_duration"]
    assert 0.25 <= line["upstream_duration"] <= line["duration"] < 2


@pytest.mark.parametrize("size", [1, 3])
def test_the_pool_keeps_no_more_than_keepalive(group, size):
    go = threading.Event()
    proxy, backends = group("server {a};", extra=f"keepalive {size};", a=[go, reply()])
    held = [proxy.connect() for _ in range(5)]
    for connection in held:
        connection.send(request_bytes())
    backends["a"].wait_requests(5)
    go.set()
    for connection in held:
        assert connection.receive().status == 200
    all_connections = backends["a"].connections
    wait_for(lambda: sum(one.closed_by_peer for one in all_connections) == 5 - size, "closing")
    assert bodies(proxy, 3) == ["hello\n"] * 3 and len(all_connections) == 5


def test_host_names_are_resolved_at_start(site, backend):
    proxy = site.servers(
        f"upstream app {{ server localhost:{backend.port}; }}"
        "server { listen PORT; location / { proxy_pass http://app; } "
        f"location /direct {{ proxy_pass http://localhost:{backend.port}; }} }}"
    )
    for target in ("/", "/direct"):
        assert proxy.get(target).status == 200
    assert all(backend.address == line["upstream"] for line in proxy.wait_lines(2))


# --- fail_open ---


def restart(make_backend, backend):
    """A backend at the address of one that was stopped."""
    return make_backend(reply(body=b"back"), port=int(backend.address.rsplit(":", 1)[1]))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_restarted_pair_serves_at_once(group, make_backend, workers):
    proxy, backends = group("server {a}; server {b};", workers=workers)
    assert set(bodies(proxy, 4)) == {"a", "b"}
    for one in backends.values():
        one.stop()
    # Each worker finds out about both.
    assert {proxy.get("/").status for _ in range(12)} == {502}
    revived = [restart(make_backend, one) for one in backends.values()]
    assert bodies(proxy, 6) == ["back"] * 6
    # And both are used within a second, though one of them serves.
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline and not all(one.requests for one in revived):
        assert proxy.get("/").text == "back"
        time.sleep(0.05)
    assert all(one.requests for one in revived)


def test_fail_open_says_so_once(group):
    proxy, backends = group("server {a}; server {b};")
    for one in backends.values():
        one.stop()
    for _ in range(5):
        assert proxy.get("/").status == 502
    lines = [line for line in proxy.error_text().split("\n") if "fail_open" in line]
    assert len(lines) == 1 and "upstream app " in lines[0], lines


def test_without_fail_open_the_reasons_are_told(group):
    proxy, backends = group(
        "server {a}; server {b}; server 127.0.0.1:9 down;", extra="fail_open off;"
    )
    for one in backends.values():
        one.stop()
    assert proxy.get("/").status == 502
    observed = proxy.observe(None, request_bytes())
    assert observed.response.status == 502
    assert observed.line["error"] == "destination_unavailable"
    line = proxy.wait_error("no peer of upstream")
    assert "upstream app " in line and "127.0.0.1:9 is down" in line
    for one in backends.values():
        assert f"{one.address} has failed (connection refused) and is left out for another" in line
