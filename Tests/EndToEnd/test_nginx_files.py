"""One conf file, run by nginx and by Waybill: what clients, backends and logs see is the same."""

import re
import shutil
import socket
import subprocess

import pytest

from harness.client import RawConnection, request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

CONF = """
worker_processes 1;
pid {folder}/process.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; multi_accept on; }}
http {{
  sendfile on;
  include conf.d/*.conf;
  default_type application/octet-stream;
  access_log {folder}/access.log;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  proxy_redirect off; proxy_buffering off; proxy_request_buffering off;
  proxy_http_version 1.1;
  add_header X-Outer outer;
  server {{
    listen {port};
    server_name first.test second.test;
    location / {{ proxy_pass http://{backend}; }}
    location /own {{
      proxy_pass http://{backend};
      proxy_set_header Host $host;
      proxy_set_header X-Twice one;
      proxy_set_header X-Twice two;
      add_header X-Inner inner;
    }}
    location /moved {{ return 301 /there?a=1; }}
    location /far {{ return 302 https://far.test/x; }}
    location /named {{ server_name_in_redirect on; port_in_redirect off; return 301 /x; }}
    location /relative {{ absolute_redirect off; return 303 /x; }}
    location /slash/ {{ proxy_pass http://{backend}; }}
    location /text {{ return 200 'text'; }}
    location /quoted {{ return 200 'a;{{}} #b "c"'; }}
  }}
}}
"""

TYPES = "types { text/plain txt; application/json json; }\n"


def write(folder, port, backend):
    """The conf file, its folder and what it includes."""
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d/types.conf").write_text(TYPES)
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, backend=backend.address))
    return conf


@pytest.fixture
def both(tmp_path, backend, site):
    """The ports of nginx and of Waybill, each on the same conf file, and their folders."""
    tmp_path.chmod(0o755)
    ports = {"nginx": free_port(), "waybill": free_port()}
    for name, port in ports.items():
        write(tmp_path / name, f"127.0.0.1:{port}", backend)
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    folder = tmp_path / "nginx"
    process = subprocess.Popen(
        [nginx, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"],
        stderr=subprocess.DEVNULL,
    )
    wait_for((folder / "process.pid").exists, "nginx to start")
    conf = (tmp_path / "waybill/nginx.conf").read_text()
    try:
        with site.running_at(tmp_path / "waybill", "nginx.conf", conf):
            yield ports
    finally:
        process.terminate()
        process.wait(10)


def ask(port, target, host="second.test", method="GET"):
    data = request_bytes(method, target, host=host)
    with RawConnection(port) as connection:
        return connection.exchange(data, method)


@pytest.mark.parametrize("host", ["second.test", "second.test:81", "Other.Test"])
@pytest.mark.parametrize(
    "target", ["/moved", "/moved/x", "/far", "/named", "/relative", "/slash", "/slash?q=1"]
)
def test_redirects(both, target, host):
    answers = {name: ask(port, target, host) for name, port in both.items()}
    locations = {
        name: answers[name].fields.one("Location").replace(str(port), "PORT")
        for name, port in both.items()
    }
    assert locations["waybill"] == locations["nginx"]
    assert answers["waybill"].status == answers["nginx"].status


@pytest.mark.parametrize(
    "target",
    ["/text", "/text.txt", "/text/a.JSON", "/text/a.b/c", "/text/.json", "/text.unknown",
     "/text.", "/text.json?x=a.txt", "/quoted"],
)  # fmt: skip
def test_texts_and_their_types(both, target):
    answers = [ask(port, target) for port in both.values()]
    assert answers[0].fields.one("Content-Type") == answers[1].fields.one("Content-Type")
    assert answers[0].text == answers[1].text


@pytest.mark.parametrize("target", ["/", "/own/x"])
def test_what_the_backend_and_the_client_see(both, backend, target):
    seen = {}
    for name, port in both.items():
        answer = ask(port, target)
        request = backend.requests[-1]
        seen[name] = (
            request.fields.all("Host"), request.fields.all("X-Twice"),
            answer.fields.all("X-Outer"), answer.fields.all("X-Inner"),
        )  # fmt: skip
    assert seen["waybill"] == seen["nginx"]


def test_the_largest_content_is_one_megabyte(both):
    fields = {"Content-Length": str(1024 * 1024 + 1)}
    for port in both.values():
        with RawConnection(port) as connection:
            data = request_bytes("POST", "/", fields, host="second.test")
            assert connection.exchange(data, "POST").status == 413


def test_the_log_is_combined_byte_for_byte(both, tmp_path):
    for port in both.values():
        ask(port, '/text?"\\')
    lines = {}
    for name in both:
        log = tmp_path / name / "access.log"
        wait_for(lambda: log.exists() and log.read_text().endswith("\n"), f"{name}'s log")
        lines[name] = re.sub(r"\[[^]]*\]", "[time]", log.read_text())
    assert lines["waybill"] == lines["nginx"]


def test_dual_stack(site):
    port = free_port()
    proxy = site.start(f"server {{ listen [::]:{port} ipv6only=off; return 200 $remote_addr; }}")
    wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "listening")
    assert ask(port, "/").text == "127.0.0.1"
    assert proxy.alive()


def test_the_summary(tmp_path, backend):
    conf = write(tmp_path / "conf", f"127.0.0.1:{free_port()}", backend)
    short = command("-t", "-c", conf)
    assert short.returncode == 0, short.stderr
    assert "directives have no effect: fastcgi_temp_path," in short.stderr
    assert "defaults differ from nginx's (list them with waybill -t --nginx)" in short.stderr
    full = command("-t", "--nginx", "-c", conf)
    assert full.returncode == 0
    assert re.search(r"nginx\.conf:\d+: [a-z_]+ is not set: .*; to be explicit: ", full.stderr)
    assert "proxy_redirect is not set" not in full.stderr
