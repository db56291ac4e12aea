"""What becomes of a backend's fields on their way to the client: nginx and Waybill side by side."""

from __future__ import annotations

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.twins import Twins, lifetime

HTTP = """upstream up { server {backend}; } proxy_set_header X-Real-IP $remote_addr;
map $sent_http_content_type $lifetime { default OFF; text/html epoch; ~^text/ 7d; ~json max; }
map $sent_http_x_kind $policy { default ""; a public; ~^b private; }
"""

SERVER = """
types { text/html html; text/plain txt; application/json json; }
location /plain/ { proxy_pass http://{backend}; }
location /two/ { proxy_pass http://{backend}/one/; }
location /up/ { proxy_pass http://up/; }
location = /exact { proxy_pass http://up/other; }
location ~ ^/regex { proxy_pass http://up; }
location /off/ { proxy_pass http://up; proxy_redirect off; }
location /relative/ { proxy_pass http://up; absolute_redirect off; }
location /rules/ {
  proxy_pass http://up;
  proxy_redirect http://first.test/ http://other.test/x/;
  proxy_redirect http://$host:8000/ /host/;
  proxy_redirect ~^http://([^:/]+):\\d+(/.+)$ https://$1$2;
  proxy_redirect ~*^HTTP://CAPITAL(.*)$ http://small$1;
  proxy_redirect http://up/ $scheme://$host:$server_port/;
  proxy_redirect / /slash/;
}
location /standard/ {
  proxy_pass http://up/x/;
  proxy_redirect http://first.test/ /first/;
  proxy_redirect default;
}
location /cookies/ {
  proxy_pass http://up;
  proxy_cookie_domain up.test $host;
  proxy_cookie_domain .dotted.test .plain.test;
  proxy_cookie_domain ~^([a-z]+)\\.regex\\.test$ $1.found.test;
  proxy_cookie_path /old/ /new/;
  proxy_cookie_path ~^/user/([^/]+) /u/$1;
  proxy_cookie_path ~*^/CASE /case;
  proxy_cookie_path / /below/;
}
location /flags/ {
  proxy_pass http://up;
  proxy_cookie_flags one httponly samesite=strict;
  proxy_cookie_flags two nosecure nohttponly nosamesite;
  proxy_cookie_flags ~^re secure samesite=lax;
  proxy_cookie_flags $arg_name secure httponly samesite=none;
}
location /passed/ {
  proxy_pass http://up;
  proxy_pass_header Server; proxy_pass_header Date; proxy_pass_header X-Pad;
  proxy_pass_header X-Accel-Buffering; proxy_pass_header X-Accel-Expires;
  proxy_pass_header X-Accel-Charset; proxy_pass_header X-Accel-Limit-Rate;
}
location /charset/ { proxy_pass http://up; charset utf-8; }
location /override/ { proxy_pass http://up; charset koi8-r; override_charset on; }
location /types/ { proxy_pass http://up; charset utf-8; charset_types application/json text/css; }
location /alltypes/ { proxy_pass http://up; charset utf-8; charset_types *; }
location /files/ { alias {root}/; charset utf-8; }
location /lifetime/ { proxy_pass http://UP; expires $lifetime; add_header Cache-Control $policy; }
location /lives/ { alias {root}/; expires $lifetime; }
location = /life.html { expires $lifetime; return 200 "text"; }
location = /text { charset utf-8; return 200 "text"; }
location = /text.json { charset utf-8; return 200 "text"; }
location = /untyped { default_type ""; return 200 "text"; }
location = /untyped.json { default_type ""; charset utf-8; return 200 "text"; }
location /untyped/ { default_type ""; alias {root}/; charset utf-8; }
location = /nothing { return 200 $arg_none; }
location = /nothing.json { return 200 "$arg_none$arg_no"; }
location = /nothing/404 { return 404 $arg_none; }
location = /moved { charset utf-8; return 302 /elsewhere; }
"""


def script(request):
    """Answers with the fields that the request asks for."""
    parts = [value.partition(":") for value in request.fields.all("X-Send")]
    fields = [(name, text.strip()) for name, _, text in parts]
    status = request.fields.all("X-Status") or ["200 OK"]
    return reply(status[0], fields=fields)


@pytest.fixture(scope="module")
def pair():
    backend = RecordingBackend(script)
    twins = Twins(HTTP, SERVER)
    for name in ["a.html", "b.txt", "c.json", "d.bin"]:
        (twins.root / name).write_text("content of " + name)
    try:
        yield twins.start(backend=backend.address), backend
    finally:
        twins.stop()
        backend.stop()


def sent(pair, target, *fields, status="200 OK", host="files.test"):
    """The fields that a client gets of those that the backend sends, from both."""
    twins, backend = pair
    plain = lambda text: twins._plain(text).replace(backend.address, "BACKEND")  # noqa: E731
    names = {field.split(":")[0].lower() for field in fields}
    answers = twins.answers(
        request_bytes(
            target=target, host=host,
            fields=[("X-Status", status)] + [("X-Send", field) for field in fields],
        )
    )  # fmt: skip
    return [
        [
            (name, plain(value))
            for name, value in answer.fields
            if name.lower() in names
        ]
        for answer in answers
    ]  # fmt: skip


def check(pair, target, *fields, **options):
    theirs, ours = sent(pair, target, *fields, **options)
    assert ours == theirs, (target, fields)
    return ours


URLS = [
    "http://up/after", "http://up", "http://upper/x", "HTTP://UP/after", "https://up/after",
    "http://BACKEND/after?x=1", "http://BACKEND/one/deep", "http://BACKEND/one",
    "http://up/x/y", "/path", "path", "//host/x", "", "http://first.test/a/b",
    "http://files.test:8000/q", "http://some.test:9/x/y", "http://some.test:9",
    "http://Capital/x", "http://up/other", "http://up/other?x", "http://first.test",
]  # fmt: skip
PLACES = ["/plain/", "/two/", "/up/", "/exact", "/regex", "/off/", "/relative/", "/rules/",
          "/standard/"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_locations_are_rewritten_as_in_nginx(pair, place):
    changed = 0
    for url in URLS:
        url = url.replace("BACKEND", pair[1].address)
        for status in ["302 Found", "200 OK", "201 Created"]:
            field = f"Location: {url}"
            found = check(pair, place, field, status=status)
            plain = url.replace(pair[1].address, "BACKEND")
            changed += [value for _, value in found] != [plain]
    assert changed or place == "/off/"


@pytest.mark.parametrize("place", PLACES)
def test_refreshes_are_rewritten_as_in_nginx(pair, place):
    for url in URLS:
        url = url.replace("BACKEND", pair[1].address)
        for before in ["5; url=", "0;URL=", "3; Url=", "", "5; "]:
            check(pair, place, f"Refresh: {before}{url}")


COOKIES = [
    "a=1", "a=1; Path=/", "a=1; Domain=up.test", "a=1; domain=UP.Test; path=/old/x",
    "a=1; Domain=.up.test; Secure", "a=1; Domain=x.up.test", "a=1; Domain=dotted.test",
    "a=1; Domain=.dotted.test;Path=/old/", "a=1; Domain=shop.regex.test; Path=/user/7/x",
    "a=1; Domain=.shop.regex.test", "a=1; Path=/CASE/x", "a=1; Path=/Old/", "a=1;  Path=/old/ ;x",
    "a; Path=/old/", "novalue", "a=b=c; Path=/old/; HttpOnly", "a=1;Path = /old/", "a=1;",
    "a=; Path=/old/", "=x; Path=/old/", "a=1; Path=/old/; Path=/user/9", "a=1; ;; Path=/old/",
    'a="x; Path=/old/"', "a=1; Domain=up.test; Domain=dotted.test", "a=1; Path", "a=1; Domain=",
]  # fmt: skip


@pytest.mark.parametrize("cookie", COOKIES)
def test_cookies_are_rewritten_as_in_nginx(pair, cookie):
    for place in ["/cookies/", "/plain/"]:
        check(pair, place, f"Set-Cookie: {cookie}", "Set-Cookie: b=2; Path=/old/two")


FLAGGED = [
    "one=1", "one=1; Secure", "one=1; HttpOnly; SameSite=None; Path=/", "ONE=1; samesite=lax",
    "two=1", "two=1; Secure; HttpOnly; SameSite=Lax; Path=/", "two=1; secure; httponly",
    "re=1", "recover=1; SameSite=Strict", "RE=1", "bare=1; Secure", "bare=1;Path=/;Secure",
    "free=1", "free=1; Secure; SameSite=Lax", "none; Secure", "one; Secure", "x=1; Secure",
    "one=1; SameSite", "one=1; SameSite=Lax; SameSite=None", "one=1; Secure=1",
]  # fmt: skip


@pytest.mark.parametrize("cookie", FLAGGED)
def test_flags_of_cookies_are_set_as_in_nginx(pair, cookie):
    for target in ["/flags/", "/flags/?name=free"]:
        check(pair, target, f"Set-Cookie: {cookie}", "Set-Cookie: other=2")


def test_what_nginx_hides_is_hidden(pair):
    fields = [
        "Server: app/1", "Date: Mon, 01 Jan 2024 00:00:00 GMT", "X-Pad: x",
        "X-Accel-Buffering: no", "X-Accel-Expires: 0", "X-Accel-Charset: utf-8",
        "X-Accel-Limit-Rate: 0", "X-Powered-By: app",
    ]  # fmt: skip
    theirs, ours = sent(pair, "/passed/", *fields)
    assert sorted(ours) == sorted(theirs)
    theirs, ours = sent(pair, "/plain/", *fields)
    assert [name for name, _ in theirs] == ["Server", "Date", "X-Powered-By"]
    assert [name for name, _ in ours] == ["X-Powered-By", "Server", "Date"]
    assert ("Server", "waybill") in ours
    assert "2024" not in dict(ours)["Date"]


TYPES = [
    "text/html", "text/html; charset=iso-8859-1", "TEXT/HTML", "text/html;charset=UTF-8",
    "application/json", "text/plain; format=flowed", "text/css", "image/png", "text/html;",
    "text/html; charset=", 'text/html; charset="utf-8"', "application/javascript",
]  # fmt: skip


@pytest.mark.parametrize("place", ["/charset/", "/override/", "/types/", "/alltypes/", "/plain/"])
def test_charsets_are_added_as_in_nginx(pair, place):
    for media_type in TYPES:
        for status in ["200 OK", "404 Not Found", "302 Found"]:
            check(pair, place, f"Content-Type: {media_type}", status=status)
    for charset in ["utf-8", "KOI8-R", "unknown"]:
        theirs, ours = sent(pair, place, "Content-Type: text/html", f"X-Accel-Charset: {charset}")
        assert ours == theirs, charset


@pytest.mark.parametrize("target", [
    "/files/a.html", "/files/b.txt", "/files/c.json", "/files/d.bin", "/text", "/text.json",
    "/nothing", "/nothing.json", "/nothing/404", "/nothing?none=x",
    "/untyped", "/untyped.json", "/untyped/d.bin", "/untyped/a.html",
])  # fmt: skip
def test_charsets_of_own_answers_are_those_of_nginx(pair, target):
    twins, _ = pair
    twins.compare("GET", target, host="files.test")


def test_a_level_with_rules_inherits_none(site, make_backend):
    backend = make_backend(script)
    proxy = site.serve(
        backend, top="proxy_redirect http://outer/ /outer/; proxy_cookie_path / /outer/;",
        location="proxy_redirect http://inner/ /inner/;",
    )  # fmt: skip
    answer = proxy.get(fields=[
        ("X-Send", "Location: http://outer/x"), ("X-Send", "Set-Cookie: a=1; Path=/")
    ])  # fmt: skip
    assert answer.fields.one("Location") == "http://outer/x"
    assert answer.fields.one("Set-Cookie") == "a=1; Path=/outer/"
    answer = proxy.get(fields=[("X-Send", "Location: http://inner/x")])
    assert answer.fields.one("Location") == "/inner/x"


def test_a_rule_does_not_lose_captured_fields(site, make_backend):
    backend = make_backend(script)
    proxy = site.serve(
        backend, location="proxy_redirect ~^http://([a-z]+)/(.*)$ /$1/$2;"
        " add_header X-Kept $upstream_http_x_seen; add_header X-Group $1;",
    )  # fmt: skip
    answer = proxy.get(fields=[
        ("X-Send", "X-Seen: kept"), ("X-Send", "Location: http://abc/def")
    ])  # fmt: skip
    assert answer.fields.one("Location") == "/abc/def"
    assert answer.fields.one("X-Kept") == "kept"
    assert answer.fields.one("X-Group") == "abc"


KINDS = ["text/html", "text/plain", "application/json", "image/png"]


OTHERS = ["X-Kind: a", "X-Kind: bb", "Expires: 0", "Cache-Control: no-store"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", OTHERS)
def test_a_map_of_what_is_sent_decides(pair, kind, other):
    """The recipe of nginx's documentation: how long something may be kept, by its media type."""
    twins, _ = pair
    fields = [("X-Send", f"Content-Type: {kind}"), ("X-Send", other)]
    theirs, ours = twins.answers(request_bytes(target="/lifetime/x", fields=fields))
    for name in ["Cache-Control", "Content-Type"]:
        assert ours.fields.all(name) == theirs.fields.all(name), name
    ours, theirs = (
        [lifetime(answer, value) for value in answer.fields.all("Expires")]
        for answer in (ours, theirs)
    )
    assert ours == theirs


@pytest.mark.parametrize("target", ["/lives/a.html", "/lives/b.txt", "/lives/d.bin", "/life.html"])
def test_a_map_of_what_is_sent_decides_about_files(pair, target):
    pair[0].compare(target=target)
