"""Pages for redirects and ranges, `try_files` and `alias`, index files, validators of changed
content, automatic redirects: what a comparison of random conf files with nginx has found."""

from __future__ import annotations

import gzip
import itertools
import time

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.http2 import Client
from harness.polling import wait_for
from harness.twins import Twins

HTTP = """
upstream app { server {backend}; }
log_format content '$request_uri [$request_body]';
proxy_pass_header X-Passed;
"""

SERVER = """
root {root};
location /own { error_page 302 /a/page.txt; return 302 http://other.test/x?y=1; }
location /own204 { error_page 302 =204 /a/page.txt; return 302 $scheme://$host$request_uri; }
location /rewritten { error_page 301 =200 /a/page.txt; rewrite ^/rewritten(.*) /to$1 permanent; }
location /twice { error_page 302 /again; recursive_error_pages on; return 302 /first; }
location /again { error_page 301 /a/page.txt; recursive_error_pages on; return 301 /second; }
location /relative { error_page 302 /hidden/page.txt; return 302 /next; }
location /hidden/ { port_in_redirect off; alias {root}/a/; }
location /away { error_page 302 http://third.test/; return 302 /first; }
location /a { error_page 301 =404 /b/f.txt; }
location /proxied/ { proxy_pass http://app; }
location /range { error_page 416 =404 /b/f.txt; alias {root}/a/page.txt; }
location /range2 { error_page 416 @range; alias {root}/a/page.txt; }
location @range { return 416 "page"; }

location ~ ^/first/ { alias {root}/a/; try_files /page.txt =404; }
location ~ ^/second/(.*)$ { alias {root}/a/$1; try_files $uri /b/f.txt; }
location ~ ^/third/(.*)$ { alias {root}/a; try_files /$1 /b/f.txt; }

location ~ ^/fourth/(.*)$ { alias {root}/a/; try_files $1 =404; }
location ~ ^/fifth/(.*)$ { alias {root}; index index.html; try_files /$1 /$1/ =404; }
location /c/ { internal; }

location ~ ^/sent/.*\\.txt$ { try_files /a/page.txt =404; proxy_pass http://app; }
location /sentlast { rewrite ^/sentlast /sent/x.txt last; }
location /sentargs { set $args "set=1"; try_files /a/page.txt =404; proxy_pass http://app; }
location /sentraw { try_files /a/page.txt =404; proxy_pass http://app; }

location /slashes { rewrite ^/slashes /b//; }
location ~ ^/b/index { return 200 "one slash"; }
location ~ ^/b//index { return 200 "two slashes"; }

location /packed { gzip on; gzip_min_length 1; gzip_types *; add_header ETag '"own"';
  alias {root}/a/page.txt; }
location /packedplain { gzip on; gzip_min_length 1; gzip_types *; add_header ETag 'own';
  proxy_pass http://app; }
location /replaced { sub_filter page PAGE; sub_filter_types *; add_header Last-Modified "$arg_m";
  add_header ETag '"own"'; proxy_pass http://app; }

location /expires { expires modified +1d; return 301 /; }
location /expirestext { expires modified -1h; return 200 "text"; }
location /expiresfile { expires modified +1d; alias {root}/a/page.txt; }

location /empty { return 200 ""; }
location /bare { return 201; }
location /secret { client_max_body_size 2; internal; }
location /small { client_max_body_size 2; proxy_pass http://app; }
location /passed { proxy_hide_header X-Passed; proxy_pass http://app; }
location /flags { proxy_cookie_flags a nohttponly httponly; proxy_cookie_flags b nosecure;
  proxy_cookie_flags c nosamesite samesite=lax; proxy_pass http://app; }
location /both/ { return 302 /elsewhere; proxy_pass http://app; }

location ~ ^/nest { return 307 "0"; }
location /nest/ { location = /nest/in/ { proxy_pass http://app; } }
location ^~ /out { return 200 outer;
  location /out/ { location = /out/ { proxy_pass http://app; } } }
location /body { access_log {own}/content.log content; add_header X-Content "$request_body";
  proxy_pass http://app; }
location /bodyless { access_log {own}/content.log content; return 200 "unread"; }
rewrite ^/lost/(.*) /aliased/$1 break;
location /aliased/ { limit_except GET POST { deny all; } alias {root}/a/; }
location ^~ /bare/ { rewrite ^/bare/(.*)$ $1 break; try_files /a/$uri /b/$uri; }
location ^~ /bareproxy/ { rewrite ^/bareproxy/(.*)$ $1 break; try_files /a/$uri =404;
  proxy_pass http://app; }
location ^~ /barefile/ { rewrite ^/barefile/(.*)$ $1 break; }
location ^~ /barelast/ { rewrite ^/barelast/(.*)$ $1 last; }
location ^~ /nowhere/ { try_files /none.txt = 404; }
location /accel { error_page 404 /a/page.txt; proxy_pass http://app; }
"""

COOKIES = [("Set-Cookie", "a=1; HttpOnly"), ("Set-Cookie", "b=2; Secure"),
           ("Set-Cookie", "c=3; SameSite=Strict")]  # fmt: skip
FIELDS = ["Location", "ETag", "Last-Modified", "Content-Type", "Content-Range", "Set-Cookie",
          "X-Passed", "X-Content", "Cache-Control", "Content-Encoding"]  # fmt: skip


def answer(request):
    fields = [("ETag", '"strong"'), ("Last-Modified", "Tue, 01 Mar 2022 10:00:00 GMT"),
              ("Content-Type", "text/plain"), ("X-Passed", "yes"), *COOKIES]  # fmt: skip
    if request.target.startswith("/accel"):
        fields = [("X-Accel-Redirect", "/none"), ("Content-Type", "text/x-go")]
    return reply(fields=fields, body=f"page {request.method} {request.target}".encode())


@pytest.fixture(scope="module")
def twins():
    backend = RecordingBackend(answer)
    pair = Twins(HTTP, SERVER)
    for folder in "abc":
        (pair.root / folder).mkdir()
    (pair.root / "a" / "page.txt").write_text("a page, long enough to be packed by anybody" * 9)
    (pair.root / "b" / "f.txt").write_text("the other page")
    (pair.root / "b" / "index.html").write_text("the index")
    (pair.root / "c" / "index.html").write_text("nobody's business")
    try:
        yield pair.start(backend=backend.address)
    finally:
        pair.stop()
        backend.stop()


def facts(answer, port):
    body = answer.body
    if answer.fields.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    values = {name: answer.fields.all(name) for name in FIELDS}
    if b"<html" in body:
        # Each program has pages of its own.
        values["Content-Type"], body = [], b""
    return answer.status, values, body.replace(b"%d" % port, b"PORT")


ASKED = [
    ("GET", "/own"), ("HEAD", "/own"), ("GET", "/own204"), ("GET", "/rewritten/x?y"),
    ("GET", "/twice"), ("GET", "/relative"), ("GET", "/away"), ("GET", "/a"), ("GET", "/proxied"),
    ("GET", "/first/x"), ("GET", "/first/y/z"), ("GET", "/second/page.txt"),
    ("GET", "/second/none"), ("GET", "/third/page.txt"), ("GET", "/third/none"),
    ("GET", "/fourth/page.txt"), ("GET", "/fourth/none"), ("GET", "/fourth/"),
    ("GET", "/fifth/c"), ("GET", "/fifth/c/"), ("GET", "/fifth/a/page.txt"), ("GET", "/fifth/a"),
    ("GET", "/sent/x.txt"), ("GET", "/sentlast"), ("GET", "/sentlast/y?z"),
    ("GET", "/sentargs?x"), ("GET", "/sentraw?x"), ("GET", "/slashes"),
    ("GET", "/packed"), ("GET", "/packedplain"), ("GET", "/replaced"),
    ("GET", "/replaced?m=Wed,%2001%20Jan%202020%2000:00:00%20GMT"),
    ("GET", "/empty"), ("GET", "/bare"), ("POST", "/secret"), ("POST", "/small"),
    ("GET", "/passed"), ("GET", "/flags"), ("GET", "/both"), ("GET", "/both/"),
    ("GET", "/nest/in"), ("GET", "/nest/other"), ("GET", "/out"), ("GET", "/out/"),
    ("POST", "/body"), ("GET", "/accel"),
    ("GET", "/bare/page.txt"), ("GET", "/bare/f.txt"), ("GET", "/bare/none"), ("GET", "/bare/"),
    ("GET", "/bareproxy/page.txt"), ("GET", "/bareproxy/none"), ("GET", "/barefile/a/page.txt"),
    ("GET", "/barefile/-private/secret.txt"), ("GET", "/barelast/a/page.txt"),
    ("GET", "/nowhere/x"), ("TRACE", "/own"), ("TRACE", "/proxied/"), ("TRACE", "/packed"),
]  # fmt: skip


@pytest.mark.parametrize("accepts", ["identity", "gzip"])
@pytest.mark.parametrize("method, target", ASKED)
def test_answers_are_nginxs(twins, method, target, accepts):
    body = b"seven b" if method == "POST" else b""
    fields = [("Accept-Encoding", accepts), ("Accept", "text/html")]
    data = request_bytes(method, target, fields, host="files.test", body=body)
    theirs, ours = twins.answers(data)
    ports = twins.ports
    their_facts, our_facts = facts(theirs, ports["nginx"]), facts(ours, ports["waybill"])
    theirs_text, ours_text = (
        repr(one).replace(str(port), "PORT")
        for one, port in [(their_facts, ports["nginx"]), (our_facts, ports["waybill"])])
    assert ours_text == theirs_text


@pytest.mark.parametrize("place", ["/range", "/range2"])
@pytest.mark.parametrize("wanted", ["bytes=100000-", "bytes=0-3", "bytes=5-2"])
def test_ranges_that_have_a_page(twins, place, wanted):
    data = request_bytes(target=place, fields=[("Range", wanted)], host="files.test")
    theirs, ours = twins.answers(data)
    assert ours.status == theirs.status and ours.body == theirs.body
    assert ours.fields.all("Content-Range") == theirs.fields.all("Content-Range")


@pytest.mark.parametrize("place", ["/expires", "/expirestext", "/expiresfile"])
def test_modified_without_a_time_is_now(twins, place):
    theirs, ours = twins.answers(request_bytes(target=place, host="files.test"))
    assert ours.fields.all("Cache-Control") == theirs.fields.all("Cache-Control")
    # Both moments lie within the same test.
    assert ours.fields.one("Expires")[:-6] == theirs.fields.one("Expires")[:-6]


@pytest.mark.parametrize("method, status", [("GET", 500), ("DELETE", 403), ("POST", 500)])
def test_an_alias_whose_path_is_lost(twins, method, status):
    """Who may not ask does not learn of it."""
    data = request_bytes(method, "/lost/page.txt", host="files.test")
    theirs, ours = twins.answers(data)
    assert (theirs.status, ours.status) == (status, status)


def test_the_content_of_requests_in_the_log(twins):
    def lines(name):
        path = twins.folder / name / "content.log"
        return path.read_text().splitlines() if path.exists() else []

    # The last line of another test may still be under way.
    time.sleep(0.2)
    before = {name: len(lines(name)) for name in ["nginx", "waybill"]}
    for number in range(2):
        for target in ["/body", "/bodyless"]:
            body = b"content %d" % number
            twins.compare("POST", target, host="files.test", body=body)
        twins.compare("POST", "/body", host="files.test", body=b"c" * 100_000)
    for name, count in before.items():
        wait_for(lambda name=name, count=count: len(lines(name)) == count + 6, "the lines")
    theirs, ours = ([line.replace("[-]", "[]") for line in lines(name)[-6:]] for name in before)
    assert ours == theirs and "/body [content 1]" in ours


def test_a_return_of_the_server_comes_before_its_locations(site):
    """As in nginx: before their limits, and before `internal`."""
    proxy = site.servers("""server { listen PORT; client_max_body_size 1; deny all;
      return 301 http://other.test$request_uri;
      location /hidden { internal; proxy_pass http://127.0.0.1:9; }
      location ~ limited { limit_except GET { deny all; } } }""")
    for method, target in itertools.product(["GET", "POST"], ["/", "/hidden", "/limited"]):
        body = b"content" if method == "POST" else b""
        with proxy.connect() as connection:
            answer = connection.exchange(request_bytes(method, target, body=body))
            assert answer.status == 301
            assert answer.fields.one("Location") == f"http://other.test{target}"


def test_try_files_without_root(site, backend):
    """Its last argument holds, as in nginx, whose default root has no such file."""
    proxy = site.servers(f"""server {{ listen PORT;
      location / {{ try_files $uri $uri/ @app; }} location /code {{ try_files $uri =410; }}
      location /etc/ {{ try_files $uri @app; proxy_pass http://127.0.0.1:9; }}
      location @app {{ proxy_pass http://{backend.address}; }} }}""")
    assert [proxy.get(path).status for path in ["/", "/x", "/code", "/etc/passwd"]] == [
        200, 200, 410, 200]
    assert len(backend.requests) == 3


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("second", ["/login-page-of-the-site", "/l", "http://a.test/" + "y" * 90])
def test_a_redirect_whose_page_redirects(site, http2, second):
    """Nothing of the first Location is left, whatever the client had it hold."""
    proxy = site.servers(f"""server {{ listen PORT {"http2" if http2 else ""};
      root {site.directory}; error_page 301 302 /moved;
      location = /moved {{ return 302 {second}; }} }}""")
    (site.directory / "folder").mkdir()
    for tail in ["Set-Cookie:a=b", "Set-Cookie: a=b", "Transfer-Encoding:chunked", "A:", "::", ":"]:
        for count in range(0, 120, 1 if tail == "A:" else 7):
            target = "/folder?" + "a" * count + tail.replace(" ", "%20")
            if http2:
                with Client(proxy.port) as connection:
                    fields = connection.get(target).fields
            else:
                with proxy.connect() as connection:
                    fields = list(connection.exchange(request_bytes(target=target)).fields)
            names = sorted(name.lower() for name, _ in fields)
            assert names.count("location") == 1 and len(set(names)) == len(names)
            assert not {"set-cookie", "transfer-encoding", "a", ""} & set(names)
