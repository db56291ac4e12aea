"""Metrics and status: the page, who reads it, and that it agrees with the log."""

import json
import re
import shutil

import pytest

from harness.authority import Authority
from harness.backend import reply
from harness.client import request_bytes
from harness.load import Load, check_answers
from harness.polling import wait_for
from harness.ports import RefusingPort, free_port
from harness.prometheus import Prometheus, promtool
from harness.proxy import command
from harness.secure import SecureConnection, client_context

MONITORING = """
server {{
  listen 127.0.0.1:{port};
  access_log off;
  location = /metrics {{ metrics; }}
  location = /status {{ status; }}
}}
"""
OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}
needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="prometheus is not there"
)


@pytest.fixture
def monitored(site, backend):
    """Two workers in front of `backend`, and behind that a server for the monitoring."""
    return site.start(
        f"""
        control unix:{site.directory}/control;
        server {{
          listen 127.0.0.1:{free_port()};
          server_name shop.test;
          location / {{ proxy_pass http://{backend.address}; }}
          location = /gone {{ return 404; }}
        }}
        {MONITORING.format(port=free_port())}
        """,
        workers=2,
    )


def page(proxy, target="/metrics", fields=None):
    response = proxy.get(target, fields, port=proxy.ports[1])
    assert response.status == 200
    return response


def value(text, name, **labels):
    """The sum of all samples of a name that have these labels."""
    wanted = [f'{label}="{content}"' for label, content in labels.items()]
    lines = [line for line in text.splitlines() if re.match(name + r"[{ ]", line)]
    found = [line for line in lines if all(label in line for label in wanted)]
    return sum(float(line.split(" # ")[0].rpartition(" ")[2]) for line in found)


def test_each_format_has_its_type(monitored):
    monitored.get()
    # A request is counted when its line is written, and its answer may come before that.
    monitored.wait_lines(1)
    plain = page(monitored)
    assert plain.fields.one("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert "request_id=" not in plain.text and "# EOF" not in plain.text
    exact = page(monitored, fields=OPEN_METRICS)
    kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert exact.fields.one("Content-Type") == kind
    assert exact.text.endswith("\n# EOF\n") and "request_id=" in exact.text
    status = page(monitored, "/status", OPEN_METRICS)
    assert status.fields.one("Content-Type") == "application/json"
    assert "waybill_http_requests_total" in json.loads(status.text)


@pytest.mark.parametrize(
    "accept",
    ["", ",", ";;q=,=", "q=1", "text/html;q=nonsense", "*/*;q=0", "\xff\xfe", "a" * 8000,
     "application/openmetrics-text;q=0", "application/openmetrics-text/x", "," * 7000],
)  # fmt: skip
def test_any_other_accept_gets_plain_text(monitored, accept):
    response = page(monitored, fields=[("Accept", accept)])
    assert response.fields.one("Content-Type").startswith("text/plain")
    assert response.text.startswith("# HELP waybill_build_info ")


def test_only_get_and_head(monitored):
    with monitored.connect(monitored.ports[1]) as connection:
        head = connection.exchange(request_bytes("HEAD", "/metrics"), "HEAD")
        assert head.status == 200 and head.body == b""
        assert int(head.fields.one("Content-Length")) > 1000
        for method, body in [("POST", b"content"), ("PUT", b""), ("DELETE", b""), ("GETS", b"")]:
            for target in ["/metrics", "/status"]:
                response = connection.exchange(request_bytes(method, target, body=body), method)
                assert response.status == 405, method
                assert response.fields.one("Allow") == "GET, HEAD"
                assert response.request_id in response.text
        assert connection.exchange(request_bytes("GET", "/metrics")).status == 200


def test_the_control_socket_tells_the_same(monitored):
    for _ in range(3):
        monitored.get("/")
    monitored.wait_lines(3)
    shown = command("status", "-c", monitored.conf)
    assert shown.returncode == 0, shown.stderr
    families = json.loads(shown.stdout)
    requests = families["waybill_http_requests_total"]
    assert requests["type"] == "counter"
    labels = {"server": "shop.test", "upstream": monitored.lines()[0]["upstream"],
              "status_class": "2xx"}  # fmt: skip
    assert {"labels": labels, "value": 3} in requests["samples"]
    (histogram,) = families["waybill_http_request_duration_seconds"]["samples"]
    assert histogram["count"] == histogram["buckets"]["+Inf"] == 3
    ids = {line["request_id"] for line in monitored.lines()}
    assert {exemplar["request_id"] for exemplar in histogram["exemplars"]} <= ids
    text = command("status", "--metrics", "-c", monitored.conf).stdout
    assert value(text, "waybill_http_requests_total", server="shop.test") == 3
    assert text.startswith("# HELP ") and "# EOF" not in text


def test_numbers_of_all_workers_agree_with_the_log(monitored):
    load = Load(monitored, clients=8, keeps_alive=False)
    load.more(200)
    answers = load.stop()
    lines = monitored.wait_lines(len(answers))
    assert set(check_answers(answers, lines)) == {200}
    text = page(monitored, fields=OPEN_METRICS).text
    assert value(text, "waybill_http_requests_total", server="shop.test") == len(lines)
    # The page's own request is counted when it has ended.
    assert value(text, "waybill_worker_requests_total") == len(lines)
    sent = value(text, "waybill_http_response_content_bytes_total")
    assert sent == sum(line["bytes_out"] for line in lines)
    by_id = {line["request_id"]: line for line in lines}
    found = re.findall(r'# \{request_id="([^"]+)"\} ([0-9.]+) ([0-9.]+)', text)
    assert found
    for request_id, seconds, _ in found:
        assert abs(by_id[request_id]["duration"] - float(seconds)) < 1e-5


def test_a_large_page_over_tls(site, tmp_path):
    """It is larger than any buffer, and sealed piece by piece."""
    pair = Authority(tmp_path).issue("localhost")
    nobody = RefusingPort()
    names = [f"upstream u{number} {{ server {nobody.address}; }}" for number in range(250)]
    passes = [f"location /{number}/ {{ proxy_pass http://u{number}; }}" for number in range(250)]
    proxy = site.servers(
        f"{pair.conf} {' '.join(names)}"
        f"server {{ listen PORT ssl; {' '.join(passes)} location = /metrics {{ metrics; }} }}"
    )
    context = client_context(None)
    with SecureConnection(proxy.port, context) as connection:
        for number in range(250):
            assert connection.exchange(request_bytes("GET", f"/{number}/")).status == 502
        whole = connection.exchange(request_bytes("GET", "/metrics")).text
    assert len(whole) > 1_000_000 and 'upstream="u249"' in whole
    assert value(whole, "waybill_http_requests_total", status_class="5xx") == 250
    assert proxy.wait_lines(251)[-1]["bytes_out"] == len(whole)


def test_a_large_page_keeps_nobody_waiting(site):
    """With 2,500 pairs of server and upstream a page takes many turns of its worker: a request that
    is sent behind it has its answer first. Pages asked for at the same time are complete, too, and
    so is that of a client that leaves in between."""
    nobody = RefusingPort()
    numbers = range(50)
    names = [f"upstream u{number} {{ server {nobody.address}; }}" for number in numbers]
    passes = [f"location /{number}/ {{ proxy_pass http://u{number}; }}" for number in numbers]
    answers = "location = /metrics { metrics; } location = /x { return 204; }"
    servers = [
        f"server {{ listen PORT; server_name s{number}; {answers} {' '.join(passes)} }}"
        for number in numbers
    ]
    proxy = site.servers(f"keepalive_requests 10000; {' '.join(names)} {' '.join(servers)}")
    with proxy.connect() as connection:
        for server in numbers:
            for number in numbers:
                request = request_bytes("GET", f"/{number}/", [("Host", f"s{server}")])
                assert connection.exchange(request).status == 502
    ask = request_bytes("GET", "/metrics")
    with proxy.connect() as first, proxy.connect() as second, proxy.connect() as other:
        leaver = proxy.connect()
        for connection in (first, second, leaver):
            connection.send(ask)
        assert other.exchange(request_bytes("GET", "/x")).status == 204
        leaver.reset()
        pages = [connection.receive().text for connection in (first, second)]
    lines = proxy.wait_lines(2504)[2500:]
    assert lines[0]["uri"] == "/x"
    assert sorted(line["status"] for line in lines[1:]) == [200, 200, 499]
    for page in pages:
        assert value(page, "waybill_http_requests_total", status_class="5xx") == 2500
        assert page.count("# TYPE ") == 29 and page.endswith("\n")


@needs_prometheus
def test_promtool_has_no_complaint(monitored, backend):
    backend.script = lambda request: reply("500 No") if "bad" in request.target else reply()
    for target in ["/", "/bad", "/gone"]:
        monitored.get(target)
    monitored.get("/", {"X-Request-ID": "not valid!"})
    checked = promtool(page(monitored).text)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@needs_prometheus
def test_prometheus_scrapes_under_load(monitored, backend):
    """All requests are in the sums of both workers, no counter ever went back, and a query leads
    to requests that are in the log."""
    backend.script = lambda request: [0.12, reply()] if "slow" in request.target else reply()
    counted = 'sum(waybill_http_requests_total{server="shop.test"})'
    with Prometheus(monitored.directory, monitored.ports[1]) as prometheus:
        wait_for(lambda: prometheus.value("waybill_workers") == 2, "the first scrape", 30)
        loads = [Load(monitored, clients=6), Load(monitored, clients=2, keeps_alive=False),
                 Load(monitored, clients=2, target="/slow")]  # fmt: skip
        loads[0].more(2_000)
        wait_for(lambda: (prometheus.value(counted) or 0) > 500, "a scrape under load", 20)
        answers = [answer for load in loads for answer in load.stop()]
        lines = monitored.wait_lines(len(answers))
        assert set(check_answers(answers, lines)) == {200}
        prometheus.wait_value(counted, len(lines))
        prometheus.wait_value("sum(waybill_http_requests_in_flight)", 0)
        assert prometheus.value("sum(resets(waybill_http_requests_total[5m]))") == 0
        assert prometheus.value("sum(waybill_upstream_tries_total)") == len(lines)
        assert prometheus.value("count(waybill_worker_requests_total > 0)") == 2
        slow = prometheus.exemplars(
            'waybill_http_request_duration_seconds_bucket{server="shop.test",le="0.25"}'
        )
    by_id = {line["request_id"]: line for line in lines}
    assert slow
    for exemplar in slow:
        line = by_id[exemplar["labels"]["request_id"]]
        assert 0.1 < line["duration"] <= 0.25
        assert abs(line["duration"] - float(exemplar["value"])) < 1e-5
