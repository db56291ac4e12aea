"""`mirror`: nginx and Waybill side by side; and that nobody waits for a copy."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from harness.backend import CLOSE, RESET, RecordingBackend, reply
from harness.client import chunked, request_bytes
from harness.http2 import Client
from harness.polling import wait_for
from harness.ports import free_port
from harness.twins import Twins

HTTP = "client_max_body_size 4m; proxy_http_version 1.1; proxy_set_header Connection '';"
SERVER = """
root {root};
location / { mirror /copy; proxy_pass http://{backend}; }
location = /copy { internal; proxy_pass http://{mirror}$request_uri; proxy_set_header X-Uri $uri;
  proxy_set_header X-Method $request_method; proxy_set_header X-Set $made; }
location /two/ { mirror /copy; mirror /other; proxy_pass http://{backend}; }
location = /other { proxy_pass http://{mirror}/other; }
location /plain/ { mirror /plain-copy; proxy_pass http://{backend}; }
location /plain-copy { proxy_pass http://{mirror}; }
location /nobody/ { mirror /copy; mirror_request_body off; proxy_pass http://{backend}; }
location /dropped/ { mirror /copy-dropped; proxy_pass http://{backend}; }
location = /copy-dropped { proxy_pass http://{mirror}; proxy_pass_request_body off;
  proxy_set_header Content-Length ""; }
location /off/ { mirror off; proxy_pass http://{backend}; }
location /files/ { mirror /copy; alias {root}/; }
location /return/ { mirror /copy; return 200 "answered"; }
location /set/ { set $made value; mirror /copy; proxy_pass http://{backend}; }
location /chain/ { mirror /chained; proxy_pass http://{backend}; }
location = /chained { mirror /copy; proxy_pass http://{mirror}/chained; }
location /stream/ { mirror /copy; proxy_request_buffering off; proxy_pass http://{backend}; }
location /rewritten/ { rewrite ^/rewritten/(.*)$ /off/$1?new=1 break; mirror /plain-copy;
  proxy_pass http://{backend}; }
location /dead/ { mirror /copy-dead; proxy_pass http://{backend}; }
location = /copy-dead { proxy_pass http://127.0.0.1:{dead}; }
location /denied/ { deny all; mirror /copy; proxy_pass http://{backend}; }
location /nowhere/ { mirror /does/not/exist; proxy_pass http://{backend}; }
location /does/ { return 404; }
"""


@pytest.fixture(scope="module")
def pair():
    mirror, backend = RecordingBackend(reply(body=b"mirror")), RecordingBackend(reply())
    twins = Twins(HTTP, SERVER)
    (twins.root / "a").write_text("a file")
    twins.mirror, twins.backend = mirror, backend
    try:
        yield twins.start(mirror=mirror.address, backend=backend.address, dead=free_port())
    finally:
        twins.stop()
        mirror.stop()
        backend.stop()


NUMBERS = itertools.count()


def marked(backend, mark):
    return [request for request in backend.requests if request.fields.get("X-Mark") == mark]


def seen(backend, mark):
    mine = ("x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host",
            "connection", "content-length", "transfer-encoding", "x-mark")  # fmt: skip
    return sorted(
        (request.method, request.target, request.body,
         sorted((n.lower(), v) for n, v in request.fields if n.lower() not in mine))
        for request in marked(backend, mark)
    )  # fmt: skip


def facts(pair, name, data, copies):
    mark = f"mark-{next(NUMBERS)}"
    answer = pair.ask(name, data.replace(b"\r\n", f"\r\nX-Mark: {mark}\r\n".encode(), 1))
    if copies:
        wait_for(lambda: len(marked(pair.mirror, mark)) >= copies, "the copies")
    else:
        time.sleep(0.1)
    asked = [seen(backend, mark) for backend in (pair.mirror, pair.backend)]
    return {"status": answer.status, "copies": asked[0], "app": asked[1]}


COPIES = {"/two/": 2, "/off/": 0, "/return/": 0, "/dead/": 0, "/denied/": 0, "/nowhere/": 0}


@pytest.mark.parametrize("place", [
    "/", "/two/", "/plain/", "/off/", "/files/a", "/return/", "/set/", "/chain/", "/stream/",
    "/rewritten/x", "/dead/", "/denied/", "/nowhere/", "/nobody/",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("query", ["", "?a=b&c"])
def test_it_is_that_of_nginx(pair, place, method, query):
    body = b"content" if method == "POST" and place != "/nobody/" else b""
    data = request_bytes(method, place + query, [("X-A", "1")], body=body, host="files.test")
    copies = COPIES.get(place, 1)
    assert facts(pair, "waybill", data, copies) == facts(pair, "nginx", data, copies)


@pytest.mark.parametrize("place", ["/", "/dropped/", "/stream/", "/two/"])
@pytest.mark.parametrize("size", [10, 30_000, 2_000_000])
@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_content_comes_whole_to_all(pair, place, size, kind):
    body = bytes(i * 7 % 251 for i in range(size))
    if kind == "chunked":
        data = request_bytes("POST", place, [("Transfer-Encoding", "chunked")], host="files.test")
        data += chunked(body[:7], body[7:])
    else:
        data = request_bytes("POST", place, body=body, host="files.test")
    ours = facts(pair, "waybill", data, COPIES.get(place, 1))
    bodies = {request[2] for request in ours["copies"]}
    assert bodies == ({b""} if place == "/dropped/" else {body})
    assert [request[2] for request in ours["app"]] == [body]


def test_content_that_is_not_wanted(site, make_backend):
    mirror, app = make_backend(reply()), make_backend(lambda r: reply(body=r.body))
    proxy = site.servers(f"""
server {{ listen PORT; mirror /copy; mirror_request_body off;
  location / {{ proxy_pass http://{app.address}; }}
  location = /copy {{ proxy_pass http://{mirror.address}; }} }}
""")
    answer = proxy.request("POST", "/", {"X-Request-ID": "m-1"}, body=b"x" * 100_000)
    assert answer.body == b"x" * 100_000
    copy = mirror.wait_requests(1)[0]
    assert copy.request_id == "m-1" and copy.method == "POST" and copy.body == b""
    assert "Content-Length" not in copy.fields and "Transfer-Encoding" not in copy.fields


CONF = """
server {{ listen PORT; {more}
  location / {{ mirror /copy; proxy_pass http://{app}; }}
  location = /copy {{ internal; proxy_pass http://{mirror}; log_subrequest on; }} }}
"""


@pytest.fixture
def mirrored(site, make_backend):
    def start(script, more=""):
        mirror, app = make_backend(script), make_backend(lambda r: reply(body=r.body or b"app"))
        proxy = site.servers(CONF.format(mirror=mirror.address, app=app.address, more=more))
        proxy.mirror, proxy.app = mirror, app
        return proxy

    return start


@pytest.mark.parametrize("script", [
    [2.0, reply()], [CLOSE], [RESET], [b"nonsense\r\n\r\n"], [reply(body=b"x" * 20_000_000)],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 2.0, CLOSE],
])  # fmt: skip
def test_nobody_waits_for_a_copy(mirrored, script):
    proxy = mirrored(lambda request: script)
    start = time.monotonic()
    with proxy.connect() as connection:
        for number in range(5):
            fields = {"X-Request-ID": f"fast-{number}"}
            answer = connection.exchange(request_bytes("POST", "/", fields, body=b"x" * 50_000))
            assert answer.status == 200 and len(answer.body) == 50_000
    assert time.monotonic() - start < 1.5
    for number in range(5):
        assert proxy.log_line(f"fast-{number}")["status"] == 200
    proxy.mirror.wait_requests(5)


def test_a_copy_outlives_its_request_and_its_connection(mirrored):
    release = threading.Event()
    proxy = mirrored(lambda request: [release, reply()])
    for number in range(10):
        assert proxy.get(fields={"X-Request-ID": f"gone-{number}"}).status == 200
    proxy.mirror.wait_requests(10)
    release.set()
    lines = proxy.wait_lines(20)
    copies = [line for line in lines if line.get("event") == "subrequest"]
    wait_for(lambda: len([x for x in proxy.lines() if "event" in x]) == 10, "ten lines of copies")
    assert {line["subrequest"] for line in copies} == {"/copy"}


def test_a_client_that_leaves_leaves_the_copy_alone(mirrored):
    release = threading.Event()
    proxy = mirrored(lambda request: [release, reply()])
    proxy.app.script = lambda request: [release, reply()]
    connection = proxy.connect()
    connection.send(request_bytes(fields={"X-Request-ID": "left"}))
    proxy.mirror.wait_requests(1)
    proxy.app.wait_requests(1)
    connection.reset()
    assert proxy.log_line("left")["status"] == 499
    release.set()
    copy = wait_for(lambda: [x for x in proxy.lines() if "event" in x], "the copy's line")
    assert copy is None or copy[0]["status"] == 200


def test_http2(mirrored):
    proxy = mirrored(reply(), more="http2 on;")
    with Client(proxy.port) as client:
        streams = []
        for number in range(10):
            stream = client.begin("/x", [("x-request-id", f"h2-{number}")], method="POST",
                                  ends=False)  # fmt: skip
            client.send(stream, b"y" * 30_000, ends=True)
            streams.append(stream)
        answers = client.finish(*streams)
    assert all(len(answer.body) == 30_000 for answer in answers)
    copies = proxy.mirror.wait_requests(10)
    assert {copy.request_id for copy in copies} == {f"h2-{number}" for number in range(10)}
    assert all(copy.body == b"y" * 30_000 for copy in copies)


def test_the_end_ends_copies(mirrored):
    never = threading.Event()
    proxy = mirrored(lambda request: [never, CLOSE])
    assert proxy.get().status == 200
    proxy.mirror.wait_requests(1)
    proxy.stop()
    never.set()
