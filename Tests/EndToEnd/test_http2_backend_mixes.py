"""HTTP/2 backends together with everything else that happens to requests and responses."""

import random
import threading
import time

import pytest
from h2.errors import ErrorCodes

from harness.client import chunked, request_bytes
from harness.codings import unpack
from harness.http2 import Client
from harness.http2_front import ask, front, make  # noqa: F401
from harness.messages import Truncated
from harness.polling import wait_for
from harness.proxy import command
from harness.secure import BackendTLS

LINES = b"".join(b"line %d of a text with some words\n" % n for n in range(20_000))
TEXT = [("content-type", "text/html")]


@pytest.fixture
def serve(site):
    """Locations of one server, all of which pass requests on in HTTP/2."""

    def start(locations, top="", **options):
        return site.servers(
            f"{top} server {{ listen PORT; http2 on; proxy_http_version 2; {locations} }}",
            **options,
        )

    return start


def pieces(call, content, seed=1):
    """Content in pieces of all sizes."""
    chance = random.Random(seed)
    at = 0
    while at < len(content):
        size = chance.choice([1, 100, 5_000, 16_384, 60_000])
        call.data(content[at : at + size])
        at += size
        if chance.random() < 0.05:
            time.sleep(0.01)


# Content stages


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("trailers", [[], [("x-sum", "1")]])
def test_responses_are_packed(serve, make, front, coding, trailers):
    def script(call):
        call.head(fields=TEXT)
        pieces(call, LINES, call.stream)
        call.end(trailers)

    backend = make(script)
    proxy = serve(
        f"location / {{ proxy_pass http://{backend.address}; "
        "gzip on; gzip_proxied any; brotli on; }"
    )
    for _ in range(3):
        answer = ask(proxy, front, fields=[("Accept-Encoding", coding), ("TE", "trailers")])
        assert answer.fields["content-encoding"] == coding
        assert unpack(coding, answer.body) == LINES
        assert {name.lower(): value for name, value in answer.trailers.items()} == dict(trailers)
    assert len(backend.sessions) == 1 and not backend.problems


def test_packing_for_slow_clients_changes_nothing(serve, make):
    """Content waits in the stages while more of it comes."""

    def script(call):
        call.head(fields=TEXT)
        pieces(call, noise + LINES + noise, call.stream)
        call.end()

    noise = random.Random(7).randbytes(400_000)
    backend = make(script)
    proxy = serve(
        f"location / {{ proxy_pass http://{backend.address}; gzip on; gzip_proxied any; "
        "sub_filter nothing-of-it x; sub_filter_once off; }"
    )
    with Client(proxy.port, window=3_000) as client:
        for _ in range(2):
            streams = [client.begin("/", [("accept-encoding", "gzip")]) for _ in range(3)]
            for answer in client.finish(*streams):
                assert unpack("gzip", bytes(answer.body)) == noise + LINES + noise
    assert len(backend.sessions) == 1 and not backend.problems


def test_content_is_replaced(serve, make, front):
    def script(call):
        call.head(fields=TEXT)
        pieces(call, LINES, call.stream)
        call.end()

    proxy = serve(
        f"location / {{ proxy_pass http://{make(script).address}; "
        "sub_filter words WORDS; sub_filter_once off; }"
    )
    assert ask(proxy, front).body == LINES.replace(b"words", b"WORDS")


@pytest.mark.parametrize("limit", ["", "gzip on; gzip_proxied any;"])
def test_slow_responses_leave_others_alone(serve, make, front, limit):
    backend = make(lambda call: call.reply(body=b"x" * 200_000, fields=TEXT))
    proxy = serve(
        f"""location /slow {{ proxy_pass http://{backend.address}; limit_rate 100k; {limit} }}
        location / {{ proxy_pass http://{backend.address}; }}"""
    )
    began = time.monotonic()
    threads = []
    for _ in range(2):
        threads.append(threading.Thread(target=lambda: slow.append(ask(proxy, front, "/slow"))))
    slow = []
    for thread in threads:
        thread.start()
    assert len(ask(proxy, front, "/").body) == 200_000
    assert time.monotonic() - began < 0.9
    for thread in threads:
        thread.join()
    assert time.monotonic() - began > 0.9
    assert [len(answer.body) for answer in slow] == [200_000] * 2


# Subrequests


def test_another_backend_decides_who_comes_in(serve, make, front):
    def decide(call):
        status = {"/in": 204, "/out": 403, "/who": 401}[call["x-uri"]]
        call.reply(status, body=b"" if status == 204 else b"no " * 9_000, fields=[("x-user", "me")])

    guard, backend = make(decide), make(lambda call: call.reply(body=call.read() or b"in"))
    proxy = serve(
        f"""auth_request /auth; auth_request_set $user $upstream_http_x_user;
        location / {{ proxy_pass http://{backend.address}; proxy_set_header X-User $user; }}
        location = /auth {{ internal; proxy_pass http://{guard.address};
          proxy_pass_request_body off; proxy_set_header X-Uri $request_uri; }}"""
    )
    for _ in range(2):
        assert ask(proxy, front, "/in").body == b"in"
        assert ask(proxy, front, "/in", "POST", body=b"y" * 100_000).body == b"y" * 100_000
        assert ask(proxy, front, "/out").status == 403
        assert ask(proxy, front, "/who").status == 401
    assert len(backend.calls) == 4 and all(call["x-user"] == "me" for call in backend.calls)
    assert len(guard.calls) == 8 and not guard.problems and not backend.problems


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_copies_go_to_another_backend(serve, make, front, buffering):
    copies = make(lambda call: call.reply(body=call.read() * 2))
    backend = make(lambda call: call.reply(body=call.read()))
    proxy = serve(
        f"""location / {{ mirror /copy; proxy_pass http://{backend.address}; }}
        location = /copy {{ internal; proxy_pass http://{copies.address}$request_uri; }}""",
    )
    body = random.Random(3).randbytes(300_000)
    for number in range(1, 4):
        assert ask(proxy, front, f"/{number}", "POST", body=body).body == body
        copies.wait_calls(number)
        wait_for(lambda: copies.calls[-1].ended, "the copy")
        assert copies.calls[-1].path == f"/{number}" and bytes(copies.calls[-1].body) == body


# Other responses in the place of the backend's


def test_pages_for_errors(serve, make, front):
    def script(call):
        status = 404 if call.path == "/missing" else 200
        call.reply(status, body=b"%d of the backend" % status * 2_000)

    backend, other = make(script), make(lambda call: call.reply(body=b"page " + call.path.encode()))
    proxy = serve(
        f"""location / {{ proxy_pass http://{backend.address}; proxy_intercept_errors on;
          error_page 404 /page; }}
        location = /page {{ proxy_pass http://{other.address}; }}"""
    )
    for _ in range(3):
        answer = ask(proxy, front, "/missing")
        assert answer.status == 404 and answer.body == b"page /page"
        assert ask(proxy, front, "/there").status == 200
    assert len(backend.sessions) == 1 and len(other.sessions) == 1


def test_internal_redirects(serve, make, front, tmp_path):
    (tmp_path / "file.txt").write_bytes(b"of the file" * 10_000)

    def script(call):
        where = "/file.txt" if call.path == "/to-file" else "/other"
        call.reply(body=b"not this" * 3_000, fields=[("x-accel-redirect", where)])

    backend, other = make(script), make(lambda call: call.reply(body=b"other"))
    proxy = serve(
        f"""location / {{ proxy_pass http://{backend.address}; }}
        location = /file.txt {{ internal; root {tmp_path}; }}
        location = /other {{ internal; proxy_pass http://{other.address}; }}"""
    )
    for _ in range(3):
        assert ask(proxy, front, "/to-file").body == b"of the file" * 10_000
        assert ask(proxy, front, "/to-other").body == b"other"
    assert len(backend.sessions) == 1 and len(other.sessions) == 1


def test_fields_of_responses_are_rewritten(serve, make, front):
    fields = [
        ("location", "http://inside/a"), ("set-cookie", "a=1; path=/in"), ("set-cookie", "b=2"),
        ("x-powered-by", "x"), ("content-type", "text/css"),
    ]  # fmt: skip
    backend = make(lambda call: call.reply(302, fields=fields))
    proxy = serve(
        f"""location / {{ proxy_pass http://{backend.address}; proxy_redirect http://inside/ /out/;
          proxy_cookie_path /in /out; proxy_hide_header X-Powered-By; }}"""
    )
    if front == "http1":
        response = proxy.request("GET", "/")
        answer = [(name.lower(), value) for name, value in response.fields]
    else:
        with Client(proxy.port) as client:
            answer = client.get("/").fields
    assert [value for name, value in answer if name == "set-cookie"] == ["a=1; path=/out", "b=2"]
    assert dict(answer)["location"].endswith("/out/a") and "x-powered-by" not in dict(answer)


def test_the_next_peer_is_asked_in_the_place_of_an_error(serve, make, front):
    ill = make(lambda call: call.reply(503, body=b"ill" * 10_000))
    well = make(lambda call: call.reply(body=call.read() + b"well"))
    servers = f"server {ill.address} max_fails=0; server {well.address};"
    proxy = serve(
        "location / { proxy_pass http://up; proxy_next_upstream http_503 non_idempotent; }",
        top=f"upstream up {{ {servers} }}",
    )
    for _ in range(4):
        assert ask(proxy, front).body == b"well"
        body = b"z" * 150_000
        assert ask(proxy, front, method="POST", body=body).body == body + b"well"
    assert len(ill.sessions) == 1 and len(well.sessions) == 1 and ill.calls


# Trailers of requests


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("content", [b"", b"abc", b"x" * 65_535, b"y" * 100_000])
@pytest.mark.parametrize("pause", [0, 0.05])
def test_trailers_of_requests_may_come_alone(serve, make, backend, buffering, content, pause):
    """Behind content that has been taken already, or that fills the window."""
    other = make(lambda call: call.reply(body=call.read()))
    proxy = serve(
        f"""proxy_request_buffering {buffering};
        location /two {{ proxy_pass http://{other.address}; }}
        location /one {{ proxy_pass http://{backend.address}; proxy_http_version 1.1; }}"""
    )
    for path in ("/two", "/one"):
        with Client(proxy.port) as client:
            stream = client.begin(path, method="POST", ends=False)
            client.send(stream, content)
            time.sleep(pause)
            client.protocol.send_headers(stream, [("x-mine", "2" * 5_000)], end_stream=True)
            client.flush()
            assert client.finish(stream)[0].status == 200
    assert bytes(other.calls[0].body) == content and backend.requests[0].body == content
    expected = {"x-mine": "2" * 5_000} if buffering == "off" else {}
    assert dict(other.calls[0].trailers) == expected
    assert proxy.alive()


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("content", [b"", b"abc"])
@pytest.mark.parametrize("size", [10_000, 60_000])
def test_trailers_of_requests_have_a_bound(serve, make, buffering, content, size):
    backend = make(lambda call: call.reply(body=call.read()))
    proxy = serve(
        f"proxy_request_buffering {buffering}; "
        f"location / {{ proxy_pass http://{backend.address}; }}"
    )
    with Client(proxy.port) as client:
        stream = client.begin(method="POST", ends=False)
        client.send(stream, content)
        client.protocol.send_headers(stream, [("x-mine", "2" * size)], end_stream=True)
        client.flush()
        assert client.finish(stream)[0].status == 400
        assert client.get("/").status == 200
    assert proxy.wait_lines(2)[0]["termination"] == "client:request_body"


# Content that can't be sent again, and responses that break off


def test_streamed_content_is_not_sent_twice(serve, make, front):
    """A stream that is refused when content has been passed on can't begin anew."""

    def script(call):
        call.wait(lambda: len(call.body) > 10)
        call.reset(ErrorCodes.REFUSED_STREAM)

    backend = make(script)
    proxy = serve(
        f"location / {{ proxy_pass http://{backend.address}; proxy_request_buffering off; }}"
    )
    if front == "http1":
        with proxy.connect() as connection:
            connection.send(
                request_bytes("POST", "/", {"Transfer-Encoding": "chunked"})
                + chunked(b"x" * 100)[:50]
            )
            assert connection.receive("POST").status == 502
    else:
        with Client(proxy.port) as client:
            stream = client.begin(method="POST", ends=False)
            client.send(stream, b"x" * 100)
            assert client.finish(stream)[0].status == 502
    assert len(backend.calls) == 1 and len(proxy.wait_lines(1)) == 1


def test_kept_content_is_sent_again_from_its_begin(serve, make, front):
    """Refused when the windows are full, by a reset and by a GOAWAY."""

    def script(call):
        if len(backend.calls) == 1:
            call.wait(lambda: len(call.body) > 60_000)
            call.reset(ErrorCodes.REFUSED_STREAM)
        elif len(backend.calls) == 3:
            call.wait(lambda: len(call.body) > 60_000)
            call.session.go_away(last=0)
        else:
            call.reply(body=call.read())

    backend = make(script)
    proxy = serve(
        f"location / {{ proxy_pass http://{backend.address}; client_max_body_size 0; }}"
    )
    body = random.Random(5).randbytes(2_000_000)
    for _ in range(2):
        assert ask(proxy, front, method="POST", body=body).body == body
    assert len(backend.calls) == 4


@pytest.mark.parametrize("fields", [[], [("content-length", "100000")]])
@pytest.mark.parametrize("way", ["reset", "close", "refused"])
def test_responses_that_break_off_are_cut(serve, make, fields, way):
    def script(call):
        call.head(fields=fields)
        call.data(b"x" * 50_000)
        time.sleep(0.2)
        if way == "close":
            call.session.close()
        else:
            codes = {"reset": ErrorCodes.INTERNAL_ERROR, "refused": ErrorCodes.REFUSED_STREAM}
            call.reset(codes[way])

    proxy = serve(f"location / {{ proxy_pass http://{make(script).address}; }}")
    with proxy.connect() as connection, pytest.raises(Truncated):
        connection.exchange(request_bytes("GET", "/"))
    with Client(proxy.port) as client:
        (answer,) = client.finish(client.begin("/"))
        assert answer.status == 200 and answer.reset is not None
    lines = proxy.wait_lines(2)
    assert all(line["termination"] == "upstream:response_body" for line in lines)
    assert all(line["bytes_out"] == 50_000 for line in lines)


# Whose connection it is


def test_settings_of_a_connection_are_its_own(serve, make, pair, authority):
    """The same peer, by other names and with other TLS: each has its own connection."""
    tls = BackendTLS(pair)
    tls.context.set_alpn_protocols(["h2"])
    backend = make(wrap=tls)
    trust = f"proxy_ssl_trusted_certificate {authority.file};"
    locations = {
        "/one": f"{trust} proxy_ssl_name localhost;",
        "/name": f"{trust} proxy_ssl_name 127.0.0.1;",
        "/unverified": "proxy_ssl_verify off; proxy_ssl_name localhost;",
        "/version": f"{trust} proxy_ssl_name localhost; proxy_ssl_protocols TLSv1.2;",
        "/silent": f"{trust} proxy_ssl_name localhost; proxy_ssl_server_name off;",
        "/client": f"{trust} proxy_ssl_name localhost; proxy_ssl_certificate {pair.certificate}; "
        f"proxy_ssl_certificate_key {pair.key};",
    }
    proxy = serve(
        "".join(
            f"location {path} {{ proxy_pass https://up; {more} }}"
            for path, more in locations.items()
        ),
        top=f"upstream up {{ server {backend.address}; }}",
    )
    seen = {}
    for _ in range(2):
        for path in locations:
            assert ask(proxy, "http1", path).status in (200, 502), path
            numbers = {call.session.number for call in backend.calls if call.path == path}
            assert len(numbers) <= 1, path
            seen[path] = numbers
    served = [numbers for numbers in seen.values() if numbers]
    assert len(served) >= 5 and len(set.union(*served)) == len(served), seen


def test_versions_do_not_share_connections(site, make):
    """One upstream in two versions: what speaks HTTP/2 only has nothing for the other."""
    backend = make()
    proxy = site.servers(
        f"""upstream up {{ server {backend.address} max_fails=0; keepalive 8; }}
        server {{ listen PORT; proxy_http_version 2;
          location /two {{ proxy_pass http://up; }}
          location /one {{ proxy_pass http://up; proxy_http_version 1.1; }} }}"""
    )
    for number in range(3):
        assert ask(proxy, "http1", "/two").status == 200
        assert ask(proxy, "http1", "/one").status == 502
    assert {call.session.number for call in backend.calls} == {1}


def test_reloads_let_go_of_connections(serve, make):
    """Idle ones end with a GOAWAY; one that carries something goes on until that is over."""
    release = threading.Event()

    def script(call):
        call.head()
        call.data(b"begun ")
        if call.path == "/long":
            release.wait(30)
        call.data(b"done", ends=True)

    idle, busy = make(script), make(script)
    proxy = serve(
        f"""location /idle {{ proxy_pass http://{idle.address}; }}
        location / {{ proxy_pass http://{busy.address}; }}""",
        workers=2,
    )
    for _ in range(8):
        assert ask(proxy, "http1", "/idle").body == b"begun done"
    with proxy.connect(timeout=20) as connection:
        connection.send(request_bytes("GET", "/long"))
        busy.wait_calls(1)
        old = list(idle.sessions)
        assert command("-c", proxy.conf, "-s", "reload", timeout=90).returncode == 0
        wait_for(lambda: not any(session.is_open for session in old), "the ends", 10)
        assert all(session.gone_away == [0] for session in old)
        for _ in range(4):
            assert ask(proxy, "http1", "/new").body == b"begun done"
        assert busy.sessions[0].is_open
        release.set()
        assert connection.receive().body == b"begun done"
    wait_for(lambda: not busy.sessions[0].is_open, "the end of the long one's", 10)
    assert not idle.problems and not busy.problems
