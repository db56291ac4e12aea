"""Backends that break HTTP/2's rules: a request ends with its line, whatever comes, and others go
on."""

import contextlib
import socket
import struct
import threading
import time
from contextlib import ExitStack

import pytest
from hpack import Encoder

from harness.http2 import Client
from harness.polling import wait_for

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK, PADDED = 1, 4, 1, 8


def frame(kind, flags=0, stream=0, payload=b""):
    head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
    return head + struct.pack(">I", stream) + payload


def head(*fields, stream=1, flags=END_HEADERS, status=b"200"):
    pairs = ([(b":status", status)] if status else []) + list(fields)
    return frame(HEADERS, flags, stream, Encoder().encode(pairs))


def data(content=b"x", stream=1, flags=0):
    return frame(DATA, flags, stream, content)


OK = head() + data(b"good", flags=END_STREAM)


class FrameBackend:
    """Says hello, waits for the first request of each connection, then sends what it is told and
    reads to the end. What `chooses` returns is sent for each request; None closes."""

    def __init__(self, answers, *, settings=b"", closes=True, size=None):
        self.answers = answers
        self.settings = settings
        self.closes = closes
        self.size = size
        self.count = 0
        self.open = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with self.lock:
            number = self.count
            self.count += 1
            self.open += 1
        answer = self.answers[min(number, len(self.answers) - 1)]
        with contextlib.suppress(OSError, AssertionError), sock:
            sock.settimeout(10)
            sock.sendall(frame(SETTINGS, 0, 0, self.settings) + frame(SETTINGS, ACK))
            self.read_request(sock)
            step = self.size or len(answer) or 1
            for start in range(0, len(answer), step):
                sock.sendall(answer[start : start + step])
                if self.size:
                    time.sleep(0.0005)
            if self.closes:
                sock.shutdown(socket.SHUT_WR)
            while sock.recv(65_536):
                pass
        with self.lock:
            self.open -= 1

    def read_request(self, sock):
        """Up to the first HEADERS, or what ends it."""
        received = b""
        while not received.startswith(PREFACE) or not self.has_request(received):
            more = sock.recv(65_536)
            assert more
            received += more

    @staticmethod
    def has_request(received):
        rest = received[len(PREFACE) :]
        while len(rest) >= 9:
            length = int.from_bytes(rest[:3], "big")
            if rest[3] == HEADERS and len(rest) >= 9 + length:
                return True
            rest = rest[9 + length :]
        return False

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def serve(site):
    with ExitStack() as stack:

        def start(*answers, location="", workers=1, **options):
            backend = FrameBackend(answers, **options)
            stack.callback(backend.stop)
            proxy = site.serve(
                backend.address, server="http2 on;", workers=workers,
                location="proxy_http_version 2; proxy_read_timeout 2s; " + location,
            )  # fmt: skip
            return proxy, backend

        yield start


def outcome(proxy, **options):
    with Client(proxy.port) as client:
        answer = client.get("/", **options)
    return answer


BAD = {
    "no status": head(status=None),
    "status twice": head((b":status", b"200")),
    "status of four": head(status=b"2000"),
    "status that is none": head(status=b"abc"),
    "101": head(status=b"101"),
    "a request's pseudo-field": head((b":path", b"/")),
    "a late pseudo-field": frame(
        HEADERS, END_HEADERS, 1, Encoder().encode([(b"a", b"b"), (b":status", b"200")])),
    "upper case": head((b"Upper", b"x")),
    "connection": head((b"connection", b"close")),
    "transfer-encoding": head((b"transfer-encoding", b"chunked")),
    "upgrade": head((b"upgrade", b"x")),
    "a name with a space": head((b"a b", b"x")),
    "an empty name": head((b"", b"x")),
    "CR LF": head((b"a", b"b\r\nc: d")),
    "NUL": head((b"a", b"b\0")),
    "two lengths": head((b"content-length", b"1"), (b"content-length", b"2")),
    "a wild length": head((b"content-length", b"-1")),
    "content before the head": data(b"x"),
    "a head on a stream that is none": head(stream=3),
    "a head on an even stream": head(stream=2),
    "content on stream 0": data(stream=0),
    "a head on stream 0": head(stream=0),
    "padding as long as the frame": head() + frame(DATA, PADDED, 1, b"\x05abc"),
    "an unfinished head and content": head(flags=0) + data(),
    "CONTINUATION out of nothing": frame(CONTINUATION, END_HEADERS, 1, b""),
    "a push": frame(PUSH, END_HEADERS, 1, struct.pack(">I", 2) + Encoder().encode([])),
    "a broken compression": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
    "a frame that is too large": struct.pack(">I", 20_000)[1:] + bytes([0, 0, 0, 0, 0, 1]),
    "SETTINGS of a wrong size": frame(SETTINGS, 0, 0, b"abc"),
    "SETTINGS on a stream": frame(SETTINGS, 0, 1, b""),
    "a wild window": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x8000_0000)),
    "a wild frame size": frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1)),
    "PING of a wrong size": frame(PING, 0, 0, b"x"),
    "WINDOW_UPDATE of 0": frame(WINDOW, 0, 0, b"\0\0\0\0"),
    "WINDOW_UPDATE too large": frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
    "RST on stream 0": frame(RST, 0, 0, b"\0\0\0\0"),
    "RST on an idle stream": frame(RST, 0, 5, b"\0\0\0\0"),
    "GOAWAY with an error": frame(GOAWAY, 0, 0, struct.pack(">II", 1, 2)),
    "RST": frame(RST, 0, 1, struct.pack(">I", 2)),
    "HTTP/1.1": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "nothing": b"",
    "zeros": b"\0" * 1_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_malformed_responses_are_502(serve, name):
    """A request that can't be sent again has its 502, and the next one another connection."""
    proxy, backend = serve(BAD[name], OK)
    assert outcome(proxy, method="POST").status in (502, 504)
    (line,) = proxy.wait_lines(1)
    assert line["status"] in (502, 504) and line["error"]
    answer = outcome(proxy)
    assert answer.status == 200 and bytes(answer.body) == b"good"
    assert proxy.alive()


CUT = {
    "too little content": head((b"content-length", b"5")) + data(b"abc", flags=END_STREAM),
    "too much content": head((b"content-length", b"2")) + data(b"abc", flags=END_STREAM),
    "trailers without an end": head() + data() + head((b"a", b"b"), status=None),
    "a pseudo-field in trailers":
        head() + data() + head(flags=END_HEADERS | END_STREAM),
    "a connection's field in trailers":
        head() + data() + head((b"connection", b"x"), status=None, flags=5),
    "trailers that are too large":
        head() + data() + head((b"a", b"x" * 12_000), status=None, flags=5),
    "RST": head() + data() + frame(RST, 0, 1, struct.pack(">I", 2)),
    "RST without an error": head() + data() + frame(RST, 0, 1, struct.pack(">I", 0)),
    "the end": head() + data(),
    "GOAWAY and the end": head() + data() + frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0)),
    "GOAWAY below it": head() + data() + frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_responses_that_are_not_whole_are_cut(serve, name):
    proxy, backend = serve(CUT[name], OK)
    answer = outcome(proxy, method="POST")
    assert answer.status in (200, 502)
    assert answer.reset is not None or answer.status == 502
    (line,) = proxy.wait_lines(1)
    assert line["termination"] and line["error"]
    assert bytes(outcome(proxy).body) == b"good"


def test_content_behind_the_end_is_nobodys(serve):
    proxy, backend = serve(OK + data(b"more"), OK)
    assert bytes(outcome(proxy).body) == b"good"
    assert bytes(outcome(proxy).body) == b"good"


FLOODS = {
    "pings": frame(PING, 0, 0, b"12345678") * 30_000,
    "settings": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)) * 20_000,
    "empty content": head() + data(b"") * 30_000,
    "windows": frame(WINDOW, 0, 0, struct.pack(">I", 1)) * 30_000,
    "priorities": frame(PRIORITY, 0, 1, b"\0\0\0\0\1") * 30_000,
    "interim responses": head((b"link", b"x" * 100), status=b"103") * 30_000,
    "CONTINUATION": head(flags=0) + frame(CONTINUATION, 0, 1, b"") * 30_000,
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
def test_floods_end_their_connection(serve, name):
    proxy, backend = serve(FLOODS[name], OK, closes=False)
    begin = time.monotonic()
    answer = outcome(proxy, method="POST")
    assert answer.status in (200, 502, 504) and time.monotonic() - begin < 9
    (line,) = proxy.wait_lines(1)
    assert line["error"] or line["termination"]
    assert bytes(outcome(proxy).body) == b"good"


def test_heads_beyond_the_bound_are_refused(serve):
    """In HEADERS and CONTINUATION frames; the compressed bomb is smaller than what it says."""
    block = Encoder().encode([(b":status", b"200")] + [(b"x%d" % n, b"y" * 999) for n in range(45)])
    parts = [block[at : at + 12_000] for at in range(0, len(block), 12_000)]
    large = b"".join(
        frame(CONTINUATION if n else HEADERS, END_HEADERS if n == len(parts) - 1 else 0, 1, part)
        for n, part in enumerate(parts)
    )
    encoder = Encoder()
    first = encoder.encode([(b":status", b"200"), (b"x", b"y" * 3_000)])
    bomb = frame(HEADERS, END_HEADERS, 1, first + b"\xbe" * 9_000)
    proxy, backend = serve(large, bomb, OK)
    for _ in range(2):
        assert outcome(proxy, method="POST").status == 502
    assert bytes(outcome(proxy).body) == b"good"
    lines = proxy.wait_lines(3)
    assert [line.get("error") for line in lines[:2]] == ["http_response_header_section_size"] * 2


def test_frames_of_unknown_types_are_ignored(serve):
    proxy, _ = serve(frame(77, 0, 0, b"x") * 5_000 + OK)
    assert bytes(outcome(proxy).body) == b"good"


@pytest.mark.parametrize("size", [1, 7])
def test_responses_in_pieces(serve, size):
    whole = (
        head((b"link", b"a"), status=b"103")
        + head((b"content-length", b"10"))
        + data(b"01234")
        + frame(PING, 0, 0, b"12345678")
        + data(b"56789")
        + head((b"x-last", b"1"), status=None, flags=END_STREAM | END_HEADERS)
    )
    proxy, _ = serve(whole, size=size, closes=False)
    answer = outcome(proxy)
    assert bytes(answer.body) == b"0123456789" and dict(answer.trailers) == {"x-last": "1"}
    assert len(answer.interim) == 1


def test_a_connection_that_ends_at_every_byte(serve):
    """However much of a response comes: an error or the whole of it, and a line."""
    whole = head((b"content-length", b"4"), (b"x", b"y")) + data(b"good", flags=END_STREAM)
    answers = [whole[:count] for count in range(len(whole) + 1)]
    proxy, _ = serve(*answers, workers=2, location="proxy_next_upstream off;")
    for count in range(len(whole) + 1):
        answer = outcome(proxy, method="POST")
        if count == len(whole):
            assert answer.status == 200 and bytes(answer.body) == b"good"
        else:
            assert answer.status in (200, 502)
            assert answer.status == 502 or answer.reset is not None
    assert len(proxy.wait_lines(len(whole) + 1)) == len(whole) + 1


def test_one_bad_stream_leaves_the_others(serve):
    """Two requests at once on one connection: the malformed response is one's own."""
    answer = head((b"Upper", b"x"), stream=1) + head(stream=3) + data(
        b"good", stream=3, flags=END_STREAM)  # fmt: skip
    proxy, backend = serve(answer, OK, closes=False)
    with Client(proxy.port) as client:
        first = client.begin("/1", method="POST")
        time.sleep(0.2)
        second = client.begin("/2", method="POST")
        answers = client.finish(first, second)
    statuses = sorted(answer.status for answer in answers)
    assert statuses in ([200, 502], [502, 502])
    assert len(proxy.wait_lines(2)) == 2


def test_connections_that_go_away_at_once(serve):
    """GOAWAY instead of an answer, for ever: each request is sent again once."""
    goaway = frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0))
    proxy, backend = serve(goaway)
    assert outcome(proxy, method="POST").status == 502
    (line,) = proxy.wait_lines(1)
    assert len(line["tries"]) == 2 and backend.count == 2
    wait_for(lambda: backend.open == 0, "the connections' end")
