"""HTTP/2 clients that break its rules or ask too much: a bound, a line, and others unharmed."""

import re
import threading
from pathlib import Path

import pytest
from hyperframe.frame import (
    ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame,
    RstStreamFrame, SettingsFrame, WindowUpdateFrame,
)  # fmt: skip

from harness.backend import reply
from harness.http2 import Client, RawClient
from harness.polling import wait_for

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")]


@pytest.fixture
def proxy(site, backend):
    return site.serve(backend, server="http2 on;", workers=2)


def headers(client, number, fields, ends=True):
    frame = HeadersFrame(number, client.block(fields))
    frame.flags.add("END_HEADERS")
    if ends:
        frame.flags.add("END_STREAM")
    return frame


def still_serves(proxy):
    with Client(proxy.port) as honest:
        return honest.get("/").status == 200


def without(name):
    return [pair for pair in GET if pair[0] != name]


def field(name, value):
    return [*GET, (name, value)]


MALFORMED = {
    "no method": without(":method"),
    "no path": without(":path"),
    "no scheme": without(":scheme"),
    "method twice": [*GET[:1], *GET],
    "path twice": [*GET, (":path", "/b")],
    "pseudo-field behind a field": [("a", "b"), *GET],
    "unknown pseudo-field": [*GET, (":what", "x")],
    "status in a request": [*GET, (":status", "200")],
    "capitals": field("X-Big", "a"),
    "connection": field("connection", "close"),
    "keep-alive": field("keep-alive", "1"),
    "proxy-connection": field("proxy-connection", "close"),
    "transfer-encoding": field("transfer-encoding", "chunked"),
    "upgrade": field("upgrade", "h2c"),
    "te": field("te", "gzip"),
    "empty name": field("", "a"),
    "blank in a name": field("a b", "c"),
    "colon in a name": field("a:b", "c"),
    "NUL in a value": field("a", "b\0c"),
    "CR in a value": field("a", "b\rc"),
    "LF in a value": field("a", "b\nx: y"),
    "CR LF in a path": [*without(":path"), (":path", "/ HTTP/1.1\r\nX: y")],
    "blank in a path": [*without(":path"), (":path", "/a b")],
    "empty path": [*without(":path"), (":path", "")],
    "no slash": [*without(":path"), (":path", "a")],
    "no authority": without(":authority"),
    "empty authority": [*without(":authority"), (":authority", "")],
    "user in the authority": [*without(":authority"), (":authority", "u@localhost")],
    "odd port": [*without(":authority"), (":authority", "localhost:x")],
    "another host": field("host", "other"),
    "two hosts": [*without(":authority"), ("host", "a"), ("host", "b")],
    "odd scheme": [*without(":scheme"), (":scheme", "ftp")],
    "length without content": field("content-length", "5"),
    "length that is none": field("content-length", "5x"),
    "two lengths": [*field("content-length", "0"), ("content-length", "1")],
    "two authorizations": [*field("authorization", "a"), ("authorization", "b")],
    "odd method": [(":method", "GE T"), *GET[1:]],
}  # fmt: skip


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_http1_could_read_otherwise_is_refused(proxy, backend, fields):
    """It never reaches a backend; it has an ID and a line, and the connection serves on."""
    with RawClient(proxy.port) as client:
        client.send(headers(client, 1, fields))
        client.wait(
            lambda f: f.stream_id == 1 and isinstance(f, (RstStreamFrame, HeadersFrame))
        )
        (line,) = proxy.wait_lines(1)
        assert 400 <= line["status"] < 500 and line["request_id"] and line["stream"] == 1
        assert backend.requests == []
        client.send(headers(client, 3, GET))
        client.wait(lambda f: f.stream_id == 3 and isinstance(f, HeadersFrame))
        assert proxy.wait_lines(2)[1]["status"] == 200
        # What nghttp2 itself resets is sent nothing.
        is_answered = any(isinstance(f, HeadersFrame) and f.stream_id == 1 for f in client.frames)
        assert (line["bytes_out"] > 0) == is_answered
    assert len(backend.requests) == 1


CONTENT = {
    "more than announced": (5, [b"123456"]),
    "less than announced": (5, [b"1234"]),
}


@pytest.mark.parametrize("length, parts", CONTENT.values(), ids=CONTENT.keys())
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_content_of_another_length_is_refused(site, backend, length, parts, buffering):
    proxy = site.serve(
        backend, server="http2 on;", location=f"proxy_request_buffering {buffering};"
    )
    with RawClient(proxy.port) as client:
        fields = [(":method", "POST"), *GET[1:], ("content-length", str(length))]
        client.send(headers(client, 1, fields, ends=False))
        for index, part in enumerate(parts):
            frame = DataFrame(1, part)
            if index == len(parts) - 1:
                frame.flags.add("END_STREAM")
            client.send(frame)
        client.wait(lambda f: isinstance(f, RstStreamFrame) and f.stream_id == 1)
        (line,) = proxy.wait_lines(1)
        assert line["status"] in (400, 499)
    assert all(len(request.body) < length for request in backend.requests)


def flood(client, frames):
    """Sends them until the connection is ended; the code of the GOAWAY, None if none came."""
    try:
        for frame in frames:
            client.send(frame)
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.read_to_end()
    codes = [frame.error_code for frame in client.frames if isinstance(frame, GoAwayFrame)]
    return codes[-1] if codes else None


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size, count", [(16_384, 40), (10_007, 60), (999, 200)])
def test_content_beyond_the_window(
    site, make_backend, mixed, buffering, announced, size, count
):
    """A stream that takes no heed of its window is reset, and nothing of it passes for whole."""
    release = threading.Event()
    stuck, backend = make_backend([release, reply()]), make_backend()
    proxy = site.serve(
        backend, top="limit_req_zone $scheme zone=slow:1m rate=1r/m;", workers=2,
        server=f"""http2 on; proxy_request_buffering {buffering};
          location /stuck {{ proxy_pass http://{stuck.address}; }}
          location /delayed {{ limit_req zone=slow burst=99; proxy_pass http://{stuck.address}; }}
        """,
    )  # fmt: skip
    for path in ["/stuck", "/delayed", "/delayed", "/"]:
        with RawClient(proxy.port) as client:
            fields = [(":method", "POST"), GET[1], (":path", path), GET[3]]
            if announced:
                fields.append(("content-length", str((size + mixed) * count)))
            client.send(headers(client, 1, fields, ends=False))
            frames = []
            for number in range(count):
                frames.append(DataFrame(1, b"x" * size))
                # What fits again behind what did not is no part of the content.
                frames += [DataFrame(1, b"y")] * mixed
            frames[-1].flags.add("END_STREAM")
            client.send(*frames, PingFrame(0, b"12345678"))
            client.wait(lambda f: isinstance(f, PingFrame) and "ACK" in f.flags)
    release.set()
    assert still_serves(proxy)
    for request in [*stuck.requests, *backend.requests]:
        assert len(request.body) in (0, (size + mixed) * count)


def memory(proxy):
    """Resident bytes of all processes of the proxy."""
    text = (Path("/proc") / str(proxy.process.pid) / "status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", text)[1])


@pytest.mark.parametrize("kind", ["refused streams", "pings"])
def test_answers_that_nobody_reads_take_bounded_memory(site, make_backend, kind):
    """Each refusal is answered with a frame: of a client that does not read no more is read."""
    release = threading.Event()
    proxy = site.serve(make_backend([release, reply()]), server="http2 on;")
    with RawClient(proxy.port) as client:
        for number in range(1, 257, 2):
            client.send(headers(client, number, GET))
        if kind == "refused streams":
            # The table of the header compression holds all of it: a frame of few bytes each.
            block = client.block(GET)
            frames = []
            for number in range(257, 400_000, 2):
                frame = HeadersFrame(number, block)
                frame.flags |= {"END_HEADERS", "END_STREAM"}
                frames.append(frame.serialize())
        else:
            frames = [PingFrame(0, b"12345678").serialize()] * 200_000
        before = memory(proxy)
        client.socket.settimeout(3)
        try:
            for start in range(0, len(frames), 1000):
                client.socket.sendall(b"".join(frames[start : start + 1000]))
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        assert memory(proxy) - before < 20 << 20
        release.set()
        assert still_serves(proxy)


def ping_flood(client):
    return [PingFrame(0, b"12345678").serialize() * 100 for _ in range(200)]


def settings_flood(client):
    return [SettingsFrame(0).serialize() * 100 for _ in range(200)]


def priority_flood(client):
    return [PriorityFrame(1, depends_on=0, stream_weight=5).serialize() * 100 for _ in range(200)]


def window_flood(client):
    return [WindowUpdateFrame(0, 1).serialize() * 100 for _ in range(200)]


def rapid_reset(client):
    for number in range(1, 8001, 2):
        yield headers(client, number, GET).serialize() + RstStreamFrame(number, 8).serialize()


def empty_data(client):
    yield headers(client, 1, [(":method", "POST"), *GET[1:]], ends=False)
    for _ in range(200):
        yield DataFrame(1, b"").serialize() * 100


def provoked_resets(client):
    """Frames on a stream that make this side reset it (CVE-2025-8671)."""
    for number in range(1, 8001, 2):
        overflow = WindowUpdateFrame(number, 2**31 - 1).serialize()
        yield headers(client, number, GET, ends=False).serialize() + overflow


def continuations(client):
    first = HeadersFrame(1, client.block(GET))
    yield first
    for _ in range(2_000):
        yield ContinuationFrame(1, b"")


def malformed_requests(client):
    for number in range(1, 8001, 2):
        yield headers(client, number, without(":path"))


FLOODS = [
    ping_flood, settings_flood, priority_flood, window_flood, rapid_reset, empty_data,
    provoked_resets, continuations, malformed_requests,
]  # fmt: skip


@pytest.mark.parametrize("attack", FLOODS, ids=[attack.__name__ for attack in FLOODS])
def test_a_flood_ends_its_connection_only(proxy, attack):
    with Client(proxy.port) as honest:
        assert honest.get("/").status == 200
        with RawClient(proxy.port) as client:
            code = flood(client, attack(client))
        assert code not in (None, 0)
        assert honest.get("/").status == 200
    wait_for(lambda: "the connection is ended" in proxy.error_log.read_text(), "a word about it")
    assert still_serves(proxy)


def test_a_request_that_is_reset_ends_at_once(site, backend):
    """However many begin and are reset in one read, they hold no connections to the backend."""
    proxy = site.serve(backend, server="http2 on;", connections=32)
    with Client(proxy.port) as honest, RawClient(proxy.port) as client:
        assert honest.get("/").status == 200
        pairs = [
            headers(client, number, GET).serialize() + RstStreamFrame(number, 8).serialize()
            for number in range(1, 401, 2)
        ]
        client.send(b"".join(pairs))
        lines = proxy.wait_lines(201)[1:]
        assert honest.get("/").status == 200
        assert {line["status"] for line in lines} == {499}
        assert "worker_connections" not in proxy.error_log.read_text()


def test_resets_count_while_they_are_read(proxy):
    """What came behind one too many is not served, however much came at once."""
    with RawClient(proxy.port) as client:
        assert flood(client, [b"".join(rapid_reset(client))]) == 11
    with Client(proxy.port) as honest:
        assert honest.get("/").status == 200
    wait_for(lambda: proxy.lines()[-1]["status"] == 200, "the line of the honest request")
    assert 512 < len(proxy.lines()) < 700


def test_a_head_that_is_too_large_is_answered(proxy, backend):
    with RawClient(proxy.port) as client:
        fields = [*GET, *((f"x-{number}", "v" * 900) for number in range(50))]
        block = client.block(fields)
        first = HeadersFrame(1, block[:16_000])
        first.flags.add("END_STREAM")
        second = ContinuationFrame(1, block[16_000:32_000])
        third = ContinuationFrame(1, block[32_000:])
        third.flags.add("END_HEADERS")
        client.send(first, second, third)
        (line,) = proxy.wait_lines(1)
        assert line["status"] == 431 and backend.requests == []
    assert still_serves(proxy)


def test_a_bomb_of_fields_costs_little(proxy):
    """One byte of the block is a whole field of the table."""
    with RawClient(proxy.port) as client:
        client.send(headers(client, 1, [*GET, ("x-bomb", "b" * 3_000)]))
        client.wait(lambda f: isinstance(f, HeadersFrame) and f.stream_id == 1)
        for number in range(3, 43, 2):
            frame = HeadersFrame(number, client.block(GET) + b"\xbe" * 15_000)
            frame.flags.add("END_HEADERS")
            frame.flags.add("END_STREAM")
            client.send(frame)
        lines = proxy.wait_lines(21)
        assert [line["status"] for line in lines].count(431) == 20
    assert still_serves(proxy)


def test_too_many_streams_are_refused(site, make_backend):
    release = threading.Event()
    proxy = site.serve(make_backend([release, reply()]), server="http2 on;")
    with RawClient(proxy.port) as client:
        for number in range(1, 2 * 140, 2):
            client.send(headers(client, number, GET))
        client.wait(lambda f: isinstance(f, (RstStreamFrame, GoAwayFrame)))
    release.set()
    assert still_serves(proxy)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_bytes_that_come_in_pieces(proxy, size):
    with RawClient(proxy.port) as client:
        data = b"".join(headers(client, number, GET).serialize() for number in (1, 3, 5))
        for start in range(0, len(data), size):
            client.send(data[start : start + size])
        proxy.wait_lines(3)


@pytest.mark.parametrize("garbage", [b"\0" * 100, b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n" * 9])
def test_garbage_behind_the_preface(proxy, garbage):
    with RawClient(proxy.port) as client:
        client.send(garbage)
        client.read_to_end()
    assert still_serves(proxy)


def test_a_connection_that_is_cut_at_every_byte(proxy):
    with RawClient(proxy.port) as probe:
        whole = headers(probe, 1, [(":method", "POST"), *GET[1:]], ends=False).serialize()
    whole += DataFrame(1, b"content").serialize()
    for cut in range(0, len(whole), 3):
        with RawClient(proxy.port) as client:
            client.send(whole[:cut])
    assert still_serves(proxy)
