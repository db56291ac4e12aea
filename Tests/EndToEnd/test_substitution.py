"""sub_filter: nginx and Waybill side by side, with content cut at every byte."""

from __future__ import annotations

import random

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import chunked, request_bytes
from harness.codings import unpack_gzip
from harness.http2 import Client
from harness.twins import Twins

SERVER = """
location /once/ { proxy_pass http://{backend}; sub_filter abc <1>; sub_filter Bcd <2>; }
location /each/ { proxy_pass http://{backend}; sub_filter_once off;
  sub_filter abc <1>; sub_filter Bcd <2>; sub_filter "ab" ""; sub_filter abcd <never>; }
location /shorter/ { proxy_pass http://{backend}; sub_filter_once off;
  sub_filter abcdab <1>; sub_filter bc <2>; sub_filter d "a longer replacement "; }
location /variables/ { proxy_pass http://{backend}; sub_filter_once off;
  sub_filter $arg_from "<$arg_to $host>"; sub_filter "x${arg_from}y" $arg_none; sub_filter d D; }
location /types/ { proxy_pass http://{backend}; sub_filter_types text/plain application/json;
  sub_filter abc x; }
location /all/ { proxy_pass http://{backend}; sub_filter_types *; sub_filter abc x; }
location /kept/ { proxy_pass http://{backend}; sub_filter_last_modified on; sub_filter abc x; }
location /none/ { proxy_pass http://{backend}; sub_filter $arg_none x; }
location /outer/ { proxy_pass http://{backend}; sub_filter abc x; sub_filter_once off;
  location /outer/inner/ { proxy_pass http://{backend}; sub_filter bcd y; }
  location /outer/same/ { proxy_pass http://{backend}; } }
location /packed/ { proxy_pass http://{backend}; sub_filter abc x; gzip on; gunzip on; }
location /files/ { alias {root}/; sub_filter abc x; sub_filter_once off; sub_filter_types *; }
location = /return { default_type text/html; sub_filter abc <$uri>; return 200 "an abc text ABC"; }
location /lines/ { proxy_pass http://{backend}; sub_filter 'a\\n b' "one\\tline"; }
"""
CONTENTS = [
    b"", b"a", b"abc", b"ABC abc", b"xabcdabcdab", b"ababcbcdabcdabcda", b"aabbccdd", b"abcdabcdab",
    b"bcbcabcdabbcd", b"a\n b a\n b", b"aBcDaBcDaB" * 3, b"ab", b"abcda",
]  # fmt: skip


def script(request):
    """Sends content in two cuts, chunked, with the fields that the request asks for."""
    fields = [tuple(value.split(": ", 1)) for value in request.fields.all("X-Send")]
    status = (request.fields.all("X-Status") or ["200 OK"])[0]
    body = bytes.fromhex(request.fields.one("X-Body"))
    cut = request.fields.get("X-Cut")
    if cut is None:
        return reply(status, body, fields)
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
    head = ("\r\n".join([*lines, "Transfer-Encoding: chunked"]) + "\r\n\r\n").encode()
    first, second = body[: int(cut)], body[int(cut) :]
    pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (first, second) if piece]
    return [part for piece in [head, *pieces, b"0\r\n\r\n"] for part in (piece, 0.002)]


@pytest.fixture(scope="module")
def pair():
    backend = RecordingBackend(script)
    types = "types { text/html html; text/plain txt; application/json json; }"
    twins = Twins(types, SERVER)
    (twins.root / "a.html").write_bytes(b"abc abc ABC " * 20_000)
    (twins.root / "empty.html").write_bytes(b"")
    try:
        yield twins.start(backend=backend.address)
    finally:
        twins.stop()
        backend.stop()


COMPARED = ["Content-Type", "Content-Length", "Transfer-Encoding", "Last-Modified", "ETag",
            "Accept-Ranges", "Content-Range", "Content-Encoding"]  # fmt: skip
FIELDS = ["Content-Type: text/html", "Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT", 'ETag: "x"',
          "Accept-Ranges: bytes"]  # fmt: skip


def check(pair, target, body=b"", *fields, cut=None, status="200 OK", method="GET", more=()):
    asked = [("X-Body", body.hex()), ("X-Status", status), *(("X-Send", f) for f in fields)]
    if cut is not None:
        asked.append(("X-Cut", str(cut)))
    data = request_bytes(method, target, [*asked, *more], host="files.test")
    theirs, ours = pair.answers(data)
    facts = [
        (answer.status, answer.body, {name: answer.fields.all(name) for name in COMPARED})
        for answer in (theirs, ours)
    ]
    assert facts[1] == facts[0], (target, body, cut)
    return ours


PLACES = ["once", "each", "shorter", "variables", "outer", "outer/inner", "outer/same", "lines"]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_replaced_as_in_nginx(pair, place):
    query = "?from=BC&to=$1" if place == "variables" else ""
    changed = 0
    for body in CONTENTS:
        answer = check(pair, f"/{place}/{query}", body, *FIELDS)
        changed += answer.body != body
    assert changed


@pytest.mark.parametrize("place", ["once", "each", "shorter"])
def test_content_that_is_cut_at_every_byte(pair, place):
    for body in [b"ababcbcdabcdabcda", b"xabcdabcdab", b"aBcDabcda"]:
        for cut in range(1, len(body)):
            check(pair, f"/{place}/", body, *FIELDS, cut=cut)


def test_random_content(pair):
    number = random.Random(4)
    for _ in range(150):
        body = bytes(number.choices(b"abcdABCD", k=number.randint(0, 60)))
        cut = number.choice([None, number.randint(0, 60)])
        check(pair, f"/{number.choice(['once', 'each', 'shorter'])}/", body, *FIELDS, cut=cut)


def test_heads_are_nginxs(pair):
    for place in ["once", "types", "all", "kept", "none", "variables"]:
        for kind in ["text/html", "text/plain; charset=x", "application/json", "image/png"]:
            for method in ["GET", "HEAD"]:
                fields = [f"Content-Type: {kind}", *FIELDS[1:]]
                check(pair, f"/{place}/", b"an abc", *fields, method=method)
    for status in ["201 Created", "302 Found", "404 Not Found", "304 Not Modified"]:
        check(pair, "/once/", b"an abc" if status[0] != "3" else b"", *FIELDS, status=status)


def test_files_and_answers(pair):
    for name in ["a.html", "empty.html"]:
        for more in [[], [("Range", "bytes=0-9")], [("Accept-Encoding", "gzip")]]:
            check(pair, f"/files/{name}", more=more)
            check(pair, f"/files/{name}", more=more, method="HEAD")
    check(pair, "/return")


def test_what_is_packed_before_and_behind(pair):
    data = request_bytes(
        "GET", "/packed/", [("X-Body", b"abc abc".hex()), ("X-Send", "Content-Type: text/html"),
                            ("X-Cut", "2"), ("Accept-Encoding", "gzip")], host="files.test",
    )  # fmt: skip
    for answer in pair.answers(data):
        assert unpack_gzip(answer.body) == b"x abc"


def test_packed_content_and_ranges_pass_unchanged(site, make_backend):
    fields = {"Content-Type": "text/html", "Content-Encoding": "br"}
    partial = {"Content-Type": "text/html", "Content-Range": "bytes 0-5/9"}
    answers = {"/br": reply(body=b"an abc", fields=fields),
               "/range": reply("206 Partial", b"an abc", partial)}  # fmt: skip
    proxy = site.serve(make_backend(lambda request: answers[request.target]),
                       top="sub_filter abc x;")  # fmt: skip
    for target in answers:
        answer = proxy.get(target)
        assert answer.body == b"an abc" and answer.fields.one("Content-Length") == "6"


def test_events_and_trailers(site, make_backend):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    content = chunked(b"event ab", b"c event ab", trailers=b"X-Sum: 7\r\n")
    proxy = site.serve(make_backend([head, content]), listen="http2", top="sub_filter abc x;")
    answer = proxy.get("/")
    assert answer.body == b"event x event ab" and answer.trailers.one("X-Sum") == "7"
    with Client(proxy.port) as client:
        answer = client.get("/", [("te", "trailers")])
        assert bytes(answer.body) == b"event x event ab" and ("x-sum", "7") in answer.trailers
