"""The conf files that makers of authorities tell their users to write, run as they are."""

from __future__ import annotations

import pytest

from harness.backend import reply

AUTHELIA = """
map $http_upgrade $connection_upgrade { default upgrade; "" close; }
server {
  listen PORT;
  server_name app.example.com;
  set $upstream http://APP;
  set $upstream_authelia http://AUTH/api/authz/auth-request;
  location /internal/authelia/authz {
    internal;
    proxy_pass $upstream_authelia;
    proxy_set_header X-Original-Method $request_method;
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header Content-Length "";
    proxy_set_header Connection "";
    proxy_pass_request_body off;
    proxy_next_upstream error timeout invalid_header http_500 http_502 http_503;
    proxy_redirect http:// $scheme://;
    proxy_http_version 1.1;
    proxy_cache_bypass $cookie_session;
    proxy_no_cache $cookie_session;
    proxy_buffers 4 32k;
    client_body_buffer_size 128k;
    send_timeout 5m;
    proxy_read_timeout 240;
    proxy_send_timeout 240;
    proxy_connect_timeout 240;
  }
  location / {
    proxy_set_header Host $host;
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    client_body_buffer_size 128k;
    proxy_http_version 1.1;
    proxy_pass $upstream;
    auth_request /internal/authelia/authz;
    auth_request_set $user $upstream_http_remote_user;
    auth_request_set $groups $upstream_http_remote_groups;
    auth_request_set $name $upstream_http_remote_name;
    auth_request_set $email $upstream_http_remote_email;
    proxy_set_header Remote-User $user;
    proxy_set_header Remote-Groups $groups;
    proxy_set_header Remote-Name $name;
    proxy_set_header Remote-Email $email;
    auth_request_set $redirection_url $upstream_http_location;
    error_page 401 =302 $redirection_url;
  }
}
"""

OAUTH2_PROXY = """
server {
  listen PORT;
  server_name app.example.com;
  location /oauth2/ {
    proxy_pass http://AUTH;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Auth-Request-Redirect $request_uri;
  }
  location = /oauth2/auth {
    proxy_pass http://AUTH;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-Uri $request_uri;
    proxy_set_header Content-Length "";
    proxy_pass_request_body off;
  }
  location / {
    auth_request /oauth2/auth;
    error_page 401 =403 /oauth2/sign_in;
    auth_request_set $user $upstream_http_x_auth_request_user;
    auth_request_set $email $upstream_http_x_auth_request_email;
    proxy_set_header X-User $user;
    proxy_set_header X-Email $email;
    auth_request_set $token $upstream_http_x_auth_request_access_token;
    proxy_set_header X-Access-Token $token;
    auth_request_set $auth_cookie $upstream_http_set_cookie;
    add_header Set-Cookie $auth_cookie;
    auth_request_set $auth_cookie_name_upstream_1 $upstream_cookie_auth_cookie_name_1;
    if ($auth_cookie ~* "(; .*)") {
      set $auth_cookie_name_0 $auth_cookie;
      set $auth_cookie_name_1 "auth_cookie_name_1=$auth_cookie_name_upstream_1$1";
    }
    if ($auth_cookie_name_upstream_1) {
      add_header Set-Cookie $auth_cookie_name_0;
      add_header Set-Cookie $auth_cookie_name_1;
    }
    proxy_pass http://APP/;
  }
}
"""

AUTHENTIK = """
server {
  listen PORT;
  server_name app.example.com;
  proxy_buffers 8 16k;
  proxy_buffer_size 32k;
  port_in_redirect off;
  location / {
    proxy_pass http://APP;
    proxy_set_header Host $host;
    auth_request /outpost.goauthentik.io/auth/nginx;
    error_page 401 = @goauthentik_proxy_signin;
    auth_request_set $auth_cookie $upstream_http_set_cookie;
    add_header Set-Cookie $auth_cookie;
    auth_request_set $authentik_username $upstream_http_x_authentik_username;
    auth_request_set $authentik_groups $upstream_http_x_authentik_groups;
    proxy_set_header X-authentik-username $authentik_username;
    proxy_set_header X-authentik-groups $authentik_groups;
  }
  location /outpost.goauthentik.io {
    proxy_pass http://AUTH/outpost.goauthentik.io;
    proxy_set_header Host $host;
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    add_header Set-Cookie $auth_cookie;
    auth_request_set $auth_cookie $upstream_http_set_cookie;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
  }
  location @goauthentik_proxy_signin {
    internal;
    add_header Set-Cookie $auth_cookie;
    return 302 /outpost.goauthentik.io/start?rd=$request_uri;
  }
}
"""

USER = [("Host", "app.example.com"), ("Cookie", "session=good")]
STRANGER = [("Host", "app.example.com")]


@pytest.fixture
def product(site, make_backend):
    def start(text, fields):
        def judge(request):
            known = request.fields.get("Cookie") == "session=good"
            if known:
                return reply("200 OK", b"", fields)
            told = [("Location", "https://login.example.com/?rd=x")]
            told += [("Set-Cookie", "try=1; Path=/")]
            return reply("401 Unauthorized", b"sign in", told)

        auth, app = make_backend(judge), make_backend(lambda r: reply(body=r.body or b"app"))
        proxy = site.servers(text.replace("AUTH", auth.address).replace("APP", app.address))
        proxy.auth, proxy.app = auth, app
        return proxy

    return start


def test_authelia(product):
    user = {"Remote-User": "ann", "Remote-Groups": "staff,admins", "Remote-Name": "Ann",
            "Remote-Email": "ann@example.com"}  # fmt: skip
    proxy = product(AUTHELIA, user)
    answer = proxy.request("POST", "/a/b?c=d", USER, body=b"content")
    assert answer.status == 200 and answer.body == b"content"
    asked, request = proxy.auth.request, proxy.app.request
    assert (asked.method, asked.target) == ("GET", "/api/authz/auth-request")
    assert asked.fields.one("X-Original-Method") == "POST"
    assert asked.fields.one("X-Original-URL") == "http://app.example.com/a/b?c=d"
    assert request.fields.one("Remote-User") == "ann"
    assert request.fields.one("Remote-Groups") == "staff,admins"
    answer = proxy.get("/a", STRANGER)
    assert answer.status == 302
    assert answer.fields.one("Location") == "https://login.example.com/?rd=x"
    # Nobody says by himself who he is.
    answer = proxy.get("/a", [*USER, ("Remote-User", "root")])
    assert proxy.app.requests[-1].fields.all("Remote-User") == ["ann"]


def test_oauth2_proxy(product):
    proxy = product(OAUTH2_PROXY, [("X-Auth-Request-User", "ann"), ("Set-Cookie", "s=2; Path=/"),
                                   ("X-Auth-Request-Access-Token", "token")])  # fmt: skip
    answer = proxy.get("/x", USER)
    assert answer.status == 200 and answer.fields.all("Set-Cookie") == ["s=2; Path=/"]
    assert proxy.app.request.fields.one("X-User") == "ann"
    assert proxy.app.request.fields.one("X-Access-Token") == "token"
    assert proxy.auth.request.fields.one("X-Forwarded-Uri") == "/x"
    answer = proxy.get("/x", STRANGER)
    assert (answer.status, answer.body) == (403, b"sign in")
    assert proxy.auth.requests[-1].target == "/oauth2/sign_in"


def test_authentik(product):
    proxy = product(AUTHENTIK, [("X-authentik-username", "ann"), ("Set-Cookie", "a=1")])
    answer = proxy.get("/x?y", USER)
    assert answer.status == 200 and answer.fields.all("Set-Cookie") == ["a=1"]
    assert proxy.app.request.fields.one("X-authentik-username") == "ann"
    assert proxy.auth.request.target == "/outpost.goauthentik.io/auth/nginx"
    assert proxy.auth.request.fields.one("X-Original-URL") == "http://app.example.com/x?y"
    answer = proxy.get("/x?y", STRANGER)
    assert answer.status == 302
    assert answer.fields.one("Location").endswith("/outpost.goauthentik.io/start?rd=/x?y")
    assert answer.fields.all("Set-Cookie") == ["try=1; Path=/"]
