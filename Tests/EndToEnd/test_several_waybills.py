"""The conf files of the page on several Waybills, run as they stand there."""

import re
from contextlib import ExitStack

import pytest

from conftest import Site
from harness.client import RawConnection, request_bytes
from harness.ports import free_port
from harness.proxy import REPOSITORY
from harness.trace import told

PAGE = REPOSITORY / "Sources/waybill/Waybill.docc/SeveralWaybills.md"
BLOCK = re.compile(r"`(?P<name>\w+\.conf)`:\n\n```nginx\n(?P<conf>.*?)```\n", re.DOTALL)
# The machines of the page, as there are none here.
EDGE, OUTSIDER = "127.0.0.1", "127.0.0.9"


def page_conf(name, folder, **addresses):
    """A conf file of the page with this machine's addresses, each of which must stand in it."""
    confs = {match["name"]: match["conf"] for match in BLOCK.finditer(PAGE.read_text())}
    own = {"/var/log/waybill": str(folder), "shutdown_delay   10s": "shutdown_delay 1s"}
    conf = confs[name]
    for text, other in addresses.items() | own.items():
        assert text in conf or text in own, f"{text} is not in {name}"
        conf = conf.replace(text, other)
    return f"error_log {folder}/error.log info;\n{conf}"


@pytest.fixture
def start(tmp_path):
    """Starts a Waybill with a conf file of the page in a folder of its own."""
    with ExitStack() as stack:

        def start(name, **addresses):
            folder = tmp_path / name.removesuffix(".conf")
            folder.mkdir()
            conf = page_conf(name, folder, **addresses)
            return stack.enter_context(Site(folder, stack).running(conf))

        yield start


@pytest.fixture
def pair(start, backend):
    """The inner Waybill and the edge before it."""
    port = free_port()
    inner = start("inner.conf", **{
        "listen 8080": f"listen 127.0.0.1:{port}", "10.0.0.0/24": EDGE,
        "10.0.1.20:8000": backend.address,
    })  # fmt: skip
    edge = start("edge.conf", **{
        "listen 80": f"listen 127.0.0.1:{free_port()}", "10.0.1.5:8080": f"127.0.0.1:{port}",
    })  # fmt: skip
    return edge, inner


def test_every_conf_file_of_the_page_is_run():
    names = BLOCK.findall(PAGE.read_text())
    assert [name for name, _ in names] == ["balanced.conf", "edge.conf", "inner.conf"]
    assert PAGE.read_text().count("```nginx") == len(names)


def test_a_request_has_one_id_in_the_logs_of_both(pair, backend):
    edge, inner = pair
    with edge.connect(source="127.0.0.5") as client:
        response = client.exchange(request_bytes(fields={"X-Request-ID": "chosen-by-a-client"}))
        address = client.address
    request_id = response.request_id
    seen = backend.wait_requests(1)[0]
    assert seen.request_id == request_id != "chosen-by-a-client"
    outer, line = edge.log_line(request_id), inner.log_line(request_id)
    assert outer["id_source"] == "untrusted" and line["id_source"] == "client"
    assert outer["client_request_id"] == "chosen-by-a-client"
    assert line["client"].rpartition(":")[0] == address.rpartition(":")[0] == "127.0.0.5"


def test_who_goes_around_the_edge_is_not_trusted(pair, backend):
    _, inner = pair
    with inner.connect(source=OUTSIDER) as client:
        fields = {"X-Request-ID": "forged", "X-Forwarded-For": "203.0.113.7"}
        request_id = client.exchange(request_bytes(fields=fields)).request_id
    line = inner.log_line(request_id)
    assert line["id_source"] == "untrusted" and line["client_request_id"] == "forged"
    assert line["client"].startswith(OUTSIDER)
    assert backend.wait_requests(1)[0].request_id == request_id


def test_an_error_of_the_inner_one_passes_with_its_id(pair, backend):
    edge, inner = pair
    backend.stop()
    response = edge.get()
    request_id = response.request_id
    assert response.status == 502 and request_id.encode() in response.body
    assert inner.log_line(request_id)["error"] == "connection_refused"
    assert edge.log_line(request_id)["upstream_status"] == 502


def test_trace_tells_the_story_of_both(pair):
    edge, inner = pair
    request_id = edge.get().request_id
    inner.log_line(request_id)
    edge.log_line(request_id)
    lines = told(request_id, edge.access_log, inner.access_log)
    assert {line["file"].split("/")[-2] for line in lines} == {"edge", "inner"}


def test_behind_a_load_balancer(start, backend):
    proxy = start("balanced.conf", **{
        "listen 80 ": f"listen 127.0.0.1:{free_port()} ",
        "listen 8080": f"listen 127.0.0.1:{free_port()}",
        "10.0.0.0/24": EDGE, "10.0.1.20:8000": backend.address,
    })  # fmt: skip
    with proxy.connect() as balancer:
        said = "PROXY TCP4 203.0.113.7 203.0.113.1 40000 80\r\n"
        fields = {"X-Request-ID": "chosen-by-a-client"}
        response = balancer.exchange(said + request_bytes(fields=fields).decode())
    line = proxy.log_line(response.request_id)
    assert line["client"] == "203.0.113.7:40000" and line["id_source"] == "untrusted"
    assert backend.wait_requests(1)[0].fields.one("X-Forwarded-For") == "203.0.113.7"
    with RawConnection(proxy.ports[1]) as check:
        assert check.exchange(request_bytes(target="/health")).status == 200
