"""Bodies stream both ways: at once, whole, and in bounded memory."""

import hashlib
import threading
import time

import pytest

from harness.backend import CLOSE, RESET, reply
from harness.client import chunked, request_bytes
from harness.messages import Truncated, read_request_body
from harness.nginx import Nginx
from harness.polling import wait_for

MEGABYTE = 1 << 20
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    server = Nginx(tmp_path_factory.mktemp("nginx"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def large_file(nginx):
    """100 MB that do not repeat; returns their digest."""
    digest = hashlib.sha256()
    with (nginx.files / "large").open("wb") as file:
        for number in range(100):
            block = hashlib.shake_128(number.to_bytes(4, "big")).digest(MEGABYTE)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def test_server_sent_events_pass_at_once(site, make_backend):
    gates = [threading.Event() for _ in range(3)]
    steps = [EVENTS_HEAD]
    for number, gate in enumerate(gates):
        steps += [gate, b"9\r\ndata: %d\n\n\r\n" % number]
    backend = make_backend([*steps, b"0\r\n\r\n"])
    proxy = site.serve(backend)
    with proxy.connect(timeout=3) as connection:
        connection.send(request_bytes("GET", "/events", {"Accept": "text/event-stream"}))
        head = connection.receive_head()
        assert head.fields.one("Content-Type") == "text/event-stream"
        for number, gate in enumerate(gates):
            assert not connection.stream.buffer
            gate.set()
            connection.stream.until(b"data: %d\n\n" % number)
            connection.stream.until(b"\r\n")
        connection.stream.until(b"0\r\n\r\n")
    assert proxy.log_line(head.request_id)["bytes_out"] == 27


def test_an_upload_reaches_the_backend_before_it_has_ended(site, make_backend):
    arrived = []

    def script(request):
        def read(connection):
            for _ in range(3):
                arrived.append(connection.stream.exactly(4))
            connection.send(reply())

        return [read]

    backend = make_backend(script, answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"Content-Length": "12"}))
        backend.wait_requests(1)
        for part in (b"aaaa", b"bbbb", b"cccc"):
            connection.send(part)
            wait_for(lambda: arrived and arrived[-1] == part, f"{part!r} at the backend")
        response = connection.receive()
    assert proxy.log_line(response.request_id)["bytes_in"] == 12


def test_a_response_may_begin_before_the_request_has_ended(site, make_backend):
    def script(request):
        def echo(connection):
            for _ in range(3):
                connection.send(chunked(connection.stream.exactly(4))[:9])
            connection.send(b"0\r\n\r\n")

        return [CHUNKED_HEAD, echo]

    backend = make_backend(script, answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"Content-Length": "12"}))
        head = connection.receive_head()
        for part in (b"aaaa", b"bbbb", b"cccc"):
            connection.send(part)
            connection.stream.until(part)
        connection.stream.until(b"0\r\n\r\n")
    line = proxy.log_line(head.request_id)
    assert (line["status"], line["bytes_in"], line["bytes_out"]) == (200, 12, 12)


def test_an_early_refusal_reaches_a_client_that_still_sends(site, make_backend):
    refusal = reply("403 Forbidden", b"no", {"Connection": "close"})
    backend = make_backend([refusal, CLOSE], answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"Content-Length": "100000"}) + b"x" * 1000)
        response = connection.receive()
    assert (response.status, response.body) == (403, b"no")
    assert proxy.log_line(response.request_id)["status"] == 403


def test_a_client_that_has_finished_sending_gets_its_response(site, make_backend):
    backend = make_backend([0.15, reply(body=b"late")])
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", body=b"abc"))
        connection.shutdown_write()
        response = connection.receive()
        assert (response.status, response.body) == (200, b"late")
        assert connection.is_closed()
    line = proxy.log_line(response.request_id)
    assert line["status"] == 200 and "termination" not in line


def test_pipelined_requests_before_a_half_close_are_all_answered(site, backend):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(request_bytes() * 3)
        connection.shutdown_write()
        assert [connection.receive().status for _ in range(3)] == [200] * 3
        assert connection.is_closed()
    assert [line["status"] for line in proxy.wait_lines(3)] == [200] * 3


def sending(megabytes):
    block = b"z" * MEGABYTE
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (megabytes * MEGABYTE)
    return [head, *[block] * megabytes]


def test_a_slow_reader_does_not_fill_the_memory(site, make_backend):
    backend = make_backend(sending(100))
    proxy = site.serve(backend)
    before = proxy.memory()
    with proxy.connect(receive_buffer=4096) as connection:
        connection.send(request_bytes())
        head = connection.receive_head()
        peak = 0
        for _ in range(40):
            connection.stream.take(len(connection.stream.buffer))
            connection.stream.fill()
            peak = max(peak, proxy.memory())
            time.sleep(0.01)
        assert peak - before < 8 * MEGABYTE, f"memory grew by {(peak - before) // 1024} KiB"
    line = proxy.log_line(head.request_id)
    assert line["termination"]
    assert line["bytes_out"] < 100 * MEGABYTE


def test_a_slow_backend_does_not_fill_the_memory(site, make_backend):
    go = threading.Event()

    def script(request):
        def rest(connection):
            read_request_body(connection.stream, request)
            connection.send(reply())

        return [go, rest]

    backend = make_backend(script, answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    before = proxy.memory()
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"Content-Length": str(64 * MEGABYTE)}))
        connection.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 * MEGABYTE:
                sent += connection.socket.send(b"u" * 65536)
        assert proxy.memory() - before < 8 * MEGABYTE
        go.set()
        connection.socket.settimeout(10)
        while sent < 64 * MEGABYTE:
            sent += connection.socket.send(b"u" * min(65536, 64 * MEGABYTE - sent))
        response = connection.receive()
    assert response.status == 200
    assert proxy.log_line(response.request_id)["bytes_in"] == 64 * MEGABYTE


@pytest.mark.parametrize("clients", [1, 3])
def test_100_mb_downloads_are_whole(site, nginx, large_file, clients):
    proxy = site.serve(nginx.address, workers=2)
    results = {}

    def download(number):
        digest = hashlib.sha256()
        with proxy.connect(timeout=30) as connection:
            fields = {"X-Request-ID": f"down-{clients}-{number}"}
            connection.send(request_bytes("GET", "/large", fields))
            head = connection.receive_head()
            remaining = int(head.fields.one("Content-Length"))
            while remaining:
                data = connection.stream.take(len(connection.stream.buffer))
                digest.update(data)
                remaining -= len(data)
                if remaining and not connection.stream.fill():
                    raise Truncated(f"{remaining} bytes are missing")
        results[head.request_id] = digest.hexdigest()

    run_all(download, clients)
    assert results == {f"down-{clients}-{number}": large_file for number in range(clients)}
    for request_id in results:
        assert proxy.log_line(request_id)["bytes_out"] == 100 * MEGABYTE
        assert nginx.saw(request_id).endswith("200")


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("clients", [1, 3])
def test_50_mb_uploads_are_whole(site, nginx, large_file, framing, clients):
    proxy = site.serve(nginx.address, workers=2)
    sent = (nginx.files / "large").read_bytes()[: 50 * MEGABYTE]
    names = {}

    def upload(number):
        name = f"up-{framing}-{clients}-{number}"
        with proxy.connect(timeout=30) as connection:
            if framing == "length":
                data = request_bytes("PUT", f"/{name}", {"X-Request-ID": name}, sent)
            else:
                fields = {"X-Request-ID": name, "Transfer-Encoding": "chunked"}
                size = 700_001
                parts = [sent[at : at + size] for at in range(0, len(sent), size)]
                data = request_bytes("PUT", f"/{name}", fields) + chunked(*parts)
            names[name] = connection.exchange(data).status

    run_all(upload, clients)
    for name in names:
        assert names[name] == 201 and nginx.saw(name).endswith("201")
        assert proxy.log_line(name)["bytes_in"] == len(sent)
        assert (nginx.files / name).read_bytes() == sent
        (nginx.files / name).unlink()
    assert len(names) == clients


def run_all(function, count):
    threads = [threading.Thread(target=function, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(35)


@pytest.mark.parametrize(
    "phase, how", [("waiting", "reset"), ("reading", "reset"), ("reading", "close")]
)
def test_a_client_that_goes_away_is_logged_as_499(site, make_backend, how, phase):
    """`waiting`: before the response began; `reading`: in the middle of its body.

    A close while waiting is a half-close first, which is no reason to stop.
    """
    go = threading.Event()
    backend = make_backend([go, reply()] if phase == "waiting" else [*sending(50)])
    proxy = site.serve(backend)
    connection = proxy.connect()
    connection.send(request_bytes(fields={"X-Request-ID": "gone-1"}))
    backend.wait_requests(1)
    if phase == "reading":
        connection.receive_head()
    connection.reset() if how == "reset" else connection.close()
    line = proxy.log_line("gone-1")
    assert line["level"] == "ERROR" and line["termination"]
    if phase == "waiting":
        assert line["status"] == 499
        go.set()
        assert proxy.get("/", {"X-Request-ID": "next-1"}).status == 200


def test_a_client_that_goes_away_while_it_sends(site, make_backend):
    backend = make_backend(answer_at="head", script=[2.0, CLOSE])
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    connection = proxy.connect()
    fields = {"Content-Length": "1000", "X-Request-ID": "gone-1"}
    connection.send(request_bytes("POST", "/", fields) + b"part")
    backend.wait_requests(1)
    connection.reset()
    line = proxy.log_line("gone-1")
    assert (line["status"], line["bytes_in"]) == (499, 4)
    assert line["termination"]


def test_an_upload_that_ends_half_way_is_a_cut_one(site, make_backend):
    backend = make_backend()
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        fields = {"Content-Length": "1000", "X-Request-ID": "half-1"}
        connection.send(request_bytes("POST", "/", fields) + b"part")
        connection.shutdown_write()
        connection.rest()
    line = proxy.log_line("half-1")
    assert line["status"] in (400, 499) and line["termination"]
    wait_for(
        lambda: all(each.error or each.closed_by_peer for each in backend.connections),
        "the backend learning of the cut",
    )


def test_a_backend_reset_frees_a_client_that_is_still_sending(site, make_backend):
    backend = make_backend([RESET], answer_at="head")
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"Content-Length": "100000"}) + b"x" * 10)
        response = connection.receive()
    assert response.status == 502 and proxy.log_line(response.request_id)["error"]
