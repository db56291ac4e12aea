"""The README's site for Django, as it stands there, in front of gunicorn on a unix socket."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

from conftest import Site
from harness.applications import FOLDER
from harness.authority import Authority
from harness.client import RawConnection, request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import REPOSITORY
from harness.secure import SecureConnection, client_context

HOST = "mysite.example.com"


def conf_of_readme() -> str:
    section = (REPOSITORY / "README.md").read_text().split("## In front of Django")[1]
    return re.search(r"```nginx\n(.*?)```", section, re.DOTALL)[1]


class Gunicorn:
    def __init__(self, folder, socket):
        self.folder, self.socket = folder, socket
        self.start()

    def start(self):
        self.log = (self.folder / "gunicorn.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-w", "2", "--threads", "2", "-b",
             f"unix:{self.socket}", "django_app:application"],
            cwd=FOLDER, stdout=self.log, stderr=self.log,
            env=os.environ | {"MEDIA_PREFIX": "/protected/"},
        )  # fmt: skip
        wait_for(self.socket.exists, "gunicorn to start", 20)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def mysite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mysite")
    folder.chmod(0o755)
    for name in ["static/css", "media", "pages", "acme/.well-known/acme-challenge"]:
        (folder / name).mkdir(parents=True)
    (folder / "static/css/site.css").write_text("body { color: black; }\n")
    (folder / "static/css/site.css.gz").write_bytes(gzip.compress(b"body { color: black; }\n"))
    (folder / "media/report.txt").write_bytes(b"for members only\n")
    (folder / "pages/maintenance.html").write_text("<h1>Back soon</h1>")
    (folder / "acme/.well-known/acme-challenge/token").write_text("proof")
    authority = Authority(folder)
    pair = authority.issue(HOST)
    ports = (free_port(), free_port())
    text = conf_of_readme()
    for old, new in [
        ("listen 80;", f"listen 127.0.0.1:{ports[0]};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{ports[1]} ssl;"),
        ("/run/mysite/gunicorn.sock", folder / "gunicorn.sock"),
        ("/etc/ssl/mysite.crt", pair.certificate), ("/etc/ssl/mysite.key", pair.key),
        ("/srv/mysite/", f"{folder}/"), ("/var/www/acme", folder / "acme"),
    ]:  # fmt: skip
        assert old in text, old
        text = text.replace(old, str(new))
    gunicorn = Gunicorn(folder, folder / "gunicorn.sock")
    with ExitStack() as stack:
        stack.callback(gunicorn.stop)
        proxy = Site(folder, stack).start(text, workers=2)
        yield proxy, gunicorn, authority


def ask(mysite, method="GET", target="/", fields=(), body=b"", data=None):
    """A request over TLS; the answer has an ID, and there is a line with it."""
    proxy, _, authority = mysite
    data = data or request_bytes(method, target, list(fields), body=body, host=HOST)
    context = client_context(authority.file)
    with SecureConnection(proxy.ports[1], context, name=HOST) as connection:
        answer = connection.exchange(data, method)
    line = proxy.log_line(answer.fields.one("X-Request-ID"))
    assert line["status"] == answer.status
    return answer


def test_http_leads_to_https_but_for_acme(mysite):
    proxy = mysite[0]
    with RawConnection(proxy.ports[0]) as plain:
        answer = plain.exchange(request_bytes(target="/a/b?c=d", host=HOST))
        assert answer.status == 301
        assert answer.fields.one("Location") == f"https://{HOST}/a/b?c=d"
        challenge = "/.well-known/acme-challenge/token"
        assert plain.exchange(request_bytes(target=challenge, host=HOST)).body == b"proof"


def test_the_application_sees_what_it_needs(mysite):
    answer = ask(mysite, target="/page?x=1", fields=[("X-Request-ID", "from-client-1")])
    seen = json.loads(answer.body)
    assert seen["request_id"] == "from-client-1" == answer.fields.one("X-Request-ID")
    assert seen["host"] == HOST and seen["secure"] is True
    assert seen["forwarded_for"] == "127.0.0.1" and seen["query"] == {"x": "1"}


def test_static_files(mysite):
    answer = ask(mysite, target="/static/css/site.css")
    assert answer.body == b"body { color: black; }\n"
    assert answer.fields.all("Cache-Control") == ["max-age=2592000", "public"]
    assert answer.fields.one("Content-Type").startswith("text/css")
    packed = ask(mysite, target="/static/css/site.css", fields=[("Accept-Encoding", "gzip")])
    assert packed.fields.one("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == answer.body
    known = [("If-None-Match", answer.fields.one("ETag"))]
    assert ask(mysite, target="/static/css/site.css", fields=known).status == 304
    assert ask(mysite, target="/static/../gunicorn.sock").status == 404


def test_protected_files(mysite):
    answer = ask(mysite, target="/media/report.txt")
    assert answer.body == b"for members only\n"
    assert answer.fields.one("Content-Disposition") == "attachment"
    assert "X-Accel-Redirect" not in answer.fields
    assert ask(mysite, target="/protected/report.txt").status == 404


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 3_000_000])
def test_uploads_arrive_whole(mysite, size):
    content = random.Random(size).randbytes(size)
    wanted = hashlib.sha256(content).hexdigest()
    answer = ask(mysite, "POST", "/checksum", body=content)
    assert json.loads(answer.body) == {"sha256": wanted, "size": size}
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(content[at : at + 9999]), content[at : at + 9999])
        for at in range(0, size, 9999)
    )
    head = request_bytes("POST", "/checksum", [("Transfer-Encoding", "chunked")], host=HOST)
    answer = ask(mysite, "POST", data=head + chunks + b"0\r\n\r\n")
    assert json.loads(answer.body) == {"sha256": wanted, "size": size}
    assert ask(mysite, "POST", "/checksum", fields=[("Content-Length", "30000000")]).status == 413


def test_access_and_limits(mysite):
    assert ask(mysite, target="/admin/").status == 403
    statuses = [ask(mysite, target="/login/").status for _ in range(6)]
    assert statuses[:4] == [302] * 4 and 429 in statuses


def test_the_page_while_gunicorn_is_away(mysite):
    _, gunicorn, _ = mysite
    gunicorn.stop()
    try:
        answer = ask(mysite, target="/page")
        assert answer.status == 502 and answer.body == b"<h1>Back soon</h1>"
        assert ask(mysite, target="/static/css/site.css").status == 200
        assert ask(mysite, target="/maintenance.html").status == 404
    finally:
        gunicorn.start()
    wait_for(lambda: ask(mysite, target="/page").status == 200, "gunicorn to be asked again", 15)
