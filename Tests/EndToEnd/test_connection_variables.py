"""Variables that are looked up in the connection, the handshake or the backend's response: nginx
and Waybill say the same."""

from __future__ import annotations

import re

import pytest

from harness.authority import Authority
from harness.backend import CLOSE, RecordingBackend, reply
from harness.client import request_bytes
from harness.messages import Truncated
from harness.polling import wait_for
from harness.ports import free_port
from harness.secure import SecureConnection, client_context
from harness.twins import Twins

SECURE = ["ssl_curve", "ssl_curves", "ssl_ciphers", "ssl_alpn_protocol", "ssl_client_s_dn_legacy",
          "ssl_client_i_dn_legacy", "ssl_client_v_start", "ssl_client_v_end",
          "ssl_client_v_remain"]  # fmt: skip
SHOWN = "|".join(f"${name}" for name in SECURE)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    folder.chmod(0o755)
    authority = Authority(folder)
    pair = authority.issue("localhost", "127.0.0.1")
    twins = Twins("", f"""{pair.conf} ssl_verify_client optional; ssl_protocols TLSv1.2 TLSv1.3;
      ssl_client_certificate {authority.file};
      location / {{ return 200 "{SHOWN}"; }}
      location /id {{ return 200 "$ssl_session_id"; }}""", listen="ssl")  # fmt: skip
    try:
        yield twins.start(), authority
    finally:
        twins.stop()


def ask(twins, name, target="/", **options):
    context = client_context(None, **options)
    with SecureConnection(twins.ports[name], context) as connection:
        return connection.exchange(request_bytes(target=target, host="files.test")).body.decode()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("protocols", [None, ["http/1.1"]])
@pytest.mark.parametrize("shows", [False, True])
def test_what_the_handshake_says(secure, version, protocols, shows):
    twins, authority = secure
    pair = authority.issue("client name", client=True) if shows else None
    options = {"version": version, "protocols": protocols, "certificate": pair}
    theirs, ours = (ask(twins, name, **options) for name in ["nginx", "waybill"])
    theirs, ours = theirs.split("|"), ours.split("|")
    # A day may end in between.
    days = ours.pop(), theirs.pop()
    assert ours == theirs and ours[2] != "" and (ours[-1] != "") == shows
    assert days == ("", "") if not shows else abs(int(days[0]) - int(days[1])) <= 1
    # With TLS 1.2 a session that has a ticket needs no identifier.
    identifiers = [ask(twins, name, "/id", version=version) for name in ["nginx", "waybill"]]
    assert all(re.fullmatch("([0-9a-f]{64})?", one) for one in identifiers)
    assert len(identifiers[0]) == len(identifiers[1])


def test_without_tls_there_is_none(site):
    proxy = site.servers(f'server {{ listen PORT; location / {{ return 200 "{SHOWN}"; }} }}')
    for _ in range(2):
        assert proxy.get("/").text == "|" * (len(SECURE) - 1)


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = HEAD + b"5\r\nhello\r\n1;x\r\n!\r\n0\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"
ANSWERS = {
    "/length": reply(body=b"x" * 1234), "/chunked": CHUNKED, "/endless": [ENDLESS, CLOSE],
    "/large": reply(body=b"x" * 1_000_000), "/none": reply("204 No Content", body=b""),
    "/cut": [CUT, CLOSE],
    "/failing": reply("503 Busy", body=b"not now"), "/kept": reply("404 No", body=b"gone"),
}  # fmt: skip
LENGTHS = """
  access_log {own}/lengths.log lengths;
  location / { proxy_pass http://{backend}; }
  location /second { proxy_pass http://two; }
  location /failing { proxy_next_upstream http_503 error; proxy_pass http://both; }
  location /kept { proxy_intercept_errors on; error_page 404 = @other;
    proxy_pass http://{backend}; }
  location /dead { error_page 502 = @other; proxy_pass http://127.0.0.1:{closed}; }
  location @other { proxy_pass http://other; }
  location /own { return 200 text; }
"""


@pytest.fixture(scope="module")
def lengths():
    backend = RecordingBackend(lambda r: ANSWERS.get(r.target, reply(body=b"seven b")))
    other = RecordingBackend(lambda r: reply(body=b"other"))
    twins = Twins("""log_format lengths '$request_method $uri "$upstream_response_length"';
      upstream two { server 127.0.0.1:{closed}; server {backend} backup; }
      upstream both { server {backend}; server {other} backup; }
      upstream other { server {other}; }""", LENGTHS)  # fmt: skip
    try:
        yield twins.start(backend=backend.address, other=other.address, closed=free_port())
    finally:
        twins.stop()
        backend.stop()
        other.stop()


def test_lengths_of_backends_contents(lengths):
    targets = [*ANSWERS, "/second", "/dead", "/own", "/plain"]
    asked = [("GET", target) for target in targets] + [("HEAD", "/length"), ("HEAD", "/kept")]
    for method, target in asked:
        data = request_bytes(method, target, [("Connection", "close")], host="files.test")
        if target == "/cut":
            for name in ["nginx", "waybill"]:
                with pytest.raises(Truncated):
                    lengths.ask(name, data)
        else:
            theirs, ours = lengths.answers(data)
            assert ours.status == theirs.status

    def lines(name):
        path = lengths.folder / name / "lengths.log"
        return path.read_text().splitlines() if path.exists() else []

    for name in ["nginx", "waybill"]:
        wait_for(lambda name=name: len(lines(name)) == len(asked), "the lines")
    assert lines("waybill") == lines("nginx")
    assert 'GET /chunked "23"' in lines("waybill") and 'GET /large "1000000"' in lines("waybill")


def test_connections_of_clients(site):
    text = "$connections_active $connections_reading $connections_writing $connections_waiting"
    proxy = site.servers(f'server {{ listen PORT; location / {{ return 200 "{text}"; }} }}')
    idle = [proxy.connect() for _ in range(3)]
    for connection in idle:
        connection.exchange(request_bytes())
    wait_for(lambda: proxy.get("/").text == "4 0 1 3", "the connections")
    for connection in idle:
        connection.close()
    wait_for(lambda: proxy.get("/").text == "1 0 1 0", "their end")
