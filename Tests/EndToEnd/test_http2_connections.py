"""Connections of HTTP/2: how they begin, make room and end, and what becomes of their streams."""

import contextlib
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame

from harness.backend import reply
from harness.http2 import Client, RawClient, connect
from harness.polling import TIME_FACTOR, wait_for
from harness.ports import free_port
from harness.proxy import command
from harness.secure import client_context


def client(proxy, **options):
    return Client(proxy.port, secure=proxy.secure, **options)


def test_all_requests_at_once_may_be_reset(serve, make_backend):
    """Three times in a row, as by somebody who clicks on; the connection goes on."""
    release = threading.Event()
    backend = make_backend(lambda r: [release, reply()] if r.target == "/slow" else reply())
    proxy = serve(backend)
    with client(proxy) as connection:
        assert connection.get("/").status == 200
        for number in range(1, 4):
            streams = [connection.begin("/slow") for _ in range(100)]
            wait_for(lambda: len(backend.requests) == 100 * number + number, "the requests")
            for stream in streams:
                connection.protocol.reset_stream(stream, 8)
            connection.flush()
            assert connection.get("/").status == 200
        assert not connection.going_away
    release.set()
    assert len(proxy.wait_lines(304)) == 304


def test_a_connection_that_breaks_ends_all_of_its_requests(serve, make_backend):
    release = threading.Event()
    backend = make_backend([release, reply()])
    proxy = serve(backend)
    with client(proxy) as connection:
        for number in range(5):
            connection.begin("/", [("x-request-id", f"lost-{number}")])
        wait_for(lambda: len(backend.requests) == 5, "five requests")
    for number in range(5):
        assert proxy.log_line(f"lost-{number}")["status"] == 499
    release.set()


def test_an_idle_connection_is_closed_with_a_word(serve, backend):
    proxy = serve(backend, server="keepalive_timeout 1s;")
    with client(proxy) as connection:
        assert connection.get("/").status == 200
        began = time.monotonic()
        connection.read_to_end()
        assert connection.going_away and 0.8 < time.monotonic() - began < 4 * TIME_FACTOR


@pytest.mark.parametrize("begin", [b"", b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"GET / HTTP/1.1"])
@pytest.mark.parametrize("end", ["timeout", "reload", "stop"])
def test_a_client_that_never_says_what_it_speaks(serve, backend, begin, end):
    proxy = serve(backend, server="client_header_timeout 1s;", workers=2)
    silent = [connect_plainly(proxy) for _ in range(4)]
    for connection in silent:
        connection.sendall(begin)
    if end == "reload":
        assert command("-s", "reload", "-c", proxy.conf).returncode == 0
    if end == "stop":
        proxy.process.terminate()
        assert proxy.wait_exit() == 0
        return
    for connection in silent:
        connection.settimeout(10)
        while connection.recv(4096):
            pass
        connection.close()
    with client(proxy) as connection:
        assert connection.get("/").status == 200


def connect_plainly(proxy):
    """A socket whose TLS, if there is any, is done, and on which nothing has been sent."""
    return connect(proxy.port, secure=proxy.secure)


def test_keepalive_requests_bounds_a_connection(serve, backend):
    """The client is told after the third; another connection goes on."""
    proxy = serve(backend, workers=2, server="keepalive_requests 3;")
    with client(proxy) as connection, client(proxy) as other:
        assert other.get("/").status == 200
        for _ in range(3):
            assert not connection.going_away
            assert connection.get("/").status == 200
        connection.read_to_end()
        assert connection.going_away == [0, 0]
        assert other.get("/").status == 200 and not other.going_away
    assert len(proxy.wait_lines(5)) == 5


def test_beyond_worker_connections_there_is_a_503(serve, make_backend):
    """In the client's own protocol, with an ID and a line; then the connection ends."""
    release = threading.Event()
    proxy = serve(make_backend([release, reply()]), connections=20)
    with ExitStack() as stack:
        held, refused = [], []
        for number in range(24):
            connection = stack.enter_context(client(proxy))
            stream = connection.begin("/", [("x-request-id", f"held-{number}")])
            connection.socket.settimeout(0.3 * TIME_FACTOR)
            try:
                answer = connection.finish(stream)[0]
                refused.append((connection, answer))
            except TimeoutError:
                held.append((connection, stream))
            connection.socket.settimeout(10)
        assert len(refused) >= 4 and len(held) >= 4
        for connection, answer in refused:
            assert answer.status == 503 and answer["x-request-id"]
            assert proxy.log_line(answer["x-request-id"])["status"] == 503
            connection.read_to_end()
            assert connection.going_away == [0, 0]
        release.set()
        for connection, stream in held:
            assert connection.finish(stream)[0].status == 200


def test_a_reload_lets_streams_finish(serve, make_backend):
    """The client is asked to begin no more requests, those under way end in order."""
    release = threading.Event()
    backend = make_backend(lambda r: [release, reply()] if r.target == "/slow" else reply())
    proxy = serve(backend, workers=2)
    with RawClient(proxy.port, secure=proxy.secure) as busy, client(proxy) as idle:
        assert idle.get("/").status == 200
        scheme = "https" if proxy.secure else "http"
        fields = [(":method", "GET"), (":scheme", scheme), (":path", "/slow")]
        slow = HeadersFrame(1, busy.block([*fields, (":authority", "localhost")]))
        slow.flags.add("END_HEADERS")
        slow.flags.add("END_STREAM")
        busy.send(slow)
        wait_for(lambda: len(backend.requests) == 2, "both requests")
        assert command("-s", "reload", "-c", proxy.conf).returncode == 0
        idle.read_to_end()
        assert idle.going_away == [0, 0]
        first = busy.wait(lambda frame: isinstance(frame, GoAwayFrame))
        assert first.last_stream_id == 2**31 - 1 and first.error_code == 0
        release.set()
        busy.wait(lambda frame: isinstance(frame, DataFrame) and "END_STREAM" in frame.flags)
        busy.read_to_end()
        last = [frame for frame in busy.frames if isinstance(frame, GoAwayFrame)][-1]
        assert last.last_stream_id == 1 and last.error_code == 0
    with client(proxy) as connection:
        assert connection.get("/").status == 200


def test_a_stop_finishes_what_runs(serve, make_backend):
    release = threading.Event()
    backend = make_backend([release, reply()])
    proxy = serve(backend)
    with client(proxy) as connection:
        stream = connection.begin("/")
        wait_for(lambda: backend.requests, "the request")
        proxy.process.terminate()
        release.set()
        assert connection.finish(stream)[0].status == 200
        connection.read_to_end()
    assert proxy.wait_exit() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_idle_connections_make_room(serve, backend, workers):
    """Those that have had their answer, and those that never asked."""
    proxy = serve(backend, workers=workers, connections=20)
    with ExitStack() as stack:
        idle = [stack.enter_context(client(proxy)) for _ in range(40)]
        for connection in idle[::2]:
            with contextlib.suppress(OSError, AssertionError):
                connection.get("/")
        for _ in range(20):
            with client(proxy) as honest:
                assert honest.get("/").status == 200


def test_connections_with_many_streams_leave_room_for_others(serve, backend):
    """Eleven connections hold all the streams that they may, and others are served."""
    proxy = serve(
        backend, connections=16, top="limit_req_zone $scheme zone=slow:1m rate=1r/m;",
        server=f"""location /held {{ limit_req zone=slow burst=9999;
          proxy_pass http://{backend.address}; }}""",
    )  # fmt: skip
    with ExitStack() as stack:
        refused = 0
        for _ in range(11):
            connection = stack.enter_context(client(proxy))
            assert connection.get("/").status == 200
            streams = [connection.begin("/held") for _ in range(120)]
            assert connection.get("/").status in (200, 0)
            refused += sum(connection.answers[stream].reset == 7 for stream in streams)
        assert refused > 0
        wait_for(lambda: "too many streams are open" in proxy.error_text(), "a word about it")
        for _ in range(3):
            with client(proxy) as other:
                assert [other.get("/").status for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("http2", ["off", "on"])
def test_each_address_of_a_server_says_what_it_speaks(site, pair, order, http2):
    """`listen … http2` concerns its own address, whichever comes first; `http2 on` all."""
    plain, second = free_port(), free_port()
    lines = [f"listen 127.0.0.1:{plain} ssl;", f"listen 127.0.0.1:{second} ssl http2;"][::order]
    site.start(f"""server {{ {" ".join(lines)} http2 {http2};
      {pair.conf} location / {{ return 200; }} }}""")
    for port, speaks in [(plain, http2 == "on"), (second, True)]:
        for offer in [["h2", "http/1.1"], ["http/1.1"]]:
            context = client_context(None, protocols=offer)
            expected = "h2" if speaks and "h2" in offer else "http/1.1"
            raw = socket.create_connection(("127.0.0.1", port))
            with context.wrap_socket(raw, server_hostname="localhost") as connection:
                assert connection.selected_alpn_protocol() == expected
