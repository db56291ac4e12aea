"""Details of HTTP in which proxies like to differ, with nginx as the measure."""

import struct

import pytest

from harness.backend import reply
from harness.client import chunked, request_bytes

SHOW = 'return 200 "$host|$uri|$request_uri|$args|$server_name|$pipe";'


@pytest.mark.parametrize(
    "target, host, expected",
    [
        ("http://h.test", "x", "h.test|/|/|"),
        ("http://h.test?q", "x", "h.test|/|/?q|q"),
        ("http://h.test?", "x", "h.test|/|/?|"),
        ("http://h.test/p?q", "x", "h.test|/p|/p?q|q"),
        ("HTTP://H.test.:80//p/./q", "x", "h.test|/p/q|//p/./q|"),
        ("/p", "H.TEST.", "h.test|/p|/p|"),
        ("/p", "h.test.:80", "h.test|/p|/p|"),
        ("/p", "[::1]:80", "[::1]|/p|/p|"),
    ],
)
def test_variables_of_the_target(site, target, host, expected):
    proxy = site.servers(f"server {{ listen PORT; server_name first; location / {{ {SHOW} }} }}")
    text = proxy.get(target, host=host).text
    assert text == f"{expected}|first|."


@pytest.mark.parametrize(
    "target, sent", [("http://h.test", "/"), ("http://h.test?q", "/?q"), ("http://h.test/a", "/a")]
)
def test_absolute_targets_upstream(site, backend, target, sent):
    one = site.serve(backend).observe(backend, request_bytes(target=target))
    assert one.seen.target == sent and one.seen.fields.one("Host") == "h.test"


NAMELESS = """
server { listen PORT; server_name a.test; location / { return 200 "default"; } }
server { listen PORT; SECOND location / { return 200 "nameless"; } }
"""


@pytest.mark.parametrize("second", ['server_name "";', "server_name b.test '';", ""])
def test_the_empty_name_takes_requests_without_host(site, second):
    proxy = site.servers(NAMELESS.replace("SECOND", second))
    with proxy.connect() as connection:
        assert connection.exchange("GET / HTTP/1.0\r\n\r\n").text == "nameless"
    with proxy.connect() as connection:
        assert connection.exchange("GET / HTTP/1.0\r\nHost: c.test\r\n\r\n").text == "default"
    assert proxy.get("/", host="a.test").text == "default"


@pytest.mark.parametrize(
    "location, target, expected",
    [
        ("/a b/", "/a%20b", "/a%20b/"),
        ("/c%q/", "/c%25q?x=%41", "/c%25q/?x=%41"),
        ("/é/", "/%c3%a9", "/%C3%A9/"),
        ("/p?q#r/", "/p%3fq%23r?z", "/p%3Fq%23r/?z"),
        ("/d$host/", "/d$host", "/d$host/"),
        ("/<\\\">|/", "/%3c%22%3e%7c", "/%3C%22%3E%7C/"),
        ("/plain/", "/plain", "/plain/"),
    ],
)
def test_slash_redirects_are_encoded(site, backend, location, target, expected):
    proxy = site.servers(
        f'server {{ listen PORT; location "{location}" '
        f"{{ proxy_pass http://{backend.address}; }} }}"
    )
    response = proxy.get(target)
    assert response.status == 301 and response.fields.one("Location") == expected


UPGRADE = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: HTTP/2.0\r\nUpgrade: IRC/6.9\r\n"


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_426_keeps_what_it_asks_for(site, backend, version):
    backend.script = (UPGRADE + "Connection: Upgrade\r\nContent-Length: 0\r\n\r\n").encode()
    request = f"GET / HTTP/{version}\r\nHost: a\r\n\r\n"
    with site.serve(backend).connect() as connection:
        response = connection.exchange(request)
    assert response.fields.all("Upgrade") == ["HTTP/2.0", "IRC/6.9"]
    assert "upgrade" in response.fields.tokens("Connection")


def test_other_statuses_offer_no_upgrade(site, backend):
    backend.script = (
        b"HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"
    )
    response = site.serve(backend).get("/")
    assert "Upgrade" not in response.fields and "Connection" not in response.fields


SINGLE = {
    "ETag": ('"b"', '"x"'),
    "Last-Modified": ("Mon, 28 Sep 1970 06:00:00 GMT", "Tue, 29 Sep 1970 06:00:00 GMT"),
    "Content-Type": ("text/html", "text/x"),
    "Date": ("Mon, 28 Sep 1970 06:00:00 GMT", "Tue, 29 Sep 1970 06:00:00 GMT"),
    "Server": ("b", "x"),
    "Location": ("/b", "/x"),
    "Expires": ("0", "1"),
    "Access-Control-Allow-Origin": ("https://b.test", "https://x.test"),
}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("status", [200, 404])
def test_add_header_replaces_what_there_is_one_of(site, backend, name, status):
    theirs, ours = SINGLE[name]
    backend.script = reply(f"{status} Some", fields=[(name, theirs), ("Cache-Control", "no-store")])
    proxy = site.serve(backend, location=f"add_header {name} '{ours}'; add_header Cache-Control a;")
    fields = proxy.get("/").fields
    assert fields.all(name) == ([ours] if status == 200 else [theirs])
    assert fields.all("Cache-Control") == (["no-store", "a"] if status == 200 else ["no-store"])


@pytest.mark.parametrize("name", SINGLE)
def test_add_header_replaces_on_answers_of_our_own(site, name):
    value = SINGLE[name][1]
    proxy = site.servers(
        f"server {{ listen PORT; add_header {name} '{value}' always; "
        "location / { return 200 x; } location /r { return 301 /y; } location /e { return 404; } }"
    )
    for path in ("/", "/r", "/e"):
        assert proxy.get(path).fields.all(name) == [value]


def test_add_header_with_an_empty_value(site, backend):
    backend.script = reply("200 OK", fields=[("ETag", '"b"'), ("Content-Type", "text/b")])
    proxy = site.serve(
        backend, location="add_header ETag $http_none; add_header Content-Type $http_none;"
    )
    fields = proxy.get("/").fields
    assert "ETag" not in fields and fields.all("Content-Type") == ["text/b"]


def test_the_last_add_header_of_a_name_counts(site, backend):
    backend.script = reply("404 No", fields=[("ETag", '"b"')])
    proxy = site.serve(backend, location="add_header ETag a always; add_header ETag c;")
    assert proxy.get("/").fields.all("ETag") == ["a"]
    backend.script = reply("200 OK", fields=[("ETag", '"b"')])
    assert proxy.get("/").fields.all("ETag") == ["c"]


BODY = b"POST /own HTTP/1.1\r\nHost: a\r\n"
OWN = "server { listen PORT; location / { return 200 own; } location /404 { return 404; } }"


@pytest.mark.parametrize("own", ["/own", "/404"])
@pytest.mark.parametrize("trailers", [b"", b"X-T: 1\r\n"])
@pytest.mark.parametrize("rest", [0, 1, 7])
def test_complete_chunked_content_keeps_the_connection(site, own, trailers, rest):
    """However the content is cut, and with the next request right behind it."""
    head = BODY.replace(b"/own", own.encode()) + b"Transfer-Encoding: chunked\r\n\r\n"
    content = chunked(b"hello", b"world" * 2000, trailers=trailers)
    following = b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n"
    data = head + content
    with site.servers(OWN).connect() as connection:
        connection.send(data[: len(data) - rest])
        if rest == 0:
            connection.send(following)
        first = connection.receive()
        assert first.status == (200 if own == "/own" else 404)
        assert "Connection" not in first.fields
        if rest:
            connection.send(data[len(data) - rest :] + following)
        assert connection.receive().text == "own"


def test_too_much_chunked_content_closes_the_connection(site):
    head = BODY + b"Transfer-Encoding: chunked\r\n\r\n"
    with site.servers(OWN).connect() as connection:
        connection.send(head)
        assert connection.receive().status == 200
        try:
            for _ in range(64):
                connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except OSError:
            pass
        assert connection.is_closed()


def test_too_large_chunked_content_closes_the_connection(site):
    proxy = site.servers(OWN.replace("listen PORT;", "listen PORT; client_max_body_size 3;"))
    with proxy.connect() as connection:
        connection.send(BODY + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
        assert connection.receive().status == 413
        assert connection.is_closed()


def test_broken_chunks_behind_the_answer_close_the_connection(site):
    head = BODY + b"Transfer-Encoding: chunked\r\n\r\n"
    with site.servers(OWN).connect() as connection:
        connection.send(head)
        assert connection.receive().status == 200
        connection.send(b"zz\r\nGET /own HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.is_closed()


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_expected_content_that_has_come_keeps_the_connection(site, framing):
    content = b"hello" if "Length" in framing else chunked(b"hello")
    head = BODY + f"{framing}\r\nExpect: 100-continue\r\n\r\n".encode()
    with site.servers(OWN).connect() as connection:
        connection.send(head + content + b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n")
        assert "Connection" not in connection.receive().fields
        assert connection.receive().text == "own"
    with site.servers(OWN).connect() as connection:
        connection.send(head)
        assert connection.receive().fields.one("Connection") == "close"


def test_pipe(site):
    one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    proxy = site.servers('server { listen PORT; location / { return 200 "$pipe"; } }')
    with proxy.connect() as connection:
        connection.send(one * 3)
        assert [connection.receive().text for _ in range(3)] == [".", "p", "p"]
        assert connection.exchange(one).text == "."


@pytest.mark.parametrize(
    "payload",
    [
        struct.pack("!BBH", 0x21, 0x12, 12) + b"\1" * 12,
        struct.pack("!BBH", 0x21, 0x22, 36) + b"\1" * 36,
        struct.pack("!BBH", 0x21, 0xF1, 12) + b"\1" * 12,
        struct.pack("!BBH", 0x21, 0x11, 15) + b"\1" * 12 + b"\4\0\1",
    ],
)
def test_proxy_headers_that_are_not_of_streams_are_refused(site, payload):
    proxy = site.servers(
        "server { listen PORT proxy_protocol; location / { return 200 x; } }"
    )
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    with proxy.connect() as connection:
        connection.send(signature + payload + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.is_closed() and connection.rest() == b""


@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/plain"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_do_not_apologise(site, kind, status):
    proxy = site.servers(f"server {{ listen PORT; location / {{ return {status} /x; }} }}")
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes(fields={"Accept": kind}))
    assert response.status == status
    assert "wrong" not in response.text and "error" not in response.text
    assert response.request_id in response.text and str(status) in response.text


HEAD_LIMITS = [
    ("proxy_response_head_size", "64k", [("X-Big", "a" * 33_000)], 33_000),
    ("proxy_response_head_size", "192k", [("X-Big", "a" * 150_000)], 150_000),
    ("proxy_response_max_headers", "200", [(f"X-{index}", "a") for index in range(150)], 0),
]


@pytest.mark.parametrize("directive, value, fields, size", HEAD_LIMITS)
def test_bounds_on_response_heads_can_be_moved(site, backend, directive, value, fields, size):
    backend.script = reply("200 OK", fields=fields)
    tight, wide = site.serve(backend), site.serve(backend, location=f"{directive} {value};")
    refused = tight.get("/")
    assert refused.status == 502
    assert any(directive in line for line in tight.error_lines(refused.request_id))
    passed = wide.get("/")
    assert passed.status == 200
    assert all(passed.fields.get(name) == value for name, value in fields)


@pytest.mark.parametrize("bound, status", [(20, 200), (3, 502), (0, 502)])
def test_the_bound_on_interim_responses_can_be_moved(site, backend, bound, status):
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    backend.script = hint * 18 + reply()
    proxy = site.serve(backend, location=f"proxy_max_interim_responses {bound};")
    response = proxy.get("/")
    assert [one.status for one in response.interim] == [103] * min(bound, 18)
    assert response.status == status
    if status == 502:
        assert proxy.wait_error("proxy_max_interim_responses")


CAPTURE = """
add_header X-Up "$upstream_http_x_one|$upstream_http_x_many|$upstream_status|$upstream_addr" always;
add_header X-Sent "$sent_http_x_many|$sent_http_content_length|$sent_http_x_up" always;
add_header X-Own "$sent_http_x_request_id" always;
"""


@pytest.mark.parametrize("status", [200, 404])
def test_add_header_sees_the_response(site, backend, status):
    fields = [("X-One", "1"), ("X-Many", "a"), ("X_Many", "b"), ("X-many", "c")]
    backend.script = reply(f"{status} Some", b"hello", fields=fields)
    proxy = site.serve(backend, location=CAPTURE)
    response = proxy.get("/")
    up = f"1|a, b, c|{status}|{backend.address}"
    assert response.fields.one("X-Up") == up
    assert response.fields.one("X-Sent") == f"a, b, c|5|{up}"
    assert response.fields.one("X-Own") == response.request_id


def test_add_header_sees_answers_of_our_own(site):
    proxy = site.servers(
        "server { listen PORT; location / { return 302 /x; "
        'add_header X-Sent '
        '"$sent_http_location|$sent_http_content_type|$upstream_http_x|$status"; } }'
    )
    sent = proxy.get("/").fields.one("X-Sent")
    assert sent.startswith("/x|") and sent.endswith("||302")


@pytest.mark.parametrize("rewriting", ["", "set $x 1;", "if ($uri = /x) { return 200 x; }"])
@pytest.mark.parametrize("place", ["own", "moved", "root", "proxied"])
def test_connect_opens_no_tunnel(site, backend, rewriting, place):
    """What follows it is meant for the tunnel, and must not be read as a request."""
    rules = {
        "own": "return 200 own;",
        "moved": "return 301 https://other.test$request_uri;",
        "root": "root /;",
        "proxied": f"proxy_pass http://{backend.address};",
    }[place]
    proxy = site.servers(f"server {{ listen PORT; {rewriting} location / {{ {rules} }} }}")
    with proxy.connect() as connection:
        connection.send(b"CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\n" + request_bytes())
        answer = connection.receive("CONNECT")
        assert answer.status == 501
        assert connection.rest() == b""
    (line,) = proxy.wait_lines(1)
    assert line["method"] == "CONNECT" and backend.requests == []


@pytest.mark.parametrize("rewriting", ["", "set $x 1;", "rewrite ^/y /z;"])
def test_the_server_as_a_whole(site, backend, rewriting):
    place = f"location / {{ proxy_pass http://{backend.address}; }}"
    proxy = site.servers(f"server {{ listen PORT; {rewriting} {place} }}")
    one = proxy.observe(backend, request_bytes("OPTIONS", "*"))
    assert one.response.status == 200 and one.seen.target == "*"


@pytest.mark.parametrize("name", ["", 'server_name "";', "server_name_in_redirect on;"])
def test_a_redirect_without_a_host_names_an_address(site, tmp_path, name):
    (tmp_path / "folder").mkdir()
    tmp_path.chmod(0o755)
    proxy = site.servers(
        f"nginx_defaults on; server {{ listen PORT; {name} location / {{ root {tmp_path}; }} }}"
    )
    with proxy.connect() as connection:
        answer = connection.exchange(b"GET /folder HTTP/1.0\r\n\r\n")
    assert answer.status == 301
    assert answer.fields.one("Location") == f"http://127.0.0.1:{proxy.port}/folder/"


@pytest.mark.parametrize(
    "host, status",
    [("a%", 400), ("a%z", 400), ("a%2", 400), ("a%zz.b", 400), ("a%41", 200), ("%41%42:80", 200),
     ("a%4g", 400), ("a%41%", 400)],
)  # fmt: skip
def test_a_percent_sign_of_a_host_has_two_digits(site, host, status):
    proxy = site.servers("server { listen PORT; location / { return 200 ok; } }")
    assert proxy.get("/", host=host).status == status


@pytest.mark.parametrize("word", [b"tcp4", b"Tcp4", b"TCp6", b"unknown"])
def test_words_of_the_proxy_protocol_are_capitals(site, backend, word):
    proxy = site.serve(backend, listen="proxy_protocol")
    with proxy.connect() as connection:
        connection.send(b"PROXY " + word + b" 192.0.2.1 127.0.0.1 5555 80\r\n" + request_bytes())
        assert connection.is_closed() and connection.rest() == b""


def test_a_body_of_several_ranges_keeps_its_boundary(site, tmp_path):
    (tmp_path / "f.txt").write_text("0123456789")
    tmp_path.chmod(0o755)
    proxy = site.servers(
        f"server {{ listen PORT; location / {{ root {tmp_path}; "
        "add_header Content-Type text/css; } }"
    )
    with proxy.connect() as connection:
        answer = connection.exchange(
            request_bytes(target="/f.txt", fields={"Range": "bytes=0-1,3-4"})
        )
    assert answer.status == 206
    boundary = answer.fields.one("Content-Type").split("boundary=")[1]
    assert answer.text.count(boundary) == 3


MALFORMED = {
    "no host": b"GET / HTTP/1.1\r\nX-Request-ID: mine-1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine-1\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\n",
    "two framings": b"POST / HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine-1\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    "too large": b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine-1\r\nX: " + b"a" * 9_000
    + b"\r\n\r\n",
    "bad name": b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine-1\r\nX Y: a\r\n\r\n",
    "expectation": b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nX-Request-ID: mine-1\r\n\r\n",
    "late": b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine-1\r\nX",
}  # fmt: skip


@pytest.mark.parametrize("kind", MALFORMED)
def test_the_id_of_a_refused_head_is_kept(site, backend, kind):
    proxy = site.serve(backend, server="client_header_timeout 300ms;")
    with proxy.connect() as connection:
        connection.send(MALFORMED[kind])
        answer = connection.receive()
    assert answer.status >= 400 and answer.request_id == "mine-1"
    (line,) = proxy.wait_lines(1)
    assert line["request_id"] == "mine-1" and line["id_source"] == "client"
    assert "mine-1" in proxy.error_log.read_text()


@pytest.mark.parametrize("target", ["/none", "/moved"])
def test_pages_say_what_they_were_chosen_by(site, target):
    proxy = site.servers("server { listen PORT; location = /moved { return 301 /x; } }")
    kinds = set()
    for kind in ["text/html", "application/json"]:
        with proxy.connect() as connection:
            answer = connection.exchange(request_bytes(target=target, fields={"Accept": kind}))
        kinds.add(answer.fields.one("Content-Type"))
        assert answer.fields.all("Vary") == ["Accept"]
    assert len(kinds) == 2
