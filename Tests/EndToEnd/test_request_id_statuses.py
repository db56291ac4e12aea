"""Every response with a status line carries the ID once, whoever made it; CORS lets it be read."""

import re

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.ports import RefusingPort

MINE = [("X-Request-ID", "mine-1")]
FINAL = ["200 OK", "201 Created", "202 Accepted", "204 No Content", "206 Partial Content",
         "301 Moved Permanently", "302 Found", "304 Not Modified", "307 Temporary Redirect",
         "400 Bad Request", "401 Unauthorized", "404 Not Found", "418 I'm a teapot",
         "429 Too Many Requests", "500 Internal Server Error", "502 Bad Gateway",
         "503 Service Unavailable", "599 Whatever"]  # fmt: skip


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_backends_response_carries_the_id(site, make_backend, status, method):
    answer = reply(status, b"" if method == "HEAD" else b"hello\n", [("Location", "/x")])
    backend = make_backend(answer)
    one = site.serve(backend).observe(backend, request_bytes(method, "/", MINE))
    assert one.response.request_id == one.seen.request_id == one.line["request_id"] == "mine-1"
    assert f"{one.response.status} {one.response.reason}" == status
    expected = "INFO" if status < "400" else "WARN" if status < "500" else "ERROR"
    assert one.line["level"] == expected and one.line["upstream_status"] == one.line["status"]
    assert "termination" not in one.line and one.line["upstream"] == backend.address


@pytest.mark.parametrize("interim", ["102 Processing", "103 Early Hints", "100 Continue"])
def test_the_response_after_an_interim_one_carries_it(site, make_backend, interim):
    backend = make_backend([f"HTTP/1.1 {interim}\r\n\r\n".encode(), reply()])
    one = site.serve(backend).observe(backend, request_bytes(fields=MINE))
    assert one.response.request_id == "mine-1" and one.line["status"] == 200


def test_101_carries_it(site, make_backend):
    backend = make_backend(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    )
    proxy = site.serve(backend)
    fields = [("Connection", "upgrade"), ("Upgrade", "echo"), *MINE]
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes(fields=fields))
        assert (response.status, response.request_id) == (101, "mine-1")
    assert backend.saw("mine-1") and proxy.log_line("mine-1")["status"] == 101


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "returned", ['200 "text"', "204", "301 /other", "404", "503", "302 http://x.test/"]
)
def test_a_static_answer_carries_it(site, returned, method):
    proxy = site.servers(f"server {{ listen PORT; location / {{ return {returned}; }} }}")
    one = proxy.observe(None, request_bytes(method, "/", MINE))
    assert one.response.request_id == "mine-1"
    assert one.response.status == int(returned[:3])


OWN_ERRORS = {
    400: b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
    413: request_bytes("POST", "/", {"Content-Length": "2000"}),
    414: b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    417: request_bytes("POST", "/", {"Expect": "the-unexpected", "Content-Length": "0"}),
    431: request_bytes(fields=[(f"X-{number}", "1") for number in range(150)]),
    501: request_bytes("POST", "/", {"Transfer-Encoding": "gzip, chunked"}),
    502: request_bytes(target="/refused"),
    504: request_bytes(target="/slow"),
    505: b"GET / HTTP/3.7\r\nHost: a\r\n\r\n",
    404: request_bytes(target="/nowhere", host="none.test"),
    408: b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow:",
}


@pytest.mark.parametrize("status", sorted(OWN_ERRORS))
def test_an_own_error_carries_a_new_id(site, make_backend, status):
    refusing, slow = RefusingPort(), make_backend([5.0])
    proxy = site.servers(f"""
client_max_body_size 1k;
client_header_timeout 300ms;
server {{
  listen PORT;
  server_name other.test;
  location /somewhere {{ return 200; }}
}}
server {{
  listen PORT default_server;
  location / {{ return 200; }}
  location /refused {{ proxy_pass http://{refusing.address}; }}
  location /slow {{ proxy_pass http://{slow.address}; proxy_read_timeout 300ms; }}
  location /nowhere {{ return 404; }}
}}""")
    one = proxy.observe(None, OWN_ERRORS[status])
    assert one.response.status == status
    assert re.fullmatch(r"[0-9a-f-]{36}", one.response.request_id)
    assert one.response.request_id in one.response.text
    if status not in (404,):
        assert "error" in one.line and "termination" in one.line


def test_404_where_no_location_matches(site):
    proxy = site.servers("server { listen PORT; location /only { return 200; } }")
    one = proxy.observe(None, request_bytes(target="/other", fields=MINE))
    assert (one.response.status, one.response.request_id) == (404, "mine-1")
    assert "error" in one.line and "termination" in one.line and one.line["level"] == "WARN"


@pytest.mark.parametrize(
    "accept, kind",
    [
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/plain", "text/plain"),
    ],
)
def test_the_error_body_is_chosen_by_accept(site, accept, kind):
    refusing = RefusingPort()
    response = site.serve(refusing.address).get("/", [("Accept", accept), *MINE])
    assert response.status == 502 and response.fields.one("Content-Type").startswith(kind)
    assert "mine-1" in response.text
    if kind == "application/json":
        assert '"error":"Bad Gateway"' in response.text.replace('": ', '":')
        assert '"status":502' in response.text.replace('": ', '":')
        assert '"request_id":"mine-1"' in response.text.replace('": ', '":')


def test_a_head_request_gets_no_error_body(site):
    with (proxy := site.serve(RefusingPort().address)).connect() as connection:
        first = connection.exchange(request_bytes("HEAD", "/", MINE), "HEAD")
        second = connection.exchange(request_bytes("GET", "/"))
    assert (first.status, second.status) == (502, 502)
    assert first.request_id == "mine-1" and len(proxy.wait_lines(2)) == 2


ORIGIN = "https://app.test"


@pytest.mark.parametrize(
    "fields, exposed",
    [
        ({"Access-Control-Allow-Origin": ORIGIN}, {"x-request-id"}),
        ({"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-A, X-B"},
         {"x-a", "x-b", "x-request-id"}),
        ({"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "x-request-id"},
         {"x-request-id"}),
        ({"Access-Control-Expose-Headers": "X-A"}, {"x-a"}),
        ({}, set()),
    ],
)  # fmt: skip
def test_cors_exposes_the_header(site, make_backend, fields, exposed):
    backend = make_backend(reply(fields=fields))
    one = site.serve(backend, server="request_id_cors on;").observe(
        backend, request_bytes(fields={"Origin": ORIGIN})
    )
    tokens = one.response.fields.tokens("Access-Control-Expose-Headers")
    assert sorted(tokens) == sorted(exposed)


def test_cors_off_changes_nothing(site, make_backend):
    backend = make_backend(reply(fields={"Access-Control-Allow-Origin": "*"}))
    response = site.serve(backend).get("/", {"Origin": ORIGIN})
    assert "Access-Control-Expose-Headers" not in response.fields


def test_a_preflight_allows_the_header(site, make_backend):
    backend = make_backend(reply("204 No Content", fields={
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "content-type",
    }))  # fmt: skip
    fields = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    response = site.serve(backend, server="request_id_cors on;").request("OPTIONS", "/", fields)
    allowed = response.fields.tokens("Access-Control-Allow-Headers")
    assert sorted(allowed) == ["content-type", "x-request-id"]
    assert response.fields.one("Access-Control-Allow-Methods") == "PUT"


@pytest.mark.parametrize(
    "origin, allowed", [(ORIGIN, True), ("https://two.test", True), ("https://evil.test", False)]
)
def test_own_errors_are_readable_for_the_named_origins(site, origin, allowed):
    proxy = site.serve(RefusingPort().address, server=f"request_id_cors {ORIGIN} https://two.test;")
    response = proxy.get("/", {"Origin": origin})
    assert response.status == 502
    assert response.fields.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    if allowed:
        assert "x-request-id" in response.fields.tokens("Access-Control-Expose-Headers")
        assert "origin" in response.fields.tokens("Vary")
