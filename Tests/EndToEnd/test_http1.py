"""HTTP/1.1 and 1.0 between client and backend: framing, persistence, interim responses."""

import subprocess
import threading

import pytest

from harness.backend import CLOSE, RecordingBackend, reply
from harness.client import chunked, raw, request_bytes
from harness.messages import read_request_body

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def by_target(request):
    return reply(body=request.target.encode())


def test_one_connection_carries_many_requests(site, make_backend):
    backend = make_backend(by_target)
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        for number in range(20):
            one = proxy.observe(backend, request_bytes("GET", f"/{number}"), connection)
            assert one.response.body == f"/{number}".encode()
            assert one.line["connection_request"] == number + 1
            assert one.line["client"] == connection.address
            assert one.line["bytes_out"] == len(one.response.body)
    assert len({line["connection"] for line in proxy.lines()}) == 1
    assert len(backend.connections) == 1, "the backend's connection is not reused"


def test_connections_have_numbers_of_their_own(site, backend):
    proxy = site.serve(backend)
    lines = [proxy.observe(backend, request_bytes()).line for _ in range(3)]
    assert len({line["connection"] for line in lines}) == 3
    assert [line["connection_request"] for line in lines] == [1, 1, 1]


def test_pipelined_requests_are_answered_in_order(site, make_backend):
    backend = make_backend(by_target)
    proxy = site.serve(backend)
    requests = [request_bytes("GET", f"/{number}") for number in range(30)]
    requests[10:10] = [request_bytes("POST", "/body", body=b"x" * 70_000)]
    with proxy.connect() as connection:
        connection.send(b"".join(requests))
        bodies = [connection.receive().body for _ in requests]
    targets = [data.split(b" ")[1] for data in requests]
    assert bodies == targets and len(proxy.wait_lines(31)) == 31
    assert [request.target.encode() for request in backend.requests] == targets


def test_bytes_may_come_one_by_one(site, backend):
    proxy = site.serve(backend)
    data = request_bytes("POST", "/slowly", {"X-A": "b"}, b"body")
    with proxy.connect() as connection:
        for index in range(len(data)):
            connection.send(data[index : index + 1])
        response = connection.receive()
    seen = backend.saw(response.request_id)
    assert (seen.body, seen.fields.one("X-A")) == (b"body", "b")
    assert proxy.log_line(response.request_id)["bytes_in"] == 4


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"])
@pytest.mark.parametrize("body", [b"", b"x", b"y" * 200_000], ids=len)
def test_any_method_may_have_a_body(site, backend, method, body):
    one = site.serve(backend).observe(backend, request_bytes(method, "/", body=body))
    assert (one.seen.method, one.seen.body) == (method, body)
    assert one.line["method"] == method and one.line["bytes_in"] == len(body)


@pytest.mark.parametrize("sizes", [(), (1,), (10, 20, 30), (100_000, 1, 65_536)], ids=str)
def test_chunks_go_both_ways_with_trailers(site, make_backend, sizes):
    parts = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    body = chunked(*parts, trailers=b"X-Checksum: 7\r\nX-More: 8\r\n")
    backend = make_backend([CHUNKED_HEAD, body])
    fields = {"Transfer-Encoding": "chunked", "TE": "trailers"}
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    one = proxy.observe(backend, request_bytes("POST", "/", fields) + body)
    for message in (one.seen, one.response):
        assert message.body == b"".join(parts)
        assert message.trailers == [("X-Checksum", "7"), ("X-More", "8")]
        assert message.fields.tokens("Transfer-Encoding") == ["chunked"]
        assert "Content-Length" not in message.fields
    assert one.line["bytes_in"] == one.line["bytes_out"] == sum(sizes)


def test_chunk_extensions_are_understood(site, backend):
    data = request_bytes("POST", "/", {"Transfer-Encoding": "chunked"})
    data += b'3;name="a;b"\r\nabc\r\n0;last\r\n\r\n'
    one = site.serve(backend).observe(backend, data)
    assert one.response.status == 200 and one.seen.body == b"abc"


def test_a_response_to_head_has_no_body_but_keeps_its_length(site, make_backend):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-A: b\r\n\r\n"
    backend = make_backend(lambda request: head if request.method == "HEAD" else reply())
    with (proxy := site.serve(backend)).connect() as connection:
        one = proxy.observe(backend, request_bytes("HEAD"), connection)
        assert one.response.fields.one("Content-Length") == "12345"
        assert one.line["bytes_out"] == 0
        assert proxy.observe(backend, request_bytes("GET"), connection).response.body == b"hello\n"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body_leave_the_connection_usable(site, make_backend, status):
    backend = make_backend(reply(status, b"", {"ETag": '"x"'}))
    with (proxy := site.serve(backend)).connect() as connection:
        for _ in range(3):
            one = proxy.observe(backend, request_bytes(), connection)
            assert one.response.fields.one("ETag") == '"x"'
            assert "Transfer-Encoding" not in one.response.fields
    assert len(backend.connections) == 1


def test_a_304_may_state_the_length_it_does_not_send(site, make_backend):
    backend = make_backend(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n")
    with (proxy := site.serve(backend)).connect() as connection:
        for _ in range(2):
            assert proxy.observe(backend, request_bytes(), connection).response.status == 304


def test_interim_responses_pass(site, make_backend):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    backend = make_backend([hints, 0.05, b"HTTP/1.1 102 Processing\r\n\r\n", reply()])
    one = site.serve(backend).observe(backend, request_bytes())
    assert [interim.status for interim in one.response.interim] == [103, 102]
    assert one.response.interim[0].fields.one("Link") == "</a.css>; rel=preload"
    assert (one.response.status, one.line["status"]) == (200, 200)


@pytest.mark.parametrize("together", [True, False])
def test_interim_responses_are_not_for_http_1_0(site, make_backend, together):
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    backend = make_backend([hints + reply()] if together else [hints, 0.05, reply()])
    one = site.serve(backend).observe(backend, request_bytes(version="HTTP/1.0"))
    assert one.response.interim == [] and one.response.status == 200


def expecting(*after_the_head):
    """A script that plays the steps, then reads the body and answers with it."""

    def script(request):
        def rest(connection):
            read_request_body(connection.stream, request)
            connection.send(reply(body=request.body))

        return [*after_the_head, rest]

    return script


def test_expect_continue_is_asked_of_the_backend(site, make_backend):
    backend = make_backend(expecting(0.05, CONTINUE), answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(
            request_bytes("POST", "/", {"Expect": "100-continue", "Content-Length": "5"})
        )
        assert connection.receive_head().status == 100
        assert backend.request.fields.one("Expect").lower() == "100-continue"
        connection.send(b"12345")
        response = connection.receive()
    assert (response.status, response.body, response.interim) == (200, b"12345", [])
    assert proxy.log_line(response.request_id)["bytes_in"] == 5


def test_the_backend_may_refuse_what_is_expected(site, make_backend):
    backend = make_backend([reply("413 Content Too Large", b"no"), CLOSE], answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    fields = {"Expect": "100-continue", "Content-Length": "500000"}
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes("POST", "/", fields))
    assert (response.status, response.body, response.interim) == (413, b"no", [])
    line = proxy.log_line(response.request_id)
    assert (line["status"], line["bytes_in"]) == (413, 0)


def test_a_client_that_does_not_wait_for_100_is_served(site, make_backend):
    backend = make_backend(expecting(CONTINUE), answer_at="head")
    data = request_bytes("POST", "/", {"Expect": "100-continue"}, b"at once")
    one = site.serve(backend).observe(backend, data)
    assert one.response.body == b"at once"


def test_a_response_ended_by_close_reaches_both_versions_whole(site, make_backend):
    backend = make_backend([b"HTTP/1.1 200 OK\r\n\r\n", b"abc" * 1000, 0.05, b"end", CLOSE])
    proxy = site.serve(backend)
    expected = b"abc" * 1000 + b"end"
    with proxy.connect() as connection:
        for _ in range(2):
            one = proxy.observe(backend, request_bytes(), connection)
            assert (one.response.body, one.response.framing) == (expected, "chunked")
            assert one.line["bytes_out"] == len(expected) and "termination" not in one.line
    with proxy.connect() as connection:
        old = connection.exchange(request_bytes(version="HTTP/1.0"))
        assert (old.body, old.framing) == (expected, "close")
        assert connection.is_closed()
    assert old.request_id == proxy.log_line(old.request_id)["request_id"]


def test_http_1_0_gets_no_chunks(site, make_backend):
    backend = make_backend([CHUNKED_HEAD, chunked(b"one", b"two")])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        fields = {"Connection": "keep-alive"}
        one = proxy.observe(
            backend, request_bytes("GET", "/", fields, version="HTTP/1.0"), connection
        )
        assert (one.response.body, one.response.framing) == (b"onetwo", "close")
        assert "Transfer-Encoding" not in one.response.fields
        assert "close" in one.response.fields.tokens("Connection") or connection.is_closed()
    assert one.seen.version == "HTTP/1.1" and one.line["protocol"] == "HTTP/1.0"


def test_http_1_0_keep_alive(site, backend):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        for _ in range(3):
            data = request_bytes("GET", "/", {"Connection": "keep-alive"}, version="HTTP/1.0")
            one = proxy.observe(backend, data, connection)
            assert "keep-alive" in one.response.fields.tokens("Connection")
        last = proxy.observe(backend, request_bytes(version="HTTP/1.0"), connection)
        assert last.line["connection_request"] == 4 and connection.is_closed()


def test_http_1_0_may_omit_host(site, backend):
    one = site.serve(backend).observe(backend, request_bytes(host=None, version="HTTP/1.0"))
    assert one.response.status == 200 and one.response.framing == "length"
    assert one.seen.fields.one("Host") is not None


@pytest.mark.parametrize("connection_field", ["close", "Close", "keep-alive, close"])
def test_a_client_can_ask_to_close(site, backend, connection_field):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        data = request_bytes("GET", "/", {"Connection": connection_field})
        one = proxy.observe(backend, data + request_bytes("GET", "/after"), connection)
        assert "close" in one.response.fields.tokens("Connection")
        assert connection.is_closed()
    assert [request.target for request in backend.requests] == ["/"]
    assert "close" not in one.seen.fields.tokens("Connection")


def test_a_backend_that_closes_does_not_close_the_client(site, make_backend):
    backend = make_backend([reply(fields={"Connection": "close"}), CLOSE])
    with (proxy := site.serve(backend)).connect() as connection:
        for _ in range(3):
            one = proxy.observe(backend, request_bytes(), connection)
            assert "close" not in one.response.fields.tokens("Connection")
    assert len(backend.connections) == 3


def test_hop_by_hop_fields_stay_on_their_hop(site, make_backend):
    hop = [("Connection", "X-Named"), ("X-Named", "1"), ("Keep-Alive", "timeout=9"),
           ("Proxy-Connection", "keep-alive")]  # fmt: skip
    backend = make_backend(reply(fields=[*hop, ("X-Kept", "1")]))
    fields = [*hop, ("TE", "gzip"), ("Proxy-Authorization", "x"), ("X-Kept", "1")]
    one = site.serve(backend).observe(backend, request_bytes(fields=fields))
    for message in (one.seen, one.response):
        assert message.fields.one("X-Kept") == "1"
        assert "X-Named" not in message.fields
        assert "timeout=9" not in message.fields.all("Keep-Alive")
        assert "Proxy-Connection" not in message.fields
    assert "TE" not in one.seen.fields or one.seen.fields.one("TE") == "trailers"


def test_fields_keep_their_order_their_case_and_their_copies(site, make_backend):
    pairs = [("x-B", "1"), ("Set-Cookie", "a=1"), ("X-A", 'q="v"'), ("Set-Cookie", "b=2"),
             ("x-empty", ""), ("X-Latin", "\xe9\xff")]  # fmt: skip
    backend = make_backend(reply(fields=pairs))
    one = site.serve(backend).observe(backend, request_bytes(fields=pairs))
    for message in (one.seen, one.response):
        assert [pair for pair in message.fields if pair in pairs] == pairs


def test_empty_lines_before_a_request_are_ignored(site, backend):
    data = request_bytes()
    with (proxy := site.serve(backend)).connect() as connection:
        connection.send(data + b"\r\n" + data)
        assert [connection.receive().status for _ in range(2)] == [200, 200]
    assert len(proxy.wait_lines(2)) == 2


def test_an_absolute_target_names_the_host(site, backend):
    data = b"GET http://other.test/path?q HTTP/1.1\r\nHost: ignored.test\r\n\r\n"
    one = site.serve(backend).observe(backend, data)
    assert one.seen.target == "/path?q" and one.seen.fields.one("Host") == "other.test"
    assert one.line["host"] == "other.test"


def test_options_asterisk(site, backend):
    one = site.serve(backend).observe(backend, b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert one.line["method"] == "OPTIONS"


def test_unix_sockets_on_both_sides(site, make_backend):
    backend: RecordingBackend = make_backend(unix=str(site.directory / "back.sock"))
    front = site.directory / "front.sock"
    proxy = site.start(
        f"server {{ listen unix:{front};"
        f"location / {{ proxy_pass http://unix:{backend.unix}:/; }} }}"
    )
    with proxy.connect(1, unix=str(front)) as connection:
        one = proxy.observe(backend, request_bytes("POST", "/x", body=b"abc"), connection)
    assert one.seen.body == b"abc" and one.seen.target == "/x"
    assert one.line["client"].startswith("unix:") and "unix:" in one.line["upstream"]


def test_closing_without_a_request_leaves_no_line(site, backend):
    proxy = site.serve(backend)
    for _ in range(5):
        proxy.connect().close()
    assert raw(proxy.port, request_bytes("GET", "/", {"Connection": "close"}))
    assert len(proxy.wait_lines(1)) == 1


def test_curl_gets_what_the_backend_sends(site, make_backend):
    backend = make_backend(by_target)
    proxy = site.serve(backend)
    url = f"http://127.0.0.1:{proxy.port}"
    arguments = ["curl", "-sS", "-i", "-H", "X-Request-ID: curl-1", "-d", "a=b", f"{url}/one"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=10)
    assert result.returncode == 0 and "\r\n\r\n/one" in result.stdout.replace("\n\n", "\r\n\r\n")
    assert backend.saw("curl-1").body == b"a=b"
    assert proxy.log_line("curl-1")["user_agent"].startswith("curl/")


def test_many_connections_at_once(site, make_backend):
    backend = make_backend(by_target)
    proxy = site.serve(backend, workers=2)
    connections = [proxy.connect() for _ in range(100)]
    started = threading.Event()
    backend.script = lambda request: [started, reply(body=request.target.encode())]
    for number, connection in enumerate(connections):
        connection.send(request_bytes("GET", f"/{number}"))
    backend.wait_requests(100)
    started.set()
    for number, connection in enumerate(connections):
        assert connection.receive().body == f"/{number}".encode()
        connection.close()
    assert len(proxy.wait_lines(100)) == 100
