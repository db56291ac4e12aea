"""What comes after content has been kept: other requests, other processes, full disks."""

import threading

import pytest

from harness.backend import CLOSE, reply
from harness.client import chunked, request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command
from harness.small_disk import SmallDisk
from harness.uploads import assert_whole, content, upload

KINDS = ["length", "chunked"]
# Behind the head, in memory, in a file.
SIZES = [5_000, 50_000, 500_000]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pipelined", [True, False])
def test_a_connection_goes_on_after_an_error(site, backend, kind, size, pipelined):
    """No backend takes the request: what follows on the connection is no part of its content."""
    proxy = site.servers(f"""
server {{
  listen PORT;
  location / {{ proxy_pass http://{backend.address}; }}
  location /upload {{ proxy_pass http://127.0.0.1:{free_port()}; }}
}}
""")
    with proxy.connect(timeout=20) as connection:
        for number in range(2):
            first = upload(content(size), kind, f"error-{number}")
            second = request_bytes("GET", "/", {"X-Request-ID": f"next-{number}"})
            connection.send(first + (second if pipelined else b""))
            assert connection.receive().status == 502
            if not pipelined:
                connection.send(second)
            response = connection.receive()
            assert (response.status, response.request_id) == (200, f"next-{number}")
            assert proxy.log_line(f"error-{number}")["bytes_in"] == size
    assert len(proxy.wait_lines(4)) == 4 and len(backend.requests) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_before_the_content_was_taken_keeps_the_connection(site, make_backend, kind):
    """The client has sent all of it; only the connection to the backend is of no more use."""
    first = make_backend([reply("403 Forbidden"), 0.3, CLOSE], answer_at="head")
    proxy = site.serve(first)
    with proxy.connect(timeout=20) as connection:
        for number in range(2):
            connection.send(upload(content(8_000_000), kind, f"early-{number}"))
            response = connection.receive()
            assert response.status == 403 and response.fields.all("Connection") == []
    assert len(first.connections) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_backend_that_reads_slowly_gets_all(site, make_backend, kind):
    """Fast clients, slow backend: it holds nobody but the request itself."""
    backend = make_backend(answer_at="head")

    def slowly(request):
        data = b""
        stream = request.connection.stream
        while len(data) < 4_000_000:
            data += stream.exactly(min(500_000, 4_000_000 - len(data)))
            yield 0.02
        request.body = data
        yield reply()

    backend.script = slowly
    proxy = site.serve(backend, workers=2)
    connections = [proxy.connect(timeout=30) for _ in range(3)]
    for number, connection in enumerate(connections):
        connection.send(upload(content(4_000_000, number), kind, f"slow-{number}"))
    for number, connection in enumerate(connections):
        assert connection.receive().status == 200
        assert_whole(backend.saw(f"slow-{number}"), content(4_000_000, number))
        connection.close()


def test_http_1_0_and_half_closed_clients(site, backend):
    proxy = site.serve(backend)
    for number, version in enumerate(["HTTP/1.0", "HTTP/1.1"]):
        data = content(300_000, number)
        head = {"X-Request-ID": f"old-{number}", "Content-Length": str(len(data))}
        with proxy.connect(timeout=20) as connection:
            connection.send(request_bytes("POST", "/", head, data, version=version))
            connection.shutdown_write()
            assert connection.receive().status == 200
        assert_whole(backend.saw(f"old-{number}"), data)


@pytest.mark.parametrize("kind", KINDS)
def test_an_upgrade_does_not_lose_what_is_kept(site, backend, follow, kind):
    proxy = site.serve(backend, workers=2)
    generations = follow(proxy)
    request = upload(content(1_000_000), kind, "over-1")
    before = proxy.descriptors()
    with proxy.connect(timeout=20) as connection:
        connection.send(request[:500_000])
        wait_for(lambda: proxy.descriptors() >= before + 2, "a file for the upload")
        generations.upgrade()
        assert proxy.get("/", {"X-Request-ID": "new-1"}).status == 200
        connection.send(request[500_000:])
        assert connection.receive().status == 200
    assert_whole(backend.saw("over-1"), content(1_000_000))
    generations.alone()
    generations.end()


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk.place
    disk.remove()


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_loses_no_content(site, backend, small_disk, kind):
    proxy = site.serve(backend, workers=2, server=f"client_body_temp_path {small_disk};")
    for round_number in range(2):
        names = [f"full-{round_number}-{number}" for number in range(3)]
        connections = [proxy.connect(timeout=20) for _ in names]
        senders = [
            threading.Thread(
                target=connection.send, args=(upload(content(400_000, number), kind, name),)
            )
            for number, (connection, name) in enumerate(zip(connections, names))
        ]
        for sender in senders:
            sender.start()
        for number, connection in enumerate(connections):
            assert connection.receive().status == 200
            assert backend.saw(names[number]).body == content(400_000, number)
            assert proxy.log_line(names[number])["bytes_in"] == 400_000
            line = proxy.error_lines(names[number])[0]
            assert "client_body_temp_path: no space left on device" in line
        for sender, connection in zip(senders, connections):
            sender.join()
            connection.close()
    # All of it is given back.
    with proxy.connect(timeout=20) as connection:
        connection.send(upload(content(150_000), kind, "fits-1"))
        assert connection.receive().status == 200
    assert_whole(backend.saw("fits-1"), content(150_000))


def test_the_expectation_is_answered_once_and_only_by_waybill(site, make_backend):
    """Two locations: in one of them the backend decides."""
    backend = make_backend([reply("413 Content Too Large"), CLOSE], answer_at="head")
    keeping = make_backend()
    proxy = site.servers(f"""
server {{
  listen PORT;
  location / {{ proxy_pass http://{keeping.address}; }}
  location /asks {{ proxy_pass http://{backend.address}; proxy_request_buffering off; }}
}}
""")
    fields = {"Expect": "100-continue", "Transfer-Encoding": "chunked"}
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", fields))
        assert connection.receive_head().status == 100
        connection.send(chunked(b"a" * 100_000))
        assert connection.receive().status == 200
        connection.send(request_bytes("POST", "/asks", fields))
        assert connection.receive().status == 413
    assert keeping.request.fields.all("Expect") == []
    assert backend.request.fields.all("Expect") == ["100-continue"]


def test_folders_are_made_as_nginx_makes_them(site, backend, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    port = free_port()
    conf = f"""
client_body_temp_path {one}/ 1 2;
server {{
  listen 127.0.0.1:{port};
  location / {{ proxy_pass http://{backend.address}; }}
  location /upload {{ proxy_pass http://{backend.address}; client_body_temp_path {two}; }}
}}
"""
    (tmp_path / "test.conf").write_text(conf)
    assert command("-t", "-c", tmp_path / "test.conf").returncode == 0
    assert not one.exists() and not two.exists()
    proxy = site.start(conf)
    assert one.stat().st_mode & 0o7777 == 0o700 and two.stat().st_mode & 0o7777 == 0o700
    with proxy.connect(timeout=20) as connection:
        connection.send(upload(content(500_000), "chunked", "made-1"))
        assert connection.receive().status == 200
    assert_whole(backend.saw("made-1"), content(500_000))


@pytest.mark.parametrize("what", ["missing parent", "file"])
def test_a_folder_that_can_not_be_had_stops_the_start(site, backend, tmp_path, what):
    path = tmp_path / "here"
    if what == "file":
        path.write_text("")
    else:
        path = path / "there"
    conf = tmp_path / "test.conf"
    conf.write_text(f"""
client_body_temp_path {path};
server {{ listen 127.0.0.1:{free_port()}; location / {{ proxy_pass http://{backend.address}; }} }}
""")
    for arguments in (["-t", "-c", conf], ["-c", conf]):
        result = command(*arguments)
        assert result.returncode == 1
        assert f"client_body_temp_path {path}: " in result.stderr


@pytest.mark.parametrize(
    "field", ["Content-Length: 5", "Content-Length: 100000000", "Transfer-Encoding: chunked"]
)
def test_explain_shows_requests_with_content(site, backend, field):
    proxy = site.serve(backend)
    result = command("explain", "-c", proxy.conf, "POST /api/x", "-H", field)
    assert result.returncode == 0 and result.stderr == ""
    assert "POST /api/x HTTP/1.1" in result.stdout
    assert backend.requests == []
