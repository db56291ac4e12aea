"""What is read from outside costs in proportion to its size, whatever there are many of."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.proxy import binary


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def server(text: str) -> str:
    return f"server {{ {text} }}\n"


def many(count: int, line: str) -> str:
    """`N` becomes a number and `IP` an address of its own."""
    return "".join(
        line.replace("IP", address(number)).replace("N", str(number)) + "\n"
        for number in range(count)
    )


ANSWER = server("listen 127.0.0.1:1; return 204;")
KINDS = {
    "trusted": lambda n: many(n, "set_real_ip_from IP;") + ANSWER,
    "listen": lambda n: server(many(n, "listen IP:80;") + "return 204;"),
    "listen-unix": lambda n: server(many(n, "listen unix:/tmp/N;") + "return 204;"),
    "servers": lambda n: many(n, "server { listen IP:80; return 204; }"),
    "names": lambda n: many(n, "server { listen 127.0.0.1:1; server_name sN; return 204; }"),
    "peers": lambda n: "upstream u {" + many(n, "server IP:80;") + "}" + ANSWER,
    "upstreams": lambda n: many(n, "upstream uN { server 10.0.0.1; }") + ANSWER,
    "set-header": lambda n: many(n, "proxy_set_header X-N v;") + ANSWER,
    "hide-header": lambda n: many(n, "proxy_hide_header X-N;") + ANSWER,
    "access-logs": lambda n: many(n, "access_log /tmp/aN;") + ANSWER,
    "error-logs": lambda n: many(n, "error_log /tmp/eN;") + ANSWER,
    "formats": lambda n: many(n, "log_format fN '$uri';") + ANSWER,
    "locations": lambda n: server(many(n, "location /N { proxy_pass https://10.0.0.1; }")),
    "expressions": lambda n: server(many(n, "location ~ ^/N$ { return 204; }")),
    "name-expressions": lambda n: many(
        n, "server { listen 127.0.0.1:1; server_name ~^sN; return 204; }"
    ),
    "nested": lambda n: server(many(n, "location /N { location /Na { return 204; } return 204; }")),
    "nested-in-one": lambda n: server(
        "location / { return 204;" + many(n, "location /N { return 204; }") + "}"
    ),
    "unknown-formats": lambda n: many(n, "log_format formN '$uri';")
    + server(many(n, "location /N { access_log /tmp/a fomrN; return 204; }")),
    "inherited": lambda n: many(n, "set_real_ip_from IP; proxy_hide_header X-N;")
    + many(n, "server { listen 127.0.0.1:1; server_name sN; return 204; }"),
}  # fmt: skip


def check_seconds(path) -> float:
    """The processor's time that `waybill -t` takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([binary(), "-t", "-c", path], capture_output=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.parametrize("kind", KINDS)
def test_a_conf_file_costs_in_proportion_to_its_size(tmp_path, kind):
    path = tmp_path / "proxy.conf"
    seconds = []
    for count in (1000, 8000):
        path.write_text(KINDS[kind](count))
        seconds.append(min(check_seconds(path) for _ in range(2)))
    assert seconds[1] < 20 * seconds[0] + 0.1, seconds


MANY_NAMES = "Connection", ", ".join(f"n{number}" for number in range(3000))
FEW_NAMES = "X-List", MANY_NAMES[1]
FIELDS = [(f"x{number:03}", "v" * 20) for number in range(90)]


@pytest.mark.parametrize("side", ["request", "response"])
def test_listed_names_beside_many_fields_cost_no_more_than_other_fields(site, make_backend, side):
    backend = make_backend()
    proxy = site.serve(backend, server="large_client_header_buffers 4 32k;")
    seconds = []
    for names in (FEW_NAMES, MANY_NAMES):
        fields = [names, *FIELDS]
        backend.script = reply(fields=fields) if side == "response" else reply()
        sent = request_bytes(fields=fields if side == "request" else None)
        with proxy.connect() as connection:
            connection.exchange(sent)
            before = proxy.cpu_seconds()
            for _ in range(40):
                assert connection.exchange(sent).status == 200
            seconds.append(proxy.cpu_seconds() - before)
    assert seconds[1] < 4 * seconds[0] + 0.15, seconds


def lines(count, line):
    return [tuple(line.replace("N", str(number)).split(": ")) for number in range(count)]


def listed(count, name, element):
    return [(name, ", ".join(element.replace("N", str(number)) for number in range(count)))]


# What a head has many of; 12 of them in the small one and 84 in the large one, or 10 times as many
# where they are short and stand in one line.
HEADS = {
    "fields": lambda n: lines(n, "X-NN: some value of the usual length"),
    "same-fields": lambda n: lines(n, "X-Same: N"),
    "connection-lines": lambda n: lines(n // 2, "Connection: xN") + lines(n // 2, "xN: v"),
    "connection-names": lambda n: listed(10 * n, "Connection", "xN") + lines(n // 2, "xN: v"),
    "forwarded": lambda n: listed(10 * n, "X-Forwarded-For", "10.0.0.1"),
    "forwarded-lines": lambda n: lines(n, "X-Forwarded-For: 10.0.0.1"),
    "cookies": lambda n: lines(n, "Cookie: a=N"),
    "cookie-pairs": lambda n: [("Cookie", "; ".join(f"c{i}=v" for i in range(10 * n)))],
    "ids": lambda n: lines(n, "X-Request-ID: order-N"),
    "upgrades": lambda n: [("Connection", "upgrade"), *listed(10 * n, "Upgrade", "pN")],
    "quotes": lambda n: [("X-Quotes", '"' * 10 * n)],
    "upper-bytes": lambda n: [("X-Bytes", "\xe9" * 10 * n)],
}


def seconds_of(proxy) -> float:
    """What the proxy's threads have used of the processor."""
    total = 0
    for task in Path(f"/proc/{proxy.process.pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize("kind", HEADS)
def test_a_head_costs_in_proportion_to_its_size(site, make_backend, kind, side):
    backend = make_backend()
    values = "$http_cookie $http_x_same $upstream_http_x_same $http_x_quotes"
    proxy = site.serve(
        backend,
        top=f"log_format all escape=json '{values}'; access_log /dev/null all;",
        server="large_client_header_buffers 4 32k; set_real_ip_from 0.0.0.0/0;"
        "real_ip_header X-Forwarded-For; real_ip_recursive on;",
    )
    costs = []
    for count in (12, 84):
        fields = HEADS[kind](count)
        sent = request_bytes(fields=fields if side == "request" else None)
        backend.script = reply(fields=fields) if side == "response" else reply()
        with proxy.connect() as connection:
            connection.exchange(sent)
            best = []
            for _ in range(3):
                before = seconds_of(proxy)
                for _ in range(30):
                    assert connection.exchange(sent).status in (200, 400, 502)
                best.append(seconds_of(proxy) - before)
            costs.append(min(best))
    # Seven times as large; quadratic would be 49 times.
    assert costs[1] < 14 * costs[0], costs
