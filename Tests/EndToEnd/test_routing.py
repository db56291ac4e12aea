"""Which server and location a request goes to, and how its target is rewritten."""

import pytest

from harness.backend import reply
from harness.client import request_bytes

SERVERS = """
server { listen PORT; server_name exact.test also.test; location / { return 200 "exact"; } }
server { listen PORT default_server; server_name _; location / { return 200 "default"; } }
server { listen PORT; server_name *.wild.test; location / { return 200 "wild"; } }
server { listen PORT; server_name *.deep.wild.test; location / { return 200 "deep"; } }
server { listen PORT; server_name one.wild.test; location / { return 200 "one"; } }
"""


@pytest.mark.parametrize(
    "host, expected",
    [
        ("exact.test", "exact"),
        ("also.test", "exact"),
        ("EXACT.Test", "exact"),
        ("exact.test:8080", "exact"),
        ("exact.test.", "exact"),
        ("a.wild.test", "wild"),
        ("a.b.wild.test", "wild"),
        ("A.WILD.TEST:1", "wild"),
        ("wild.test", "default"),
        ("one.wild.test", "one"),
        ("x.deep.wild.test", "deep"),
        ("deep.wild.test", "wild"),
        ("unknown.test", "default"),
        ("notexact.test", "default"),
        ("127.0.0.1", "default"),
        ("[::1]:80", "default"),
    ],
)
def test_server_names(site, host, expected):
    response = site.servers(SERVERS).get("/", host=host)
    assert response.text.strip() == expected


def test_the_first_server_is_the_default_one(site):
    proxy = site.servers("""
server { listen PORT; server_name a.test; location / { return 200 "first"; } }
server { listen PORT; server_name b.test; location / { return 200 "second"; } }
""")
    assert proxy.get("/", host="other.test").text.strip() == "first"
    assert proxy.get("/", host="b.test").text.strip() == "second"


def test_one_server_may_listen_twice(site, tmp_path):
    proxy = site.servers(
        f'server {{ listen PORT; listen unix:{tmp_path}/f.sock; location / {{ return 200 "x"; }} }}'
    )
    assert proxy.get().status == 200
    with proxy.connect(1, unix=f"{tmp_path}/f.sock") as connection:
        assert connection.exchange(request_bytes()).status == 200


LOCATIONS = """
server {
  listen PORT;
  location / { return 200 "root"; }
  location = / { return 200 "root-exactly"; }
  location /app { return 200 "app"; }
  location /app/ { return 200 "app-slash"; }
  location /app/admin { return 200 "admin"; }
  location = /app/admin { return 200 "admin-exactly"; }
  location ^~ /static/ { return 200 "static"; }
}
"""


@pytest.mark.parametrize(
    "target, expected",
    [
        ("/", "root-exactly"),
        ("/?a=b", "root-exactly"),
        ("/other", "root"),
        ("/app", "app"),
        ("/application", "app"),
        ("/app/", "app-slash"),
        ("/app/x", "app-slash"),
        ("/app/admin", "admin-exactly"),
        ("/app/admin?x", "admin-exactly"),
        ("/app/admin/", "admin"),
        ("/app/administrators", "admin"),
        ("/static/a.css", "static"),
        ("/static", "root"),
        ("/APP", "root"),
        ("/%61pp/x", "app-slash"),
        ("//app//x", "app-slash"),
        ("/x/../app/y", "app-slash"),
        ("/app/./admin", "admin-exactly"),
        ("/app/x%2f..%2fadmin", "admin-exactly"),
    ],
)
def test_locations(site, target, expected):
    """The target is decoded and normalised for matching, as nginx does."""
    assert site.servers(LOCATIONS).get(target).text.strip() == expected


@pytest.mark.parametrize(
    "target",
    ["/../x", "/a/../../x", "/%2e%2e/x", "/a%00b", "/%zz", "/%4"],
)
def test_targets_that_leave_the_root_or_do_not_decode_are_refused(site, target):
    one = site.servers(LOCATIONS).observe(None, request_bytes("GET", target))
    assert one.response.status == 400 and one.line["error"]


@pytest.mark.parametrize(
    "returned, status, location, body",
    [
        ('200 "plain text"', 200, None, "plain text"),
        ("200", 200, None, ""),
        ("204", 204, None, ""),
        ("301 /new", 301, "/new", None),
        ("302 https://other.test/x", 302, "https://other.test/x", None),
        ("308 https://$host$request_uri", 308, "https://example.test/a?b=c", None),
        ("https://other.test/y", 302, "https://other.test/y", None),
        ("404", 404, None, None),
        ('403 "no entry"', 403, None, "no entry"),
        ("503", 503, None, None),
        ('200 "$request_method $uri $args $host"', 200, None, "GET /a b=c example.test"),
        ("200 '{\"a\": 1}'", 200, None, '{"a": 1}'),
    ],
)
def test_return(site, returned, status, location, body):
    proxy = site.servers(f"server {{ listen PORT; location / {{ return {returned}; }} }}")
    one = proxy.observe(None, request_bytes("GET", "/a?b=c"))
    assert one.response.status == status and one.line["status"] == status
    found = one.response.fields.get("Location")
    assert location is None and found is None or found.endswith(location)
    assert body is None or one.response.text.strip() == body
    assert "upstream" not in one.line


def test_return_in_the_server_itself(site):
    proxy = site.servers("server { listen PORT; return 301 https://$host$request_uri; }")
    response = proxy.get("/a/b?c")
    assert response.status == 301
    assert response.fields.one("Location") == "https://example.test/a/b?c"


def test_return_consumes_a_body(site):
    proxy = site.servers('server { listen PORT; location / { return 200 "ok"; } }')
    with proxy.connect() as connection:
        for _ in range(2):
            response = connection.exchange(request_bytes("POST", "/", body=b"x" * 100_000))
            assert response.status == 200
    assert [line["connection_request"] for line in proxy.wait_lines(2)] == [1, 2]


@pytest.mark.parametrize(
    "location, passed, target, expected",
    [
        ("/", "", "/a/b?c=d", "/a/b?c=d"),
        ("/app/", "", "/app/x", "/app/x"),
        ("/app/", "/", "/app/x?y", "/x?y"),
        ("/app/", "/v1/", "/app/x/y", "/v1/x/y"),
        ("/app", "/v1", "/app/x", "/v1/x"),
        ("/app/", "/v1", "/app/x", "/v1x"),
        ("/app", "/v1/", "/app/x", "/v1//x"),
        ("= /one", "/uno", "/one?q", "/uno?q"),
        ("^~ /app/", "/", "/app/", "/"),
        ("/", "", "/a%20b/%2F?x=%20", "/a%20b/%2F?x=%20"),
        ("/", "", "//a/../b/./c", "//a/../b/./c"),
        ("/app/", "/", "/app/a%20b", "/a%20b"),
        ("/app/", "/", "/x/../app/y", "/y"),
        ("/", "", "/a?", "/a?"),
        ("/", "", "/?a=?b", "/?a=?b"),
    ],
)
def test_the_uri_part_of_proxy_pass(site, backend, location, passed, target, expected):
    proxy = site.servers(
        f"server {{ listen PORT; location {location} {{"
        f" proxy_pass http://{backend.address}{passed}; }} }}"
    )
    one = proxy.observe(backend, request_bytes("GET", target))
    assert one.seen.target == expected
    assert one.line["uri"] == target


def test_the_uri_part_with_a_named_upstream_and_a_unix_socket(site, make_backend, tmp_path):
    tcp, unix = make_backend(), make_backend(unix=str(tmp_path / "b.sock"))
    proxy = site.servers(f"""
upstream named {{ server {tcp.address}; }}
server {{
  listen PORT;
  location /tcp/ {{ proxy_pass http://named/one/; }}
  location /unix/ {{ proxy_pass http://unix:{tmp_path}/b.sock:/two/; }}
}}""")
    assert proxy.observe(tcp, request_bytes("GET", "/tcp/x")).seen.target == "/one/x"
    assert proxy.observe(unix, request_bytes("GET", "/unix/x")).seen.target == "/two/x"


def test_a_redirect_of_the_backend_is_passed_unchanged_or_mapped_back(site, make_backend):
    backend = make_backend(reply("302 Found", b"", {"Location": "https://elsewhere.test/x"}))
    one = site.serve(backend).observe(backend, request_bytes())
    assert one.response.fields.one("Location") == "https://elsewhere.test/x"
