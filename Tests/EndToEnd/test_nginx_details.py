"""Small directives of nginx's that mean here what they mean there: side by side."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import subprocess
import time
from urllib.parse import unquote

import pytest

from harness.backend import RecordingBackend, reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.secure import SecureConnection, client_context
from harness.twins import Twins

HTTP = """
upstream five {
  ip_hash;
  server {backend0}; server {backend1} weight=3; server {backend2} down;
  server {backend3} weight=2; server {backend4};
}
upstream one { server {backend0}; }
"""

SERVER = """
location /hash/ {
  set_real_ip_from 127.0.0.1; real_ip_header X-Client; proxy_pass http://five;
}
location /client/ {
  set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; real_ip_recursive on;
  set_real_ip_from 10.0.0.0/8; add_header X-Seen "$remote_addr $realip_remote_addr";
  alias {root}/;
}
location /client/inner/ { real_ip_header X-Other; add_header X-Seen "$remote_addr";
  set_real_ip_from 127.0.0.1; alias {root}/; }
location /method/ { proxy_pass http://one; proxy_method GET; }
location /method2/ { proxy_pass http://one/uri/; proxy_method $http_x_method; }
location /nobody/ { proxy_pass http://one; proxy_pass_request_body off;
  proxy_set_header Content-Length ""; }
location /nofields/ { proxy_pass http://one; proxy_pass_request_headers off;
  proxy_set_header X-Set "$http_x_given"; proxy_set_header Host $host; }
location /fields/ { proxy_pass http://one; proxy_set_header X-Value "$http_x_under|$http_x_dash"; }
location = /status { stub_status; }
location = /status2 { stub_status on; allow 127.0.0.1; deny all; }
"""


class Backends:
    def __init__(self):
        # In the order in which they came, whatever their connection.
        self.seen = []
        self.all = [RecordingBackend(self.script(number)) for number in range(5)]

    def script(self, number):
        def answer(request):
            self.seen.append(request)
            return reply(fields={"X-Backend": str(number)})

        return answer

    @property
    def last(self):
        return self.seen[-1]


@pytest.fixture(scope="module")
def pair():
    backends = Backends()
    twins = Twins(HTTP, SERVER)
    (twins.root / "a.txt").write_text("content")
    names = {f"backend{number}": one.address for number, one in enumerate(backends.all)}
    try:
        yield twins.start(**names), backends
    finally:
        twins.stop()
        for one in backends.all:
            one.stop()


def test_ip_hash_chooses_as_nginx_does(pair):
    twins, _ = pair
    clients = [f"10.{a}.{b}.7" for a in range(0, 250, 25) for b in range(0, 250, 60)]
    clients += ["10.0.0.7", "10.0.0.8", "10.0.1.7", "2001:db8::1", "2001:db8::2", "fe80::a:b"]
    seen = set()
    for client in clients:
        data = request_bytes(target="/hash/", fields=[("X-Client", client)], host="files.test")
        theirs, ours = (answer.fields.one("X-Backend") for answer in twins.answers(data))
        assert ours == theirs, client
        seen.add(ours)
    assert seen == {"0", "1", "3", "4"}


@pytest.mark.parametrize("place", ["/client/", "/client/inner/"])
@pytest.mark.parametrize("fields", [
    [], [("X-Forwarded-For", "192.0.2.1")], [("X-Forwarded-For", "192.0.2.1, 10.1.1.1")],
    [("X-Forwarded-For", "nonsense")], [("X-Other", "192.0.2.9")],
    [("X-Forwarded-For", "2001:db8::9"), ("X-Other", "192.0.2.9")],
])  # fmt: skip
def test_the_client_is_found_in_a_location_as_in_nginx(pair, place, fields):
    twins, _ = pair
    data = request_bytes(target=place + "a.txt", fields=fields, host="files.test")
    theirs, ours = (answer.fields.one("X-Seen") for answer in twins.answers(data))
    assert ours == theirs


def sent(pair, *arguments, **options):
    """What the backend saw, of nginx and of Waybill, without what each adds itself."""
    twins, backends = pair
    own = {"connection", "x-request-id", "x-forwarded-for", "x-forwarded-proto", "host",
           "x-forwarded-host", "content-length"}  # fmt: skip
    found = []
    for name in ["nginx", "waybill"]:
        data = request_bytes(*arguments, host="files.test", **options)
        assert twins.ask(name, data).status == 200
        seen = backends.last
        fields = [(key, value) for key, value in seen.fields if key.lower() not in own]
        found.append((seen.method, seen.target, sorted(fields), seen.body))
    return found


@pytest.mark.parametrize("arguments, options", [
    (("GET", "/method/x?y"), {}), (("DELETE", "/method/x"), {}),
    (("PUT", "/method2/x", [("X-Method", "PATCH")]), {}),
    (("GET", "/nobody/x"), {}), (("POST", "/nobody/x"), {"body": b"content"}),
    (("POST", "/nobody/x"), {"body": b"c" * 300_000}),
    (("GET", "/nofields/x", [("X-Given", "v"), ("Cookie", "a=b"), ("Accept", "*/*")]), {}),
    (("GET", "/fields/x", [("X_Under", "1"), ("X-Dash", "2"), ("X.Dot", "3"), ("X!", "4")]), {}),
    (("GET", "/fields/x", [("X-Under", "1"), ("X_Under", "2"), ("X_Dash", "3")]), {}),
])  # fmt: skip
def test_backends_are_sent_what_nginx_sends(pair, arguments, options):
    theirs, ours = sent(pair, *arguments, **options)
    assert ours == theirs


def test_a_method_of_the_conf_file_with_content(pair):
    """nginx sends the content, too."""
    theirs, ours = sent(pair, "POST", "/method/x", body=b"content")
    assert ours == theirs


def test_chunked_content_that_is_not_passed_on(pair):
    twins, backends = pair
    data = request_bytes("POST", "/nobody/", [("Transfer-Encoding", "chunked")], host="files.test")
    assert twins.ask("waybill", data + b"5\r\nhello\r\n0\r\n\r\n").status == 200
    assert backends.last.body == b"" and not backends.last.fields.all("Transfer-Encoding")


def test_stub_status(pair):
    twins, _ = pair
    shape = r"Active connections: \d+ \nserver accepts handled requests\n \d+ \d+ \d+ \n" \
        r"Reading: \d+ Writing: \d+ Waiting: \d+ \n"  # fmt: skip
    for target in ["/status", "/status2"]:
        data = request_bytes(target=target, host="files.test")
        theirs, ours = twins.answers(data)
        for answer in (theirs, ours):
            assert answer.status == 200 and answer.fields.one("Content-Type") == "text/plain"
            assert re.fullmatch(shape, answer.body.decode())
    before = [int(word) for word in re.findall(r"\d+", ours.body.decode())]
    for _ in range(5):
        twins.ask("waybill", request_bytes(target="/client/a.txt", host="files.test"))
    data = request_bytes(target="/status", host="files.test")
    after = [int(word) for word in re.findall(r"\d+", twins.ask("waybill", data).body.decode())]
    assert after[3] - before[3] >= 6 and after[1] - before[1] >= 6
    assert twins.ask("waybill", request_bytes("POST", "/status", host="files.test")).status == 405


@pytest.mark.parametrize("conf, names", [
    ("", ["X-Plain"]), ("underscores_in_headers on;", ["X-Plain", "X_Under"]),
    ("ignore_invalid_headers off;", ["X-Plain", "X_Under", "X.Dot", "X!"]),
])  # fmt: skip
def test_which_fields_count(site, make_backend, conf, names):
    backend = make_backend(reply())
    proxy = site.serve(backend, server=conf)
    fields = [(name, "v") for name in ["X-Plain", "X_Under", "X.Dot", "X!"]]
    fields += [("X_Request_ID", "a"), ("X_Forwarded_For", "b"), ("Content_Length", "c")]
    assert proxy.get(fields=fields).status == 200
    seen = [key for key, _ in backend.requests[-1].fields if key[:2] in ("X-", "X_", "X.", "X!")]
    assert [name for name in seen if name in dict(fields)] == names


def test_the_clients_certificate_for_a_backend(site, make_backend, authority):
    backend = make_backend(reply())
    pair, client = authority.issue("localhost"), authority.issue("client", client=True)
    port = free_port()
    proxy = site.start(
        f"server {{ listen 127.0.0.1:{port} ssl; {pair.conf}"
        f" ssl_verify_client optional; ssl_client_certificate {authority.file};"
        f" location / {{ proxy_pass http://{backend.address};"
        " proxy_set_header X-Cert $ssl_client_escaped_cert;"
        " proxy_set_header X-Serial $ssl_client_serial;"
        " proxy_set_header X-Print $ssl_client_fingerprint;"
        " proxy_set_header X-Raw $ssl_client_raw_cert; } }"
    )
    for shown, wanted in [(client, client.certificate.read_text()), (None, None)]:
        context = client_context(authority.file, certificate=shown)
        with SecureConnection(proxy.port, context) as connection:
            for _ in range(2):
                assert connection.exchange(request_bytes()).status == 200
        seen = backend.requests[-1].fields
        assert (unquote(seen.get("X-Cert")) if wanted else seen.get("X-Cert")) == wanted
        if wanted:
            assert seen.one("X-Raw").split() == wanted.split()
            der = ssl.PEM_cert_to_DER_cert(wanted)
            assert seen.one("X-Print") == hashlib.sha1(der).hexdigest()
            shown_by = ["openssl", "x509", "-noout", "-serial", "-in", client.certificate]
            serial = subprocess.run(shown_by, capture_output=True, text=True, check=True).stdout
            assert seen.one("X-Serial") == serial.split("=")[1].strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_logs_in_a_folder_that_only_root_can_reach(site, tmp_path, make_backend):
    backend = make_backend(reply())
    hidden = tmp_path / "hidden"
    (hidden / "log").mkdir(parents=True)
    tmp_path.chmod(0o755)
    (hidden / "log").chmod(0o777)
    hidden.chmod(0o700)
    port = free_port()
    conf = (
        f"user nobody nogroup; worker_threads 2; shutdown_timeout 2s;\n"
        f"error_log {hidden}/log/error.log info; access_log {hidden}/log/access.log json;\n"
        f"server {{ listen 127.0.0.1:{port};"
        f" location / {{ proxy_pass http://{backend.address}; }} }}"
    )
    with site.running(conf) as proxy:
        proxy.access_log = hidden / "log/access.log"
        assert proxy.get().status == 200
        proxy.wait_lines(1)
        os.rename(proxy.access_log, hidden / "log/old.log")
        proxy.signal(10)
        wait_for(proxy.access_log.exists, "the new log")
        time.sleep(0.1)
        assert proxy.get().status == 200
        proxy.wait_lines(1)
