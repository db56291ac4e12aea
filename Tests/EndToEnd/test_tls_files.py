"""What of TLS lies in files besides certificates: OCSP responses, passwords, and unix sockets."""

from __future__ import annotations

import signal
import subprocess

import pytest

from harness.authority import Authority, Pair
from harness.client import request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import Proxy, command
from harness.secure import BackendTLS, SecureConnection, client_context


def status(proxy: Proxy, authority: Authority, *options: str) -> str:
    """What openssl says of the OCSP response that it was given."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-servername", "localhost",
         "-CAfile", authority.file, "-status", *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert "Verify return code: 0 (ok)" in done.stdout, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_response_is_stapled(site, backend, authority, pair, version):
    stapling = f"ssl_stapling_file {authority.vouch(pair)};"
    proxy = site.serve(backend, listen="ssl", top=pair.conf + stapling)
    said = status(proxy, authority, version)
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said


def test_without_a_file_nothing_is_stapled(site, backend, authority, pair):
    proxy = site.serve(backend, listen="ssl", top=pair.conf)
    assert "OCSP response: no response sent" in status(proxy, authority)


def test_each_server_staples_its_own(site, authority):
    port = free_port()
    names = {"localhost": "Cert Status: good", "other.example": "no response sent"}
    pairs = {name: authority.issue(name) for name in names}
    servers = "".join(
        f"server {{ listen 127.0.0.1:{port} ssl; server_name {name}; {pairs[name].conf} STAPLE"
        f" location / {{ return 200; }} }}\n".replace(
            "STAPLE",
            f"ssl_stapling_file {authority.vouch(pairs[name])};" if name == "localhost" else "",
        )
        for name in reversed(names)
    )
    proxy = site.start(servers)
    for name, said in names.items():
        assert said in status(proxy, authority, "-servername", name)


def test_a_renewed_response_is_stapled(site, backend, authority, pair):
    stapling = f"ssl_stapling_file {authority.vouch(pair)};"
    proxy = site.serve(backend, listen="ssl", top=pair.conf + stapling)
    assert "Cert Status: good" in status(proxy, authority)
    authority.vouch(pair, is_good=False)
    proxy.signal(signal.SIGHUP)
    wait_for(lambda: "Cert Status: revoked" in status(proxy, authority), "the new response")


def test_a_file_that_holds_no_response_is_refused(tmp_path, pair):
    rubbish = tmp_path / "rubbish.ocsp"
    rubbish.write_bytes(b"not a response")
    conf = tmp_path / "proxy.conf"
    conf.write_text(
        f"server {{ listen 127.0.0.1:{free_port()} ssl; {pair.conf}\n"
        f"  ssl_stapling_file {rubbish};\n  location / {{ return 200; }} }}\n"
    )
    done = command("-t", "-c", conf)
    assert done.returncode == 2
    assert "proxy.conf:2:21" in done.stderr and "OCSP response" in done.stderr


def test_an_encrypted_key_is_opened_by_one_of_the_passwords(site, backend, authority, tmp_path):
    pair = authority.issue("localhost", password=b"second")
    passwords = tmp_path / "passwords"
    passwords.write_text("first\nsecond\n")
    proxy = site.serve(backend, listen="ssl", top=f"{pair.conf} ssl_password_file {passwords};")
    with SecureConnection(proxy.port, client_context(authority.file)) as connection:
        assert connection.exchange(request_bytes()).status == 200


def test_a_wrong_password_is_said(authority, tmp_path):
    pair = authority.issue("localhost", password=b"second")
    passwords = tmp_path / "passwords"
    passwords.write_text("first\n")
    conf = tmp_path / "proxy.conf"
    conf.write_text(
        f"server {{ listen 127.0.0.1:{free_port()} ssl; {pair.conf} ssl_password_file {passwords};"
        " location / { return 200; } }\n"
    )
    done = command("-t", "-c", conf)
    assert done.returncode == 2 and "none of the passwords is correct" in done.stderr
    assert "first" not in done.stderr and "second" not in done.stderr


def test_an_encrypted_key_for_backends(site, make_backend, authority, pair, tmp_path):
    shown = authority.issue("proxy", client=True, password=b"secret")
    passwords = tmp_path / "passwords"
    passwords.write_text("secret\n")
    backend = make_backend(wrap=BackendTLS(pair, authority.file))
    location = (
        f"proxy_ssl_trusted_certificate {authority.file}; proxy_ssl_password_file {passwords};"
        f"proxy_ssl_certificate {shown.certificate}; proxy_ssl_certificate_key {shown.key};"
    )
    assert site.serve(backend, scheme="https", location=location).get().status == 200


def test_a_listener_on_a_unix_socket(site, backend, authority, pair, tmp_path):
    path = tmp_path / "tls.sock"
    proxy = site.start(
        f"server {{ listen unix:{path} ssl; {pair.conf}"
        f" location / {{ proxy_pass http://{backend.address}; }} }}\n"
    )
    context = client_context(authority.file)
    with SecureConnection(0, context, unix=str(path)) as connection:
        response = connection.exchange(request_bytes())
        assert response.status == 200
    line = proxy.log_line(response.request_id)
    assert line["scheme"] == "https" and line["tls_version"] == "TLSv1.3"


@pytest.mark.parametrize("names", [["localhost"], ["app.example"]])
def test_a_backend_on_a_unix_socket(site, make_backend, authority, tmp_path, names):
    path = tmp_path / "backend.sock"
    tls = BackendTLS(authority.issue(*names))
    backend = make_backend(unix=str(path), wrap=tls)
    name = "" if names == ["localhost"] else "proxy_ssl_name app.example;"
    proxy = site.serve(
        backend, scheme="https",
        location=f"proxy_ssl_trusted_certificate {authority.file}; {name}",
    )  # fmt: skip
    for _ in range(3):
        assert proxy.get().status == 200
    assert len(backend.connections) == 1
