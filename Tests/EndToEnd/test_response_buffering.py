"""`proxy_buffering`: a slow client holds no backend, and what it does not take in time is kept."""

import gzip
import os
import random
import socket
import statistics
import threading
import time
from pathlib import Path

import pytest

from harness.applications import Application
from harness.backend import CLOSE, RESET, reply
from harness.client import chunked, request_bytes
from harness.http2 import Client as HTTP2Client
from harness.polling import wait_for
from harness.proxy import command
from harness.small_disk import SmallDisk
from harness.uploads import content

# More than any socket of the kernel's holds.
LARGE = 12_000_000
DATA = content(LARGE)
HEAD = b"HTTP/1.1 200 OK\r\n"
FRAMINGS = ["length", "chunked", "close"]


def response(data: bytes, framing: str, trailers: bytes = b"") -> bytes:
    if framing == "length":
        return HEAD + b"Content-Length: %d\r\n\r\n" % len(data) + data
    if framing == "close":
        return HEAD + b"Connection: close\r\n\r\n" + data
    parts = [data[start : start + 50_000] for start in range(0, len(data), 50_000)]
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*parts, trailers=trailers)


class Sender:
    """A backend's script that says when it has handed a whole response to the kernel."""

    def __init__(self, data: bytes, framing: str = "length", trailers: bytes = b"", fields=b""):
        message = response(data, framing, trailers)
        self.message = HEAD + fields + message[len(HEAD) :]
        self.framing = framing
        self.done = 0

    def __call__(self, request):
        yield self.message
        self.done += 1
        if self.framing == "close":
            yield CLOSE


def ask(proxy, request_id: str, target: str = "/", version: str = "HTTP/1.1", buffer: int = 8192):
    """A client that has asked and reads nothing yet."""
    connection = proxy.connect(timeout=30, receive_buffer=buffer)
    connection.send(request_bytes("GET", target, {"X-Request-ID": request_id}, version=version))
    return connection


def kept_files(proxy) -> int:
    """Files without a name that the proxy has open."""
    folder = Path(f"/proc/{proxy.process.pid}/fd")
    return sum("(deleted)" in os.readlink(link) for link in folder.iterdir())


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("limits", ["", "proxy_buffers 3 4k;"])
def test_a_backend_is_free_while_its_client_reads_nothing(site, make_backend, framing, limits):
    sender = Sender(DATA, framing)
    backend = make_backend(sender)
    proxy = site.serve(backend, workers=2, server=limits)
    slow = [ask(proxy, f"slow-{number}") for number in range(3)]
    wait_for(lambda: sender.done == 3, "the backend to have sent all")
    for number, connection in enumerate(slow):
        answer = connection.receive()
        assert answer.status == 200 and answer.body == DATA
        line = proxy.log_line(f"slow-{number}")
        assert line["bytes_out"] == len(DATA)
        connection.close()
    wait_for(lambda: kept_files(proxy) == 0, "the files to be closed")


@pytest.mark.parametrize("how", ["off", "field"])
def test_off_is_back_pressure(site, make_backend, how):
    sender = Sender(DATA, fields=b"X-Accel-Buffering: no\r\n" if how == "field" else b"")
    backend = make_backend(sender)
    proxy = site.serve(backend, server="proxy_buffering off;" if how == "off" else "")
    with ask(proxy, "off-1") as connection:
        time.sleep(1)
        assert sender.done == 0
        answer = connection.receive()
        assert answer.body == DATA and answer.fields.all("X-Accel-Buffering") == []


@pytest.mark.parametrize("value", ["yes", "no"])
def test_the_field_is_ignored_where_that_is_said(site, make_backend, value):
    """Two locations: in one of them buffering is on, in the other off."""
    sender = Sender(DATA, fields=b"X-Accel-Buffering: %s\r\n" % value.encode())
    backend = make_backend(sender)
    ignored = "proxy_ignore_headers X-Accel-Buffering;"
    proxy = site.servers(f"""
server {{
  listen PORT; {ignored}
  location / {{ proxy_pass http://{backend.address}; }}
  location /off {{ proxy_pass http://{backend.address}; proxy_buffering off; }}
}}
""")
    with ask(proxy, "off-1", "/off"):
        time.sleep(0.7)
        assert sender.done == 0
        with ask(proxy, "on-1"):
            wait_for(lambda: sender.done == 1, "the backend to have sent all")


def test_the_connection_serves_others_meanwhile(site, make_backend):
    sender = Sender(DATA)

    def script(request):
        return sender(request) if request.target == "/large" else [reply()]

    backend = make_backend(script)
    proxy = site.serve(backend)
    with ask(proxy, "slow-1", "/large") as slow:
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        time.sleep(0.2)
        for number in range(20):
            assert proxy.get("/", {"X-Request-ID": f"fast-{number}"}).body == b"hello\n"
        assert len(backend.connections) == 1
        assert slow.receive().body == DATA
    line = proxy.log_line("slow-1")
    assert line["upstream_duration"] + 0.15 < line["duration"]


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_trailers_follow_what_is_kept(site, make_backend, version):
    sender = Sender(DATA, "chunked", trailers=b"X-Sum: 1\r\n")
    proxy = site.serve(make_backend(sender))
    with ask(proxy, "trail-1", version=version) as connection:
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        answer = connection.receive()
        assert answer.body == DATA
        if version == "HTTP/1.1":
            assert answer.trailers.all("X-Sum") == ["1"]


def test_bytes_are_the_same_whoever_reads_how(site, make_backend):
    """Random sizes and framings, fast and slow readers at once, two workers, two limits."""
    chance = random.Random(7)
    sizes = [0, 1, 30_000, 65_536, 300_000] + [chance.randrange(9_000_000) for _ in range(7)]
    data = {f"/{where}/{number}": (content(size), chance.choice(FRAMINGS))
            for number, size in enumerate(sizes) for where in ("a", "b")}  # fmt: skip

    def script(request):
        body, framing = data[request.target]
        yield response(body, framing)
        if framing == "close":
            yield CLOSE

    backend = make_backend(script)
    proxy = site.servers(f"""
server {{
  listen PORT;
  location /a {{ proxy_pass http://{backend.address}; }}
  location /b {{ proxy_pass http://{backend.address}; proxy_buffers 3 4k;
    proxy_max_temp_file_size 100k; }}
}}
""", workers=2)  # fmt: skip
    wrong = []

    def read(target, pace):
        body, _ = data[target]
        with ask(proxy, "", target, buffer=8192 if pace else 1_000_000) as connection:
            while len(connection.stream.buffer) < min(len(body), 200_000 * pace):
                time.sleep(0.002)
                connection.stream.fill()
            if connection.receive().body != body:
                wrong.append(target)

    readers = [threading.Thread(target=read, args=(target, pace))
               for target in data for pace in (0, 1, 2)]  # fmt: skip
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert wrong == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("ending", [CLOSE, RESET], ids=str)
def test_what_came_before_a_cut_arrives(site, make_backend, framing, ending):
    """The client gets all of it, and then sees that the response is not whole."""
    message = response(DATA, framing)
    begin = message[: len(message) - 1000]
    sent = threading.Event()
    # A reset destroys what has not been read yet.
    script = [begin, lambda _: sent.set(), 1.5, ending]
    backend = make_backend(lambda request: script)
    proxy = site.serve(backend, workers=2)
    with ask(proxy, "cut-1") as connection:
        assert sent.wait(20)
        wait_for(lambda: proxy.error_lines("cut-1"), "the failed try")
        rest = connection.rest()
        body = rest[rest.index(b"\r\n\r\n") + 4 :]
        if framing == "length":
            assert body == DATA[: len(body)] and len(body) == len(DATA) - 1000
        else:
            assert len(body) > 11_900_000 and not body.endswith(b"0\r\n\r\n")
    line = proxy.log_line("cut-1")
    assert line["termination"] == "upstream:response_body"


def test_a_client_that_leaves_gives_all_back(site, make_backend):
    sender = Sender(DATA)
    proxy = site.serve(make_backend(sender), workers=2)
    clients = [ask(proxy, f"gone-{number}") for number in range(4)]
    wait_for(lambda: sender.done == 4, "the backend to have sent all")
    assert kept_files(proxy) == 4
    for client in clients:
        client.reset()
    for number in range(4):
        line = proxy.log_line(f"gone-{number}")
        assert (line["status"], line["termination"]) == (499, "client:response_body")
    wait_for(lambda: kept_files(proxy) == 0, "the files to be closed")


def test_a_client_that_reads_nothing_is_ended(site, make_backend):
    """`send_timeout` goes on while its backend is read ahead."""

    def script(request):
        yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        while True:
            yield chunked(b"x" * 400_000)[:-5]
            yield 0.02

    backend = make_backend(script)
    proxy = site.serve(backend, server="send_timeout 1s;")
    with ask(proxy, "stuck-1"):
        line = proxy.log_line("stuck-1", 20)
    assert line["termination"] == "client:response_body"
    assert line["duration"] < 10


def test_a_backend_that_pauses_is_ended(site, make_backend):
    """`proxy_read_timeout` counts while it is read ahead, and not while it waits."""

    def script(request):
        if request.target == "/waits":
            yield response(DATA, "length")
        else:
            yield response(DATA, "length")[:-10]
            yield 20.0

    backend = make_backend(script)
    proxy = site.servers(f"""
server {{
  listen PORT; proxy_read_timeout 2s;
  location / {{ proxy_pass http://{backend.address}; }}
  location /waits {{ proxy_pass http://{backend.address}; proxy_max_temp_file_size 0; }}
}}
""")
    with ask(proxy, "pause-1") as one, ask(proxy, "wait-1", "/waits") as two:
        wait_for(lambda: proxy.error_lines("pause-1"), "the timeout")
        time.sleep(2.5)
        assert two.receive().body == DATA
        rest = one.rest()
        assert rest.endswith(DATA[-1010:-10])
    assert proxy.log_line("pause-1")["error"] == "http_response_timeout"
    assert proxy.log_line("wait-1")["status"] == 200


@pytest.mark.parametrize("why", ["space", "folder", "0"])
def test_what_no_file_takes_is_back_pressure(site, make_backend, tmp_path, why):
    folder = tmp_path / "kept"
    folder.mkdir()
    # More than the kernel's buffers take, which grow to some 36 MB on the way.
    data = DATA * 5
    sender = Sender(data)
    proxy = site.serve(
        make_backend(sender), top="temp_space 200k;" if why == "space" else "",
        server=f"proxy_temp_path {folder} 1 2;",
        location="proxy_max_temp_file_size 0;" if why == "0" else "",
    )  # fmt: skip
    if why == "folder":
        folder.rmdir()
    for number in range(2):
        name = f"much-{number}"
        with ask(proxy, name) as connection:
            time.sleep(0.7)
            assert sender.done == number
            assert connection.receive().body == data
        assert proxy.log_line(name)["status"] == 200
        errors = proxy.error_lines(name) if why != "0" else []
        assert len(errors) == (why != "0")
        for error in errors:
            assert ("temp_space is used up" if why == "space" else "proxy_temp_path: ") in error


def test_files_have_no_names(site, make_backend, tmp_path):
    folder = tmp_path / "kept"
    sender = Sender(DATA)
    proxy = site.serve(make_backend(sender), server=f"proxy_temp_path {folder};")
    assert folder.stat().st_mode & 0o7777 == 0o700
    with ask(proxy, "file-1"):
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        assert list(folder.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk.place
    disk.remove()


def test_a_full_disk_loses_no_byte(site, make_backend, small_disk):
    proxy = site.serve(
        make_backend(Sender(DATA)), workers=2, server=f"proxy_temp_path {small_disk};"
    )
    clients = [ask(proxy, f"full-{number}") for number in range(3)]
    time.sleep(0.5)
    for number, client in enumerate(clients):
        assert client.receive().body == DATA
        client.close()
        line = proxy.error_lines(f"full-{number}")[0]
        assert "proxy_temp_path: no space left on device" in line


def test_events_pass_at_once(site, make_backend):
    """Server-sent events arrive one by one, each within 5 ms, also behind gzip."""

    def script(request):
        yield HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        for _ in range(60):
            yield 0.01
            yield b"%x\r\n%017.6f\n\n\r\n" % (19, time.monotonic())
        yield b"0\r\n\r\n"

    proxy = site.serve(make_backend(script), workers=2)
    delays = []
    with ask(proxy, "events-1", buffer=100_000) as connection:
        connection.receive_head()
        for _ in range(60):
            while b"\n\n\r\n" not in connection.stream.buffer:
                assert connection.stream.fill()
            now = time.monotonic()
            event = connection.stream.take(len(connection.stream.buffer))
            delays.append(now - float(event.split(b"\r\n")[1]))
    assert statistics.median(delays) < 0.005, delays


def test_limit_rate_does_not_slow_the_backend(site, make_backend):
    data = content(3_000_000)
    sender = Sender(data)
    proxy = site.serve(make_backend(sender), server="limit_rate 1m;")
    began = time.monotonic()
    with ask(proxy, "paced-1", buffer=4_000_000) as connection:
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        assert time.monotonic() - began < 1
        assert connection.receive().body == data
    assert 1 < time.monotonic() - began < 10
    line = proxy.log_line("paced-1")
    assert line["upstream_duration"] < 1 < line["duration"]


def test_stages_change_what_is_kept(site, make_backend):
    """What is kept is what the backend sent; the client gets what stages make of it."""
    data = b"".join(b"line %d of the backend\n" % number for number in range(600_000))
    sender = Sender(data, "chunked", fields=b"Content-Type: text/plain\r\n")
    proxy = site.serve(
        make_backend(sender), workers=2,
        server="sub_filter backend 'other side'; sub_filter_once off; sub_filter_types *;",
    )  # fmt: skip
    with ask(proxy, "stage-1") as connection:
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        assert connection.receive().body == data.replace(b"backend", b"other side")


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_http2_client_with_closed_windows(site, make_backend, framing):
    """Two streams; one has no window at all until its backend has long been free."""
    data = DATA[:3_000_000]
    sender = Sender(data, framing, trailers=b"X-Sum: 1\r\n" if framing == "chunked" else b"")
    proxy = site.serve(make_backend(sender), workers=2, server="http2 on;")
    with HTTP2Client(proxy.port, takes=False) as client:
        streams = [client.begin("/", [("x-request-id", f"h2-{number}")]) for number in range(2)]
        wait_for(lambda: sender.done == 2, "the backend to have sent all")
        client.takes = True
        for stream in [None, *streams]:
            client.protocol.increment_flow_control_window(8_000_000, stream)
        client.flush()
        for answer in client.finish(*streams):
            assert bytes(answer.body) == data
            assert answer.trailers == ([("x-sum", "1")] if framing == "chunked" else [])
    for number in range(2):
        assert proxy.log_line(f"h2-{number}")["upstream_duration"] < 20
    assert kept_files(proxy) == 0


@pytest.mark.parametrize("client", ["HTTP/1.1", "HTTP/2"])
def test_an_http2_backend_is_free(site, make_http2_backend, client):
    data = DATA[:6_000_000]
    backend = make_http2_backend(lambda call: call.reply(body=data, trailers=[("x-sum", "1")]))
    proxy = site.serve(
        backend.address, server="http2 on;", location="proxy_http_version 2;", workers=2
    )
    if client == "HTTP/2":
        with HTTP2Client(proxy.port, takes=False) as connection:
            stream = connection.begin("/", [("x-request-id", "b-1")])
            wait_for(lambda: kept_files(proxy) == 1, "a file")
            connection.takes = True
            for number in (None, stream):
                connection.protocol.increment_flow_control_window(8_000_000, number)
            connection.flush()
            (answer,) = connection.finish(stream)
            assert bytes(answer.body) == data and answer.trailers == [("x-sum", "1")]
    else:
        with ask(proxy, "b-1") as connection:
            wait_for(lambda: kept_files(proxy) == 1, "a file")
            assert connection.receive().body == data
    wait_for(lambda: kept_files(proxy) == 0, "the file to be closed")
    assert proxy.log_line("b-1")["bytes_out"] == len(data)


def test_packed_content_that_breaks_off_behind_what_is_kept(site, make_backend):
    """`gunzip` finds out late that what is kept is not whole."""
    data = os.urandom(6_000_000)
    packed = gzip.compress(data, 1)[:-20] + b"broken" * 10
    sender = Sender(packed, "chunked", fields=b"Content-Encoding: gzip\r\n")
    proxy = site.serve(make_backend(sender), workers=2, server="gunzip on;")
    with ask(proxy, "broken-1") as connection:
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        assert not connection.rest().endswith(b"0\r\n\r\n")
    assert proxy.log_line("broken-1")["termination"] == "upstream:response_body"
    assert kept_files(proxy) == 0


def test_a_reload_does_not_lose_what_is_kept(site, make_backend):
    sender = Sender(DATA)
    proxy = site.serve(make_backend(sender), workers=2)
    with ask(proxy, "over-1") as connection:
        wait_for(lambda: sender.done == 1, "the backend to have sent all")
        assert command("-s", "reload", "-c", proxy.conf).returncode == 0
        assert connection.receive().body == DATA
    assert proxy.log_line("over-1")["bytes_out"] == len(DATA)


def test_slow_readers_do_not_hold_sync_workers(site, tmp_path):
    """One sync worker of gunicorn, 200 clients that read slowly, and one that is fast."""
    source = tmp_path / "large_app.py"
    source.write_text(
        "BODY = b'x' * 1_000_000\n"
        "def application(environ, start_response):\n"
        "    body = BODY if environ['PATH_INFO'] == '/large' else b'ok'\n"
        "    start_response('200 OK', [('Content-Length', str(len(body)))])\n"
        "    return [body[at:at + 50_000] for at in range(0, len(body), 50_000)]\n"
    )
    arguments = ["-m", "gunicorn", "-w", "1", "-b", "{address}", "--chdir", str(tmp_path),
                 "large_app:application"]  # fmt: skip
    application = Application("flask", tmp_path, arguments)
    try:
        proxy = site.serve(application.address, workers=2)

        def fast() -> float:
            times = []
            for _ in range(40):
                began = time.monotonic()
                assert proxy.get("/").body == b"ok"
                times.append(time.monotonic() - began)
            return statistics.median(times)

        alone = fast()
        slow = [ask(proxy, f"slow-{number}", "/large", buffer=4096) for number in range(200)]
        wait_for(lambda: proxy.get("/").body == b"ok", "the worker to be free")
        among = fast()
        assert among < max(1.2 * alone, alone + 0.002), (alone, among)
        for connection in slow[:20]:
            assert len(connection.receive().body) == 1_000_000
        for connection in slow:
            connection.close()
    finally:
        application.stop()


@pytest.mark.parametrize("ending", ["half", "open"])
def test_who_has_ended_his_stream_and_reads_nothing_holds_no_backend(site, make_backend, ending):
    """The response lies in the kernel's buffers: its backend has no part in that any more."""
    backends = [make_backend(reply(body=b"x" * 100_000)) for _ in range(2)]
    servers = " ".join(f"server {one.address} max_conns=1;" for one in backends)
    proxy = site.servers(
        f"upstream both {{ zone u 64k; {servers} }} proxy_read_timeout 1s; send_timeout 20s;"
        "server { listen PORT; location / { proxy_pass http://both; } }")
    silent = []
    for number in range(4):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", proxy.port))
        client.sendall(request_bytes(fields=[("X-Request-ID", f"silent-{number}")]))
        if ending == "half":
            client.shutdown(socket.SHUT_WR)
        silent.append(client)
        wait_for(lambda n=number: sum(len(b.requests) for b in backends) > n, "the request")
    # Longer than proxy_read_timeout.
    for _ in range(8):
        assert proxy.get("/").status == 200
        time.sleep(0.2)
    for client in silent:
        client.close()
    errors = proxy.error_text()
    assert "http_response_timeout" not in errors and "taken out" not in errors
