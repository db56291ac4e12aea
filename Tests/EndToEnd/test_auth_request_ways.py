"""What `auth_request` does to a request on its way: its ID, its lines, its content, its end."""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve as serve_websockets

from harness.backend import CLOSE, RESET, RecordingBackend, reply
from harness.client import chunked, request_bytes
from harness.http2 import Client
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command
from harness.secure import SecureConnection, client_context

NOBODY_MINDS = reply("204 No Content", b"")

CONF = """
TOP
server {
  listen PORT;
  SERVER
  auth_request /auth;
  location = /auth { internal; proxy_pass http://AUTH; proxy_pass_request_body off; MORE }
  location / { proxy_pass http://APP; OWN }
}
"""


@pytest.fixture
def make(site, make_backend):
    """A proxy before a backend and one that says who may come in."""

    def start(auth=NOBODY_MINDS, app=None, server="", more="", own="", listen="", top=""):
        app = app or make_backend(lambda r: reply(body=r.body or b"app"))
        auth = auth if hasattr(auth, "address") else make_backend(auth)
        text = CONF.replace("AUTH", auth.address).replace("APP", app.address)
        text = text.replace("MORE", more).replace("OWN", own).replace("SERVER", server)
        text = text.replace("PORT", "PORT " + listen).replace("TOP", top)
        proxy = site.servers(text, workers=2)
        proxy.auth, proxy.app = auth, app
        return proxy

    return start


def by_want(request):
    want = request.fields.get("X-Want") or "204"
    return reply(f"{want} X", b"", {"WWW-Authenticate": "Bearer x"})


def test_all_of_it_has_one_id(make):
    proxy = make(own="auth_request_set $user $upstream_http_x_user; proxy_set_header X-U $user;",
                 auth=reply("200 OK", fields={"X-User": "ann"}))  # fmt: skip
    seen = proxy.observe(proxy.app, request_bytes(fields={"X-Request-ID": "one-1"}))
    assert seen.seen.fields.one("X-U") == "ann"
    asked = proxy.auth.saw("one-1")
    assert (asked.method, asked.target) == ("GET", "/auth")
    assert seen.line["auth_status"] == 200 and seen.line["auth_upstream"] == proxy.auth.address
    assert 0 < seen.line["auth_duration"] <= seen.line["duration"]
    assert seen.line["upstream"] == proxy.app.address and "tries" not in seen.line
    assert len(proxy.lines()) == 1


def test_a_refusal_tells_why(make):
    proxy = make(by_want)
    for want, status in [("401", 401), ("403", 403), ("302", 500), ("500", 500)]:
        answer = proxy.get("/x", {"X-Request-ID": f"no-{want}", "X-Want": want})
        assert answer.status == status
        challenge = ["Bearer x"] if want == "401" else []
        assert answer.fields.all("WWW-Authenticate") == challenge
        line = proxy.log_line(f"no-{want}")
        assert line["auth_status"] == int(want) and line["status"] == status
        assert f"auth_request has answered {want}" in proxy.error_lines(f"no-{want}")[0]
    proxy.app.assert_untouched()


def test_its_own_line_on_demand(make):
    proxy = make(more="log_subrequest on;")
    proxy.get("/x?y=1", {"X-Request-ID": "sub-1"})
    lines = proxy.wait_lines(2)
    own, main = sorted(lines, key=lambda line: line.get("event") is None)
    assert own["request_id"] == main["request_id"] == "sub-1"
    assert own["event"] == "subrequest" and own["subrequest"] == "/auth"
    assert own["status"] == 204 and own["upstream"] == proxy.auth.address
    assert main["upstream"] == proxy.app.address


@pytest.mark.parametrize("kind", ["length", "chunked"])
@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("size", [5, 100_000, 3_000_000])
@pytest.mark.parametrize("want", ["204", "401"])
def test_content_is_for_the_request_or_for_nobody(make, kind, buffering, size, want):
    """Whatever the answer, no byte of content is ever taken for a request."""
    proxy = make(by_want, own=f"proxy_request_buffering {buffering};")
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n".ljust(size, b"x")[:size]
    fields = [("X-Want", want)]
    if kind == "chunked":
        first = request_bytes("POST", "/", [*fields, ("Transfer-Encoding", "chunked")])
        first += chunked(body[:3], body[3:])
    else:
        first = request_bytes("POST", "/", fields, body=body)
    second = request_bytes("GET", "/second", [("X-Request-ID", "second")])
    with proxy.connect(timeout=20) as connection:
        thread = threading.Thread(target=send_quietly, args=(connection, first + second))
        thread.start()
        answer = connection.receive()
        assert answer.status == (200 if want == "204" else 401)
        if want == "204":
            assert answer.body == body
        is_long = kind == "chunked" and size > 1_000_000 and want == "401"
        # Of content that nobody wants so much is not waited for.
        if answer.fields.get("Connection") != "close" and not is_long:
            assert connection.receive().request_id == "second"
        thread.join(10)
    targets = {request.target for request in proxy.auth.requests + proxy.app.requests}
    assert targets <= {"/auth", "/", "/second"}
    assert all(not request.body for request in proxy.auth.requests)
    assert all("Transfer-Encoding" not in r.fields and "Content-Length" not in r.fields
               for r in proxy.auth.requests)  # fmt: skip


def send_quietly(connection, data):
    try:
        connection.send(data)
    except OSError:
        pass


def test_expectations_wait_for_the_answer(make):
    proxy = make(by_want)
    fields = [("Expect", "100-continue"), ("Content-Length", "3")]
    with proxy.connect() as connection:
        answer = connection.exchange(request_bytes("POST", "/", [*fields, ("X-Want", "403")]))
        assert answer.status == 403
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", fields))
        assert connection.receive_head().status == 100
        connection.send(b"abc")
        assert connection.receive().body == b"abc"
    assert all("Expect" not in request.fields for request in proxy.auth.requests)


@pytest.mark.parametrize("secure", [False, True])
def test_http2(make, pair, secure):
    server = "http2 on; "
    if secure:
        server += f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};"
    proxy = make(by_want, server=server, listen="ssl" if secure else "")
    with Client(proxy.port, secure=secure) as client:
        for number in range(20):
            want = "204" if number % 2 else "401"
            name = f"h2-{number}"
            answer = client.get("/", [("x-request-id", name), ("x-want", want)])
            assert answer.status == (200 if number % 2 else 401)
            assert answer["x-request-id"] == name
            assert answer["www-authenticate"] == (None if number % 2 else "Bearer x")
            assert proxy.log_line(name)["auth_status"] == int(want)
        streams = [client.begin("/", [("x-want", "204")]) for _ in range(20)]
        assert all(answer.status == 200 for answer in client.finish(*streams))
    assert len(proxy.wait_lines(40)) == 40


def test_tls_and_kept_connections(make, pair, authority):
    proxy = make(listen="ssl", server=pair.conf)
    with SecureConnection(proxy.port, client_context(authority.file)) as connection:
        for number in range(20):
            fields = {"X-Request-ID": f"tls-{number}"}
            connection.send(request_bytes("POST", "/", fields, body=b"x" * 1000))
        for number in range(20):
            answer = connection.receive()
            assert answer.request_id == f"tls-{number}" and len(answer.body) == 1000
    assert len(proxy.auth.connections) == 1, "its connection was not kept"


def test_websockets_behind_it(make):
    def echo(connection):
        for message in connection:
            connection.send(message)

    with serve_websockets(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.address = ":".join(map(str, server.socket.getsockname()))
        proxy = make(by_want, app=server)
        with connect(f"ws://127.0.0.1:{proxy.port}/") as client:
            client.send("hello")
            assert client.recv(10) == "hello"
        answer = proxy.get(fields=[("Connection", "upgrade"), ("Upgrade", "websocket"),
                                   ("X-Want", "401")])  # fmt: skip
        assert answer.status == 401
        server.shutdown()
        thread.join(5)
    assert all("Upgrade" not in request.fields for request in proxy.auth.requests)


@pytest.mark.parametrize("script", [
    [CLOSE], [RESET], [b"HTTP/1.1 200 OK\r\nContent-Le", CLOSE], [b"nonsense\r\n\r\n"],
    [reply("101 Switching Protocols")],
])  # fmt: skip
def test_broken_authorities_are_500(make, script):
    proxy = make(lambda request: script)
    answer = proxy.get(fields={"X-Request-ID": "broken-1"})
    assert answer.status == 500
    line = proxy.log_line("broken-1")
    assert line["auth_status"] == 502 and line["error"] != "http_request_denied"
    assert proxy.get(fields={"X-Request-ID": "broken-2"}).status == 500
    proxy.app.assert_untouched()


@pytest.mark.parametrize("trailers", [b"", b"X-Trailer: 1\r\n"])
def test_chunked_answers_with_trailers(make, trailers):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    proxy = make(head + chunked(b"abc", trailers=trailers))
    for _ in range(3):
        assert proxy.get().status == 200
    assert len(proxy.auth.connections) <= 2


def test_interim_answers_are_none(make):
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    proxy = make([interim, 0.1, reply("403 Forbidden", b"")])
    assert proxy.get().status == 403


@pytest.mark.parametrize("page", ["", "location = /page { root /nowhere; }"])
def test_requests_that_are_malformed_ask_nobody(make, page):
    """The page for their error is behind it, too."""
    proxy = make(server="error_page 400 405 /page; " + page)
    for data in [b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"\0\r\n\r\n", b"GET\r\n\r\n",
                 b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]:  # fmt: skip
        with proxy.connect() as connection:
            assert connection.exchange(data).status == 400
    proxy.auth.assert_untouched()
    assert proxy.get().status == 200


def test_an_authority_goes_on_to_its_next_server(site, make_backend):
    auth, app = make_backend(NOBODY_MINDS), make_backend()
    proxy = site.servers(f"""
upstream auth {{ server 127.0.0.1:{free_port()}; server {auth.address}; }}
server {{ listen PORT; auth_request /auth; location = /auth {{ proxy_pass http://auth; }}
  location / {{ proxy_pass http://{app.address}; }} }}
""")
    for number in range(4):
        assert proxy.get().status == 200
    assert len(auth.requests) == 4


@pytest.mark.parametrize("body", ["long", "endless", "slow"])
def test_content_of_the_answer_holds_nothing_up(make, body):
    scripts = {
        "long": [reply("200 OK", b"x" * 10_000_000)],
        "endless": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 1000],
        "slow": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 1.5, CLOSE],
    }
    proxy = make(lambda request: scripts[body])
    start = time.monotonic()
    for _ in range(3):
        assert proxy.get().status == 200
    assert time.monotonic() - start < 1.4


@pytest.mark.parametrize("leaving", ["close", "reset", "half"])
def test_clients_that_leave_meanwhile(make, leaving):
    release = threading.Event()
    proxy = make([release, NOBODY_MINDS], own="proxy_ignore_client_abort off;")
    connection = proxy.connect()
    connection.send(request_bytes(fields={"X-Request-ID": "left-1"}))
    proxy.auth.wait_requests(1)
    if leaving == "half":
        connection.shutdown_write()
    elif leaving == "reset":
        connection.reset()
    else:
        connection.close()
    line = proxy.log_line("left-1")
    assert line["status"] == 499 and "auth_status" not in line
    wait_for(lambda: closed(proxy.auth), "the authority's connection to end")
    release.set()
    time.sleep(0.2)
    assert len(proxy.lines()) == 1
    proxy.app.assert_untouched()
    assert proxy.get().status == 200


def closed(backend):
    import socket

    try:
        data = backend.connections[0].socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return data == b""


def test_http2_streams_that_are_reset_meanwhile(make):
    release = threading.Event()
    proxy = make(lambda r: [release, NOBODY_MINDS], server="http2 on;")
    with Client(proxy.port) as client:
        stream = client.begin("/", [("x-request-id", "reset-1")])
        proxy.auth.wait_requests(1)
        client.protocol.reset_stream(stream)
        client.flush()
        assert proxy.log_line("reset-1")["status"] == 499
    release.set()
    assert proxy.get().status == 200


def test_reload_meanwhile(make):
    release = threading.Event()
    proxy = make(lambda r: [release, NOBODY_MINDS])
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "old-1"}))
        proxy.auth.wait_requests(1)
        proxy.signal(signal.SIGHUP)
        proxy.wait_error("reload")
        time.sleep(0.5)
        release.set()
        assert connection.receive().status == 200
    assert proxy.log_line("old-1")["auth_status"] == 204
    assert proxy.get().status == 200


def test_the_end_meanwhile(make):
    never = threading.Event()
    proxy = make(lambda r: [never, CLOSE], more="proxy_read_timeout 60s;")
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "end-1"}))
        proxy.auth.wait_requests(1)
        proxy.stop()
    line = proxy.log_line("end-1")
    assert line["status"] == 503 and line["termination"] == "proxy:response_head"
    never.set()


def test_it_is_seen_among_the_requests_and_can_be_ended(make, tmp_path):
    release = threading.Event()
    proxy = make(lambda r: [release, NOBODY_MINDS], top=f"control unix:{tmp_path}/control;")
    with proxy.connect() as connection:
        connection.send(request_bytes(fields={"X-Request-ID": "seen-1"}))
        proxy.auth.wait_requests(1)
        result = command("requests", "-c", proxy.conf, "--json")
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert [entry["request_id"] for entry in found] == ["seen-1"]
        result = command("requests", "-c", proxy.conf, "--abort", "seen-1")
        assert result.returncode == 0, result.stderr
        assert connection.receive().status == 503
    wait_for(lambda: closed(proxy.auth), "the authority's connection to end")
    release.set()


def test_many_at_once(make):
    """More requests wait than there are connections to the authority."""
    proxy = make(lambda r: [0.05, by_want(r)])
    failures = []

    def client(number):
        with proxy.connect(timeout=20) as connection:
            for turn in range(10):
                want = ["204", "401", "403"][(number + turn) % 3]
                answer = connection.exchange(request_bytes(fields={"X-Want": want}))
                if answer.status != (200 if want == "204" else int(want)):
                    failures.append((number, turn, answer.status))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert len(proxy.wait_lines(400)) == 400


def test_explain_says_it(make):
    proxy = make(own="proxy_set_header X-Own 1;", more="proxy_set_header X-Uri $request_uri;")
    result = command("explain", "--json", "-c", proxy.conf, "POST /x?y", "-H", "Cookie: a=b")
    facts = json.loads(result.stdout)
    assert facts["auth_request"][0].startswith("/auth, asked first: location = /auth (")
    assert facts["sent to it"][0] == "GET /auth HTTP/1.1"
    assert "X-Uri: /x?y" in facts["sent to it"] and "Cookie: a=b" in facts["sent to it"]
    assert facts["sent"][0] == "POST /x?y HTTP/1.1" and "X-Own: 1" in facts["sent"]
    assert facts["tried in this order"] == [proxy.app.address]
    assert facts["answered, to a bare 200"][0] == "HTTP/1.1 200 OK"


def test_the_history_says_it(make):
    proxy = make([0.05, reply("403 Forbidden", b"")], server="slow_log 1ms;")
    proxy.get(fields={"X-Request-ID": "history-1"})
    proxy.log_line("history-1")
    wait_for(lambda: any("history" in x for x in proxy.error_lines("history-1")), "the history")
    history = [line for line in proxy.error_lines("history-1") if "head of" in line][0]
    assert "auth_request asked" in history and "auth_request answered 403" in history
