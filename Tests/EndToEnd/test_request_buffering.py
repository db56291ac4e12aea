"""`proxy_request_buffering`: a slow client holds no backend, and a content has a length."""

import subprocess
import threading
import time

import pytest

from harness.applications import Application
from harness.backend import CLOSE, reply
from harness.client import chunked, request_bytes
from harness.polling import wait_for
from harness.uploads import assert_whole, content, upload

KINDS = ["length", "chunked"]
# Behind the head, in memory, at its bound, in a file, in several reads of a file.
SIZES = [1, 5_000, 16_000, 65_535, 65_536, 65_537, 300_000, 5_000_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_content_arrives_with_its_length(site, backend, kind, size):
    """Two at once, and two one after the other on each connection."""
    proxy = site.serve(backend, workers=2)
    connections = [proxy.connect(timeout=20) for _ in range(2)]
    for turn in range(2):
        requests = []
        for number, connection in enumerate(connections):
            name = f"{kind}-{size}-{turn}-{number}"
            requests.append((connection, name, content(size, 2 * turn + number)))
        senders = [
            threading.Thread(target=connection.send, args=(upload(data, kind, name),))
            for connection, name, data in requests
        ]
        for sender in senders:
            sender.start()
        for connection, name, data in requests:
            assert connection.receive().status == 200
            assert_whole(backend.saw(name), data)
            assert proxy.log_line(name)["bytes_in"] == size
        for sender in senders:
            sender.join()
    for connection in connections:
        connection.close()


def test_an_empty_chunked_content_has_the_length_0(site, backend):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        for name in ("empty-1", "empty-2"):
            connection.send(upload(b"", "chunked", name))
            assert connection.receive().status == 200
            assert_whole(backend.saw(name), b"")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [5_000, 200_000])
def test_no_backend_is_asked_before_all_is_there(site, backend, kind, size):
    proxy = site.serve(backend)
    data = content(size)
    request = upload(data, kind, "slow-1")
    with proxy.connect() as connection:
        for end in range(0, len(request) - 1, max(1, len(request) // 5)):
            connection.send(request[end : min(end + max(1, len(request) // 5), len(request) - 1)])
            time.sleep(0.05)
        assert backend.connections == []
        connection.send(request[-1:])
        assert connection.receive().status == 200
    assert_whole(backend.saw("slow-1"), data)


@pytest.mark.parametrize("at_once", [True, False])
def test_trailers_end_a_content_that_is_kept(site, backend, at_once):
    proxy = site.serve(backend)
    body = chunked(b"one", b"two", trailers=b"X-Sum: 1\r\n")
    with proxy.connect() as connection:
        head = request_bytes("POST", "/", {"Transfer-Encoding": "chunked", "X-Request-ID": "t-1"})
        following = request_bytes(fields={"X-Request-ID": "t-2"})
        if at_once:
            connection.send(head + body + following)
        else:
            connection.send(head + body[:-1])
            time.sleep(0.1)
            assert backend.connections == []
            connection.send(body[-1:] + following)
        assert connection.receive().status == 200 and connection.receive().status == 200
    assert_whole(backend.saw("t-1"), b"onetwo")
    assert backend.saw("t-1").fields.all("X-Sum") == []


def test_off_passes_content_on_as_it_comes(site, backend):
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    with proxy.connect() as connection:
        connection.send(upload(content(5_000), "chunked", "off-1"))
        assert connection.receive().status == 200
    assert backend.saw("off-1").fields.all("Transfer-Encoding") == ["chunked"]
    assert backend.saw("off-1").fields.all("Content-Length") == []


def test_two_locations_have_settings_of_their_own(site, backend):
    proxy = site.servers(f"""
server {{
  listen PORT; client_body_buffer_size 1k;
  location / {{ proxy_pass http://{backend.address}; }}
  location /upload {{ proxy_pass http://{backend.address}; proxy_request_buffering off; }}
}}
""")
    with proxy.connect() as connection:
        for target, name in (("/", "kept"), ("/upload", "streamed")):
            fields = {"Transfer-Encoding": "chunked", "X-Request-ID": name}
            connection.send(request_bytes("PUT", target, fields) + chunked(b"x" * 3_000))
            assert connection.receive().status == 200
    assert_whole(backend.saw("kept"), b"x" * 3_000)
    assert backend.saw("streamed").fields.all("Content-Length") == []


@pytest.mark.parametrize("kind", KINDS)
def test_waybill_answers_the_expectation(site, backend, kind):
    proxy = site.serve(backend)
    request = upload(content(100_000), kind, "expect-1", Expect="100-continue")
    end = request.index(b"\r\n\r\n") + 4
    with proxy.connect() as connection:
        connection.send(request[:end])
        interim = connection.receive_head()
        assert interim.status == 100 and list(interim.fields) == []
        assert backend.connections == []
        connection.send(request[end:])
        response = connection.receive()
        assert response.status == 200 and response.request_id == "expect-1"
    assert backend.saw("expect-1").fields.all("Expect") == []
    assert_whole(backend.saw("expect-1"), content(100_000))


def test_content_that_is_there_already_is_not_asked_for(site, backend):
    proxy = site.serve(backend)
    with proxy.connect() as connection:
        connection.send(upload(b"here", "length", "here-1", Expect="100-continue"))
        assert connection.receive_head().status == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [5_000, 500_000])
def test_content_that_is_kept_goes_to_the_next_peer(site, make_backend, kind, size):
    failing, good = make_backend([CLOSE]), make_backend()
    proxy = site.servers(f"""
upstream app {{ server {failing.address}; server {good.address}; }}
server {{ listen PORT; location / {{ proxy_pass http://app; }} }}
""")
    data = content(size)
    with proxy.connect(timeout=20) as connection:
        for number in range(2):
            connection.send(upload(data, kind, f"next-{number}", "PUT"))
            assert connection.receive().status == 200
    for number in range(2):
        assert_whole(good.saw(f"next-{number}"), data)
    tried = [line for line in proxy.wait_lines(2) if "tries" in line]
    assert len(tried) == 1 and len(tried[0]["tries"]) == 2
    # A POST may have had its effect.
    with proxy.connect(timeout=20) as connection:
        statuses = set()
        for number in range(2):
            connection.send(upload(data, kind, f"post-{number}"))
            statuses.add(connection.receive().status)
    assert len(failing.requests) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_files_leave_nothing_behind(site, backend, tmp_path, kind):
    folder = tmp_path / "kept"
    folder.mkdir()
    proxy = site.serve(backend, server=f"client_body_temp_path {folder} 1 2;")
    before = proxy.descriptors()
    request = upload(content(1_000_000), kind, "files-1")
    with proxy.connect(timeout=20) as connection, proxy.connect() as other:
        connection.send(request[:500_000])
        other.send(upload(content(1_000_000), kind, "files-2")[:500_000])
        wait_for(lambda: proxy.descriptors() == before + 4, "a file for each")
        assert list(folder.iterdir()) == []
        other.close()
        connection.send(request[500_000:])
        assert connection.receive().status == 200
    assert proxy.log_line("files-2")["status"] == 499
    assert 0 < proxy.log_line("files-2")["bytes_in"] < 1_000_000
    wait_for(lambda: proxy.descriptors() <= before + 1, "the files to be closed")
    assert_whole(backend.saw("files-1"), content(1_000_000))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("why", ["space", "folder"])
def test_what_can_not_be_kept_is_passed_on_and_said(site, backend, tmp_path, kind, why):
    folder = tmp_path / "kept"
    folder.mkdir()
    top = "temp_space 200k;" if why == "space" else ""
    proxy = site.serve(backend, top=top, server=f"client_body_temp_path {folder};")
    if why == "folder":
        folder.rmdir()
    for number in range(2):
        data = content(1_000_000, number)
        with proxy.connect(timeout=20) as connection:
            connection.send(upload(data, kind, f"much-{number}"))
            assert connection.receive().status == 200
        assert backend.saw(f"much-{number}").body == data
        error = proxy.error_lines(f"much-{number}")[0]
        assert "is passed on as it arrives" in error
        assert ("temp_space" if why == "space" else "client_body_temp_path") in error
        assert proxy.log_line(f"much-{number}")["bytes_in"] == 1_000_000
    # Nothing of the space stays taken.
    with proxy.connect(timeout=20) as connection:
        connection.send(upload(content(150_000), kind, "little"))
        assert connection.receive().status == 200
    if why == "space":
        assert_whole(backend.saw("little"), content(150_000))


@pytest.mark.parametrize("size", [3_000, 300_000])
def test_too_much_content_is_413(site, backend, size):
    proxy = site.serve(backend, server="client_max_body_size 2k; client_body_buffer_size 1k;")
    with proxy.connect() as connection:
        connection.send(upload(content(size), "chunked", "large-1"))
        response = connection.receive()
        assert response.status == 413 and response.request_id == "large-1"
    assert proxy.log_line("large-1")["status"] == 413
    assert backend.connections == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [5_000, 500_000])
def test_a_client_that_pauses_is_408(site, backend, kind, size):
    proxy = site.serve(backend, server="client_body_timeout 300ms;")
    request = upload(content(size), kind, "pause-1")
    with proxy.connect() as connection:
        connection.send(request[: len(request) // 2])
        response = connection.receive()
        assert response.status == 408 and response.request_id == "pause-1"
    line = proxy.log_line("pause-1")
    assert line["termination"] == "client:request_body" and 0 < line["bytes_in"] < size
    assert backend.connections == []


@pytest.mark.parametrize("broken", [b"zz\r\n", b"5\r\nabcdefgh\r\n"])
def test_broken_chunks_are_400_before_a_backend_is_asked(site, backend, broken):
    proxy = site.serve(backend)
    fields = {"Transfer-Encoding": "chunked", "X-Request-ID": "broken-1"}
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", fields) + b"3\r\nabc\r\n" + broken)
        assert connection.receive().status == 400
    assert backend.connections == []
    assert proxy.log_line("broken-1")["termination"] == "client:request_body"


def test_a_reload_does_not_lose_what_is_kept(site, backend):
    proxy = site.serve(backend, workers=2)
    request = upload(content(1_000_000), "chunked", "over-1")
    with proxy.connect(timeout=20) as connection:
        connection.send(request[:500_000])
        result = subprocess.run(
            [proxy.process.args[0], "-s", "reload", "-c", proxy.process.args[-1]],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert result.returncode == 0, result
        connection.send(request[500_000:])
        assert connection.receive().status == 200
    assert_whole(backend.saw("over-1"), content(1_000_000))


def test_slow_uploads_do_not_hold_sync_workers(site, tmp_path):
    """One sync worker of gunicorn, twenty clients that upload slowly, and one that is fast."""
    command = ["-m", "gunicorn", "-w", "1", "-b", "{address}", "flask_app:application"]
    application = Application("flask", tmp_path, command)
    try:
        proxy = site.serve(application.address)
        request = upload(content(200_000), "length", "slow")
        slow = [proxy.connect(timeout=20) for _ in range(20)]
        for connection in slow:
            connection.send(request[:100_000])
        began = time.monotonic()
        for number in range(20):
            assert proxy.get("/", {"X-Request-ID": f"fast-{number}"}).status == 200
        assert time.monotonic() - began < 4
        for connection in slow:
            connection.close()
    finally:
        application.stop()


def test_static_answers_read_no_content_to_keep_it(site):
    proxy = site.servers("server { listen PORT; location / { return 200 ok; } }")
    with proxy.connect() as connection:
        connection.send(request_bytes("POST", "/", {"X-Request-ID": "r-1"}, b"x" * 3_000))
        assert connection.receive().status == 200


def test_early_answers_end_an_upload_that_could_not_be_kept(site, make_backend):
    backend = make_backend([reply("403 Forbidden"), CLOSE], answer_at="head")
    proxy = site.serve(backend, top="temp_space 100k;")
    with proxy.connect(timeout=20) as connection:
        try:
            connection.send(upload(content(3_000_000), "chunked", "early-1"))
        except OSError:
            pass
        assert connection.receive().status == 403
