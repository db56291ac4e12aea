"""What nginx can't be asked about: tables of 100,000 lines, hosts that variables name, what explain
and the logs say of rewriting, and which ID an answer of the server itself has."""

from __future__ import annotations

import json
import time

import pytest

from harness.proxy import command

TABLES = """
map $arg_k $found { default none; include keys.map; ~^re(.)$ "re-$1"; }
map $arg_h $host_found { hostnames; default none; include hosts.map; }
geo $arg_ip $net { default none; include nets.geo; }
server {
  listen PORT;
  location / { return 200 "$found $host_found $net"; }
  location /plain { return 200 "plain"; }
}
"""


def test_large_tables(site):
    (site.directory / "keys.map").write_text(
        "".join(f'"Key {n}" value{n};\n' for n in range(100_000)))
    (site.directory / "hosts.map").write_text(
        "".join(f"*.host{n}.test h{n};\n" for n in range(20_000)))
    (site.directory / "nets.geo").write_text(
        "".join(f"10.{n >> 8}.{n & 255}.0/24 n{n};\n" for n in range(65_536)))
    proxy = site.servers(TABLES)
    cases = {
        "/?k=key%209": "none none none", "/?k=re7": "re-7 none none",
        "/?h=a.host19999.test": "none h19999 none", "/?ip=10.255.255.9": "none none n65535",
        "/?ip=11.0.0.1&h=host1.test": "none none none",
    }  # fmt: skip
    for target, body in cases.items():
        assert proxy.get(target).body.decode() == body
    begin = time.monotonic()
    with proxy.connect() as connection:
        for number in range(300):
            data = f"GET /?ip=10.0.{number % 256}.1 HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            assert connection.exchange(data).status == 200
    assert time.monotonic() - begin < 3


def test_values_of_two_requests_on_one_connection(site):
    """Nothing of one request is left for the next."""
    proxy = site.servers(
        """map $arg_m $m { default "m-$arg_m"; ~^(?<part>a)(b)$ "$2$part"; }
server { listen PORT; location / { if ($arg_s) { set $v $arg_s; } return 200 "$v|$m|$1|$part"; } }
""",
        workers=2)  # fmt: skip
    with proxy.connect() as connection:
        bodies = [
            connection.exchange(f"GET /?{q} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).body.decode()
            for q in ["s=1&m=ab", "", "m=ab", "s=2", "m=x"]
        ]
    assert bodies == ["1|ba|a|a", "|m-||", "|ba|a|a", "2|m-||", "|m-x||"]


def test_a_host_that_only_a_set_names(site, backend):
    """It is looked up at the start; several addresses and further requests use one place."""
    port = backend.address.rpartition(":")[2]
    proxy = site.servers(
        f"""server {{ listen PORT;
  location / {{
    set $app localhost; set $port {port}; set $proto http;
    proxy_pass $proto://$app:$port;
  }}
  location /header/ {{ proxy_pass http://$http_x_to; }}
}}
""")  # fmt: skip
    for _ in range(3):
        assert proxy.get("/x").status == 200
    ids = []
    for to in [backend.address, backend.address, f"LOCALHOST:{port}", "127.0.0.1:1"]:
        answer = proxy.get("/header/y?z", fields=[("Host", "a"), ("X-To", to)])
        assert answer.status == (502 if to.endswith(":1") else 200), to
        ids.append(answer.request_id)
    lines = [proxy.log_line(one) for one in ids]
    assert [line["upstream"] for line in lines[:2]] == [backend.address] * 2
    assert backend.saw(ids[0]).target == "/header/y?z"


def test_an_unknown_host(site):
    proxy = site.servers("server { listen PORT; location / { proxy_pass http://$http_x_to; } }")
    answer = proxy.get("/", fields=[("Host", "a"), ("X-To", "nobody.invalid")])
    assert answer.status == 502
    assert proxy.log_line(answer.request_id)["error"] == "dns_error"
    lines = proxy.error_lines(answer.request_id)
    assert any('the host "nobody.invalid" can\'t be used' in one for one in lines)


def test_more_hosts_than_places(site, backend):
    """Places of hosts that nobody uses any more are used again."""
    proxy = site.servers(
        f"server {{ listen PORT; location / {{ proxy_pass http://$arg_ip:{backend.port}; }} }}")
    for number in range(600):
        ip = f"127.0.{number // 250}.{number % 250 + 1}"
        status = proxy.get(f"/?ip={ip}").status
        assert status in (200, 502), ip
    assert proxy.get("/?ip=127.0.0.1").status == 200


EXPLAINED = """
map $http_x_kind $kind { default plain; robot robot; }
server {
  listen PORT;
  set $mine "$kind";
  rewrite ^/old/(.*)$ /new/$1 last;
  location /new/ { if ($mine = robot) { return 403; } proxy_pass http://ADDRESS; }
  location /page { if ($arg_a) { add_header X-A b; } return 200 "page"; }
}
"""


def test_explain(site, backend):
    proxy = site.servers(EXPLAINED.replace("ADDRESS", backend.address))

    def explained(request: str, *arguments: str) -> dict[str, list[str]]:
        result = command("explain", "--json", "-c", proxy.conf, request, *arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    facts = explained("/old/x")
    steps = [line.rpartition(" (")[0] for line in facts["rewriting"]]
    assert steps == ["set $mine $kind", "rewrite ^/old/(.*)$ /new/$1 last", "if ($mine = robot)"]
    assert facts["rewriting"][1].endswith(": holds")
    assert facts["rewriting"][2].endswith(": does not")
    assert facts["path"] == ["/new/x"] and facts["sent"][0].startswith("GET /new/x ")
    refused = explained("/old/x", "-H", "X-Kind: robot")
    assert "rewriting" in refused and refused["answered"][0].startswith("HTTP/1.1 403 ")


def test_rewrite_log(site):
    proxy = site.servers("""server { listen PORT; rewrite_log on;
  location / { set $v "a$arg_a"; rewrite ^/a /b; if ($v = a1) { return 200 "$v$uri"; } } }
""")
    answer = proxy.get("/a?a=1")
    assert answer.body == b"a1/b"
    lines = [one for one in proxy.error_lines(answer.request_id) if " rewrite " in one]
    assert len(lines) >= 4
    assert any('the path is now "/b"' in line for line in lines)


def test_the_id_of_a_server_that_answers_itself(site):
    """An ID that the client sent is kept, and a location's rules for IDs hold where it serves."""
    proxy = site.servers(
        "server { listen PORT; if ($arg_x) { return 403; } location / { return 200 ok; }"
        " location /hex { request_id_format hex; request_id generate; return 200 ok; } }")
    fields = [("Host", "a"), ("X-Request-ID", "mine-1")]
    assert proxy.get("/?x=1", fields=fields).request_id == "mine-1"
    assert proxy.get("/", fields=fields).request_id == "mine-1"
    assert len(proxy.get("/hex", fields=fields).request_id) == 32


def test_header_injection(site):
    """What a client encodes can't end a line in a redirect, nor in a backend's request line."""
    proxy = site.servers("""server { listen PORT;
  location /r/ { rewrite (?s)^/r/(.*)$ /to/$1 redirect; }
  location /u { if ($arg_u) { return 302 /x$uri; } rewrite ^ /to$uri? redirect; } }
""")
    for target in ["/r/a%0d%0aX-Bad:%201", "/u%0d%0aX-Bad:%201", "/u%0aX-Bad:1?u=1"]:
        answer = proxy.get(target)
        assert answer.status == 302
        assert not answer.fields.all("X-Bad"), target
