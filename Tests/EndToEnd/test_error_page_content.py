"""`error_page` and content: what a client sends too much of reaches nobody, and what it gets agrees
with the status that it sees, so that the next message on the connection is the next one."""

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.http2 import Client
from harness.messages import Truncated
from harness.polling import wait_for

NEXT = request_bytes("GET", "/next")
PLACES = """
  location = /page { proxy_pass http://%(page)s; client_max_body_size 0; }
  location = /limited { proxy_pass http://%(page)s; }
  location @page { proxy_pass http://%(page)s; client_max_body_size 0; }
  location = /text { return 200 "the page"; }
"""
TARGETS = ["/page", "/limited", "@page", "/text"]


def post(content, framing):
    if framing == "length":
        return request_bytes("POST", fields=[("Content-Length", str(len(content)))]) + content
    pieces = [content[start : start + 200] for start in range(0, len(content), 200)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return request_bytes("POST", fields=[("Transfer-Encoding", "chunked")]) + body + b"0\r\n\r\n"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [200, 90_000])
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_content_that_is_too_large(site, make_backend, target, framing, size, buffering):
    backend, page = make_backend(), make_backend(reply(body=b"the page"))
    proxy = site.serve(
        backend,
        server=f"client_max_body_size 100; error_page 413 {target};"
        f"proxy_request_buffering {buffering};" + PLACES % {"page": page.address},
    )
    # A stranger would have these bytes be a request of his own.
    content = (NEXT * (size // len(NEXT) + 1))[:size]
    for number in range(2):
        with proxy.connect() as connection:
            connection.send(post(content, framing))
            answer = connection.receive()
            assert answer.status == 413 and answer.body == b"the page"
            assert "close" in answer.fields.tokens("Connection")
            assert connection.rest() == b""
    assert [line["status"] for line in proxy.wait_lines(2)] == [413, 413]
    expected = 0 if target == "/text" else 2
    wait_for(lambda: len(page.requests) == expected, "the page's requests")
    for request in page.requests:
        assert request.body == b"" and request.fields.all("Transfer-Encoding") == []
        assert request.fields.get("Content-Length", "0") == "0"
    assert all(request.target != "/next" for request in backend.requests + page.requests)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("announced", [True, False])
def test_content_that_is_too_large_over_http2(site, make_backend, target, announced):
    backend, page = make_backend(), make_backend(reply(body=b"the page"))
    proxy = site.serve(
        backend,
        server=f"http2 on; client_max_body_size 100; error_page 413 {target};"
        + PLACES % {"page": page.address},
    )
    with Client(proxy.port) as client:
        fields = [("content-length", "90000")] if announced else []
        streams = [client.begin("/", fields, method="POST", ends=False) for _ in range(2)]
        for stream in streams:
            client.protocol.send_data(stream, b"x" * 10_000)
            client.flush()
        for answer in client.finish(*streams):
            assert answer.status == 413 and answer.body == b"the page"
        assert client.get("/next").status == 200
    assert all(request.body == b"" for request in page.requests)


@pytest.mark.parametrize("target", ["/page", "@page", "/text"])
def test_malformed_content(site, make_backend, target):
    backend, page = make_backend(), make_backend(reply(body=b"the page"))
    proxy = site.serve(
        backend, server=f"error_page 400 {target};" + PLACES % {"page": page.address}
    )
    with proxy.connect() as connection:
        head = request_bytes("POST", fields=[("Transfer-Encoding", "chunked")])
        connection.send(head + b"5\r\nabcde\r\nzz\r\n" + NEXT)
        answer = connection.receive()
        assert answer.status == 400 and answer.body == b"the page"
        assert connection.rest() == b""
    assert [request.body for request in page.requests] == [b""] * (target != "/text")


@pytest.mark.parametrize("own", ["", "=204", "=304", "=200", "=404"])
@pytest.mark.parametrize("theirs", ["200 OK", "204 No Content", "304 Not Modified", "404 Gone"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("intercepts", [True, False])
def test_content_agrees_with_the_status(site, make_backend, own, theirs, method, intercepts):
    """Two requests on one connection: each answer ends where its head says."""
    has_none = theirs[:3] in ("204", "304")
    page = make_backend(
        lambda request: reply(theirs, body=b"" if has_none else b"HTTP/1.1 200 OK\r\n\r\n")
    )
    error = make_backend(reply("503 Busy"))
    action = f"proxy_pass http://{error.address}; proxy_intercept_errors on;"
    proxy = site.servers(f"""
      server {{ listen PORT; error_page 503 {own} /page;
        location / {{ {action if intercepts else "return 503;"} }}
        location = /page {{ proxy_pass http://{page.address}; }}
        location = /next {{ return 200 "next"; }} }}""")
    status = int(own[1:] or 503)
    shown = "GET" if method == "POST" else method
    with proxy.connect() as connection:
        for _ in range(2):
            connection.send(request_bytes(method, "/", [("If-None-Match", '"x"')]))
            answer = connection.receive(method)
            assert answer.status == status
            if status in (204, 304) or has_none or shown == "HEAD":
                assert answer.body == b""
            connection.send(NEXT)
            assert connection.receive().body == b"next"


@pytest.mark.parametrize("code", [204, 304, 200])
@pytest.mark.parametrize("kind", ["file", "index", "listing", "text"])
def test_pages_of_waybills_own_agree_with_the_status(site, tmp_path, code, kind):
    (tmp_path / "www/with").mkdir(parents=True)
    (tmp_path / "www/without").mkdir()
    (tmp_path / "www/with/index.html").write_text("a page")
    target = {"file": "/with/index.html", "index": "/with/", "listing": "/without/",
              "text": "/text"}[kind]  # fmt: skip
    proxy = site.servers(f"""
      server {{ listen PORT; root {tmp_path}/www; autoindex on; error_page 418 ={code} {target};
        location = /error {{ return 418; }}
        location = /text {{ return 200 "the text"; }}
        location = /next {{ return 200 "next"; }} }}""")
    with proxy.connect() as connection:
        for _ in range(2):
            answer = connection.exchange(request_bytes("GET", "/error"))
            assert answer.status == code and (answer.body == b"") == (code != 200)
            if code == 204:
                assert answer.fields.all("Content-Type") == []
                assert answer.fields.all("Content-Length") == []
            assert connection.exchange(NEXT).body == b"next"


def test_a_page_of_a_backend_asks_for_the_password(site, make_backend, tmp_path):
    """Without WWW-Authenticate no browser would ask."""
    page = make_backend(reply(fields={"Set-Cookie": "a=b"}))
    proxy = site.servers(f"""
      server {{ listen PORT; error_page 401 /page;
        location / {{ auth_basic "here"; auth_basic_user_file {tmp_path}/users; }}
        location = /page {{ proxy_pass http://{page.address}; }} }}""")
    (tmp_path / "users").write_text("a:{PLAIN}b\n")
    answer = proxy.get()
    assert answer.status == 401 and answer.fields.all("Set-Cookie") == ["a=b"]
    assert answer.fields.all("WWW-Authenticate") == ['Basic realm="here"']


def test_cookies_of_both_backends_are_passed_on(site, make_backend):
    """`X-Accel-Redirect` to what another backend answers."""
    first = make_backend(
        reply(fields={"X-Accel-Redirect": "/other", "Set-Cookie": "a=1",
                      "Cache-Control": "no-store", "Content-Type": "text/first"})
    )  # fmt: skip
    other = make_backend(
        reply(fields={"Set-Cookie": "b=2", "Cache-Control": "max-age=5", "Content-Type": "text/x"})
    )
    proxy = site.serve(
        first, server=f"location = /other {{ internal; proxy_pass http://{other.address}; }}"
    )
    answer = proxy.get()
    assert sorted(answer.fields.all("Set-Cookie")) == ["a=1", "b=2"]
    assert answer.fields.all("Cache-Control") == ["max-age=5"]
    assert answer.fields.all("Content-Type") == ["text/x"]


@pytest.mark.parametrize("page", ["$page", "$document_uri/x", "https://$host/x", "/page"])
def test_requests_without_a_head_and_pages_of_variables(site, make_backend, page):
    """A connection beyond the limit, a head that is cut, and one that is no head at all."""
    release = threading.Event()
    proxy = site.serve(
        make_backend([release, reply()]), connections=16, top="map $host $page { default /page; }",
        server=f"http2 on; error_page 400 408 414 431 503 {page}; client_header_timeout 1s;"
        'location = /page { return 200 "page"; }',
    )  # fmt: skip
    for data in [b"\r\n\r\n\x00", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n"]:
        with proxy.connect() as connection:
            connection.send(data)
            connection.rest()
    with ExitStack() as stack:
        held = [stack.enter_context(proxy.connect()) for _ in range(20)]
        for connection in held:
            connection.send(request_bytes())
        with suppress(OSError):
            stack.enter_context(Client(proxy.port)).get("/")
        release.set()
        statuses = []
        for connection in held:
            # One whose request had not come yet may have made room.
            with suppress(Truncated, ConnectionResetError):
                statuses.append(connection.receive().status)
    assert statuses.count(200) >= 4
    assert proxy.get().status == 200


@pytest.mark.parametrize("way", ["error_page 502 /secure;", "error_page 502 @secure;"])
def test_a_redirect_to_a_backend_with_tls_is_not_plain(site, way):
    """The first location's variables came to http://; the second one's proxy_pass has https://."""
    seen = []
    with secure_backend(seen) as port:
        proxy = site.servers(f"""
          server {{ listen PORT; {way} proxy_ssl_verify off;
            location / {{ set $b 127.0.0.1:1; proxy_pass http://$b; }}
            location = /secure {{ proxy_pass https://127.0.0.1:{port}; }}
            location @secure {{ proxy_pass https://127.0.0.1:{port}; }} }}""")
        for _ in range(2):
            assert proxy.get().status == 502
    assert len(seen) == 2 and all(data[:1] == b"\x16" for data in seen), "no handshake came first"


@contextmanager
def secure_backend(seen):
    """A port that notes the first bytes of each connection and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    seen.append(connection.recv(4096))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
