"""Who may use a location: nginx and Waybill side by side."""

from __future__ import annotations

import base64
import concurrent.futures
import os
import subprocess
import time

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.http2 import Client
from harness.polling import wait_for
from harness.twins import Twins

HTTP = "set_real_ip_from 127.0.0.1; real_ip_header X-Client;"

SERVER = """
error_page 418 /teapot;
location /all/ { alias {root}/; allow all; }
location /none/ { alias {root}/; deny all; }
location /some/ { alias {root}/; allow 10.0.0.0/8; allow 2001:db8::/32; deny 10.1.0.0/16;
  allow 192.0.2.7; deny all; }
location /order/ { alias {root}/; deny 10.1.0.0/16; allow 10.0.0.0/8; deny all; }
location /open/ { alias {root}/; deny 10.1.2.3; }
location /unix/ { alias {root}/; allow unix:; deny all; }
location /inherit/ { deny all; location /inherit/own/ { alias {root}/; allow all; }
  location /inherit/not/ { alias {root}/; } }
location /return/ { deny all; return 200 "answered"; }
location /page/ { alias {root}/; deny all; error_page 403 /denied; }
location = /denied { return 200 "the page"; }
location /named/ { alias {root}/; deny all; error_page 403 @named; }
location @named { return 402 "named"; }
location /except/ { alias {root}/; limit_except GET { deny all; } }
location /except2/ { proxy_pass http://{backend}; limit_except POST PUT { allow 10.0.0.0/8;
  deny all; } }
location /except3/ { proxy_pass http://{backend}; deny 10.1.0.0/16;
  limit_except GET { allow 10.1.2.3; deny all; } }
location /try/ { root {root}; deny all; try_files $uri /all/a.html; }
location /password/ { alias {root}/; auth_basic "the realm"; auth_basic_user_file {root}/users; }
location /password/off/ { alias {root}/; auth_basic off; }
location /nofile/ { alias {root}/; auth_basic "x"; auth_basic_user_file {root}/missing; }
location /variable/ { alias {root}/; auth_basic $arg_realm; auth_basic_user_file {root}/$arg_file; }
location /any/ { alias {root}/; satisfy any; allow 10.0.0.0/8; deny all;
  auth_basic "any"; auth_basic_user_file {root}/users; }
location /anyopen/ { alias {root}/; satisfy any; deny 10.0.0.0/8;
  auth_basic "any"; auth_basic_user_file {root}/users; }
location /both/ { alias {root}/; satisfy all; allow 10.0.0.0/8; deny all;
  auth_basic "all"; auth_basic_user_file {root}/users; }
location /exceptpw/ { alias {root}/; limit_except GET { auth_basic "put";
  auth_basic_user_file {root}/users; } }
location /exceptlast/ { limit_except GET { deny all; } rewrite ^ /open/a.html last; }
location /exceptreturn/ { limit_except GET { deny all; } return 200 "answered"; }
location /excepttry/ { alias {root}/; limit_except GET { } try_files $uri @named; }
location /exceptpass/ { limit_except GET { } try_files /none @named; proxy_pass http://{backend}; }
location /exceptset/ { limit_except GET { deny all; } if ($arg_x) { return 200 "yes"; }
  proxy_pass http://{backend}; }
location /internal/ { internal; alias {root}/; location ~ [.]html$ { alias {root}/a.html; }
  location /internal/own/ { alias {root}/; } location = /internal/exact { return 200 "secret"; }
  location /internal/proxy/ { proxy_pass http://{backend}; } }
location /login/ { alias {root}/; auth_basic "page"; auth_basic_user_file {root}/users;
  error_page 401 /login.html; }
location = /login.html { return 200 "log in"; }
"""

CLIENTS = ["10.0.0.1", "10.1.2.3", "10.1.255.255", "192.0.2.7", "192.0.2.8", "2001:db8::1",
           "2001:db9::1", "::ffff:10.0.0.1", "127.0.0.1"]  # fmt: skip


def made(*arguments: str) -> str:
    return subprocess.run(
        ["openssl", "passwd", *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def users() -> dict[str, str]:
    return {
        "apr": made("-apr1", "secret"), "md5": made("-1", "secret"),
        "sha256": made("-5", "secret"), "sha512": made("-6", "secret"),
        "sha": "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "plain": "{PLAIN}secret",
        "ssha": "{SSHA}UgCJjM+VJJYduihDuk0aPpDtY9RzYWx0eQ==",
        "bcrypt": "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "yescrypt": "$y$j75$saltsaltsalt$jyf/lxrpdyAIshWRo1x5DRC6KIE7sNRRtjcomR3PgHA",
        "bare": "secret", "empty": "", "sharp": "{PLAIN}#x",
    }  # fmt: skip


@pytest.fixture(scope="module")
def pair():
    backend = RecordingBackend(reply())
    twins = Twins(HTTP, SERVER, workers=2)
    (twins.root / "a.html").write_text("a page")
    lines = ["# comment:{PLAIN}secret", ""]
    lines += [f"{user}:{stored}:a comment" for user, stored in users().items()]
    lines += ["apr:{PLAIN}second", "no colon", "last:{PLAIN}secret"]
    (twins.root / "users").write_text("\n".join(lines))
    (twins.root / "folder").mkdir()
    try:
        yield twins.start(backend=backend.address)
    finally:
        twins.stop()
        backend.stop()


def ask(pair, target, client="10.0.0.1", method="GET", fields=(), body=b""):
    """Status and what tells of passwords, from both."""
    data = request_bytes(
        method, target, [("X-Client", client), *fields], body=body, host="files.test"
    )
    facts = []
    for answer in pair.answers(data):
        is_ok = answer.status < 300
        challenge = answer.fields.all("WWW-Authenticate")
        facts.append((answer.status, challenge, answer.body if is_ok else b""))
    return facts


def check(pair, *arguments, **options):
    theirs, ours = ask(pair, *arguments, **options)
    assert ours == theirs, (arguments, options)
    return ours


@pytest.mark.parametrize("place", [
    "/all/", "/none/", "/some/", "/order/", "/open/", "/unix/", "/inherit/own/", "/inherit/not/",
    "/return/", "/page/", "/named/", "/try/", "/inherit/",
])  # fmt: skip
def test_rules_are_those_of_nginx(pair, place):
    for client in CLIENTS:
        check(pair, place + "a.html", client)
        check(pair, place + "missing", client)


@pytest.mark.parametrize("place", ["/internal/", "/internal/own/", "/internal/proxy/"])
def test_what_is_internal_stays_so_in_locations_within(pair, place):
    for name in ["a.html", "a.txt", "", "x?a=b"]:
        assert check(pair, place + name)[0] == 404
    assert check(pair, "/internal/exact")[0] == 404


@pytest.mark.parametrize("place", [
    "/except/", "/except2/", "/except3/", "/exceptpw/", "/exceptlast/", "/exceptreturn/",
    "/exceptset/", "/excepttry/", "/exceptpass/",
])  # fmt: skip
def test_methods_are_told_apart_as_in_nginx(pair, place):
    for client in ["10.0.0.1", "10.1.2.3", "192.0.2.1"]:
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"]:
            check(pair, place + "a.html", client, method)


def credentials(text: str, scheme: str = "Basic") -> list[tuple[str, str]]:
    return [("Authorization", f"{scheme} {base64.b64encode(text.encode()).decode()}")]


@pytest.mark.parametrize("user", [*users(), "last", "unknown", "#comment", "# comment", "no colon"])
def test_passwords_are_those_of_nginx(pair, user):
    rights = 0
    for password in ["secret", "Secret", "secret ", "", "second", "x", "s:x", "#x"]:
        fields = credentials(f"{user}:{password}")
        rights += check(pair, "/password/a.html", fields=fields)[0] == 200
    nobody = ("bare", "empty", "unknown", "#comment", "# comment", "no colon")
    assert rights == (0 if user in nobody else 1)


@pytest.mark.parametrize("value", [
    "Basic", "Basic ", "basic " + base64.b64encode(b"plain:secret").decode(),
    "BASIC   " + base64.b64encode(b"plain:secret").decode(), "Digest x", "Basic !!!!",
    "Basic " + base64.b64encode(b"plain").decode(),
    "Basic " + base64.b64encode(b":secret").decode(),
    "Basic " + base64.b64encode(b"plain:secret").decode().rstrip("="), "Basic cGxhaW46c2VjcmV0x",
    "Basic cGxhaW46c2VjcmV0 x", "Basic", "Bearer abc", "Basic " + "QQ" * 3000,
])  # fmt: skip
def test_credentials_are_read_as_in_nginx(pair, value):
    check(pair, "/password/a.html", fields=[("Authorization", value)])


def test_a_request_without_credentials_is_asked(pair):
    found = check(pair, "/password/a.html")
    assert found[:2] == (401, ['Basic realm="the realm"'])
    check(pair, "/password/off/a.html")
    check(pair, "/nofile/a.html")
    check(pair, "/nofile/a.html", fields=credentials("plain:secret"))
    check(pair, "/login/a.html")
    check(pair, "/password/")
    check(pair, "/password/", fields=credentials("plain:secret"))
    check(pair, "/password/a.html", method="POST", body=b"x" * 1000)
    check(pair, "/password/a.html", method="HEAD")


@pytest.mark.parametrize("query", [
    "realm=off&file=users", "realm=x&file=users", "realm=&file=users", "realm=x&file=none",
    "realm=x&file=folder",
])  # fmt: skip
def test_realm_and_file_may_be_variables(pair, query):
    check(pair, "/variable/a.html?" + query)
    theirs, ours = ask(pair, "/variable/a.html?" + query, fields=credentials("plain:secret"))
    assert ours == theirs


@pytest.mark.parametrize("place", ["/any/", "/anyopen/", "/both/"])
def test_satisfy_is_that_of_nginx(pair, place):
    for client in CLIENTS:
        for fields in [[], credentials("plain:secret"), credentials("plain:wrong")]:
            check(pair, place + "a.html", client, fields=fields)


def test_a_refusal_has_its_id_and_a_line(site, make_backend):
    backend = make_backend(reply())
    proxy = site.serve(backend, location="deny all;")
    answer = proxy.get(fields=[("X-Request-ID", "denied-1")])
    assert answer.status == 403 and answer.fields.one("X-Request-ID") == "denied-1"
    line = proxy.log_line("denied-1")
    assert line["status"] == 403 and line["error"] == "http_request_denied"
    assert "access is forbidden" in proxy.error_lines("denied-1")[0]
    assert not backend.requests


def test_a_changed_file_counts_at_once(site, make_backend, tmp_path):
    file = tmp_path / "users"
    file.write_text("one:{PLAIN}first\n")
    backend = make_backend(reply())
    proxy = site.serve(
        backend, location=f'auth_basic "x"; auth_basic_user_file {file};', workers=2
    )
    for number in range(20):
        file.write_text(f"one:{{PLAIN}}number{number}\n")
        assert proxy.get(fields=credentials(f"one:number{number}")).status == 200
        assert proxy.get(fields=credentials(f"one:number{number - 1}")).status == 401


def test_nobody_waits_for_another_ones_hash(site, make_backend, tmp_path):
    """A hash that takes long is made beside the worker, and once."""
    made = subprocess.run(
        ["python3", "-c", "import ctypes; c = ctypes.CDLL('libcrypt.so.1');"
         "c.crypt.restype = ctypes.c_char_p;"
         "print(c.crypt(b'secret', b'$2y$12$abcdefghijklmnopqrstuu').decode())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    file = tmp_path / "users"
    file.write_text(f"slow:{made}\nquick:{{PLAIN}}secret\n")
    backend = make_backend(reply())
    proxy = site.serve(backend, location=f'auth_basic "x"; auth_basic_user_file {file};')
    start = time.monotonic()
    assert proxy.get(fields=credentials("slow:secret")).status == 200
    slow = time.monotonic() - start
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [
            pool.submit(proxy.get, fields=credentials(f"slow:wrong{number}"))
            for number in range(4)
        ]
        wait_for(lambda: any(one.running() for one in waiting), "the hashes to begin")
        times = []
        for user in ["quick", "slow"] * 10:
            start = time.monotonic()
            answer = proxy.get(fields=credentials(f"{user}:secret"))
            times.append(time.monotonic() - start)
            # What has no hash to make goes by; who is known as well.
            assert answer.status == 200 or user == "quick"
        assert [one.result().status for one in waiting] == [401] * 4
    assert sorted(times)[len(times) // 2] < slow / 3, (slow, times)
    start = time.monotonic()
    assert proxy.get(fields=credentials("slow:wrong1")).status == 401
    assert time.monotonic() - start < slow / 3


@pytest.mark.parametrize("way", ["reset", "end", "stream"])
def test_clients_leave_while_their_passwords_are_looked_up(site, make_backend, tmp_path, way):
    """The answer comes for a request that is gone, or whose place another one has taken."""
    (tmp_path / "users").write_text("one:$6$rounds=20000$saltsalt$x\n")
    proxy = site.serve(
        make_backend(reply()), server="http2 on;", workers=2,
        location=f'auth_basic "x"; auth_basic_user_file {tmp_path}/users;',
    )  # fmt: skip
    for number in range(40):
        fields = [*credentials(f"one:{number}"), ("X-Request-ID", f"gone-{number}")]
        if way == "stream":
            with Client(proxy.port) as client:
                for _ in range(4):
                    low = [(name.lower(), value) for name, value in fields]
                    client.protocol.reset_stream(client.begin("/", low))
                client.flush()
                assert client.get("/", [("authorization", "Basic b25lOng=")]).status == 401
            continue
        connection = proxy.connect()
        connection.send(request_bytes(fields=fields))
        time.sleep(0.002 * (number % 5))
        if way == "reset":
            connection.reset()
        else:
            connection.close()
    assert proxy.get(fields=credentials("one:y")).status == 401


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("leaves", ["at once", "soon", "later"])
def test_pipelined_requests_with_passwords(site, make_backend, tmp_path, count, leaves):
    stored = made("-6", "right")
    (tmp_path / "users").write_text(f"one:{stored}\n")
    proxy = site.serve(
        make_backend(reply()), workers=2, server="error_page 401 /page;",
        location=f'auth_basic "x"; auth_basic_user_file {tmp_path}/users;',
    )  # fmt: skip
    for number in range(12):
        fields = credentials("one:right" if number % 2 else "one:wrong")
        with proxy.connect() as client:
            client.send(request_bytes(fields=fields) * count)
            time.sleep({"at once": 0, "soon": 0.004, "later": 0.1}[leaves])
    assert proxy.get(fields=credentials("one:right")).status == 200


def test_a_client_that_leaves_while_its_password_is_looked_up(site, make_backend, tmp_path):
    file = tmp_path / "users"
    os.mkfifo(tmp_path / "fifo")
    file.write_text("one:$6$rounds=200000$saltsalt$x\n")
    backend = make_backend(reply())
    proxy = site.serve(backend, location=f'auth_basic "x"; auth_basic_user_file {file};')
    with proxy.connect() as client:
        client.send(request_bytes(fields=[*credentials("one:x"), ("X-Request-ID", "gone-1")]))
    assert proxy.log_line("gone-1")["status"] in (401, 499)
    assert proxy.get(fields=credentials("one:y")).status == 401
    file.unlink()
    os.symlink(tmp_path / "fifo", file)
    assert proxy.get(fields=credentials("one:y")).status == 500
