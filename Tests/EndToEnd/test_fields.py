"""The fields that the proxy sets, hides and forwards, and the variables in them."""

import re
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes


def test_host_and_forwarded_fields(site, backend):
    one = site.serve(backend).observe(backend, request_bytes(host="shop.test:8080"))
    assert one.seen.fields.one("Host") == "shop.test:8080"
    assert one.seen.fields.one("X-Forwarded-For") == "127.0.0.1"
    assert one.seen.fields.one("X-Forwarded-Proto") == "http"
    assert one.seen.fields.one("X-Forwarded-Host") == "shop.test:8080"
    assert one.line["host"].startswith("shop.test")


SPOOFED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Port": "1",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6",
}


def test_forwarded_fields_of_untrusted_peers_are_discarded(site, backend):
    one = site.serve(backend).observe(backend, request_bytes(fields=SPOOFED))
    assert one.seen.fields.all("X-Forwarded-For") == ["127.0.0.1"]
    assert one.seen.fields.all("X-Forwarded-Proto") == ["http"]
    assert one.seen.fields.all("X-Forwarded-Host") == ["example.test"]
    sent = one.seen.raw_head
    assert b"6.6.6.6" not in sent and b"evil.test" not in sent


def test_forwarded_fields_of_trusted_peers_are_kept_and_appended_to(site, backend):
    proxy = site.serve(backend, server="set_real_ip_from 127.0.0.0/8;")
    one = proxy.observe(backend, request_bytes(fields=SPOOFED))
    assert one.seen.fields.one("X-Forwarded-For").startswith("6.6.6.6, ")
    assert one.seen.fields.one("X-Forwarded-Proto") == "https"
    assert one.seen.fields.one("X-Forwarded-Host") == "evil.test"


def test_proxy_set_header_overrides_one_field_and_drops_no_other(site, backend):
    proxy = site.serve(backend, location="""
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Tenant "acme corp";
    proxy_set_header User-Agent "";""")  # fmt: skip
    fields = {"User-Agent": "me", "X-Tenant": "spoof", "X-Kept": "1"}
    one = proxy.observe(backend, request_bytes(fields=fields))
    seen = one.seen.fields
    assert seen.all("X-Forwarded-Proto") == ["https"]
    assert seen.all("X-Tenant") == ["acme corp"]
    assert "User-Agent" not in seen
    assert seen.all("X-Kept") == ["1"] and seen.all("Host") == ["example.test"]
    assert seen.all("X-Forwarded-For") == ["127.0.0.1"] and seen.all("X-Request-ID")
    assert one.line["user_agent"] == "me"


def test_proxy_set_header_is_inherited_field_by_field(site, backend):
    proxy = site.servers(f"""
proxy_set_header X-Top top;
server {{
  listen PORT;
  proxy_set_header X-Server server;
  location / {{
    proxy_set_header X-Location location;
    proxy_set_header X-Top inner;
    proxy_pass http://{backend.address};
  }}
}}""")
    seen = proxy.observe(backend, request_bytes()).seen.fields
    assert seen.all("X-Top") == ["inner"] and seen.all("X-Location") == ["location"]
    assert seen.all("X-Server") == ["server"], "setting one never drops another"


@pytest.mark.parametrize("value, expected", [("$host", "name.test"), ("fixed.test", "fixed.test"),
                                             ("$http_host", "name.test:81")])  # fmt: skip
def test_host_can_be_set(site, backend, value, expected):
    proxy = site.serve(backend, location=f"proxy_set_header Host {value};")
    one = proxy.observe(backend, request_bytes(host="name.test:81"))
    assert one.seen.fields.all("Host") == [expected]


def test_the_id_cannot_be_taken_away_by_proxy_set_header(site, backend):
    proxy = site.serve(backend, location="proxy_set_header X-Request-ID $request_id;")
    one = proxy.observe(backend, request_bytes(fields={"X-Request-ID": "mine-1"}))
    assert one.seen.request_id == one.response.request_id == "mine-1"


@pytest.mark.parametrize("status, plain, always", [
    ("200 OK", True, True), ("201 Created", True, True), ("204 No Content", True, True),
    ("301 Moved Permanently", True, True), ("304 Not Modified", True, True),
    ("404 Not Found", False, True), ("500 Internal Server Error", False, True),
])  # fmt: skip
def test_add_header(site, make_backend, status, plain, always):
    backend = make_backend(reply(status, b""))
    proxy = site.serve(backend, location="add_header X-Plain 1; add_header X-Always $host always;")
    one = proxy.observe(backend, request_bytes())
    assert ("X-Plain" in one.response.fields) == plain
    assert one.response.fields.all("X-Always") == (["example.test"] if always else [])


def test_add_header_keeps_what_the_backend_sent(site, make_backend):
    backend = make_backend(reply(fields=[("X-A", "theirs"), ("Set-Cookie", "a=1")]))
    proxy = site.serve(backend, location='add_header X-A ours; add_header Set-Cookie "b=2";')
    fields = proxy.observe(backend, request_bytes()).response.fields
    assert fields.all("X-A") == ["theirs", "ours"] and fields.all("Set-Cookie") == ["a=1", "b=2"]


def test_add_header_on_static_answers_and_own_errors(site):
    proxy = site.servers("""server {
  listen PORT;
  add_header X-Plain 1;
  add_header X-Always 2 always;
  location / { return 200 "x"; }
  location /gone { return 410; }
}""")
    fine, gone = proxy.get("/"), proxy.get("/gone")
    assert fine.fields.all("X-Plain") == ["1"] and fine.fields.all("X-Always") == ["2"]
    assert "X-Plain" not in gone.fields and gone.fields.all("X-Always") == ["2"]


def test_proxy_hide_header(site, make_backend):
    backend = make_backend(reply(fields=[("X-Powered-By", "me"), ("Server", "s"), ("X-Kept", "1"),
                                         ("x-powered-BY", "again")]))  # fmt: skip
    proxy = site.serve(backend, location="proxy_hide_header X-Powered-By;")
    one = proxy.observe(backend, request_bytes())
    assert "X-Powered-By" not in one.response.fields and "X-Kept" in one.response.fields


def test_the_id_cannot_be_hidden(site, backend):
    proxy = site.serve(backend, location="proxy_hide_header X-Request-ID;")
    assert proxy.observe(backend, request_bytes()).response.request_id


VARIABLES = {
    "$host": "name.test",
    "$http_host": "name.test:81",
    "$request_method": "POST",
    "$request_uri": "/a%20b?x=1&y=two",
    "$uri": "/a b",
    "$args": "x=1&y=two",
    "$query_string": "x=1&y=two",
    "$is_args": "?",
    "$arg_y": "two",
    "$arg_none": None,
    "$scheme": "http",
    "$server_protocol": "HTTP/1.1",
    "$remote_addr": "127.0.0.1",
    "$request_id": "mine-1",
    "$http_x_custom_field": "custom",
    "$cookie_session": "s-1",
    "$content_length": "4",
    "$content_type": "text/x",
    "$http_user_agent": "agent",
    "$http_referer": "http://r.test/",
    "$server_addr": "127.0.0.1",
    "$server_name": "name.test",
    "$request": "POST /a%20b?x=1&y=two HTTP/1.1",
    "$proxy_add_x_forwarded_for": "127.0.0.1",
    "a${host}b$scheme-c": "aname.testbhttp-c",
}


def test_variables(site, backend):
    names = list(VARIABLES)
    setters = "\n".join(
        f'proxy_set_header X-Var-{number} "{name}";' for number, name in enumerate(names)
    )
    proxy = site.serve(backend, server="server_name name.test;", location=setters)
    fields = {"X-Request-ID": "mine-1", "X-Custom-Field": "custom", "Content-Type": "text/x",
              "Cookie": "other=2; session=s-1", "User-Agent": "agent",
              "Referer": "http://r.test/", "Host": "name.test:81"}  # fmt: skip
    data = request_bytes("POST", "/a%20b?x=1&y=two", fields, b"body")
    one = proxy.observe(backend, data)
    found = {name: one.seen.fields.get(f"X-Var-{n}") for n, name in enumerate(names)}
    assert found == VARIABLES
    assert one.line["referer"] == "http://r.test/" and one.line["user_agent"] == "agent"


@pytest.mark.parametrize(
    "name, pattern",
    [
        ("$remote_port", r"\d+"),
        ("$server_port", r"\d+"),
        ("$connection", r"\d+"),
        ("$connection_requests", "1"),
        ("$msec", r"\d+\.\d{3}"),
        ("$time_iso8601", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"),
        ("$time_local", r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"),
        ("$hostname", r".+"),
        ("$pid", r"\d+"),
    ],
)
def test_variables_that_differ_each_time(site, backend, name, pattern):
    proxy = site.serve(backend, location=f'proxy_set_header X-Var "{name}";')
    value = proxy.observe(backend, request_bytes()).seen.fields.one("X-Var")
    assert re.fullmatch(pattern, value), value
    if name == "$msec":
        assert abs(float(value) - time.time()) < 5


def test_a_variable_cannot_smuggle_a_field(site, backend):
    proxy = site.serve(
        backend, location='proxy_set_header X-Path "$uri"; add_header X-Path "$uri";'
    )
    data = request_bytes("GET", "/a%0d%0aX-Evil:%201")
    with proxy.connect() as connection:
        response = connection.exchange(data)
    assert "X-Evil" not in response.fields
    assert all("X-Evil" not in request.fields for request in backend.requests)
    assert proxy.log_line(response.request_id)["uri"] == "/a%0d%0aX-Evil:%201"
