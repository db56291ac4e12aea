"""`waybill explain` says what the proxy then really does."""

import json

import pytest

from harness.client import request_bytes
from harness.proxy import command


def explained(proxy, request, *arguments):
    """The facts, each as its lines."""
    result = command("explain", "--json", "-c", proxy.conf, request, *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


SHOP = """
upstream app { server ADDRESS; server 127.0.0.1:2 backup; }
server {
  listen PORT;
  server_name shop.example;
  set_real_ip_from 10.0.0.0/8;
  real_ip_header X-Forwarded-For;
  add_header X-Shop yes always;
  location /api/ {
    proxy_pass http://app/v2/;
    proxy_set_header X-Client $remote_addr;
    proxy_hide_header X-Powered-By;
    proxy_read_timeout 1500ms;
    request_id_trust 10.0.0.0/8;
  }
  location = /gone { return 410 "gone"; }
}
"""


@pytest.fixture
def shop(site, backend):
    proxy = site.servers(SHOP.replace("ADDRESS", backend.address))
    proxy.backend = backend
    return proxy


def test_the_head_is_the_one_that_the_backend_gets(shop):
    fields = [("Host", "shop.example"), ("X-Request-ID", "my-id"), ("Connection", "X-Drop"),
              ("X-Drop", "1"), ("X-Forwarded-For", "203.0.113.9")]  # fmt: skip
    arguments = [word for pair in fields for word in ("-H", ": ".join(pair))]
    facts = explained(shop, "GET /api/../api/x?y=1", *arguments)
    data = request_bytes("GET", "/api/../api/x?y=1", fields)
    with shop.connect() as connection:
        response = connection.exchange(data)
    seen = shop.backend.saw(response.request_id)
    sent = [line.replace("00000000-0000-4000-8000-000000000000", response.request_id)
            for line in facts["sent"]]  # fmt: skip
    assert sent == seen.raw_head.decode("latin-1").strip().split("\r\n")
    assert facts["request ID"] == [
        "a new one (uuid4): request_id_trust trusts 10.0.0.0/8, but not this peer"
    ]
    assert facts["tried in this order"] == [shop.backend.address, "127.0.0.1:2"]
    assert "X-Shop: yes" in facts["answered, to a bare 200"]
    assert facts["hidden"] == ["x-powered-by"]
    assert "proxy_read_timeout 1500ms" in facts["limits"]
    assert facts["location"] == [f"location /api/ ({shop.conf}:15), proxy_pass to app"]


def test_a_trusted_peer_decides_who_the_client_is(shop):
    facts = explained(
        shop, "/api/", "--from", "10.1.2.3", "-H", "X-Forwarded-For: 203.0.113.9",
        "-H", "X-Request-ID: my-id",
    )  # fmt: skip
    assert facts["client"] == [
        "203.0.113.9, from x-forwarded-for: set_real_ip_from trusts 10.1.2.3"
    ]
    assert facts["request ID"][0].startswith("my-id, the client's: ")
    assert "X-Request-ID: my-id" in facts["sent"]
    assert "X-Client: 203.0.113.9" in facts["sent"]


def test_answers_of_its_own(shop):
    facts = explained(shop, "GET /gone")
    assert "return 410" in facts["location"][0] and "sent" not in facts
    assert facts["answered"][0] == "HTTP/1.1 410 Gone"
    assert explained(shop, "GET /none")["refused"] == ["404 destination_not_found"]
    redirect = explained(shop, "GET /api")
    assert redirect["location"][0].startswith("redirect to location /api/ (")
    assert "Location: /api/" in redirect["answered"]


@pytest.mark.parametrize(
    ("request_line", "fields", "status", "reason"),
    [
        ("GET /", ["Host:"], 400, "Host is missing"),
        ("GET /", ["Bad Name: x"], 400, "whitespace between"),
        ("GET /", ["Transfer-Encoding: chunked", "Content-Length: 3"], 400, "both present"),
        ("GET / HTTP/2.0", [], 505, "the version is not"),
        ("GET /../..", [], 400, ""),
    ],
)
def test_refusals_are_explained(shop, request_line, fields, status, reason):
    arguments = [word for field in fields for word in ("-H", field)]
    facts = explained(shop, request_line, *arguments)
    assert facts["refused"][0].startswith(f"{status} ") and reason in facts["refused"][0]
    assert facts["answered"][0].startswith(f"HTTP/1.1 {status} ")
    data = "\r\n".join(
        [request_line if "HTTP/" in request_line else request_line + " HTTP/1.1"]
        + [field for field in ["Host: a", *fields] if "Host:" not in fields or field[:4] != "Host"]
    )
    with shop.connect() as connection:
        assert connection.exchange(data + "\r\n\r\n").status == status


def test_the_listener_is_chosen(site, backend):
    proxy = site.serve(backend)
    assert explained(proxy, "/", "--listen", str(proxy.port))["listen"] == [
        f"127.0.0.1:{proxy.port}"
    ]
    result = command("explain", "-c", proxy.conf, "/", "--listen", "127.0.0.1:1")
    assert result.returncode == 2 and "the configuration listens on" in result.stderr


def test_nothing_is_sent_and_text_is_aligned(shop):
    result = command("explain", "-c", shop.conf, "POST /api/x", "-H", "Content-Length: 5")
    assert result.returncode == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["request", "POST", "/api/x"]
    assert any(line.startswith("sent ") and line.endswith("POST /v2/x HTTP/1.1") for line in lines)
    assert shop.lines() == [] and shop.backend.requests == []


def test_what_can_not_be_explained(shop, tmp_path):
    for wrong in [["--from", "nobody", "/"], ["-H", "no field", "/"], [""]]:
        assert command("explain", "-c", shop.conf, *wrong).returncode == 2
    assert command("explain", "-c", tmp_path / "absent", "/").returncode == 2
