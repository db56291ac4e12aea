"""brotli: the directives of the ngx_brotli module, and gzip beside it."""

from __future__ import annotations

import gzip
import random
import threading

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.codings import begun_brotli, unpack, unpack_brotli
from harness.http2 import Client

TEXT = b"".join(b"line %d of some text that repeats itself\n" % number for number in range(400))
HTML = {"Content-Type": "text/html", "ETag": '"x"', "Accept-Ranges": "bytes"}


def asks(accepts, **fields):
    return {"Accept-Encoding": accepts, **fields}


@pytest.mark.parametrize(
    "accepts, coding",
    [("br", "br"), ("gzip, br", "br"), ("br;q=0.1, gzip;q=1", "br"), ("gzip", "gzip"),
     ("br;q=0, gzip", "gzip"), ("br;q=0", None), ("BR", "br"), ("brotli", None), ("*", None)],
)  # fmt: skip
def test_it_comes_first_where_both_are_accepted(site, make_backend, accepts, coding):
    proxy = site.serve(
        make_backend(reply(body=TEXT, fields=HTML)), top="gzip on; brotli on; gzip_vary on;"
    )
    answer = proxy.get("/", asks(accepts))
    assert answer.fields.get("Content-Encoding") == coding
    assert unpack(coding, answer.body) == TEXT
    assert answer.fields.one("Vary") == "Accept-Encoding"
    assert answer.fields.one("ETag") == ('W/"x"' if coding else '"x"')
    assert ("Accept-Ranges" in answer.fields) == (coding is None)


def test_levels_windows_and_sizes(site, make_backend):
    backend = make_backend(lambda request: reply(body=body(request.target), fields=HTML))
    locations = "".join(
        f"location /{level}/ {{ proxy_pass http://{backend.address}; brotli_comp_level {level};"
        f" brotli_window {window}; }}\n"
        for level, window in [(0, "1k"), (1, "16k"), (5, "512k"), (9, "16m"), (11, "64k")]
    )
    proxy = site.serve(backend, top="brotli on;", server=locations)
    for level in [0, 1, 5, 9, 11]:
        for count in [20, 21, 1000, 65_000, 65_536, 200_000 if level < 11 else 70_000]:
            target = f"/{level}/{count}"
            answer = proxy.get(target, asks("br"))
            assert unpack_brotli(answer.body) == body(target)


def body(target):
    number = random.Random(target)
    return bytes(number.choices(b"abcdef\n", k=int(target.split("/")[2])))


def test_types_lengths_statuses_and_codings_decide(site, make_backend):
    def script(request):
        kind, count, status = request.target[1:].split("-")
        fields = {"Content-Type": kind.replace("_", "/")}
        if "Packed" in request.fields:
            fields["Content-Encoding"] = "x"
        return reply(f"{status} Some", TEXT[: int(count)], fields)

    proxy = site.serve(
        make_backend(script), top="brotli on; brotli_types text/plain; brotli_min_length 100;"
    )
    cases = [("text_html-100-200", True), ("text_plain-100-200", True), ("text_css-100-200", False),
             ("text_html-99-200", False), ("text_html-500-404", True), ("text_html-500-403", True),
             ("text_html-500-500", False), ("text_html-500-201", False)]  # fmt: skip
    for target, packed in cases:
        answer = proxy.get("/" + target, asks("br"))
        assert ("Content-Encoding" in answer.fields) == packed, target
    assert proxy.get("/text_html-500-200", asks("br", Packed="1")).body == TEXT[:500]


def test_events_pass_at_once(site, make_backend):
    gate = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    backend = make_backend([head, b"9\r\ndata: 1\n\n\r\n", gate, b"0\r\n\r\n"])
    proxy = site.serve(backend, top="brotli on;")
    with proxy.connect(timeout=3) as connection:
        connection.send(request_bytes("GET", "/", asks("br")))
        connection.receive_head()
        # What there is of the event can be read before more has come.
        pieces = b""
        while begun_brotli(pieces) != b"data: 1\n\n":
            size = int(connection.stream.until(b"\r\n"), 16)
            pieces += connection.stream.exactly(size)
            connection.stream.exactly(2)
        gate.set()
        size = int(connection.stream.until(b"\r\n"), 16)
        pieces += connection.stream.exactly(size)
        assert unpack_brotli(pieces) == b"data: 1\n\n"


def test_gzip_is_unpacked_and_packed_anew(site, make_backend):
    fields = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    proxy = site.serve(
        make_backend(reply(body=gzip.compress(TEXT), fields=fields)),
        top="brotli on; gzip on; gunzip on; sub_filter line LINE; sub_filter_once off;",
    )
    changed = TEXT.replace(b"line", b"LINE")
    for accepts, coding, content in [
        ("br", "br", changed), ("gzip, br", "gzip", TEXT), ("gzip", "gzip", TEXT),
        ("x", None, changed),
    ]:  # fmt: skip
        answer = proxy.get("/", asks(accepts))
        assert answer.fields.get("Content-Encoding") == coding
        assert unpack(coding, answer.body) == content


def test_neighbours_of_files(site, backend, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.css").write_bytes(b"plain")
    (root / "a.css.br").write_bytes(b"brotli's")
    (root / "a.css.gz").write_bytes(b"gzip's")
    (root / "b.css").write_bytes(b"plain")
    (root / "b.css.gz").write_bytes(b"gzip's")
    files = f"root {root}; gzip_static on; brotli_static"
    proxy = site.serve(
        backend, server=f"location = /a.css {{ {files} on; }} location = /b.css {{ {files} on; }}"
        f" location /always/ {{ alias {root}/; brotli_static always; }}",
    )  # fmt: skip
    for target, accepts, coding, content in [
        ("/a.css", "gzip, br", "br", b"brotli's"), ("/a.css", "gzip", "gzip", b"gzip's"),
        ("/a.css", "br;q=0", None, b"plain"), ("/b.css", "gzip, br", "gzip", b"gzip's"),
        ("/b.css", "br", None, b"plain"), ("/always/a.css", "x", "br", b"brotli's"),
    ]:  # fmt: skip
        answer = proxy.get(target, asks(accepts))
        assert (answer.fields.get("Content-Encoding"), answer.body) == (coding, content)
        assert ("Vary" in answer.fields) == (coding is not None and "always" not in target)


def test_http2_and_the_ratio(site, make_backend):
    proxy = site.serve(
        make_backend(reply(body=TEXT, fields=HTML)), listen="http2",
        top="brotli on; log_format ratio '$brotli_ratio $gzip_ratio'; access_log ratio.log ratio;",
    )  # fmt: skip
    with Client(proxy.port) as client:
        answer = client.get("/", [("accept-encoding", "br")])
        assert answer["content-encoding"] == "br" and unpack_brotli(bytes(answer.body)) == TEXT
        (ratio, other) = next(proxy.directory.glob("**/ratio.log")).read_text().split()
        assert other == "-" and abs(float(ratio) - len(TEXT) / len(answer.body)) < 0.006
