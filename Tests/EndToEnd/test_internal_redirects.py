"""`try_files`, `error_page`, named and internal locations: nginx and Waybill on the same conf file
send requests to the same places and answer with the same statuses."""

from __future__ import annotations

import itertools
import re

import pytest

from harness.backend import CLOSE, RecordingBackend, reply
from harness.client import chunked, request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.twins import Twins

SERVER = """
    root {root};
    types { text/html html; text/plain txt; }
    location = /404.html { add_header X-Page $uri always; }
    location = /internal.html { internal; }
    location = /text { return 200 "text $uri $args $request_uri"; }
    location /secret/ { internal; alias {root}/dir/; }
    location /private/ { internal; proxy_pass http://{backend}; }

    location /try/ { root {root}; try_files $uri $uri/ /fallback.txt; }
    location /trydir/ { try_files $uri/ =404; }
    location /tryfile/ { try_files $uri =404; }
    location /tryargs/ { try_files $uri /text?a=$args&b=1; }
    location /trykept/ { try_files $uri /text?$args; }
    location /trynone/ { try_files $uri /text; }
    location /trycode/ { error_page 410 /404.html; try_files $uri =410; }
    location /trynamed/ { try_files $uri @named; }
    location /trysecret/ { try_files $uri /secret/a.txt; }
    location /tryproxy/ { try_files $uri /index.html; proxy_pass http://{backend}; }
    location /tryuri/ { try_files /other.txt =404; proxy_pass http://{backend}/x/; }
    location /tryalias/ { alias {root}/dir/; try_files $uri /tryalias/a.txt =404; }
    location /tryup/ { try_files /../secret.txt /dir/$arg_f =404; }
    location /tryindex/ { try_files $uri $uri/index.html /dir/; }
    location /trysame/ { try_files /trysame/x /trysame/y; }
    location /tryempty/ { try_files "" /text; }
    location = "/ctl/my file" { return 403; }
    location /ctl/ { try_files $uri =404; }
    location ~ ^/ctlgroup/(.*)$ { alias {root}/ctl/$1; }
    location ~ ^/ctlroot/(.*)$ { root {root}/ctl/$1; try_files /x =404; }
    location ~ ^/ctllast/(.*)$ { try_files /none /ctl/$1; }
    location ~ ^/ctlpage/(.*)$ { error_page 404 = /ctl/$1; return 404; }
    location @named { add_header X-Named $uri always; proxy_pass http://{backend}; }
    location @answer { return 200 "named $uri $request_uri"; }
    location @nothere { root {root}; }

    location /keep/ { error_page 404 /404.html; }
    location /same/ { error_page 404 = /404.html; }
    location /ok/ { error_page 404 403 =200 /404.html; }
    location /gone/ { error_page 404 =410 /404.html; }
    location /args/ { error_page 404 = /text?code=1; }
    location /noargs/ { error_page 404 = /text; }
    location /variable/ { error_page 404 = /$arg_page; }
    location /elsewhere/ { error_page 404 https://other.test/x$uri; }
    location /moved/ { error_page 404 =301 https://other.test/; }
    location /oddmoved/ { error_page 404 =200 https://other.test/; }
    location /named/ { error_page 404 @named; }
    location /namedsame/ { error_page 404 = @named; }
    location /namedanswer/ { error_page 404 @answer; }
    location /namedfiles/ { error_page 404 = @nothere; }
    location /unknown/ { error_page 404 @unknown; }
    location /missingpage/ { error_page 404 /none/of/these; }
    location /twice/ { error_page 404 /twice2/x; }
    location /twice2/ { error_page 404 /404.html; }
    location /deep/ { recursive_error_pages on; error_page 404 /deep2/x; }
    location /deep2/ { recursive_error_pages on; error_page 404 = /404.html; }
    location /loop/ { recursive_error_pages on; error_page 404 /loop/x; }
    location /method/ { error_page 405 =200 $uri; alias {root}/; }
    location /to-internal/ { error_page 404 = /internal.html; }
    location /code/ { error_page 418 = /text; return 418; }
    location /codetext/ { error_page 503 /404.html; return 503 "own text"; }
    location /redirected/ { error_page 301 =200 /404.html; return 301 /x; }
    location /denied/ { error_page 403 /404.html; alias {root}/noindex/; }
    location /errorranges/ { error_page 404 /dir/a.txt; }
    location /topost/ { error_page 405 = @named; alias {root}/; }
    location /posturi/ { error_page 405 = /posted/; alias {root}/; }
    location /posted/ { proxy_pass http://{backend}; }

    location /intercept/ {
      proxy_pass http://{backend}; proxy_intercept_errors on;
      error_page 404 /404.html; error_page 500 502 = /text; error_page 401 /404.html;
      error_page 302 = /text;
    }
    location /passed/ { proxy_pass http://{backend}; error_page 404 500 /404.html; }
    location /down/ { proxy_pass http://{closed}; error_page 502 = @backup; }
    location /downkept/ { proxy_pass http://{closed}; error_page 502 @backup; }
    location /downpage/ { proxy_pass http://{closed}; error_page 502 503 504 /404.html; }
    location @backup { proxy_pass http://{backend}; }
    location /inherits/ { proxy_pass http://{closed}; }
    location /accel/ { proxy_pass http://{backend}; }
    location /accelcookies/ {
      proxy_pass http://{backend}; proxy_cookie_flags ~ secure httponly samesite=lax;
      proxy_cookie_path / /below/; proxy_cookie_domain old.test new.test;
    }
    location /accelfields/ { proxy_pass http://{backend}; add_header X-Page $uri; expires 1h; }
    location /accelexpires/ { internal; expires 1h; alias {root}/dir/; }
    location /accelignored/ { proxy_pass http://{backend}; proxy_ignore_headers X-Accel-Redirect; }
    location @accel { root {root}/accelnamed; }
    error_page 502 /404.html;
"""


def fill(root):
    for folder in ["dir", "noindex", "try/sub", "tryproxy", "tryalias", "tryindex/sub"]:
        (root / folder).mkdir(parents=True)
    for name, text in {
        "404.html": "<p>page</p>", "internal.html": "<p>internal</p>", "fallback.txt": "fallback",
        "index.html": "<p>index</p>", "dir/a.txt": "a" * 50, "dir/index.html": "<p>dir</p>",
        "try/a.txt": "tried", "try/sub/index.html": "<p>sub</p>", "tryproxy/a.txt": "not sent",
        "tryindex/sub/index.html": "<p>found</p>", "other.txt": "other",
    }.items():  # fmt: skip
        (root / name).write_text(text)
    (root.parent / "secret.txt").write_text("SECRET")


@pytest.fixture(scope="module")
def twins():
    pair = Twins("", SERVER)
    fill(pair.root)
    backend = RecordingBackend(answering("200 OK"))
    pair.backend = backend
    try:
        yield pair.start(backend=backend.address, closed=f"127.0.0.1:{free_port()}")
    finally:
        pair.stop()
        backend.stop()


CONTROLS = [
    f"/{place}/my{control}file"
    for place in ["ctl", "ctlgroup", "ctlroot", "ctllast", "ctlpage"]
    for control in ["%0a", "%0d", "%01", "%7f", "%09", "%20"]
]
TARGETS = [
    "/try/a.txt", "/try/sub", "/try/sub/", "/try/none", "/try/none/", "/trydir/x", "/tryfile/x",
    "/tryargs/x?q=1", "/trykept/x?q=1&r=2", "/trynone/x?q=1", "/trycode/x", "/trynamed/x?y=1",
    "/trysecret/x", "/tryproxy/a.txt", "/tryproxy/a.txt?x=1", "/tryproxy/none", "/tryuri/abc?d=1",
    "/tryalias/none", "/tryalias/a.txt",
    "/tryindex/sub", "/tryindex/none", "/trysame/x", "/trysame/z", "/try/%2e%2e/404.html",
    "/try/a%20b", "/404.html", "/internal.html", "/secret/a.txt", "/secret/", "/private/x",
    "/keep/x", "/keep/", "/same/x", "/ok/x", "/gone/x", "/args/x?y=1", "/noargs/x?y=1",
    "/variable/x?page=text", "/variable/x?page=none", "/elsewhere/x?q=1", "/moved/x",
    "/oddmoved/x", "/named/x?q=1", "/namedsame/x", "/namedanswer/x?q=1", "/namedfiles/x",
    "/unknown/x", "/missingpage/x", "/twice/x", "/deep/x", "/loop/x", "/to-internal/x", "/code/",
    "/codetext/", "/denied/", "/errorranges/x", "/down/x?q=1", "/downkept/x",
    "/downpage/x", "/inherits/x", "/method/404.html",
]  # fmt: skip


NUMBERS = itertools.count()


def answering(status: str, fields=()):
    """A backend's script: no content for HEAD."""

    def script(request):
        answer = reply(status, fields=list(fields))
        return answer.split(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.method == "HEAD" else answer

    return script


def seen(twins, name, data):
    """The answer, and what the backend saw of the request."""
    mark = f"mark-{next(NUMBERS)}"
    head, rest = data.split(b"\r\n", 1)
    answer = twins.ask(name, head + f"\r\nX-Mark: {mark}\r\n".encode() + rest)
    requests = [
        (request.method, request.target, request.body)
        for request in twins.backend.requests
        if request.fields.get("X-Mark") == mark
    ]
    return answer, requests


def compare(twins, data):
    theirs, asked = seen(twins, "nginx", data)
    ours, also = seen(twins, "waybill", data)
    facts = [twins.facts(answer) for answer in (theirs, ours)]
    for fact in facts:
        # A backend's answer echoes what it got, the ID among it.
        if asked:
            fact.pop("body", None)
            fact["Content-Length"] = None
    assert facts[1] == facts[0], data
    assert also == asked, data
    for name in ["X-Page", "X-Named", "WWW-Authenticate"]:
        # nginx sends what it adds twice when a page has no such range.
        assert set(ours.fields.all(name)) == set(theirs.fields.all(name)), data
    return ours


@pytest.mark.parametrize("target", [*TARGETS, *CONTROLS, "/tryempty/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_where_requests_go(twins, method, target):
    compare(twins, request_bytes(method, target, body=b"content" if method == "POST" else b""))


@pytest.mark.parametrize("target", ["/method/404.html", "/topost/404.html", "/posturi/404.html"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_methods_become_get(twins, method, target):
    compare(twins, request_bytes(method, target, body=b"content"))


@pytest.mark.parametrize(
    "fields", [{"Range": "bytes=0-3"}, {"If-None-Match": "*"}, {"Range": "bytes=90-"}], ids=str
)
@pytest.mark.parametrize("target", ["/errorranges/x", "/ok/x", "/try/none", "/same/x"])
def test_conditions_of_redirected_requests(twins, target, fields):
    compare(twins, request_bytes("GET", target, fields))


@pytest.mark.parametrize("status", [200, 204, 302, 304, 401, 403, 404, 410, 500, 502, 503])
@pytest.mark.parametrize("place", ["intercept", "passed"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_answers_of_backends(twins, method, place, status):
    fields = [("WWW-Authenticate", 'Basic realm="a"'), ("X-Mine", "1")]
    twins.backend.script = answering(f"{status} X", fields)
    try:
        compare(twins, request_bytes(method, f"/{place}/x", body=b"c" if method == "POST" else b""))
    finally:
        twins.backend.script = answering("200 OK")


def test_a_redirect_has_its_page(twins):
    """The Location of the redirect stays beside it, as in nginx."""
    answer = twins.ask("waybill", request_bytes("GET", "/redirected/"))
    assert answer.status == 200 and answer.body == b"<p>page</p>"
    assert answer.fields.one("Location").endswith("/x")


@pytest.mark.parametrize("query", ["", "?f=a.txt", "?f=../../secret.txt", "?f=../a.txt"])
def test_no_argument_leads_up(twins, query):
    """nginx serves what `..` in an argument leads to; here it is not looked for."""
    answer = twins.ask("waybill", request_bytes("GET", f"/tryup/x{query}"))
    assert answer.status == (200 if query == "?f=a.txt" else 404)
    assert b"SECRET" not in answer.body


ACCEL = [
    "/secret/a.txt", "/secret/", "/secret", "/secret/none", "/404.html", "/text?x=1",
    "/internal.html",
    "/secret/%61.txt", "/secret/a.txt?b=1", "/secret/../404.html", "/secret/%2e%2e/404.html",
    "secret/a.txt", "@named", "@unknown", "@accel", "/private/x", "/accelexpires/a.txt", "/a%00b",
    "https://other.test/", "/none", "/keep/none", "/secret//a.txt", "/secret/./a.txt",
]  # fmt: skip
FIELDS = [
    ("Content-Type", "text/x-own"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
    ("Content-Disposition", "attachment"), ("Cache-Control", "private"), ("X-Other", "lost"),
    ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("ETag", '"own"'),
]  # fmt: skip


@pytest.mark.parametrize("target", ACCEL)
@pytest.mark.parametrize("status", ["200 OK", "404 X", "500 X"])
@pytest.mark.parametrize("fields", [[], FIELDS], ids=["bare", "fields"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_accel_redirect(twins, target, status, fields, method):
    """A backend has another location answer, mostly with a protected file."""

    def script(request):
        if not request.target.startswith("/accel"):
            return answering("200 OK")(request)
        return answering(status, [*fields, ("X-Accel-Redirect", target)])(request)

    twins.backend.script = script
    try:
        theirs, asked = seen(twins, "nginx", request_bytes(method, "/accel/x?q=1"))
        ours, also = seen(twins, "waybill", request_bytes(method, "/accel/x?q=1"))
        assert also == asked
        facts = [twins.facts(answer) for answer in (theirs, ours)]
        if len(asked) > 1:
            # What was kept of the first backend goes to no second one here.
            facts = [{"status": fact["status"]} for fact in facts]
        assert facts[1] == facts[0]
        if len(asked) == 1 and ours.status == 200:
            for name in ["Set-Cookie", "Content-Disposition", "X-Other", "X-Accel-Redirect"]:
                assert ours.fields.all(name) == theirs.fields.all(name)
    finally:
        twins.backend.script = answering("200 OK")


def test_cookies_of_an_accel_redirect_are_rewritten(twins):
    cookies = ["go=1; Path=/", "a=b; Domain=old.test; Secure", "plain"]
    fields = [("Set-Cookie", value) for value in cookies]
    twins.backend.script = answering("200 OK", [*fields, ("X-Accel-Redirect", "/dir/a.txt")])
    try:
        theirs, ours = twins.answers(request_bytes("GET", "/accelcookies/x"))
        assert ours.fields.all("Set-Cookie") == theirs.fields.all("Set-Cookie")
        assert ours.fields.all("Set-Cookie")[0].endswith("; Secure; HttpOnly; SameSite=Lax")
        assert ours.body == theirs.body
    finally:
        twins.backend.script = answering("200 OK")


@pytest.mark.parametrize("ranges", ["bytes=0-4", "bytes=0-1,4-5,40-", "bytes=5-2"])
def test_parts_of_a_protected_file_have_the_backends_type(twins, ranges):
    twins.backend.script = answering(
        "200 OK", [("Content-Type", "text/x-own"), ("X-Accel-Redirect", "/dir/a.txt")])
    try:
        answer = twins.compare("GET", "/accel/x", [("Range", ranges)])
        assert answer.status in (200, 206, 416)
    finally:
        twins.backend.script = answering("200 OK")


def test_accel_fields_do_not_reach_clients(twins):
    names = ["X-Accel-Expires", "X-Accel-Buffering", "X-Accel-Limit-Rate", "X-Accel-Charset"]
    twins.backend.script = answering("200 OK", [(name, "0") for name in names])
    try:
        for name in ["nginx", "waybill"]:
            answer = twins.ask(name, request_bytes("GET", "/accel/x"))
            assert answer.status == 200
            assert not [field for field in names if answer.fields.all(field)]
    finally:
        twins.backend.script = answering("200 OK")


def test_accel_redirect_that_is_not_obeyed(twins):
    twins.backend.script = answering("200 OK", [("X-Accel-Redirect", "/secret/a.txt")])
    try:
        compare(twins, request_bytes("GET", "/accelignored/x"))
    finally:
        twins.backend.script = answering("200 OK")


def test_a_loop_ends(twins):
    answer = twins.ask("waybill", request_bytes("GET", "/loop/x"))
    assert answer.status in (404, 500)
    assert twins.ask("waybill", request_bytes("GET", "/404.html")).status == 200


def test_the_id_stays(site, backend, tmp_path):
    """One ID on the whole way, one line with the target that the client asked for, and the history
    says how often the request was sent on."""
    closed = free_port()
    proxy = site.servers(
        f"""server {{ listen PORT; debug_request my-id; request_id_trust all;
        location / {{ proxy_pass http://127.0.0.1:{closed}; error_page 502 = @backup; }}
        location @backup {{ proxy_pass http://{backend.address}; }} }}"""
    )
    data = request_bytes("POST", "/x?q=1", {"X-Request-ID": "my-id"}, body=b"sent twice")
    result = proxy.observe(backend, data)
    assert result.response.status == 200
    assert result.seen.body == b"sent twice" and result.seen.target == "/x?q=1"
    assert result.line["uri"] == "/x?q=1" and len(result.line["tries"]) == 2
    history = wait_for(
        lambda: [text for text in proxy.error_text().splitlines() if "internal redirect" in text],
        "the history",
    )[0]
    assert "my-id" in history and str(closed) in history and backend.address in history


def test_content_that_is_used_up_is_not_sent_again(site, backend):
    """A large upload that was streamed can't go to a second backend: the client gets the error."""
    refusing = RecordingBackend()
    try:
        proxy = site.servers(
            f"""proxy_request_buffering off;
            server {{ listen PORT; location / {{ proxy_pass http://{refusing.address};
            proxy_intercept_errors on; error_page 500 = @backup; }}
            location @backup {{ proxy_pass http://{backend.address}; }} }}"""
        )
        refusing.script = reply("500 X")
        answer = proxy.request("POST", "/", None, b"x" * 500_000)
        assert answer.status == 500
        assert not backend.requests
        small = proxy.request("POST", "/", None, b"small")
        assert small.status == 200 and backend.requests[-1].body == b"small"
    finally:
        refusing.stop()


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size", [5, 60_000, 500_000])
def test_content_that_was_kept_is_sent_again(site, backend, size, is_chunked):
    """What was read whole first, in memory or in a file, goes to each backend that is asked, and
    the client's next request is read from where it begins."""
    refusing = RecordingBackend()
    content = bytes(number * 7 % 251 for number in range(size))
    try:
        proxy = site.servers(
            f"""server {{ listen PORT; location / {{ proxy_pass http://{refusing.address};
            proxy_intercept_errors on; error_page 500 = @backup; }}
            location @backup {{ proxy_pass http://{backend.address}; }} }}"""
        )
        refusing.script = reply("500 X")
        fields = {"Transfer-Encoding": "chunked"} if is_chunked else {}
        pieces = [content[start : start + 9_000] for start in range(0, size, 9_000)]
        sent = chunked(*pieces) if is_chunked else content
        data = request_bytes("POST", "/", fields, body=sent)
        with proxy.connect() as connection:
            connection.send(data + request_bytes("GET", "/next"))
            assert [connection.receive().status for _ in range(2)] == [200, 200]
        for one in (refusing, backend):
            assert [request.target for request in one.requests] == ["/", "/next"]
            assert one.requests[0].body == content
        assert [len(line["tries"]) for line in proxy.wait_lines(2)] == [2, 2]
    finally:
        refusing.stop()


def test_pages_for_what_is_no_request(site, tmp_path):
    """What can't be read as a request has its page, too, and the connection closes."""
    (tmp_path / "400.html").write_text("<p>what?</p>")
    proxy = site.servers(
        f"""server {{ listen PORT; root {tmp_path}; error_page 400 /400.html;
        location / {{ return 204; }} location = /400.html {{ }} }}"""
    )
    for data in [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n",
                 b"GET /../x HTTP/1.1\r\nHost: a\r\n\r\n"]:  # fmt: skip
        with proxy.connect() as connection:
            answer = connection.exchange(data)
            assert answer.status == 400 and answer.body == b"<p>what?</p>"
            assert connection.is_closed()
    assert [line["status"] for line in proxy.wait_lines(3)] == [400, 400, 400]


PORTS = range(1, 12)


@pytest.mark.parametrize("first", [1, 3, 11])
@pytest.mark.parametrize("way", ["refused", "closed", "path"])
def test_an_outage_with_a_large_fallback_has_a_line_and_a_history(site, make_backend, first, way):
    """More tries than a history holds: the names in it are those of the peers that were asked."""
    closing = [make_backend([CLOSE]) for _ in range(5)]
    spare = [one.address for one in closing] if way == "closed" else [
        f"127.0.0.1:{port}" for port in PORTS]
    main = " ".join(f"server 127.0.0.2:{port} max_fails=0;" for port in range(1, first + 1))
    target = "@fallback" if way != "path" else "/spare$request_uri" + "$request_uri" * 5
    proxy = site.servers(f"""
      upstream main {{ {main} }}
      upstream spare {{ {" ".join(f"server {one} max_fails=0;" for one in spare)} }}
      server {{ listen PORT; proxy_next_upstream_tries 12;
        location / {{ proxy_pass http://main; error_page 502 = {target}; }}
        location /second {{ proxy_pass http://spare; error_page 502 = {target}; }}
        location /spare {{ proxy_pass http://spare; }}
        location @fallback {{ proxy_pass http://spare; }} }}""")
    for number, path in enumerate(["/", "/second", "/?" + "a" * 7500, "/second?" + "a" * 7500]):
        request = request_bytes(target=path, fields=[("X-Request-ID", f"lost-{number}")])
        with proxy.connect() as connection:
            assert connection.exchange(request).status in (500, 502)
        history = proxy.wait_error(f" history [req-lost-{number}]")
        assert proxy.log_line(f"lost-{number}")["status"] in (500, 502)
        named = re.findall(r"connecting to ([0-9.:]+)", history)
        # What is too long for a target goes nowhere.
        stays = way == "path" and number == 2
        assert named[-1] in (main if stays else " ".join(spare))
