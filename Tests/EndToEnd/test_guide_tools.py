"""The guide's code besides frameworks: Sentry, JavaScript, logs that go through a queue."""

import gzip
import json
import shutil
import subprocess
import sys

import pytest

from harness import guide
from harness.applications import GUIDE
from harness.backend import reply
from harness.polling import TIME_FACTOR, wait_for
from harness.ports import free_port
from harness.trace import told

node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

SERVER = """
import http from "node:http";
import { log, withRequestID } from "GUIDE/express_request_id.mjs";
const server = http.createServer((request, response) => withRequestID(request, response, () => {
  const nonce = request.url.split("/").pop();
  log("INFO", "shop", `began ${nonce}`);
  setTimeout(async () => {
    await null;
    log("INFO", "shop", `ended ${nonce}`);
    response.end(nonce);
  }, 10);
}));
server.listen(PORT, "127.0.0.1", () => log("INFO", "shop", "listening"));
"""
BROWSER = """
import { fetchWithID } from "GUIDE/browser_request_id.mjs";
const { response, requestID } = await fetchWithID(process.argv[2]);
console.log(response.status, requestID);
try { await fetchWithID("http://127.0.0.1:1/"); }
catch (error) { console.log(error.requestID.length); }
"""
QUEUED = """
import logging, logging.handlers, queue
from request_id import RequestIDFilter, UTCFormatter, request_id
lines = queue.SimpleQueue()
into = logging.handlers.QueueHandler(lines)
into.addFilter(RequestIDFilter())
out = logging.StreamHandler()
out.setFormatter(UTCFormatter("[req-{request_id}] {message}", style="{"))
listener = logging.handlers.QueueListener(lines, out)
logging.getLogger().addHandler(into)
listener.start()
for number in range(3):
    request_id.set(f"r{number}")
    logging.error("of %d", number)
request_id.set("later")
listener.stop()
"""


def test_sentrys_events_are_tagged_with_their_own_requests_id(site, tmp_path, make_backend):
    sentry = make_backend(reply("200 OK", b"{}"))
    dsn = f"http://key@127.0.0.1:{sentry.port}/1"
    backend = guide.start("sentry", tmp_path, SENTRY_DSN=dsn)
    try:
        load = guide.Load(site.serve(backend.address))
        load.run(["/fail"], clients=4, rounds=2)
        wait_for(lambda: len(events(sentry)) >= 8, "the last event", 10)
    finally:
        backend.stop()
    seen = {event["exception"]["values"][0]["value"]: event["tags"]["request_id"]
            for event in events(sentry)}  # fmt: skip
    assert seen == load.ids


def events(sentry):
    """What the SDK sent, out of its envelopes."""
    found = []
    for request in sentry.requests:
        body = request.body
        if request.fields.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        items = [json.loads(line) for line in body.splitlines() if line.startswith(b"{")]
        found += [item for item in items if "exception" in item]
    return found


def test_the_filter_stands_before_the_queue():
    """Behind it, the listener's thread would know no ID, or another one."""
    result = subprocess.run(
        [sys.executable, "-c", QUEUED], cwd=GUIDE, capture_output=True, text=True, check=True,
        timeout=10 * TIME_FACTOR,
    )  # fmt: skip
    assert result.stderr.splitlines() == [f"[req-r{number}] of {number}" for number in range(3)]


@node
def test_the_middleware_for_express_keeps_requests_apart(site, tmp_path):
    """Under node's own server: Express would only call it."""
    port = free_port()
    script = tmp_path / "server.mjs"
    script.write_text(SERVER.replace("GUIDE", str(GUIDE)).replace("PORT", str(port)))
    log = tmp_path / "node.log"
    with log.open("wb") as output:
        process = subprocess.Popen(["node", script], stdout=output, stderr=output)
    try:
        wait_for(lambda: "listening" in log.read_text(), "node to listen", 15)
        proxy = site.serve(f"127.0.0.1:{port}")
        load = guide.Load(proxy).run(["/job"])
        guide.judge(load, {"/job": 2}, log)
        request_id = load.ids_of("/job")[0]
        proxy.log_line(request_id)
        names = [line["file"].rpartition("/")[2] for line in
                 told("-c", proxy.conf, request_id, log)]  # fmt: skip
        assert names == ["node.log", "node.log", "access.log"]
    finally:
        process.kill()
        process.wait(5)


@node
def test_a_page_sends_an_id_and_reads_it(site, backend, tmp_path):
    proxy = site.serve(backend)
    script = tmp_path / "page.mjs"
    script.write_text(BROWSER.replace("GUIDE", str(GUIDE)))
    result = subprocess.run(
        ["node", script, f"http://127.0.0.1:{proxy.port}/"], capture_output=True, text=True,
        check=True, timeout=15 * TIME_FACTOR,
    )  # fmt: skip
    status, request_id, length = result.stdout.split()
    assert status == "200" and length == "36"
    line = proxy.log_line(request_id)
    assert line["id_source"] == "client" and backend.request.request_id == request_id
