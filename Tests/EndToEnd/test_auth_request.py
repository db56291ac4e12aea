"""`auth_request`: nginx and Waybill side by side, before a backend that says who may come in."""

from __future__ import annotations

import base64

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import Truncated, chunked, request_bytes
from harness.ports import free_port
from harness.twins import Twins

HTTP = """
set_real_ip_from 127.0.0.1; real_ip_header X-Client;
proxy_http_version 1.1; proxy_set_header Connection "";
map $http_x_role $role { default none; admin boss; }
upstream authority { server {auth}; }
"""

SERVER = """
root {root};
set $from_server "server $request_method $uri";
location / { auth_request /auth; proxy_pass http://{backend}; }
location = /auth { internal; proxy_pass http://{auth}; proxy_pass_request_body off;
  proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri;
  proxy_set_header X-Original-Method $request_method; proxy_set_header X-Uri $uri;
  proxy_set_header X-Args $args; proxy_set_header X-Role $role;
  proxy_set_header X-Server $from_server; }
location /off/ { auth_request off; proxy_pass http://{backend}; }
location /set/ { auth_request /auth; auth_request_set $user $upstream_http_x_user;
  auth_request_set $state "$upstream_status of $upstream_http_x_none";
  auth_request_set $name $user-$role;
  proxy_pass http://{backend}; proxy_set_header X-User $user; proxy_set_header X-State $state;
  proxy_set_header X-Name $name; add_header X-User $user always; error_page 403 = @told; }
location @told { return 409 "$user|$state|$name"; }
location /set/none/ { auth_request_set $other $upstream_http_x_user;
  proxy_pass http://{backend}; proxy_set_header X-User "$user|"; proxy_set_header X-Other $other; }
location /files/ { auth_request /auth; }
location /answer/ { auth_request /auth; return 200 "answered"; }
location /page/ { auth_request /auth; proxy_pass http://{backend}; error_page 401 =403 /login;
  error_page 500 = @broken; }
location = /login { return 200 "log in"; }
location @broken { return 418 "broken $uri"; }
location /signin/ { auth_request /auth; auth_request_set $where $upstream_http_location;
  proxy_pass http://{backend}; error_page 401 =302 $where; }
location /local200/ { auth_request /say200; proxy_pass http://{backend}; }
location /local204/ { auth_request /say204; proxy_pass http://{backend}; }
location /local401/ { auth_request /say401; proxy_pass http://{backend}; }
location /local403/ { auth_request /say403; proxy_pass http://{backend}; }
location /local302/ { auth_request /say302; proxy_pass http://{backend}; }
location /local444/ { auth_request /say444; proxy_pass http://{backend}; }
location = /say200 { internal; return 200 "fine"; }
location = /say204 { return 204; }
location = /say401 { add_header WWW-Authenticate "Local x" always; return 401 "no"; }
location = /say403 { return 403; }
location = /say302 { return 302 /elsewhere; }
location = /say444 { return 444; }
location /file/ { auth_request /files-allow/a.html; proxy_pass http://{backend}; }
location /nofile/ { auth_request /files-allow/missing; proxy_pass http://{backend}; }
location /folder/ { auth_request /files-allow/; proxy_pass http://{backend}; }
location /files-allow/ { alias {root}/; deny all; auth_basic "x"; auth_basic_user_file /none; }
location /rewritten/ { auth_request /rewrite-me; proxy_pass http://{backend}; }
location = /rewrite-me { rewrite ^ /auth last; }
location /named/ { auth_request /to-named; proxy_pass http://{backend}; }
location = /to-named { try_files /does-not-exist @auth; }
location @auth { proxy_pass http://authority; proxy_set_header X-Uri $uri; }
location /variable/ { auth_request /auth-variable; proxy_pass http://{backend}; }
location = /auth-variable { set $target {auth}; proxy_pass http://$target/other?x=$arg_y; }
location /own/ { auth_request /own/auth; proxy_pass http://{backend};
  location = /own/auth { proxy_pass http://authority; } }
location /dead/ { auth_request /auth-dead; proxy_pass http://{backend}; }
location = /auth-dead { proxy_pass http://127.0.0.1:{dead}; }
location /slow/ { auth_request /auth-slow; proxy_pass http://{backend}; }
location = /auth-slow { proxy_pass http://{auth}; proxy_read_timeout 300ms;
  proxy_set_header X-Slow 1; }
location /try/ { auth_request /auth; try_files $uri @app; }
location @app { proxy_pass http://{backend}; }
location /redirected/ { auth_request /auth; rewrite ^/redirected/(.*)$ /off/$1 last; }
location /any/ { satisfy any; allow 10.0.0.0/8; deny all; auth_request /auth;
  proxy_pass http://{backend}; }
location /anyopen/ { satisfy any; deny 10.0.0.0/8; auth_request /auth;
  proxy_pass http://{backend}; }
location /anypw/ { satisfy any; auth_basic "any"; auth_basic_user_file {root}/users;
  auth_request /auth; proxy_pass http://{backend}; }
location /anyall/ { satisfy any; allow 10.0.0.0/8; deny all; auth_basic "any";
  auth_basic_user_file {root}/users; auth_request /auth; proxy_pass http://{backend}; }
location /all/ { satisfy all; allow 10.0.0.0/8; deny all; auth_basic "all";
  auth_basic_user_file {root}/users; auth_request /auth; proxy_pass http://{backend}; }
location /intercept/ { auth_request /auth-page; proxy_pass http://{backend}; }
location = /auth-page { proxy_pass http://{auth}; proxy_intercept_errors on;
  error_page 403 = /say204; error_page 401 = /say403; }
location /accel/ { auth_request off; proxy_pass http://{backend}; }
location /guarded/ { auth_request /auth; alias {root}/; }
"""

FIELDS = ["WWW-Authenticate", "X-User", "Location"]


def judge(request):
    """What the request asks for: a status, and whom it names."""
    want = request.fields.get("X-Want") or "204"
    fields = [("X-User", request.fields.get("X-Name") or "ann"), ("Set-Cookie", "s=1")]
    if want == "401":
        fields += [("WWW-Authenticate", 'Bearer realm="a"')]
    if want in ("302", "401"):
        fields += [("Location", "https://login.test/?x=1")]
    steps = [reply(f"{want} Some", b"" if want == "204" else b"body", fields)]
    return [1.0, *steps] if request.fields.get("X-Slow") else steps


@pytest.fixture(scope="module")
def pair():
    auth = RecordingBackend(judge)
    backend = RecordingBackend(
        lambda r: reply(body=r.body or b"empty", fields={"X-Accel-Redirect": "/guarded/a.html"})
        if r.target.startswith("/accel/") else reply(body=r.body or b"empty")
    )  # fmt: skip
    twins = Twins(HTTP, SERVER, workers=2)
    (twins.root / "files").mkdir()
    (twins.root / "files/a.html").write_text("a page")
    (twins.root / "a.html").write_text("a page")
    (twins.root / "index.html").write_text("index")
    (twins.root / "users").write_text("ann:{PLAIN}secret\n")
    twins.auth, twins.backend = auth, backend
    try:
        yield twins.start(auth=auth.address, backend=backend.address, dead=free_port())
    finally:
        twins.stop()
        auth.stop()
        backend.stop()


def seen(backend, start):
    """What a backend was asked, but for what differs on purpose."""
    mine = ("x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host",
            "content-length", "connection")  # fmt: skip
    return [
        (request.method, request.target, request.body,
         sorted((name.lower(), value) for name, value in request.fields
                if name.lower() not in mine))
        for request in backend.requests[start:]
    ]  # fmt: skip


def facts(pair, name, data):
    starts = [len(backend.requests) for backend in (pair.auth, pair.backend)]
    try:
        answer = pair.ask(name, data)
    except Truncated:
        return {"closed": True}
    told = {field: answer.fields.all(field) for field in FIELDS}
    body = answer.body if answer.status in (200, 402, 409, 418) else b""
    asked = [seen(backend, start) for backend, start in zip((pair.auth, pair.backend), starts)]
    return {"status": answer.status, "told": told, "body": body, "auth": asked[0], "app": asked[1]}


def check(pair, target, fields=(), method="GET", **options):
    data = request_bytes(method, target, list(fields), host="files.test", **options)
    theirs, ours = facts(pair, "nginx", data), facts(pair, "waybill", data)
    assert ours == theirs, data
    return ours


PLACES = """/ /off/ /set/ /set/none/ /files/a.html /files/none /answer/ /page/ /signin/ /local200/
/local204/ /local401/ /local403/ /local302/ /local444/ /file/ /nofile/ /folder/ /rewritten/ /named/
/variable/ /own/x /dead/ /try/ /redirected/x /intercept/ /accel/x /auth /guarded/a.html""".split()


@pytest.mark.parametrize("place", PLACES)
def test_it_is_that_of_nginx(pair, place):
    for want in ["200", "204", "299", "302", "401", "403", "404", "418", "500", "503"]:
        check(pair, place, [("X-Want", want), ("X-Role", "admin"), ("Cookie", "a=b; c=d")])
    check(pair, place + "?y=1&z", [("X-Want", "200"), ("X-Role", "guest")])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("place", ["/set/", "/files/a.html", "/local401/", "/page/"])
def test_every_method_is_asked_for_by_get(pair, method, place):
    for want in ["204", "401", "403", "500"]:
        body = b"content" if method in ("POST", "PUT", "PATCH") else b""
        check(pair, place, [("X-Want", want), ("Range", "bytes=0-1")], method, body=body)


def test_conditions_and_ranges_are_not_for_the_file_that_is_asked(pair):
    for fields in [[("If-None-Match", "*")], [("If-Match", '"x"')], [("Range", "bytes=900-")],
                   [("If-Modified-Since", "Thu, 01 Jan 2037 00:00:00 GMT")]]:  # fmt: skip
        check(pair, "/file/", fields)


def credentials(password):
    return ("Authorization", "Basic " + base64.b64encode(f"ann:{password}".encode()).decode())


@pytest.mark.parametrize("place", ["/any/", "/anyopen/", "/anypw/", "/anyall/", "/all/"])
def test_satisfy_is_that_of_nginx(pair, place):
    for client in ["10.0.0.1", "192.0.2.1"]:
        for want in ["204", "401", "403", "500"]:
            for password in ["secret", "wrong", None]:
                fields = [("X-Client", client), ("X-Want", want)]
                if password:
                    fields.append(credentials(password))
                check(pair, place, fields)


def test_a_slow_authority_is_500_in_time(pair):
    assert check(pair, "/slow/")["status"] == 500


def test_chunked_content_is_for_the_backend_alone(pair):
    data = request_bytes("POST", "/", [("Transfer-Encoding", "chunked"), ("X-Want", "204")],
                         host="files.test") + chunked(b"one", b"two")  # fmt: skip
    theirs, ours = facts(pair, "nginx", data), facts(pair, "waybill", data)
    assert ours == theirs
    assert ours["app"][0][2] == b"onetwo" and ours["auth"][0][2] == b""
