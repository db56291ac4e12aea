"""Which location answers, and what its groups hold: nginx and Waybill on the same conf file."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest

from harness.client import RawConnection, request_bytes
from harness.nginx import START
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

EXPRESSIONS = [
    r"\.(png|jpg)$", r"^/a/(?<one>[^/]+)", r"/(b)/", r"^/([a-z]+)/([a-z0-9]+)?", "b$", "c",
    r"(?<two>img)/?(x)?", '"^/a b"', r"^/$", r"/(a|ab)(/|$)", "[A-Z]", r"^/\d+", '"^/a{1,2}/(.*)"',
    r"(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", r"(?<one>b)|(?<two>c)", r"\\.png", r"^/(?i)IMG", "x*",
    r"//", r"%", r"\x20", r"^/(?P<one>a)", r"\?", "é",
]  # fmt: skip
SEGMENTS = ["a", "ab", "b", "c", "img", "x.png", "1", "A", "é", "a b"]


class Conf:
    """Servers with locations that a seed decides, each on a port of its own."""

    def __init__(self, seed: int, servers: int):
        self.random = random.Random(seed)
        self.count = 0
        self.dead = free_port()
        self.ports = [free_port() for _ in range(servers)]
        # What the paths of each server's locations begin with.
        self.paths: dict[int, list[str]] = {}
        self.text = "".join(self.server(port) for port in self.ports)

    def server(self, port: int) -> str:
        self.known = self.paths[port] = ["/"]
        slashes = self.random.choice(["", "", "merge_slashes off;"])
        locations = self.level("", False, 0)
        # The groups must have a place in each file.
        known = 'location ~ "^/known/(?<one>.)(?<two>.)" { return 204; }'
        return f"server {{ listen 127.0.0.1:{port}; {slashes}\n{locations}{known}\n}}\n"

    def level(self, parent: str, in_expression: bool, depth: int) -> str:
        taken: set[tuple[bool, str]] = set()
        lines = []
        for _ in range(self.random.randint(0 if depth else 4, 8 - 2 * depth)):
            modifier = self.random.choice(["", "", "=", "^~", "~", "~", "~*"])
            if in_expression and modifier[:1] != "~":
                continue
            if modifier[:1] == "~":
                lines.append(self.location(modifier, self.random.choice(EXPRESSIONS), depth))
                continue
            path = self.path(parent)
            self.known.append(path)
            if (modifier == "=", path) not in taken:
                taken.add((modifier == "=", path))
                lines.append(self.location(modifier, path, depth))
        return "".join(lines)

    def path(self, parent: str) -> str:
        path = parent or "/"
        for _ in range(self.random.randint(0, 3)):
            path += self.random.choice(SEGMENTS) + self.random.choice(["", "/"])
        return path

    def location(self, modifier: str, path: str, depth: int) -> str:
        self.count += 1
        inner = ""
        if depth < 3 and modifier != "=" and self.random.random() < 0.5:
            inner = self.level(path, modifier[:1] == "~", depth + 1)
        action = f'return 200 "{self.count} $1|$2|$3$4|$9|$one|$two|${{one}}x|$12";'
        if self.random.random() < 0.2:
            action = f"proxy_pass http://127.0.0.1:{self.dead};"
        name = path if path.startswith('"') or " " not in path else f'"{path}"'
        field = f'add_header X-Location "{self.count} <$1> <$two>" always;'
        return f"location {modifier} {name} {{ {field} {action}\n{inner}}}\n"

    def targets(self, port: int, count: int) -> list[str]:
        return [self.target(port) for _ in range(count)]

    def target(self, port: int) -> str:
        # Every other one begins like a location of the server.
        path = self.random.choice(["/", self.random.choice(self.paths[port])])
        target = path[: self.random.choice([-1, len(path), len(path)])] or "/"
        target = target.replace(" ", "%20").replace("é", "%c3%A9")
        for _ in range(self.random.randint(0, 4)):
            target += self.random.choice(
                ["a", "ab", "b", "c", "img", "x.png", "y.jpg", "1", "A", "IMG", "%C3%A9", "a%20b"]
                + ["%61", ".", "..", "", "%2F", "b.PNG", "%5C.png", "%25", "xyz%3F"]
            ) + self.random.choice(["", "/", "/"])  # fmt: skip
        return target + self.random.choice(["", "", "", "?q=c"])


def start_nginx(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "nginx.conf"
    options = "default_type text/plain; access_log off; absolute_redirect off;\n"
    conf.write_text(START.format(directory=folder) + options + text + "}\n")
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "these tests need nginx: apt-get install nginx"
    process = subprocess.Popen(
        [program, "-c", conf, "-p", folder, "-e", folder / "nginx-error.log"],
        stderr=subprocess.DEVNULL,
    )
    wait_for((folder / "nginx.pid").exists, "nginx to start")
    return conf, process


@pytest.fixture
def both(site, tmp_path):
    """Answers of nginx and then of Waybill to what `ask` asks, with the same conf file."""

    def run(text, ask):
        conf, nginx = start_nginx(tmp_path / "nginx", text)
        try:
            expected = ask()
        finally:
            nginx.terminate()
            nginx.wait(10)
        own = conf.read_text().replace("master_process off;", "").replace("daemon off;", "")
        with site.running(own) as proxy:
            return expected, ask(), proxy

    return run


def answer(port, target, host="a.test"):
    with RawConnection(port) as connection:
        response = connection.exchange(request_bytes(target=target, host=host))
    fields = response.fields
    found = [response.status, fields.get("X-Location"), fields.get("Location")]
    return found + ([response.body] if response.status == 200 else [])


@pytest.mark.parametrize("seed", range(6))
def test_the_same_location_answers_as_in_nginx(both, seed):
    conf = Conf(seed, servers=12)
    asked = [(port, target) for port in conf.ports for target in conf.targets(port, 80)]

    def ask():
        return [answer(port, target) for port, target in asked]

    expected, found, _ = both(conf.text, ask)
    servers = dict(zip(conf.ports, conf.text.split("server {")[1:]))
    differing = [
        f"{target}: nginx {one}, Waybill {other}\n{servers[port]}"
        for (port, target), one, other in zip(asked, expected, found)
        if one != other
    ]
    assert not differing, f"{len(differing)} of {len(asked)}: " + differing[0]
    assert len({str(one) for one in expected}) > 60


NAMES = [
    "exact.test", "*.wild.test", ".both.test", "www.tail.*", "www.*", r"~^(?<one>\w+)\.ex\.test$",
    r"~^(\w+)-(\d+)\.test$", r"~\.X\.test", "~^www", "~.",
    r"~^(?<two>[a-z]+)\.(?<one>[a-z]+)\.org$",
]  # fmt: skip
HOSTS = [
    "exact.test", "EXACT.test.", "a.wild.test", "both.test", "x.both.test", "www.tail.test",
    "www.tail.a.b", "www.tail", "www.other.com", "Shop.ex.test", "shop.ex.test:80", "s-12.test",
    "a.x.test", "www.ex.test", "www", "a.b.org", "A.B.org.", "none", "1.2.3.4", "[::1]",
    "a" * 60 + ".org",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_the_same_server_answers_as_in_nginx(both, seed):
    order = random.Random(seed)
    names = order.sample(NAMES, order.randint(5, len(NAMES)))
    port = free_port()
    text = "".join(
        f"server {{ listen 127.0.0.1:{port}; server_name {name}; location / {{"
        f' return 200 "$server_name $1|$2|$one|$two"; }}\n'
        f' location ~ "^/(?<one>\\d)(?<two>x)?" {{'
        f' return 200 "$server_name $1|$2|$one|$two"; }} }}\n'
        for name in names
    )

    def ask():
        with RawConnection(port) as connection:
            nameless = connection.exchange("GET / HTTP/1.0\r\n\r\n").body
        asked = [(host, target) for host in HOSTS for target in ("/", "/7", "/7x")]
        return [nameless] + [answer(port, target, host) for host, target in asked]

    expected, found, _ = both(text, ask)
    assert found == expected, text


CAPTURES = """
log_format groups '$1 $site $page';
server {
  listen PORT;
  server_name ~^(?<site>\\w+)\\.test$;
  access_log DIR/groups.log groups;
  add_header X-Site $site;
  location ~ ^/(?<page>[^/]+)/(.*)\\.html$ {
    proxy_set_header X-Page "$page of $site";
    add_header X-Rest $2;
    add_header X-Type $sent_http_content_type;
    proxy_pass http://BACKEND;
  }
  location /plain { add_header X-One "<$1>"; return 200 "$site $page"; }
  location ~ ^/moved/(.*) { return 301 /to/$1; }
}
"""


def test_groups_stand_wherever_variables_do(site, backend):
    text = CAPTURES.replace("DIR", str(site.directory)).replace("BACKEND", backend.address)
    proxy = site.servers(text)
    with proxy.connect() as connection:
        response = connection.exchange(request_bytes(target="/a%20b/c/d.html", host="Shop.test"))
        assert response.fields.get("X-Site") == "shop" and response.fields.get("X-Rest") == "c/d"
        assert response.fields.get("X-Type") == response.fields.get("Content-Type")
        assert backend.requests[0].fields.get("X-Page") == "a b of shop"
        assert backend.requests[0].target == "/a%20b/c/d.html"
        response = connection.exchange(request_bytes(target="/plain", host="shop.test"))
        assert response.fields.get("X-One") == "<shop>" and response.body == b"shop "
        response = connection.exchange(request_bytes(target="/moved/on", host="shop.test"))
        assert response.status == 301 and response.fields.get("Location") == "/to/on"
        # Nothing is left of the request before.
        response = connection.exchange(request_bytes(target="/plain", host="other"))
        assert response.fields.get("X-One") == "<>" and response.body == b" "
    log = site.directory / "groups.log"
    wait_for(lambda: len(log.read_text().splitlines()) == 4, "the lines")
    assert log.read_text().splitlines() == ["a b shop a b", "shop shop -", "on shop -", "- - -"]


def test_an_expression_that_takes_too_long_is_a_500_with_a_line(site, backend):
    proxy = site.servers(
        "server { listen PORT; location ~ ^/(x+)+$ { return 200; } location / { return 204; } }"
        "server { listen PORT; server_name ~^(x+)+$; return 200; }"
    )
    for target, host in (("/" + "x" * 60 + "!", "a"), ("/", "x" * 60 + "y")):
        with proxy.connect() as connection:
            identity = f"mine-{len(target)}"
            fields = {"X-Request-ID": identity, "Host": host}
            response = connection.exchange(request_bytes(target=target, fields=fields))
            assert response.status == 500, target
            assert response.fields.get("X-Request-ID") == identity
            # The connection goes on.
            assert connection.exchange(request_bytes()).status == 204
        line = proxy.log_line(identity)
        assert line["status"] == 500 and line["error"] == "proxy_internal_error"
        lines = [one for one in proxy.error_text().splitlines() if identity in one]
        assert any("regular expression" in one and "took too many steps" in one for one in lines)
    assert proxy.get("/").status == 204


@pytest.mark.parametrize(
    "text, message",
    [
        ("location ~ a( { return 200; }", "invalid regular expression"),
        ("server_name ~a(;", "invalid regular expression"),
        ("server_name ~;", "is missing"),
        ("location ~ (?<host>a) { return 200; }", "$host is a variable"),
        ("location ~ /a { proxy_pass http://127.0.0.1:1/x; }", "has a URI part"),
        ("location = /a { location /a/b { return 200; } }", "locations are not allowed in"),
        ("location /a { location /b { return 200; } }", "is outside of"),
        ("location ~ a { location /b { return 200; } }", "is outside of"),
        ("location / { return 200 $nothing; }", "unknown variable"),
        ("location / { return 200 ${1}; }", "is not a capture"),
        ("location ~~ a { return 200; }", "invalid location modifier"),
        ("location /a { location /a/ { return 200; } location /a/ { return 200; } }", "already"),
    ],
)
def test_what_nginx_refuses_is_refused(tmp_path, text, message):
    own = tmp_path / "own.conf"
    own.write_text(f"server {{ listen 127.0.0.1:1; {text} location /z {{ return 204; }} }}")
    result = command("-t", "-c", own)
    assert result.returncode == 2 and message in result.stderr, result.stderr
    other = tmp_path / "nginx.conf"
    other.write_text(START.format(directory=tmp_path) + own.read_text() + "}")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    tested = subprocess.run([program, "-t", "-c", other], capture_output=True, timeout=20)
    assert tested.returncode != 0


@pytest.mark.parametrize("workers", [1, 2])
def test_files_of_locations_with_expressions(site, tmp_path, workers):
    """`alias` with a group is the whole path, as in nginx, and no variable leads out of it."""
    folder = tmp_path / "data" / "dir"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "a.txt").write_text("a file")
    (folder / "index.html").write_text("an index")
    (tmp_path / "secret.txt").write_text("a secret")
    proxy = site.servers(
        f"""server {{ listen PORT;
        location ~ ^/f/(.*)$ {{ alias {tmp_path}/data/$1; }}
        location ~ ^/v/(?<name>[a-z.]+)$ {{
          root {tmp_path}/data/$name; try_files /secret.txt =404; }}
        location ~ ^/q$ {{ alias {tmp_path}/data/$arg_f; }}
        location ~* [.]TXT$ {{ root {tmp_path}/data; }} }}""",
        workers=workers,
    )
    for target, status, body in [
        ("/f/a.txt", 200, b"a file"),
        ("/f/dir/", 200, b"an index"),
        ("/f/dir", 301, None),
        ("/f/none", 404, None),
        ("/f/../secret.txt", 404, None),
        ("/f/%2e%2e/secret.txt", 404, None),
        ("/f/..%2fsecret.txt", 404, None),
        ("/v/..", 404, None),
        ("/v/%2e%2e", 404, None),
        ("/q?f=a.txt", 200, b"a file"),
        ("/q?f=../secret.txt", 404, None),
        ("/a.txt", 200, b"a file"),
    ]:
        answer = proxy.get(target)
        assert answer.status == status, target
        assert body is None or answer.body == body
        assert b"a secret" not in answer.body
