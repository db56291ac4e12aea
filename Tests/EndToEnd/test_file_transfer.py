"""How files are sent: to readers of any pace, over TLS, while they change, each with its line."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from harness.client import RawConnection, request_bytes
from harness.polling import wait_for
from harness.secure import client_context


@pytest.fixture
def one(tmp_path, site):
    """Starts Waybill alone on a server of files below `root`; returns it and the folder."""
    root = tmp_path / "root"
    root.mkdir()

    def start(more="", **options):
        return site.servers(f"server {{ listen PORT; root {root}; {more} }}", **options)

    return start, root


def big_file(path: Path, megabytes: int) -> bytes:
    block = hashlib.sha512(str(path).encode()).digest() * 16_384
    with path.open("wb") as file:
        for number in range(megabytes):
            file.write(number.to_bytes(4, "big") + block[4:])
    return path.read_bytes()


def read_all(connection: RawConnection, count: int, pause: float = 0) -> str:
    """The digest of `count` bytes, read slowly."""
    digest = hashlib.sha256()
    left = count
    while left:
        piece = connection.stream.take(min(left, len(connection.stream.buffer)))
        if not piece:
            assert connection.stream.fill()
            continue
        digest.update(piece)
        left -= len(piece)
        if pause and left % 16 == 0:
            time.sleep(pause)
    return digest.hexdigest()


def test_fast_and_slow_readers(one):
    """100 MB to readers of any pace; small requests to the same workers go on meanwhile."""
    start, root = one
    content = big_file(root / "big.bin", 100)
    (root / "small.txt").write_bytes(b"small")
    expected = hashlib.sha256(content).hexdigest()
    proxy = start(workers=2)
    results: list[str] = []

    def read(pause: float) -> None:
        with proxy.connect(receive_buffer=65_536 if pause else None) as connection:
            connection.send(request_bytes("GET", "/big.bin"))
            head = connection.receive_head()
            assert head.fields.one("Content-Length") == str(len(content))
            results.append(read_all(connection, len(content), pause))

    readers = [threading.Thread(target=read, args=(pause,)) for pause in [0, 0, 0.0005, 0.0005]]
    for reader in readers:
        reader.start()
    for _ in range(50):
        begin = time.monotonic()
        assert proxy.get("/small.txt").body == b"small"
        assert time.monotonic() - begin < 2
    for reader in readers:
        reader.join(120)
    assert results == [expected] * 4
    line = [line for line in proxy.wait_lines(54, 20) if line["uri"] == "/big.bin"][0]
    assert line["bytes_out"] == len(content) and line["status"] == 200


def test_a_client_that_stops_reading(one):
    start, root = one
    big_file(root / "big.bin", 30)
    proxy = start("send_timeout 1s;")
    with proxy.connect(receive_buffer=4096) as connection:
        connection.send(request_bytes("GET", "/big.bin"))
        connection.receive_head()
        line = proxy.wait_lines(1, 20)[0]
    assert line["error"] == "connection_write_timeout"


def test_a_client_that_leaves(one):
    start, root = one
    big_file(root / "big.bin", 30)
    proxy = start()
    with proxy.connect(receive_buffer=4096) as connection:
        connection.send(request_bytes("GET", "/big.bin"))
        connection.receive_head()
        connection.reset()
    line = proxy.wait_lines(1, 20)[0]
    assert line["status"] == 499


def test_a_file_that_is_truncated_while_it_is_sent(one):
    """The client sees that the end is missing, and the error log says why."""
    start, root = one
    big_file(root / "big.bin", 40)
    proxy = start()
    with proxy.connect(receive_buffer=4096) as connection:
        connection.send(request_bytes("GET", "/big.bin"))
        head = connection.receive_head()
        os.truncate(root / "big.bin", 1000)
        rest = connection.rest()
    assert len(rest) < int(head.fields.one("Content-Length"))
    wait_for(lambda: "truncated while it was sent" in proxy.error_text(), "the reason in the log")
    assert proxy.wait_lines(1)[0]["error"] == "proxy_internal_error"
    (root / "small.txt").write_bytes(b"still here")
    assert proxy.get("/small.txt").body == b"still here"


def test_a_deploy_by_rename(one):
    """While folders are swapped by rename, each client gets one version of a file, whole."""
    start, root = one
    versions = [root / "v0", root / "v1"]
    for number, folder in enumerate(versions):
        folder.mkdir()
        (folder / "page.bin").write_bytes(bytes([65 + number]) * (200_000 + number))
        (folder / "index.html").write_bytes(bytes([65 + number]) * (100 + number))
    (root / "site").symlink_to("v0")
    proxy = start("location /x/ { alias %s/site/; }" % root, workers=2)
    stop = threading.Event()

    def swap() -> None:
        number = 0
        while not stop.is_set():
            number = 1 - number
            (root / "next").symlink_to(f"v{number}")
            os.rename(root / "next", root / "site")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        with proxy.connect() as connection:
            for _ in range(300):
                for name, size in [("page.bin", 200_000), ("", 100)]:
                    answer = connection.exchange(request_bytes("GET", f"/x/{name}"))
                    assert answer.status == 200
                    first = answer.body[0]
                    assert answer.body == bytes([first]) * (size + first - 65)
                    seen.add(first)
    finally:
        stop.set()
        swapper.join()
    assert seen == {65, 66}


@pytest.mark.parametrize("size", [0, 1, 100, 32_768, 32_769, 65_536, 1_000_000, 5_000_000])
@pytest.mark.parametrize("location", ["", "access_log /dev/null json sync=response;"])
def test_sizes(one, size, location):
    start, root = one
    content = (hashlib.sha512(b"x").digest() * (size // 64 + 1))[:size]
    (root / "file").write_bytes(content)
    proxy = start(location)
    with proxy.connect() as connection:
        for _ in range(3):
            assert connection.exchange(request_bytes("GET", "/file")).body == content
            if size > 70_000:
                ranges = {"Range": f"bytes=5-9,40000-{size - 10},-3"}
                parts = connection.exchange(request_bytes("GET", "/file", ranges))
                assert parts.status == 206
                assert content[5:10] in parts.body and content[40000 : size - 9] in parts.body


def test_over_tls(tmp_path, site, authority):
    root = tmp_path / "root"
    root.mkdir()
    content = big_file(root / "big.bin", 5)
    (root / "small.txt").write_bytes(b"small")
    pair = authority.issue("files.test")
    proxy = site.servers(
        f"""server {{ listen PORT ssl; root {root};
        ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key}; }}"""
    )
    context = client_context(authority.file)
    with socket.create_connection(("127.0.0.1", proxy.port)) as plain:
        with context.wrap_socket(plain, server_hostname="files.test") as secure:
            for target, expected in [("/big.bin", content), ("/small.txt", b"small")]:
                secure.sendall(request_bytes("GET", target, host="files.test"))
                received = b""
                while b"\r\n\r\n" not in received:
                    received += secure.recv(65_536)
                body = received.split(b"\r\n\r\n", 1)[1]
                while len(body) < len(expected):
                    body += secure.recv(65_536)
                assert body == expected


def test_every_answer_has_its_line(one):
    start, root = one
    (root / "a.txt").write_bytes(b"content")
    (root / "dir").mkdir()
    proxy = start()
    for target, status, count in [("/a.txt", 200, 7), ("/dir", 301, None), ("/b", 404, None)]:
        seen = proxy.observe(None, request_bytes("GET", target))
        assert seen.line["status"] == status
        assert count is None or seen.line["bytes_out"] == count
    part = proxy.observe(None, request_bytes("GET", "/a.txt", {"Range": "bytes=1-2"}))
    assert part.line["bytes_out"] == 2 and part.line["status"] == 206


def test_system_media_types(tmp_path, site):
    """`include mime.types` works where there is no such file."""
    root = tmp_path / "root"
    root.mkdir()
    for name in ["a.css", "a.svg", "a.html", "a.unknown"]:
        (root / name).write_bytes(b"x")
    proxy = site.servers(
        f"include mime.types; default_type a/b; server {{ listen PORT; root {root}; }}"
    )
    types = {name: proxy.get("/" + name).fields.one("Content-Type") for name in os.listdir(root)}
    assert types == {"a.css": "text/css", "a.svg": "image/svg+xml", "a.html": "text/html",
                     "a.unknown": "a/b"}  # fmt: skip
    (tmp_path / "mime.types").write_text("types { text/own css; }")
    proxy = site.servers(f"include mime.types; server {{ listen PORT; root {root}; }}")
    assert proxy.get("/a.css").fields.one("Content-Type") == "text/own"
