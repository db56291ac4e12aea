"""HTTP/2 from clients: every stream is a request with an ID and a line of its own."""

import re
import subprocess
import threading
import time

import pytest
from hyperframe.frame import DataFrame, HeadersFrame

from harness.backend import CLOSE, reply
from harness.client import request_bytes
from harness.http2 import Client, RawClient
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command
from harness.secure import SecureConnection, client_context

MEGABYTE = 1 << 20


def client(proxy, **options):
    return Client(proxy.port, secure=proxy.secure, **options)


def echo(request):
    return reply(body=request.body, fields={"X-Method": request.method})


def test_a_request_has_one_id_everywhere(serve, backend):
    proxy = serve(backend)
    with client(proxy) as connection:
        answer = connection.get("/a?b=c", [("x-request-id", "mine-1"), ("accept", "x/y")])
    assert answer.status == 200 and answer.body == b"hello\n" and answer.ended
    assert answer["x-request-id"] == "mine-1"
    (request,) = backend.requests
    assert request.target == "/a?b=c" and request.fields.one("Host") == "localhost"
    assert request.request_id == "mine-1" and request.fields.one("Accept") == "x/y"
    line = proxy.log_line("mine-1")
    assert line["protocol"] == "HTTP/2.0" and line["stream"] == 1 and line["status"] == 200
    assert line["host"] == "localhost" and line["uri"] == "/a?b=c"
    assert line["scheme"] == ("https" if proxy.secure else "http")


def test_streams_share_a_connection(serve, make_backend):
    """The second request's answer does not wait for that to the first."""
    release = threading.Event()
    proxy = serve(make_backend(lambda r: [release, reply()] if r.target == "/1" else reply()))
    with client(proxy) as connection:
        slow = connection.begin("/1")
        fast = [connection.get(f"/{number}") for number in range(2, 12)]
        assert all(answer.status == 200 for answer in fast)
        assert not connection.answers[slow].ended
        release.set()
        (answer,) = connection.finish(slow)
        assert answer.status == 200
    lines = proxy.wait_lines(11)
    assert len({line["request_id"] for line in lines}) == 11
    assert len({line["connection"] for line in lines}) == 1
    assert sorted(line["stream"] for line in lines) == list(range(1, 23, 2))


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("announced", [True, False], ids=["length", "no length"])
def test_content_goes_both_ways(serve, make_backend, buffering, announced):
    proxy = serve(make_backend(echo), location=f"proxy_request_buffering {buffering};")
    content = bytes(range(256)) * 4096
    fields = [("content-length", str(len(content)))] if announced else []
    with client(proxy) as connection:
        streams = [
            connection.begin(f"/{n}", fields, method="POST", ends=False) for n in range(3)
        ]
        for stream in streams:
            connection.send(stream, content, ends=True)
        for answer in connection.finish(*streams):
            assert answer.status == 200 and answer.body == content
    lines = proxy.wait_lines(3)
    assert all(line["bytes_in"] == line["bytes_out"] == len(content) for line in lines)


def test_no_content_at_all(serve, backend):
    proxy = serve(backend)
    with client(proxy) as connection:
        for method, fields in [("GET", []), ("POST", [("content-length", "0")]), ("DELETE", [])]:
            assert connection.get("/", fields, method=method).status == 200
        stream = connection.begin("/", method="PUT", ends=False)
        connection.send(stream, b"", ends=True)
        assert connection.finish(stream)[0].status == 200
    assert [request.body for request in backend.requests] == [b""] * 4


def test_head_has_no_content(serve, backend):
    proxy = serve(backend)
    with client(proxy) as connection:
        answer = connection.get("/", method="HEAD")
        assert answer.status == 200 and answer["content-length"] == "6" and answer.body == b""


@pytest.mark.parametrize("path, status", [("/own", 200), ("/none", 204), ("/moved", 301),
                                          ("/gone", 404)])  # fmt: skip
def test_answers_of_waybills_own(serve, backend, path, status):
    proxy = serve(
        backend,
        server="""location /own { return 200 "here"; } location /none { return 204; }
        location /moved { return 301 /own; } location /gone { return 404; }""",
    )
    with client(proxy) as connection:
        answer = connection.get(path)
        assert answer.status == status and answer.ended
        line = proxy.log_line(answer["x-request-id"])
        assert line["status"] == status and line["bytes_out"] == len(answer.body)


def test_files(serve, backend, tmp_path):
    content = bytes(range(256)) * 8192
    (tmp_path / "big.bin").write_bytes(content)
    proxy = serve(backend, server=f"location /f/ {{ alias {tmp_path}/; }}")
    with client(proxy) as connection:
        streams = [connection.begin("/f/big.bin") for _ in range(4)]
        for answer in connection.finish(*streams):
            assert answer.status == 200 and answer.body == content
        part = connection.get("/f/big.bin", [("range", "bytes=5-9")])
        assert part.status == 206 and part.body == content[5:10]
        assert connection.get("/f/none").status == 404


def test_trailers_and_interim_responses(serve, make_backend):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
    proxy = serve(make_backend([early + head + b"3\r\nabc\r\n0\r\nX-Sum: 900\r\n\r\n"]))
    with client(proxy) as connection:
        answer = connection.get()
    assert answer.body == b"abc" and answer.trailers == [("x-sum", "900")]
    (interim,) = answer.interim
    assert dict(interim)[":status"] == "103" and dict(interim)["link"] == "</a>; rel=preload"
    assert answer["transfer-encoding"] is None and answer["connection"] is None


def test_expect_continue(serve, make_backend):
    proxy = serve(make_backend(echo), location="proxy_request_buffering on;")
    with client(proxy) as connection:
        stream = connection.begin("/", [("expect", "100-continue")], method="POST", ends=False)
        wait_for(lambda: connection.turn() and connection.answers[stream].interim, "100")
        connection.send(stream, b"content", ends=True)
        assert connection.finish(stream)[0].body == b"content"


def test_cookie_crumbs_are_joined(serve, backend):
    proxy = serve(backend)
    with client(proxy) as connection:
        connection.get("/", [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")])
    assert backend.requests[0].fields.all("Cookie") == ["a=1; b=2; c=3"]


def test_a_slow_reader_holds_nobody_up(serve, make_backend):
    """A client that gives no credit for one response gets the others; the backend is held."""
    body = bytes(4 * MEGABYTE)
    proxy = serve(make_backend(lambda r: reply(body=body if r.target == "/big" else b"small")))
    with client(proxy, takes=False) as connection:
        big = connection.begin("/big")
        while len(connection.answers[big].body) < 65_535:
            assert connection.turn()
        connection.protocol.increment_flow_control_window(10_000)
        connection.flush()
        assert connection.get("/small").body == b"small"
        assert len(connection.answers[big].body) == 65_535
        connection.takes = True
        connection.protocol.increment_flow_control_window(8 * MEGABYTE)
        connection.protocol.increment_flow_control_window(8 * MEGABYTE, big)
        connection.flush()
        assert connection.finish(big)[0].body == body


def test_streams_are_written_in_turns(serve, make_backend):
    """Of several large responses on one connection none is starved."""
    body = bytes(4 * MEGABYTE)
    proxy = serve(make_backend(lambda _: reply(body=body)))
    with client(proxy, window=8 * MEGABYTE, takes=False) as connection:
        streams = [connection.begin(f"/{number}") for number in range(8)]
        # Until all have begun, the connection's window holds them back.
        while not all(connection.answers[stream].fields for stream in streams):
            assert connection.turn()
        connection.protocol.increment_flow_control_window(64 * MEGABYTE)
        connection.flush()
        least = 0
        while not any(connection.answers[stream].ended for stream in streams):
            assert connection.turn()
            least = min(len(connection.answers[stream].body) for stream in streams)
        assert least > len(body) // 4
        assert all(answer.body == body for answer in connection.finish(*streams))


def test_content_that_waits_holds_no_other_up(serve, make_backend):
    """Thirty uploads to a backend that does not read, then one to another that does."""
    release = threading.Event()
    stuck = make_backend([release, reply()])
    proxy = serve(
        make_backend(echo), location="proxy_request_buffering off;",
        server=f"""location /stuck {{ proxy_pass http://{stuck.address};
          limit_req zone=slow burst=100; }}""",
        top="limit_req_zone $scheme zone=slow:1m rate=1r/m;",
    )  # fmt: skip
    with client(proxy) as connection:
        assert connection.get("/").status == 200
        for _ in range(30):
            stream = connection.begin("/stuck", method="POST", ends=False)
            while room := connection.protocol.local_flow_control_window(stream):
                size = min(room, connection.protocol.max_outbound_frame_size)
                connection.protocol.send_data(stream, b"x" * size)
                connection.flush()
        stream = connection.begin("/free", method="POST", ends=False)
        connection.send(stream, b"y" * 200_000, ends=True)
        (answer,) = connection.finish(stream)
        assert answer.status == 200 and answer.body == b"y" * 200_000
    release.set()


def test_a_reset_ends_one_request(serve, make_backend):
    release = threading.Event()
    backend = make_backend(lambda r: [release, reply()] if r.target == "/1" else reply())
    proxy = serve(backend)
    with client(proxy) as connection:
        stream = connection.begin("/1", [("x-request-id", "given-up")])
        wait_for(lambda: backend.requests, "the request at the backend")
        connection.protocol.reset_stream(stream, 8)
        connection.flush()
        line = proxy.log_line("given-up")
        assert line["status"] == 499 and line["termination"].startswith("client")
        assert connection.get("/2").status == 200
        release.set()
        wait_for(lambda: backend.connections[0].closed_by_peer, "the backend to be told")


@pytest.mark.parametrize("size", [0, 40, 700, 5_000, 60_000, 200_000])
@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_second_backend_gets_what_the_client_sent(
    site, make_backend, size, parts, buffering, announced
):
    """The first one is down, or answers 500; another stream sends other content meanwhile."""
    good, bad = make_backend(echo), make_backend(reply("500 Oops"))
    proxy = site.start(f"""
      upstream down {{ server 127.0.0.1:1 max_fails=0; server {good.address}; }}
      upstream failing {{ server {bad.address} max_fails=0; server {good.address}; }}
      server {{ listen 127.0.0.1:{(port := free_port())}; http2 on;
        proxy_request_buffering {buffering};
        proxy_next_upstream error http_500 non_idempotent;
        location /down {{ proxy_pass http://down; }}
        location /failing {{ proxy_pass http://failing; }} }}""")
    with Client(port) as connection:
        for number in range(4):
            contents = {}
            for target in ["/down", "/failing"]:
                seed = f"{target}{number}".encode()
                content = (seed * (size // len(seed) + 1))[:size]
                fields = [("content-length", str(size))] if announced else []
                stream = connection.begin(target, fields, method="POST", ends=False)
                contents[stream] = content
            for part in range(parts):
                for stream, content in contents.items():
                    start, end = (size * n // parts for n in (part, part + 1))
                    if connection.answers[stream].ended:
                        continue
                    connection.send(stream, content[start:end], ends=part == parts - 1)
                time.sleep(0.02)
            for stream, answer in zip(contents, connection.finish(*contents)):
                if answer.status == 200:
                    assert bytes(answer.body) == contents[stream]
                else:
                    # What has been sent to the first one is not there any more.
                    assert answer.status in (500, 502) and size > 0 and buffering == "off"
    assert proxy.wait_lines(8)


def test_a_backend_that_breaks_ends_one_stream(serve, make_backend):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    proxy = serve(make_backend(lambda r: [cut, CLOSE] if r.target == "/cut" else reply()))
    with client(proxy) as connection:
        (answer,) = connection.finish(connection.begin("/cut"))
        assert answer.status == 200 and answer.body == b"short" and answer.reset is not None
        assert connection.get("/whole").status == 200


def test_an_early_answer_comes_before_the_reset(serve, backend):
    proxy = serve(backend, server="client_max_body_size 10;")
    with client(proxy) as connection:
        stream = connection.begin("/", method="POST", ends=False)
        connection.send(stream, bytes(100))
        (answer,) = connection.finish(stream)
        while answer.reset is None:
            assert connection.turn()
        assert answer.status == 413 and answer.ended and answer.reset == 0
        assert connection.get("/").status == 200


def test_http1_on_the_same_listener(site, backend):
    proxy = site.serve(backend, server="http2 on;")
    assert proxy.get("/").status == 200
    for cut in range(1, 24):
        with proxy.connect() as connection:
            whole = request_bytes("PRI", "/")
            connection.send(whole[:cut])
            time.sleep(0.001)
            connection.send(whole[cut:])
            assert connection.receive().status == 200
    with Client(proxy.port) as connection:
        assert connection.get("/").status == 200


def test_without_the_directive_nobody_speaks_it(site, backend, pair):
    server = f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};"
    plain = site.serve(backend)
    secure = site.serve(backend, server=server, listen="ssl")
    with plain.connect() as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert connection.receive().status in (400, 505)
    words = ["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version}"]
    done = subprocess.run([*words, f"https://127.0.0.1:{secure.port}/"], capture_output=True)
    assert done.stdout == b"1.1"


@pytest.mark.parametrize("target", ["/204", "/304", "/empty", "/text", "/page"])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_an_answer_before_the_request_has_ended(serve, make_backend, target, method):
    """Its head comes, with content or without, and the reset behind it."""
    proxy = serve(
        make_backend(reply("204 No Content")),
        server="""location /204 { return 204; } location /304 { return 304; }
          location /empty { return 200 ""; } location /text { return 200 "x"; }
          location /page { error_page 404 =204 /text; return 404; }
          proxy_request_buffering off;""",
    )
    with client(proxy) as connection:
        streams = [connection.begin(target, method=method, ends=False) for _ in range(2)]
        for stream in streams:
            connection.protocol.send_data(stream, b"abc")
        connection.flush()
        for answer in connection.finish(*streams):
            assert answer.status == {"/204": 204, "/304": 304, "/empty": 200, "/text": 200,
                                     "/page": 204}[target]  # fmt: skip
        assert connection.get("/text").status == 200
    assert len(proxy.wait_lines(3)) == 3


def test_requests_are_listed_and_ended(serve, site, make_backend):
    release = threading.Event()
    backend = make_backend([release, reply()])
    proxy = serve(backend, top=f"control unix:{site.directory}/control;")
    with client(proxy) as connection:
        streams = [connection.begin("/", [("x-request-id", f"run-{n}")]) for n in range(3)]
        wait_for(lambda: len(backend.requests) == 3, "three requests")
        listed = command("requests", "-c", proxy.conf).stdout
        assert all(f"run-{number}" in listed for number in range(3))
        assert command("requests", "--abort", "run-1", "-c", proxy.conf).returncode == 0
        assert connection.finish(streams[1])[0].status == 503
        release.set()
        for answer in connection.finish(streams[0], streams[2]):
            assert answer.status == 200


@pytest.mark.parametrize("size, largest", [(24 * MEGABYTE, 16_384), (2 * MEGABYTE, 512)])
def test_a_client_that_opens_its_windows_in_small_steps(serve, backend, tmp_path, size, largest):
    """Many clients send a WINDOW_UPDATE or two for each frame, however long a download is."""
    content = bytes(size)
    (tmp_path / "big").write_bytes(content)
    proxy = serve(backend, server=f"location /f/ {{ alias {tmp_path}/; }}")
    with client(proxy, takes=False) as connection:
        stream = connection.begin("/f/big")
        answer, seen = connection.answers[stream], 0
        while not answer.ended:
            assert connection.turn(), "the connection was ended"
            gained, seen = len(answer.body) - seen, len(answer.body)
            while gained > 0 and not answer.ended:
                step = min(gained, largest)
                connection.protocol.increment_flow_control_window(step)
                connection.protocol.increment_flow_control_window(step, stream)
                gained -= step
            connection.flush()
        assert answer.body == content


def test_content_in_the_same_write_as_its_head(serve, backend):
    proxy = serve(backend, server="location /own { return 200 here; }")
    with RawClient(proxy.port, secure=proxy.secure) as connection:
        frames = []
        for number, path in enumerate(["/own", "/", "/own", "/"]):
            scheme = "https" if proxy.secure else "http"
            fields = [(":method", "POST"), (":scheme", scheme), (":path", path)]
            block = connection.block([*fields, (":authority", "localhost")])
            head = HeadersFrame(2 * number + 1, block)
            head.flags.add("END_HEADERS")
            content = [DataFrame(2 * number + 1, b"x" * 1000) for _ in range(3)]
            content[-1].flags.add("END_STREAM")
            frames += [head, *content]
        connection.send(b"".join(frame.serialize() for frame in frames))
        assert [line["status"] for line in proxy.wait_lines(4)] == [200] * 4
    with client(proxy) as connection:
        assert connection.get("/").status == 200


def test_a_head_that_is_too_large_to_be_sent(serve, make_backend):
    """nghttp2 sends none over 64 KiB: the stream ends with an error, and no other does."""
    fields = {f"X-Long-{number}": "v" * 15_000 for number in range(6)}
    backend = make_backend(lambda r: reply(fields=fields if r.target == "/big" else {}))
    proxy = serve(backend, server="proxy_response_head_size 128k;")
    with client(proxy) as connection:
        (answer,) = connection.finish(connection.begin("/big"))
        assert answer.reset == 2 and not answer.fields
        assert connection.get("/small").status == 200
    assert proxy.wait_lines(2)


SAME = [
    "/", "/none", "/own", "/empty", "/moved", "/gone", "/asks", "/health", "/metrics", "/status",
    "/f/a.txt", "/f/", "/f/none", "/f", "/refused", "/error", "/allowed",
]  # fmt: skip
FIELDS = [
    [], [("accept", "application/json")], [("range", "bytes=2-4")], [("range", "bytes=0-1,3-4")],
    [("if-none-match", "*")], [("origin", "https://o.example")], [("accept-encoding", "gzip")],
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_everything_is_the_same_as_over_http1(serve, make_backend, tmp_path, method):
    def answer(request):
        if request.target == "/error":
            return reply("503 Busy", fields={"Retry-After": "1"})
        return reply(fields={"X-Way": request.method, "Cache-Control": "no-store"})

    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("0123456789")
    proxy = serve(
        make_backend(answer),
        server=f"""location /none {{ return 204; }} location /own {{ return 200 "own\n"; }}
        location /empty {{ return 200; }} location /moved {{ return 302 /own; }}
        location /gone {{ return 404; }} location /asks {{ return 418 "x"; }}
        location /health {{ health; }} location /metrics {{ metrics; }}
        location /status {{ status; }} location /refused {{ deny all; return 403; }}
        location /f/ {{ alias {folder}/; autoindex on; expires 1h; }}
        location /allowed {{ proxy_pass http://127.0.0.1:1; error_page 502 = /own; }}
        request_id_cors on; add_header X-Added $request_method always;""",
    )
    old = [http1(proxy, method, path, fields) for path in SAME for fields in FIELDS]
    with client(proxy) as connection:
        new = [http2(connection, method, path, fields) for path in SAME for fields in FIELDS]
    for what, before, after in zip([(p, f) for p in SAME for f in FIELDS], old, new):
        assert before == after, what


HOP = {"connection", "keep-alive", "transfer-encoding"}
OWN = {"date", "expires", "x-request-id"}
CHANGES = ("/metrics", "/status")


def shape(path, fields, status, body):
    """What must be equal: all but the ID and the time, and what belongs to the connection."""
    kept = sorted((n.lower(), v) for n, v in fields if n.lower() not in HOP | OWN)
    if path in CHANGES:
        return status, [n for n, _ in kept]
    # Ranges have a boundary that is made anew.
    if any("multipart" in v for _, v in kept):
        return status, [n for n, _ in kept]
    return status, kept, re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"ID", body)


def http1(proxy, method, path, fields):
    context = client_context(None) if proxy.secure else None
    with SecureConnection(proxy.port, context) if context else proxy.connect() as connection:
        connection.send(request_bytes(method, path, [("Host", "localhost"), *fields]))
        answer = connection.receive(method)
        return shape(path, list(answer.fields), answer.status, answer.body)


def http2(connection, method, path, fields):
    answer = connection.get(path, fields, method=method)
    pairs = [(name, value) for name, value in answer.fields if not name.startswith(":")]
    return shape(path, pairs, answer.status, bytes(answer.body))
