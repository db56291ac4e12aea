"""gzip and gunzip: nginx and Waybill side by side, then what nginx can't show."""

from __future__ import annotations

import gzip
import itertools
import random
import threading
import time
import zlib

import pytest

from harness.backend import CLOSE, RecordingBackend, reply
from harness.client import chunked, request_bytes
from harness.codings import unpack, unpack_gzip
from harness.http2 import Client
from harness.messages import Truncated
from harness.polling import wait_for
from harness.secure import SecureConnection, client_context
from harness.twins import Twins, lifetime

TEXT = b"".join(b"line %d of some text that repeats itself\n" % number for number in range(400))
TYPES = "types { text/html html; text/plain txt; text/css css; application/json json; }"
SERVER = """
charset_types text/css; gzip on;
location /up/ { proxy_pass http://{backend}; }
location /types/ { proxy_pass http://{backend}; gzip_types text/plain application/json; }
location /all/ { proxy_pass http://{backend}; gzip_types *; gzip_min_length 0; gzip_vary on; }
location /length/ { proxy_pass http://{backend}; gzip_min_length 1000; gzip_vary on; }
location /old/ { proxy_pass http://{backend}; gzip_http_version 1.0; }
location /off/ { proxy_pass http://{backend}; gzip off; gzip_vary on; }
location /disabled/ { proxy_pass http://{backend}; gzip_disable "msie6" "bot[0-9]+$" ^x; }
location /any/ { proxy_pass http://{backend}; gzip_proxied any; }
location /auth/ { proxy_pass http://{backend}; gzip_proxied auth; }
location /expired/ { proxy_pass http://{backend}; gzip_proxied expired; }
location /caches/ { proxy_pass http://{backend}; gzip_proxied no-cache no-store private; }
location /private/ { proxy_pass http://{backend}; gzip_proxied private expired; }
location /validators/ { proxy_pass http://{backend}; gzip_proxied no_last_modified no_etag; }
location /soon/ { proxy_pass http://{backend}; gzip_proxied expired; expires -1; }
location /gunzip/ { proxy_pass http://{backend}; gunzip on; gzip_vary on; }
location /gunziponly/ { proxy_pass http://{backend}; gunzip on; gzip off; }
location /if/ { proxy_pass http://{backend}; gzip off; if ($arg_z) { gzip on; } }
location /files/ { alias {root}/; gzip_types text/plain text/css; gzip_vary on; charset utf-8; }
location /plainfiles/ { alias {root}/; gzip off; }
location /static/ { alias {root}/; gzip_static on; gzip_vary on; gzip_types text/css; }
location /staticproxied/ { alias {root}/; gzip_static on; gzip_proxied any; gzip_vary on; }
location /always/ { alias {root}/; gzip_static always; gunzip on; gzip off; }
location /errors/ { alias {root}/; error_page 404 /files/a.html; }
location /errors2/ { proxy_pass http://{backend}; proxy_intercept_errors on;
  error_page 404 =200 /files/a.html; error_page 403 /files/a.html; }
location = /return { default_type text/html; return 200 "{text}"; }
location = /short { default_type text/html; return 200 "short"; }
location = /plain { default_type text/plain; return 200 "{text}"; }
location = /return403 { default_type text/html; return 403 "{text}"; }
location = /return500 { default_type text/html; return 500 "{text}"; }
location /ratio/ { proxy_pass http://{backend}; access_log {own}/ratio.log ratio; }
"""
HTTP = TYPES + "log_format ratio '$gzip_ratio $status';"


def script(request):
    """Answers with the fields, the status and the number of bytes that the request asks for."""
    parts = [value.partition(":") for value in request.fields.all("X-Send")]
    fields = [(name, value.strip()) for name, _, value in parts]
    status = (request.fields.all("X-Status") or ["200 OK"])[0]
    count = int((request.fields.all("X-Count") or [len(TEXT)])[0])
    body = TEXT[:count]
    if request.fields.all("X-Packed"):
        body = gzip.compress(body, mtime=0)
    if request.method == "HEAD":
        return reply(status, body, fields).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    if request.fields.all("X-Chunked"):
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
        head = "\r\n".join([*lines, "Transfer-Encoding: chunked"]) + "\r\n\r\n"
        return head.encode() + chunked(*[body[i : i + 999] for i in range(0, len(body), 999)])
    return reply(status, body, fields)


@pytest.fixture(scope="module")
def pair():
    backend = RecordingBackend(script)
    twins = Twins(HTTP, SERVER.replace("{text}", "text that repeats itself and again " * 4))
    for name in ["a.html", "b.txt", "c.css", "d.json"]:
        (twins.root / name).write_bytes(TEXT)
    (twins.root / "small.html").write_bytes(b"small")
    (twins.root / "empty.html").write_bytes(b"")
    (twins.root / "large.html").write_bytes(random.Random(1).randbytes(150_000).hex().encode())
    (twins.root / "c.css.gz").write_bytes(gzip.compress(b"packed before"))
    try:
        yield twins.start(backend=backend.address)
    finally:
        twins.stop()
        backend.stop()


COMPARED = ["Content-Type", "Content-Length", "Transfer-Encoding", "Last-Modified", "ETag",
            "Accept-Ranges", "Content-Range", "Content-Encoding", "Vary",
            "Cache-Control"]  # fmt: skip


def facts(answer, method="GET"):
    coding = answer.fields.get("Content-Encoding")
    # Error pages are Waybill's own.
    names = COMPARED if answer.status in (200, 206, 304) else ["Content-Encoding"]
    said = {name: answer.fields.all(name) for name in names}
    is_whole = method != "HEAD" and answer.status in (200, 206)
    return {
        "status": answer.status,
        "content": unpacked(coding, answer.body) if is_whole else b"",
        "lifetime": [lifetime(answer, value) for value in answer.fields.all("Expires")],
        **said,
    }


def unpacked(coding, body):
    """What a client would read; the body itself if the coding is only claimed."""
    try:
        return unpack(coding, body)
    except (zlib.error, AssertionError):
        return body


def check(pair, target, fields=(), method="GET", version="1.1", accepts="gzip"):
    fields = [*fields, *([("Accept-Encoding", accepts)] if accepts is not None else [])]
    data = request_bytes(method, target, fields, host="files.test", version=f"HTTP/{version}")
    theirs, ours = pair.answers(data)
    assert facts(ours, method) == facts(theirs, method), data
    return ours


def sends(*fields, **options):
    """Fields that make the backend send these fields."""
    names = {"status": "X-Status", "count": "X-Count", "packed": "X-Packed", "pieces": "X-Chunked"}
    return [("X-Send", field) for field in fields] + [
        (names[name], str(value)) for name, value in options.items()
    ]


HTML = "Content-Type: text/html"
ACCEPTS = [
    None, "", "gzip", "gzip, deflate", "deflate, gzip", "gzip;q=0", "gzip;q=0.0", "gzip; q=0.1",
    "gzip;q=1.000", "gzip;q=0.0001", "gzip;q=2", "gzip;q=1.1", "gzip;q=", "gzip;x=1", "x-gzip",
    "*", "identity", "GZIP", "gzipx", "br, gzip;q=0.5", "gzip;q=0, *", "deflate gzip", "gzi",
]  # fmt: skip


@pytest.mark.parametrize("accepts", ACCEPTS)
def test_what_clients_accept_is_read_as_nginx_reads_it(pair, accepts):
    for target in ["/up/", "/all/", "/files/a.html", "/static/c.css", "/return"]:
        check(pair, target, sends(HTML), accepts=accepts)


def test_types_lengths_and_codings_decide(pair):
    types = [
        "text/html", "TEXT/HTML", "text/html; charset=utf-8", "text/html;charset=x", "text/plain",
        "text/html; x=y", "text/html; x=y; charset=utf-8", "application/json", "text/html ;x",
        "application/json; charset=\"utf-8\"", "image/png", "text/htmlx",
    ]  # fmt: skip
    packed = 0
    for target, kind in itertools.product(["/up/", "/types/", "/all/", "/off/"], types):
        answer = check(pair, target, sends(f"Content-Type: {kind}"))
        packed += "Content-Encoding" in answer.fields
        check(pair, target, sends(f"Content-Type: {kind}", pieces=1))
    assert packed > 10
    check(pair, "/all/", sends())
    for count in [0, 1, 19, 20, 21, 999, 1000]:
        for target in ["/up/", "/length/", "/all/"]:
            check(pair, target, sends(HTML, count=count))
            check(pair, target, sends(HTML, count=count, pieces=1))
    for coding in ["gzip", "br", "identity", "deflate", "GZIP"]:
        check(pair, "/all/", sends(HTML, f"Content-Encoding: {coding}", pieces=1), accepts="x")


STATUSES = [
    "200 OK", "201 Created", "202 Accepted", "203 Other", "204 No Content", "301 Moved",
    "304 Not Modified", "400 Bad", "403 Forbidden", "404 Not Found", "500 Error",
]  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_statuses_and_methods_decide(pair, status):
    for method in ["GET", "HEAD", "POST"]:
        for target in ["/up/", "/all/", "/gunzip/"]:
            check(pair, target, sends(HTML, "Location: /x", status=status), method)


def test_versions_decide(pair):
    for target, version in itertools.product(["/up/", "/old/", "/files/a.html"], ["1.0", "1.1"]):
        answer = check(pair, target, sends(HTML), version=version)
        assert ("Content-Encoding" in answer.fields) == (version == "1.1" or target == "/old/")
    answer = check(pair, "/old/", sends(HTML), version="1.0")
    assert answer.framing == "close"


def test_validators_become_weak_and_ranges_go(pair):
    for tag in ['"x"', 'W/"x"', "x", "", '"']:
        fields = sends(HTML, f"ETag: {tag}", "Accept-Ranges: bytes", "Last-Modified: yesterday")
        for accepts in ["gzip", "x"]:
            check(pair, "/up/", fields, accepts=accepts)
    ranged = [("Range", "bytes=0-9")]
    for target in ["/files/a.html", "/files/b.txt", "/files/d.json", "/plainfiles/a.html"]:
        for accepts in ["gzip", "x"]:
            answer = check(pair, target, ranged, accepts=accepts)
            check(pair, target, [("Range", "bytes=99999999-")], accepts=accepts)
            assert (answer.status == 206) == ("Content-Encoding" not in answer.fields)
            tag = check(pair, target, accepts="x").fields.one("ETag")
            for value in [tag, "W/" + tag, '"other"']:
                check(pair, target, [("If-None-Match", value)], accepts=accepts)
                check(pair, target, [("If-Match", value)], accepts=accepts)
    partial = sends(HTML, "Content-Range: bytes 0-99/1000", status="206 Partial", count=100)
    check(pair, "/up/", partial)


AGENTS = [
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows)", "MSIE 6.0; SV1", "MSIE 5.5", "MSIE 4.01",
    "MSIE 7.0", "MSIE 6", "Bot17", "bot17x", "X-thing", "curl", "MSIE 6.", "MSIE 16.0",
]  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_clients_are_excluded(pair, agent):
    check(pair, "/disabled/", [*sends(HTML), ("User-Agent", agent)])


PROXIED = ["any", "auth", "expired", "caches", "private", "validators", "up", "soon"]
VARIED = [
    [], ["Expires: Thu, 01 Jan 1970 00:00:01 GMT"], ["Expires: Fri, 01 Jan 2100 00:00:00 GMT"],
    ["Expires: 0"], ["Cache-Control: no-cache"], ["Cache-Control: no-store"],
    ["Cache-Control: max-age=1, private"], ["Cache-Control: max-age=1"], ['ETag: "x"'],
    ["Cache-Control: max-age=1", "Cache-Control: PRIVATE"], ["Cache-Control: private=x"],
    ["Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT"], ["Cache-Control: xprivate"],
    ["Expires: Thu, 01 Jan 1970 00:00:01 GMT", "Cache-Control: max-age=1"],
]  # fmt: skip


@pytest.mark.parametrize("place", PROXIED)
def test_requests_that_a_proxy_has_passed_on(pair, place):
    packed = set()
    for fields in VARIED:
        for more in [[], [("Authorization", "Basic eDp4")]]:
            request = [*sends(HTML, *fields), ("Via", "1.1 other"), *more]
            answer = check(pair, f"/{place}/", request)
            packed.add("Content-Encoding" in answer.fields)
    assert packed == ({True} if place in ("any", "soon") else {place != "up", False})


def test_gunzip_as_nginx(pair):
    for coding in ["gzip", "GZIP", "gzip, gzip", "x-gzip"]:
        for accepts in ["gzip", None]:
            fields = sends(HTML, f"Content-Encoding: {coding}", 'ETag: "x"',
                           "Accept-Ranges: bytes", packed=1)  # fmt: skip
            for target in ["/gunzip/", "/gunziponly/", "/up/"]:
                check(pair, target, fields, accepts=accepts)
                check(pair, target, fields, "HEAD", accepts=accepts)
                if accepts is None:
                    check(pair, target, fields, version="1.0", accepts="gzip")
    for name in ["c.css", "a.html"]:
        for accepts in ["gzip", "x"]:
            check(pair, f"/always/{name}", accepts=accepts)
            check(pair, f"/always/{name}", [("Range", "bytes=0-3")], accepts=accepts)


def test_files_and_answers_as_nginx(pair):
    names = ["a.html", "b.txt", "c.css", "d.json", "small.html", "empty.html", "large.html"]
    for place, name in itertools.product(["files", "static", "staticproxied", "always"], names):
        for accepts, more in itertools.product(["gzip", "x"], [[], [("Via", "1.1 x")]]):
            if place == "static" and name == "c.css" and accepts == "gzip" and more:
                continue
            check(pair, f"/{place}/{name}", more, accepts=accepts)
            check(pair, f"/{place}/{name}", more, "HEAD", accepts=accepts)
    for target in ["/return", "/short", "/plain", "/return403", "/return500", "/errors/x"]:
        for method in ["GET", "HEAD"]:
            check(pair, target, method=method)
    for status in ["404 Not Found", "403 Forbidden"]:
        check(pair, "/errors2/", sends(HTML, status=status))
    for target in ["/if/", "/if/?z=1"]:
        check(pair, target, sends(HTML))


def test_the_ratio_is_nginxs(pair):
    for count, accepts in [(5000, "gzip"), (5000, "x"), (100, "gzip"), (len(TEXT), "gzip")]:
        check(pair, "/ratio/", sends(HTML, count=count), accepts=accepts)
    logs = [pair.folder / name / "ratio.log" for name in ["nginx", "waybill"]]
    wait_for(lambda: all(len(log.read_text().splitlines()) == 4 for log in logs), "four lines")
    assert logs[0].read_text() == logs[1].read_text()


# What nginx can't show.

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIP = {"Accept-Encoding": "gzip"}


def test_events_pass_at_once(site, make_backend):
    gates = [threading.Event() for _ in range(3)]
    steps = [CHUNKED.replace(b"text/html", b"text/event-stream")]
    for number, gate in enumerate(gates):
        steps += [gate, b"9\r\ndata: %d\n\n\r\n" % number]
    end = threading.Event()
    proxy = site.serve(make_backend([*steps, end, b"0\r\n\r\n"]), top="gzip on; gzip_types *;")
    with proxy.connect(timeout=3) as connection:
        connection.send(request_bytes("GET", "/", GZIP))
        head = connection.receive_head()
        assert head.fields.one("Content-Encoding") == "gzip"
        reader = zlib.decompressobj(31)
        for number, gate in enumerate(gates):
            gate.set()
            content = b""
            while content != b"data: %d\n\n" % number:
                size = int(connection.stream.until(b"\r\n"), 16)
                content += reader.decompress(connection.stream.exactly(size))
                connection.stream.until(b"\r\n")
        end.set()
        size = int(connection.stream.until(b"\r\n"), 16)
        reader.decompress(connection.stream.exactly(size))
        assert reader.eof and connection.stream.exactly(7) == b"\r\n0\r\n\r\n"
    line = proxy.log_line(head.request_id)
    assert line["status"] == 200 and 27 < line["bytes_out"] < 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_cut_backend_is_seen_as_cut(site, make_backend, version, framing):
    head = CHUNKED if framing == "chunked" else (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"
    )  # fmt: skip
    piece = b"4000\r\n" + b"x" * 16384 + b"\r\n" if framing == "chunked" else b"x" * 16384
    backend = make_backend([head, piece, 0.3, CLOSE])
    proxy = site.serve(backend, top="gzip on; gzip_http_version 1.0;")
    with proxy.connect() as connection, pytest.raises((Truncated, ConnectionResetError)):
        connection.exchange(request_bytes("GET", "/", GZIP, version=f"HTTP/{version}"))
    (line,) = proxy.wait_lines(1)
    assert line["termination"] == "upstream:response_body"


def test_a_cut_backend_is_seen_as_cut_on_http2(site, make_backend):
    backend = make_backend([CHUNKED, b"4000\r\n" + b"x" * 16384 + b"\r\n", 0.3, CLOSE])
    proxy = site.serve(backend, listen="http2", top="gzip on;")
    with Client(proxy.port) as client:
        answer = client.get("/", [("accept-encoding", "gzip")])
        assert answer["content-encoding"] == "gzip" and answer.reset is not None


def test_what_is_no_gzip_is_cut_or_answered_by_502(site, make_backend):
    packed = gzip.compress(random.Random(2).randbytes(200_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    bad = [chunked(b"this is no gzip"), chunked(packed[:-1]), chunked(packed + b"x")]
    proxy = site.serve(make_backend(lambda request: head + bad[int(request.target[1:])]),
                       top="gunzip on; proxy_next_upstream off;")  # fmt: skip
    assert proxy.get("/0").status == 502
    for number in (1, 2):
        with pytest.raises((Truncated, ConnectionResetError)):
            proxy.get(f"/{number}")
    proxy.wait_lines(3)
    assert "can't be unpacked: it is cut" in proxy.error_text()


def test_trailers_follow_what_is_packed(site, make_backend):
    content = chunked(TEXT, trailers=b"X-Sum: 7\r\n")
    proxy = site.serve(make_backend(CHUNKED + content), listen="http2", top="gzip on;")
    answer = proxy.get("/", GZIP)
    assert unpack_gzip(answer.body) == TEXT and answer.trailers.one("X-Sum") == "7"
    with Client(proxy.port) as client:
        answer = client.get("/", [("accept-encoding", "gzip"), ("te", "trailers")])
        assert unpack_gzip(bytes(answer.body)) == TEXT and ("x-sum", "7") in answer.trailers


def test_no_transform_passes_unchanged(site, make_backend):
    fields = {"Content-Type": "text/html", "Cache-Control": "public, No-Transform"}
    proxy = site.serve(make_backend(reply(body=TEXT, fields=fields)),
                       top="gzip on; sub_filter line LINE;")  # fmt: skip
    answer = proxy.get("/", GZIP)
    assert answer.body == TEXT and answer.fields.one("Content-Length") == str(len(TEXT))


def sized(request):
    """Content of the size in the target, in pieces of random sizes."""
    number = random.Random(request.target)
    body = number.randbytes(int(request.target.split("/")[2])).hex().encode()
    pieces, start = [], 0
    while start < len(body):
        end = start + number.randint(1, 60_000)
        pieces.append(body[start:end])
        start = end
    return [CHUNKED, *(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"]


def expected(target):
    return random.Random(target).randbytes(int(target.split("/")[2])).hex().encode()


LOCATIONS = """
location /quick/ { proxy_pass http://{backend}; gzip on; }
location /dense/ { proxy_pass http://{backend}; gzip on; gzip_comp_level 9; }
location /as/ { proxy_pass http://{backend}; }
"""


@pytest.fixture(scope="module")
def several():
    backend = RecordingBackend(sized)
    twins = Twins("", LOCATIONS, listen="")
    try:
        yield twins.start(backend=backend.address)
    finally:
        twins.stop()
        backend.stop()


def test_locations_take_turns_on_one_connection(several):
    number = random.Random(3)
    with several.proxy.connect(several.ports["waybill"]) as connection:
        for turn in range(40):
            place = number.choice(["quick", "dense", "as"])
            target = f"/{place}/{number.randint(0, 90_000)}/{turn}"
            answer = connection.exchange(request_bytes("GET", target, GZIP, host="files.test"))
            coding = answer.fields.get("Content-Encoding")
            assert (coding is None) == target.startswith("/as/")
            assert unpack(coding, answer.body) == expected(target)


def test_large_content_reaches_slow_readers_in_bounded_memory(several):
    before = several.proxy.memory()
    target = "/quick/3000000/x"
    with several.proxy.connect(several.ports["waybill"]) as connection:
        connection.send(request_bytes("GET", target, GZIP, host="files.test"))
        time.sleep(1)
        assert several.proxy.memory() - before < 8 << 20
        answer = connection.receive()
    assert unpack_gzip(answer.body) == expected(target)


def test_clients_that_leave_leave_nothing_behind(several):
    def leave(count):
        for number in range(count):
            connection = several.proxy.connect(several.ports["waybill"])
            connection.send(
                request_bytes("GET", f"/dense/300000/{number}", GZIP, host="files.test")
            )
            connection.receive_head()
            connection.reset()

    leave(10)
    before = several.proxy.memory()
    leave(60)
    wait_for(lambda: several.proxy.memory() - before < 6 << 20, "the memory to be given back")


def test_streams_of_one_connection_are_packed_at_once(site, make_backend):
    proxy = site.serve(make_backend(sized), listen="http2", top="gzip on;")
    with Client(proxy.port) as client:
        targets = [f"/x/{number * 40_000}/y" for number in range(8)]
        packed = [("accept-encoding", "gzip")]
        streams = [
            client.begin(target, packed if number % 2 else [])
            for number, target in enumerate(targets)
        ]
        for number, answer in enumerate(client.finish(*streams)):
            assert (answer["content-encoding"] == "gzip") == (number % 2 == 1)
            assert unpack(answer["content-encoding"], bytes(answer.body)) == expected(
                targets[number]
            )


def test_tls_clients_and_pages_of_metrics(site, backend, authority):
    pair = authority.issue("localhost")
    proxy = site.serve(
        backend, listen="ssl", top=pair.conf + "gzip on; gzip_types *;",
        server="location = /metrics { metrics; }",
    )  # fmt: skip
    context = client_context(authority.file)
    with SecureConnection(proxy.port, context) as connection:
        for target in ["/metrics", "/", "/metrics"]:
            answer = connection.exchange(request_bytes("GET", target, GZIP))
            assert answer.status == 200
            if target == "/metrics":
                assert b"waybill_" in unpack_gzip(answer.body)


MALFORMED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
)


@pytest.mark.parametrize("page", ["", "error_page 502 =200 /page;", "error_page 502 /file.html;"])
@pytest.mark.parametrize("stages", ["gzip on; gzip_min_length 0;", "sub_filter a b;"])
def test_a_page_in_the_place_of_a_malformed_response(site, make_backend, tmp_path, page, stages):
    """The backend's content breaks before anything of it has left: the page has an end of its own,
    and the next response begins behind it."""
    (tmp_path / "file.html").write_text("<p>a file</p>")
    proxy = site.serve(
        make_backend([MALFORMED, CLOSE]),
        server=f"""{page} {stages} sub_filter_types *; gzip_types *;
          location = /page {{ default_type text/html; return 200 "a page"; }}
          location = /file.html {{ root {tmp_path}; }}
          location = /next {{ default_type text/x; return 200 "next"; }}""",
    )
    fields = [("Accept", "text/html"), ("Accept-Encoding", "gzip")]
    with proxy.connect() as connection:
        for _ in range(2):
            answer = connection.exchange(request_bytes("GET", "/", fields))
            assert answer.status == (200 if "=200" in page else 502)
            assert connection.exchange(request_bytes("GET", "/next")).body == b"next"


def test_the_answer_to_a_subrequest_is_not_compressed(site, make_backend):
    """Nobody reads it; what the request gets is."""
    text = b"<p>" + b"text " * 1000
    auth = make_backend(reply(body=text, fields={"Content-Type": "text/html", "X-User": "a"}))
    backend = make_backend(reply(body=text, fields={"Content-Type": "text/html"}))
    proxy = site.serve(
        backend, server=f"""gzip on; sub_filter text word; sub_filter_once off;
          location = /auth {{ internal; proxy_pass http://{auth.address}; }}
          location = /copy {{ internal; proxy_pass http://{auth.address}; }}""",
        location="auth_request /auth; auth_request_set $user $upstream_http_x_user; mirror /copy;"
        "add_header X-User $user;",
    )  # fmt: skip
    for _ in range(3):
        answer = proxy.get(fields=[("Accept-Encoding", "gzip")])
        assert answer.status == 200 and answer.fields.all("X-User") == ["a"]
        assert unpack_gzip(answer.body) == text.replace(b"text", b"word")
