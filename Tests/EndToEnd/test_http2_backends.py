"""HTTP/2 towards backends: many requests share a connection, and each has its own fate."""

import threading
import time
from contextlib import suppress

import pytest
from h2.errors import ErrorCodes
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes

from harness.client import chunked, request_bytes
from harness.http2 import Client
from harness.http2_front import ask, front, make, serve  # noqa: F401
from harness.polling import wait_for

MEGABYTE = 1 << 20


def test_a_request_has_one_id_everywhere(serve, make, front):
    backend = make()
    proxy = serve(backend)
    answer = ask(proxy, front, "/a?b=c", fields=[("X-Request-ID", "mine-1"), ("Accept", "x/y")])
    assert answer.status == 200 and answer.body == b"hello\n"
    assert answer.fields["x-request-id"] == "mine-1"
    (call,) = backend.calls
    assert call[":method"] == "GET" and call.path == "/a?b=c" and call[":scheme"] == "http"
    assert call[":authority"] in ("localhost", "example.test")
    assert call["x-request-id"] == "mine-1" and call["accept"] == "x/y"
    assert call["host"] is None and call["connection"] is None
    assert call["x-forwarded-for"] == "127.0.0.1"
    line = proxy.log_line("mine-1")
    assert line["status"] == 200 and line["upstream"] == backend.address
    assert line["upstream_status"] == 200 and line["bytes_out"] == 6
    for key in ("upstream_connect", "upstream_first_byte", "upstream_duration"):
        assert line[key] >= 0
    assert not backend.problems


def test_many_requests_share_one_connection(serve, make):
    release = threading.Event()

    def script(call):
        if call.path == "/slow":
            release.wait(10)
        call.reply(body=call.path.encode())

    backend = make(script)
    proxy = serve(backend)
    with Client(proxy.port) as client:
        slow = client.begin("/slow")
        backend.wait_calls(1)
        for number in range(20):
            assert client.get(f"/{number}").body == f"/{number}".encode()
        release.set()
        assert client.finish(slow)[0].body == b"/slow"
    for number in range(5):
        assert ask(proxy, "http1", f"/h{number}").status == 200
    assert len(backend.sessions) == 1
    assert len(proxy.wait_lines(26)) == 26
    assert not backend.problems


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("size", [0, 1, 16_384, 65_536, 3 * MEGABYTE])
def test_content_passes_both_ways(serve, make, front, size, buffering):
    backend = make(lambda call: call.reply(body=call.read()))
    proxy = serve(backend, f"proxy_request_buffering {buffering}; client_max_body_size 0;")
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    answer = ask(proxy, front, method="POST", body=body)
    assert answer.status == 200 and answer.body == body
    (line,) = proxy.wait_lines(1)
    assert line["bytes_in"] == size and line["bytes_out"] == size
    assert not backend.problems


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_slow_client_stops_its_own_stream_only(serve, make, buffering):
    """What a client does not take is kept, or stays with the backend; others get theirs
    meanwhile."""
    sent = {}

    def script(call):
        if call.path != "/large":
            return call.reply(body=b"quick")
        call.head()
        for _ in range(64):
            call.data(b"x" * 65_536)
            sent[call.stream] = sent.get(call.stream, 0) + 65_536
        call.end()

    backend = make(script)
    proxy = serve(backend, f"proxy_buffering {buffering};")
    with Client(proxy.port, takes=False) as slow, Client(proxy.port) as quick:
        stream = slow.begin("/large")
        wait_for(lambda: sent, "content")
        time.sleep(0.5)
        assert quick.get("/quick").body == b"quick"
        if buffering == "on":
            wait_for(lambda: max(sent.values()) == 4 * MEGABYTE, "the backend to be free")
        else:
            assert max(sent.values()) < MEGABYTE
        assert len(backend.sessions) == 1
        slow.takes = True
        slow.protocol.increment_flow_control_window(8 * MEGABYTE)
        slow.protocol.increment_flow_control_window(8 * MEGABYTE, stream)
        slow.flush()
        assert len(slow.finish(stream)[0].body) == 64 * 65_536
    assert not backend.problems


def test_a_slow_backend_stops_the_client(serve, make):
    """A backend that gives no credit for content is not sent more than its windows."""
    backend = make(lambda call: call.wait(lambda: call.ended, 20), takes=False)
    proxy = serve(backend, "proxy_request_buffering off; proxy_send_timeout 2s;")
    with Client(proxy.port) as client:
        stream = client.begin(method="POST", ends=False)
        client.protocol.local_flow_control_window(stream)
        deadline = time.monotonic() + 1
        client.socket.settimeout(0.2)
        total = 0
        while time.monotonic() < deadline:
            room = min(client.protocol.local_flow_control_window(stream), 16_384)
            if room:
                client.protocol.send_data(stream, b"x" * room)
                client.flush()
                total += room
            try:
                client.turn()
            except TimeoutError:
                pass
        assert total < 400_000
        client.socket.settimeout(10)
        assert client.finish(stream)[0].status == 504
    (line,) = proxy.wait_lines(1)
    assert line["status"] == 504 and line["error"] == "connection_write_timeout"
    assert len(backend.calls[0].body) <= 65_535


def test_trailers_pass_both_ways(serve, make, front):
    def script(call):
        body = call.read()
        call.reply(body=body, trailers=[("x-sum", "1"), ("x-request-id", "no"), ("host", "x")])

    backend = make(script)
    proxy = serve(backend, "proxy_request_buffering off;")
    if front == "http1":
        with proxy.connect() as connection:
            connection.send(
                request_bytes("POST", "/", {"Transfer-Encoding": "chunked", "TE": "trailers"})
                + chunked(b"abc", trailers=b"x-mine: 2\r\n")
            )
            response = connection.receive("POST")
        assert response.body == b"abc"
        trailers = dict(response.trailers)
    else:
        with Client(proxy.port) as client:
            stream = client.begin("/", [("te", "trailers")], method="POST", ends=False)
            client.send(stream, b"abc")
            client.protocol.send_headers(stream, [("x-mine", "2")], end_stream=True)
            client.flush()
            (answer,) = client.finish(stream)
        assert answer.body == b"abc" and answer.ended
        trailers = dict(answer.trailers)
    assert {name.lower(): value for name, value in trailers.items()} == {"x-sum": "1"}
    (call,) = backend.calls
    assert dict(call.trailers) == {"x-mine": "2"} and call["te"] == "trailers"


def test_interim_responses_pass(serve, make, front):
    def script(call):
        call.head(103, [("link", "</a>")])
        call.reply(body=b"x")

    backend = make(script)
    proxy = serve(backend)
    if front == "http2":
        with Client(proxy.port) as client:
            answer = client.get("/")
        assert [dict(head)["link"] for head in answer.interim] == ["</a>"]
    else:
        with proxy.connect() as connection:
            connection.send(request_bytes("GET", "/"))
            assert connection.receive_head().status == 103
            assert connection.receive().status == 200


def test_a_flood_of_interim_responses_is_refused(serve, make):
    def script(call):
        for _ in range(3_000):
            call.head(103, [("link", "x" * 200)])
        call.reply()

    proxy = serve(make(script))
    assert ask(proxy, "http1").status == 502
    assert proxy.wait_lines(1)[0]["error"] in (
        "http_protocol_error", "http_response_header_section_size")  # fmt: skip


def test_head_has_no_content(serve, make, front):
    backend = make(lambda call: call.reply(fields=[("content-length", "12345")]))
    proxy = serve(backend)
    answer = ask(proxy, front, method="HEAD")
    assert answer.status == 200 and answer.fields["content-length"] == "12345"
    assert answer.body == b""
    assert ask(proxy, front, method="HEAD").status == 200
    assert len(backend.sessions) == 1


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_content(serve, make, front, status):
    proxy = serve(make(lambda call: call.reply(status, fields=[("etag", '"a"')])))
    answer = ask(proxy, front)
    assert answer.status == status and answer.fields["etag"] == '"a"'


def test_a_response_without_content_is_one_head(serve, make):
    """END_STREAM with the head: nothing is made up about its length."""
    proxy = serve(make(lambda call: call.reply(fields=[("x-a", "b")])))
    answer = ask(proxy, "http2")
    assert answer.status == 200 and "content-length" not in answer.fields
    assert ask(proxy, "http1").fields["content-length"] == "0"


def test_a_client_that_leaves_resets_the_backends_stream(serve, make, front):
    """And its own only."""
    release = threading.Event()

    def answer(call):
        if call.path == "/other":
            release.wait(9)
            call.reply()

    backend = make(answer)
    proxy = serve(backend, "proxy_ignore_client_abort off;")
    if front == "http2":
        with Client(proxy.port) as client:
            stream = client.begin("/")
            other = client.begin("/other")
            backend.wait_calls(2)
            client.protocol.reset_stream(stream, ErrorCodes.CANCEL)
            client.flush()
            (line,) = proxy.wait_lines(1)
            release.set()
            assert client.finish(other)[0].status == 200
    else:
        connection = proxy.connect()
        connection.send(request_bytes("GET", "/"))
        backend.wait_calls(1)
        connection.close()
        (line,) = proxy.wait_lines(1)
    gone = next(call for call in backend.calls if call.path == "/")
    wait_for(lambda: gone.reset_code == ErrorCodes.CANCEL, "RST_STREAM")
    assert line["uri"] == "/" and line["status"] == 499


def test_a_response_that_comes_early_is_passed_on(serve, make, front):
    """Complete before the request is, then reset without an error (RFC 9113 section 8.1)."""

    def script(call):
        call.wait(lambda: call.body)
        call.reply(413, body=b"too much")
        # The proxy may have let go of the stream before.
        with suppress(StreamClosedError):
            call.reset(ErrorCodes.NO_ERROR)

    backend = make(script)
    proxy = serve(backend, "proxy_request_buffering off;")
    if front == "http1":
        with proxy.connect() as connection:
            connection.send(request_bytes("POST", "/", {"Content-Length": "1000000"}) + b"x" * 9)
            response = connection.receive("POST")
        assert response.status == 413 and response.body == b"too much"
    else:
        with Client(proxy.port) as client:
            stream = client.begin(method="POST", ends=False)
            client.send(stream, b"x" * 9)
            (answer,) = client.finish(stream)
            assert answer.status == 413 and bytes(answer.body) == b"too much"
    assert proxy.wait_lines(1)[0]["status"] == 413
    assert not backend.problems


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_streams_are_sent_again(serve, make, front, method):
    def script(call):
        call.read()
        if len(backend.calls) == 1:
            call.reset(ErrorCodes.REFUSED_STREAM)
        else:
            call.reply(body=bytes(call.body) or b"ok")

    backend = make(script)
    proxy = serve(backend)
    body = b"content" if method == "POST" else None
    answer = ask(proxy, front, method=method, body=body)
    assert answer.status == 200 and answer.body == (body or b"ok")
    (line,) = proxy.wait_lines(1)
    assert len(line["tries"]) == 2 and len(backend.calls) == 2


def test_a_post_that_may_have_been_processed_is_not_sent_again(serve, make, front):
    def script(call):
        call.read()
        call.reset(ErrorCodes.INTERNAL_ERROR)

    backends = [make(script), make(script)]
    servers = " ".join(f"server {backend.address} max_fails=0;" for backend in backends)
    proxy = serve("up", top=f"upstream up {{ {servers} }}")
    assert ask(proxy, front, method="POST", body=b"x").status == 502
    assert sum(len(backend.calls) for backend in backends) == 1
    assert ask(proxy, front).status == 502
    assert sum(len(backend.calls) for backend in backends) == 3
    lines = proxy.wait_lines(2)
    assert [line["error"] for line in lines] == ["connection_terminated"] * 2


def test_goaway_lets_earlier_streams_go_on_and_later_ones_start_anew(serve, make):
    """Two streams of one connection: the first was processed, the second was not."""
    release = threading.Event()

    def script(call):
        if call.session.number > 1:
            return call.reply(body=b"anew")
        if call.stream == 1:
            call.head()
            call.data(b"be")
            release.wait(10)
            call.data(b"gun")
            call.end()

    backend = make(script)
    proxy = serve(backend)
    with Client(proxy.port) as client:
        first = client.begin("/1")
        backend.wait_calls(1)
        second = client.begin("/2", method="POST", ends=False)
        client.send(second, b"x", ends=True)
        backend.wait_calls(2)
        backend.sessions[0].go_away(last=1)
        assert client.finish(second)[0].body == b"anew"
        release.set()
        assert client.finish(first)[0].body == b"begun"
        assert client.get("/3").body == b"anew"
    assert len(backend.sessions) == 2
    wait_for(lambda: not backend.sessions[0].is_open, "the end of the first connection")
    lines = {line["uri"]: line for line in proxy.wait_lines(3)}
    assert all(line["status"] == 200 for line in lines.values())
    assert len(lines["/2"]["tries"]) == 2


def test_more_connections_when_streams_run_out(serve, make):
    release = threading.Event()

    def script(call):
        release.wait(10)
        call.reply(body=b"ok")

    backend = make(script, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    proxy = serve(backend)
    with Client(proxy.port) as client:
        streams = [client.begin(f"/{number}") for number in range(7)]
        backend.wait_calls(7)
        assert len(backend.sessions) == 4
        release.set()
        assert all(answer.body == b"ok" for answer in client.finish(*streams))
        assert client.get("/again").body == b"ok"
    assert len(backend.sessions) == 4
    assert all(len(line.get("tries", [])) == 0 for line in proxy.wait_lines(8))


def test_the_number_of_streams_and_the_windows_may_change(serve, make):
    def script(call):
        call.head()
        call.session.change({
            SettingCodes.MAX_CONCURRENT_STREAMS: 1 + len(backend.calls) % 3,
            SettingCodes.INITIAL_WINDOW_SIZE: 10 + 1000 * (len(backend.calls) % 4),
        })  # fmt: skip
        call.session.widen(call.stream, 5_000)
        call.data(call.read(), ends=True)

    backend = make(script)
    proxy = serve(backend, "proxy_request_buffering off;")
    with Client(proxy.port) as one, Client(proxy.port) as two:
        for _ in range(5):
            streams = [
                (client, client.begin(method="POST", ends=False))
                for client in (one, two, one, two)
            ]
            for client, stream in streams:
                client.send(stream, b"x" * 5_000, ends=True)
            for client, stream in streams:
                assert len(client.finish(stream)[0].body) == 5_000
    assert len(proxy.wait_lines(20)) == 20


def test_no_streams_at_all_is_a_timeout(serve, make):
    backend = make(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 0})
    proxy = serve(backend, "proxy_connect_timeout 1s;")
    assert ask(proxy, "http1").status == 504
    assert proxy.wait_lines(1)[0]["error"] == "connection_timeout"
    assert not backend.calls


def test_a_backend_that_says_nothing_is_a_timeout(serve, make):
    backend = make(is_silent=True)
    proxy = serve(backend, "proxy_connect_timeout 1s;")
    assert ask(proxy, "http1").status == 504
    assert ask(proxy, "http2").status == 504
    wait_for(lambda: not any(session.is_open for session in backend.sessions), "the ends")


def test_timeouts_are_a_streams_own(serve, make):
    """One stream's timeout leaves the other alone."""
    release = threading.Event()

    def script(call):
        if call.path == "/never":
            return
        call.head()
        for _ in range(8):
            call.data(b"x")
            time.sleep(0.3)
        call.end()

    backend = make(script)
    proxy = serve(backend, "proxy_read_timeout 1s;")
    with Client(proxy.port) as client:
        streams = [client.begin("/never"), client.begin("/slow")]
        never, slow = client.finish(*streams)
    assert never.status == 504 and slow.status == 200 and bytes(slow.body) == b"x" * 8
    release.set()
    assert len(backend.sessions) == 1
    assert backend.calls[0].reset_code == ErrorCodes.CANCEL


def test_dead_connections_end_their_streams(serve, make):
    """One response has begun, one has not: both end, each with its line."""

    def script(call):
        if call.path == "/begun":
            call.head()
            call.data(b"some")
        if len(backend.calls) == 3:
            time.sleep(0.2)
            call.session.close()

    backend = make(script)
    proxy = serve(backend, "proxy_next_upstream off;")
    with Client(proxy.port) as client:
        begun = client.begin("/begun")
        backend.wait_calls(1)
        waiting = client.begin("/waiting", method="POST", ends=False)
        client.send(waiting, b"x", ends=True)
        backend.wait_calls(2)
        client.begin("/last", method="POST", ends=True)
        answers = client.finish(begun, waiting)
    assert answers[0].status == 200 and answers[0].reset is not None
    assert answers[1].status == 502
    lines = {line["uri"]: line for line in proxy.wait_lines(3)}
    assert lines["/begun"]["termination"] and lines["/begun"]["error"]
    assert lines["/waiting"]["status"] == 502


def test_fields_of_a_connection_do_not_pass(serve, make):
    backend = make()
    proxy = serve(backend, 'proxy_set_header X-Mine "a"; proxy_set_header Host "set.example";')
    fields = [("Connection", "x-listed, keep-alive"), ("X-Listed", "1"), ("TE", "gzip"),
              ("Upgrade", "websocket"), ("Keep-Alive", "1")]  # fmt: skip
    assert proxy.request("GET", "/", fields).status == 200
    (call,) = backend.calls
    names = [name for name, _ in call.fields]
    assert not {"connection", "x-listed", "te", "upgrade", "keep-alive", "host"} & set(names)
    assert call[":authority"] == "set.example" and call["x-mine"] == "a"
    assert names == sorted(names, key=lambda name: not name.startswith(":"))
