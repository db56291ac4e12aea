"""W3C Trace Context: which trace a request belongs to, what backends and clients are told of it,
and that the log has the same numbers."""

from __future__ import annotations

import re

import pytest

from harness.backend import RESET, reply
from harness.client import request_bytes
from harness.http2 import Client
from harness.log import read_lines
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

pytest_plugins = ["harness.http2_front"]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
UNTRUSTED = "request_id_trust 192.0.2.1;"


def parsed(value):
    """Version, trace ID, span ID and flags of a `traceparent` that Waybill has written."""
    match = re.fullmatch(r"(00)-([0-9a-f]{32})-([0-9a-f]{16})-(0[0-3])", value or "")
    assert match, value
    assert int(match[2], 16) and int(match[3], 16), value
    return match.groups()


def sent(fields, name="traceparent"):
    return [value for key, value in fields if key.lower() == name]


def observe(proxy, backend, fields=(), target="/"):
    return proxy.observe(backend, request_bytes("GET", target, list(fields)))


@pytest.mark.parametrize("front", ["http1", "http2"])
@pytest.mark.parametrize("back", ["http1", "http2"])
def test_a_trusted_context_is_continued(
    site, make_backend, make_http2_backend, front, back
):
    backend = make_backend() if back == "http1" else make_http2_backend()
    version = "proxy_http_version 2;" if back == "http2" else ""
    proxy = site.serve(
        backend.address, server="http2 on; otel_trace_context propagate;", location=version,
        workers=2,
    )  # fmt: skip
    fields = [
        ("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2,a=3"),
        ("baggage", "user=1"),
    ]  # fmt: skip
    for _ in range(4):
        if front == "http1":
            proxy.get("/", fields)
        else:
            with Client(proxy.port) as client:
                client.get("/", fields)
    lines = proxy.wait_lines(4)
    heads = [
        request.fields if back == "http1" else request.fields
        for request in (backend.requests if back == "http1" else backend.wait_calls(4))
    ]
    spans = set()
    for line in lines:
        assert (line["trace_id"], line["parent_id"], line["sampled"]) == (TRACE, SPAN, True)
        assert "client_traceparent" not in line
        spans |= {line["span_id"], line["upstream_span_id"]}
    assert len(spans) == 8 and SPAN not in spans
    told = set()
    for head in heads:
        (value,) = sent(head)
        assert parsed(value)[1] == TRACE and parsed(value)[3] == "01"
        told.add(parsed(value)[2])
        assert sent(head, "tracestate") == ["a=1,b=2"] and sent(head, "baggage") == ["user=1"]
    assert told == {line["upstream_span_id"] for line in lines}


@pytest.mark.parametrize(
    "fields",
    [
        [], [("traceparent", "")], [("traceparent", PARENT + "-x")],
        [("traceparent", PARENT), ("traceparent", PARENT)], [("traceparent", PARENT.upper())],
        [("traceparent", "ff" + PARENT[2:])],
    ],
)  # fmt: skip
def test_without_a_valid_context_a_new_trace_begins(site, backend, fields):
    proxy = site.serve(backend, server="otel_trace_context propagate;")
    one = observe(proxy, backend, [*fields, ("tracestate", "a=1"), ("baggage", "b=2")])
    (value,) = sent(one.seen.fields)
    _, trace, span, flags = parsed(value)
    assert (trace, span) == (one.line["trace_id"], one.line["upstream_span_id"])
    assert trace != TRACE and flags == "02" and one.line["sampled"] is False
    assert "parent_id" not in one.line
    received = ", ".join(value for _, value in fields)
    assert one.line.get("client_traceparent", "") == received
    # tracestate belongs to what is not valid; baggage does not.
    assert sent(one.seen.fields, "tracestate") == []
    assert sent(one.seen.fields, "baggage") == ["b=2"]


def test_an_untrusted_context_is_logged_and_not_continued(site, backend):
    proxy = site.serve(backend, server="otel_trace_context propagate; otel_trace on;" + UNTRUSTED)
    one = observe(
        proxy, backend, [("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "b=2")]
    )
    (value,) = sent(one.seen.fields)
    assert parsed(value)[1] == one.line["trace_id"] != TRACE and parsed(value)[3] == "03"
    assert one.line["client_traceparent"] == PARENT and "parent_id" not in one.line
    assert not sent(one.seen.fields, "tracestate") and not sent(one.seen.fields, "baggage")


def test_trust_is_decided_location_by_location(site, backend):
    text = f"""server {{ listen PORT; otel_trace_context propagate;
      location /in/ {{ proxy_pass http://{backend.address}; }}
      location /out/ {{ {UNTRUSTED} proxy_pass http://{backend.address}; }} }}"""
    proxy = site.servers(text, workers=2)
    for target, trusted in [("/in/", True), ("/out/", False)] * 3:
        one = observe(proxy, backend, [("traceparent", PARENT)], target)
        assert (one.line["trace_id"] == TRACE) is trusted


@pytest.mark.parametrize(
    "mode, continues, injects",
    [("extract", True, False), ("inject", False, True), ("propagate", True, True),
     ("ignore", False, False)],
)  # fmt: skip
def test_modes(site, backend, mode, continues, injects):
    proxy = site.serve(backend, server=f"otel_trace_context {mode}; otel_trace on;")
    one = observe(proxy, backend, [("traceparent", PARENT), ("tracestate", "a=1")])
    assert (one.line["trace_id"] == TRACE) is continues
    (value,) = sent(one.seen.fields)
    assert (parsed(value)[2] == one.line["upstream_span_id"]) is injects
    if not injects:
        assert value == PARENT and sent(one.seen.fields, "tracestate") == ["a=1"]


def test_without_directives_the_fields_pass_and_nothing_is_logged(site, backend):
    proxy = site.serve(backend)
    one = observe(proxy, backend, [("traceparent", PARENT), ("tracestate", "a=1,a=2")])
    assert sent(one.seen.fields) == [PARENT] and sent(one.seen.fields, "tracestate") == ["a=1,a=2"]
    assert not [key for key in one.line if "trace" in key or "span" in key or key == "sampled"]


def test_every_try_has_a_span_of_its_own(site, make_backend):
    first, second = make_backend([RESET]), make_backend()
    third = make_backend(reply("503 Service Unavailable"))
    text = f"""
upstream app {{ server {first.address}; server {third.address}; server {second.address}; }}
server {{ listen PORT; otel_trace_context propagate; proxy_next_upstream error http_503;
  location / {{ proxy_pass http://app; }} }}
"""
    proxy = site.servers(text)
    response = proxy.get("/", [("traceparent", PARENT)])
    line = proxy.log_line(response.request_id)
    told = []
    for backend in (first, third, second):
        (request,) = backend.requests
        told.append(parsed(sent(request.fields)[0])[2])
    assert [one["span_id"] for one in line["tries"]] == told
    assert len(set(told)) == 3 and line["upstream_span_id"] == told[-1]
    assert line["span_id"] not in told and line["status"] == 200


def test_subrequests_have_spans_of_their_own(site, make_backend):
    auth, copy, backend = make_backend(), make_backend(), make_backend()
    text = f"""
log_subrequest on; otel_trace_context propagate; otel_trace on;
server {{ listen PORT;
  location / {{ auth_request /auth; mirror /copy; proxy_pass http://{backend.address}; }}
  location = /auth {{ internal; proxy_pass http://{auth.address}; }}
  location = /copy {{ internal; proxy_pass http://{copy.address}; }} }}
"""
    proxy = site.servers(text, workers=2)
    response = proxy.get("/", [("traceparent", PARENT)])
    lines = proxy.wait_lines(3)
    main = proxy.log_line(response.request_id)
    wait_for(lambda: copy.requests, "the copy")
    by_path = {line.get("subrequest"): line for line in lines}
    for path, one in [("/auth", auth), ("/copy", copy), (None, backend)]:
        _, trace, span, flags = parsed(sent(one.requests[0].fields)[0])
        line = by_path[path]
        assert (trace, flags) == (TRACE, "01") and span == line["upstream_span_id"]
        assert line["trace_id"] == TRACE
        assert line["parent_id"] == (SPAN if path is None else main["span_id"])
    assert len({line["span_id"] for line in lines}) == 3


def test_a_chain_of_two(site, backend, tmp_path):
    inner_port = free_port()
    folder = tmp_path / "inner"
    folder.mkdir()
    conf = f"""worker_threads 2; pid {folder}/pid; error_log {folder}/error.log;
access_log {folder}/access.log json; otel_trace_context propagate;
server {{ listen 127.0.0.1:{inner_port}; location / {{ proxy_pass http://{backend.address}; }} }}
"""
    with site.running_at(folder, "inner.conf", conf) as inner:
        site.directory = tmp_path
        outer = site.serve(
            f"127.0.0.1:{inner_port}", server="otel_trace_context propagate; otel_trace 100%;"
        )
        response = outer.get("/")
        one, two = outer.log_line(response.request_id), inner.log_line(response.request_id)
        assert one["trace_id"] == two["trace_id"] and one["sampled"] is two["sampled"] is True
        assert two["parent_id"] == one["upstream_span_id"] and "parent_id" not in one
        (request,) = backend.requests
        assert parsed(sent(request.fields)[0])[2] == two["upstream_span_id"]


@pytest.mark.parametrize("front", ["http1", "http2"])
def test_refused_requests_and_errors_have_traces(site, front):
    text = f"""server {{ listen PORT; http2 on; otel_trace_context propagate; otel_trace on;
      client_max_body_size 5;
      error_page 502 /sorry; request_id_server_timing on;
      location / {{ proxy_pass http://127.0.0.1:{free_port()}; }}
      location /gone {{ return 410; }}
      location /denied {{ deny all; root {site.directory}; }}
      location = /sorry {{ otel_trace_context ignore; return 200 sorry; }} }}"""
    proxy = site.servers(text)
    wanted = {"/": 502, "/gone": 410, "/denied": 403, "/content": 413}
    for target, status in wanted.items():
        body = b"123456" if target == "/content" else None
        method = "POST" if body else "GET"
        if front == "http1":
            response = proxy.request(method, target, [("traceparent", PARENT)], body=body or b"")
            timing = response.fields.all("Server-Timing")
        else:
            with Client(proxy.port) as client:
                stream = client.begin(
                    target, [("traceparent", PARENT)], method=method, ends=body is None
                )
                if body:
                    client.send(stream, body, ends=True)
                (response,) = client.finish(stream)
                timing = [response["server-timing"]]
        assert response.status == status
        assert len(timing) == 1 and f'traceparent;desc="00-{TRACE}-' in timing[0]
    for line in proxy.wait_lines(len(wanted)):
        assert (line["trace_id"], line["parent_id"]) == (TRACE, SPAN), line


def test_a_head_that_is_no_request_has_a_trace(site, backend):
    proxy = site.serve(backend, server="otel_trace_context propagate;")
    with proxy.connect() as connection:
        connection.send(f"GET / HTTP/1.1\r\ntraceparent: {PARENT}\r\nbad line\r\n\r\n".encode())
        connection.receive("GET")
    with proxy.connect() as connection:
        connection.send(b"\x16\x03\x01garbage\r\n\r\n")
        connection.receive("GET")
    with proxy.connect() as connection:
        connection.send(b"GET / HTT")
    first, second, third = proxy.wait_lines(3)
    assert first["trace_id"] == TRACE and first["parent_id"] == SPAN
    for line in (second, third):
        assert line["trace_id"] != TRACE and "client_traceparent" not in line


def test_variables(site, backend):
    top = f"""
log_format own '$otel_trace_id $otel_span_id $otel_parent_id $otel_parent_sampled';
access_log {site.directory}/own.log own;
map $otel_trace_id $of_map {{ default "m-$otel_trace_id"; }}
"""
    server = """otel_trace_context propagate; set $of_server $otel_span_id;
      if ($otel_parent_sampled = 1) { set $decision sampled; }"""
    location = """proxy_set_header X-Trace $otel_trace_id; add_header X-Span $otel_span_id;
      if ($otel_parent_sampled) { set $in_location yes; }
      proxy_set_header X-Map $of_map; proxy_set_header X-Set "$of_server $decision $in_location";"""
    proxy = site.serve(backend, top=top, server=server, location=location)
    one = observe(proxy, backend, [("traceparent", PARENT)])
    line = one.line
    assert one.seen.fields.one("X-Trace") == TRACE
    assert one.seen.fields.one("X-Map") == "m-" + TRACE
    assert one.seen.fields.one("X-Set") == f"{line['span_id']} sampled yes"
    assert one.response.fields.one("X-Span") == line["span_id"]
    two = observe(proxy, backend)
    own = (site.directory / "own.log").read_text().splitlines()
    assert own[0] == f"{TRACE} {line['span_id']} {SPAN} 1"
    assert own[1] == f"{two.line['trace_id']} {two.line['span_id']} - 0"
    assert two.seen.fields.one("X-Trace") == two.line["trace_id"]


def test_the_conf_file_prevails(site, backend):
    location = """otel_trace_context propagate;
      proxy_set_header TraceParent "00-$otel_trace_id-$otel_span_id-01";"""
    proxy = site.serve(backend, location=location)
    one = observe(proxy, backend, [("traceparent", PARENT), ("tracestate", "a=1")])
    assert sent(one.seen.fields) == [f"00-{TRACE}-{one.line['span_id']}-01"]
    assert sent(one.seen.fields, "tracestate") == ["a=1"]


def test_no_field_of_the_client_passes_where_none_may(site, backend):
    location = "otel_trace_context propagate; proxy_pass_request_headers off;"
    proxy = site.serve(backend, location=location)
    fields = [("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "b=2"), ("X-A", "1")]
    one = observe(proxy, backend, [*fields, ("Connection", "traceparent, tracestate")])
    assert parsed(one.seen.fields.one("traceparent"))[1] == TRACE
    assert "baggage" not in one.seen.fields and "X-A" not in one.seen.fields


def test_a_trailer_can_t_set_a_context(site, backend):
    proxy = site.serve(
        backend, location="otel_trace_context propagate; proxy_request_buffering off;"
    )
    data = (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: traceparent\r\n\r\n"
        b"1\r\nx\r\n0\r\ntraceparent: " + PARENT.encode() + b"\r\nX-Sum: 1\r\n\r\n"
    )
    one = proxy.observe(backend, data)
    assert parsed(one.seen.fields.one("traceparent"))[1] == one.line["trace_id"] != TRACE
    assert "traceparent" not in one.seen.trailers and "X-Sum" in one.seen.trailers


def test_sampling(site, backend):
    top = """
map $arg_say $decision { default $arg_say; }
split_clients $otel_trace_id $split { 50% on; * off; }
"""
    text = f"""{top} otel_trace_context propagate;
server {{ listen PORT;
  location /on/ {{ otel_trace on; proxy_pass http://{backend.address}; }}
  location /off/ {{ otel_trace off; proxy_pass http://{backend.address}; }}
  location /some/ {{ otel_trace 30%; proxy_pass http://{backend.address}; }}
  location /map/ {{ otel_trace $decision; proxy_pass http://{backend.address}; }}
  location /split/ {{ otel_trace $split; proxy_pass http://{backend.address}; }}
  location /parent/ {{ otel_trace $otel_parent_sampled; proxy_pass http://{backend.address}; }} }}
"""
    proxy = site.servers(text)

    def sampled(target, flags=None):
        fields = [("traceparent", PARENT[:-2] + flags)] if flags else []
        one = observe(proxy, backend, fields, target)
        bit = int(parsed(sent(one.seen.fields)[0])[3], 16) & 1
        assert bool(bit) is one.line["sampled"]
        return bool(bit)

    def share(target):
        with proxy.connect() as connection:
            for _ in range(80):
                connection.exchange(request_bytes("GET", target))
        lines = wait_for(
            lambda: (found := [line for line in proxy.lines() if line["uri"] == target][-80:])
            and len(found) == 80 and found, "80 lines"
        )  # fmt: skip
        return sum(line["sampled"] for line in lines)

    assert sampled("/on/") and sampled("/on/", "00") and sampled("/on/", "01")
    assert not sampled("/off/") and not sampled("/off/", "00") and sampled("/off/", "01")
    assert not sampled("/some/", "00") and sampled("/some/", "01")
    assert 10 <= share("/some/") <= 42
    assert 20 <= share("/split/") <= 60
    for say, expected in [("on", True), ("1", True), ("off", False), ("", False), ("x", False),
                          ("100%25", False), ("0%25", False), ("on" * 20, False)]:  # fmt: skip
        assert sampled(f"/map/?say={say}") is expected, say
        assert sampled(f"/map/?say={say}", "01"), say
    assert not sampled("/parent/") and sampled("/parent/", "01")


def test_the_request_id_and_the_trace_id_are_one(site, backend):
    proxy = site.serve(
        backend, server="request_id_format trace; otel_trace_context propagate;", workers=2
    )
    new = observe(proxy, backend)
    assert new.line["request_id"] == new.line["trace_id"] and new.line["id_source"] == "generated"
    assert parsed(sent(new.seen.fields)[0])[1] == new.line["request_id"]
    continued = observe(proxy, backend, [("traceparent", PARENT)])
    assert continued.line["request_id"] == continued.line["trace_id"] == TRACE
    assert continued.line["id_source"] == "traceparent"
    own = observe(proxy, backend, [("X-Request-ID", "a" * 32)])
    assert own.line["request_id"] == own.line["trace_id"] == "a" * 32
    other = observe(proxy, backend, [("X-Request-ID", "abc")])
    assert other.line["request_id"] == "abc"
    assert re.fullmatch("[0-9a-f]{32}", other.line["trace_id"])
    both = observe(proxy, backend, [("X-Request-ID", "abc-2"), ("traceparent", PARENT)])
    assert (both.line["request_id"], both.line["trace_id"]) == ("abc-2", TRACE)
    third = "00-" + "b" * 32 + PARENT[35:]
    bad = observe(proxy, backend, [("X-Request-ID", "a b"), ("traceparent", third)])
    assert bad.line["request_id"] == "b" * 32 and bad.line["id_source"] == "invalid"


def test_an_untrusted_trace_is_no_request_id(site, backend):
    proxy = site.serve(
        backend, server="request_id_format trace; otel_trace_context propagate;" + UNTRUSTED
    )
    one = observe(proxy, backend, [("traceparent", PARENT)])
    assert one.line["request_id"] == one.line["trace_id"] != TRACE
    assert one.line["id_source"] == "generated" and one.line["client_traceparent"] == PARENT


def test_the_error_log_has_the_id_that_the_trace_gave(site):
    proxy = site.serve(
        f"127.0.0.1:{free_port()}",
        server="request_id_format trace; otel_trace_context propagate; client_max_body_size 1;",
    )
    assert proxy.get("/", [("traceparent", PARENT)]).request_id == TRACE
    assert proxy.error_lines(TRACE)
    with proxy.connect() as connection:
        connection.send(f"GET / HTTP/1.1\r\ntraceparent: {PARENT}\r\nbad line\r\n\r\n".encode())
        response = connection.receive("GET")
    assert response.request_id == TRACE
    wait_for(lambda: any("refused:" in line for line in proxy.error_lines(TRACE)), "its reason")


def test_server_timing(site, make_backend):
    backend = make_backend(reply(fields=[("Server-Timing", "db;dur=5")]))
    text = f"""request_id_server_timing on;
server {{ listen PORT;
  location / {{ proxy_pass http://{backend.address}; }}
  location /traced/ {{ otel_trace_context propagate; proxy_pass http://{backend.address}; }}
  location /none/ {{ request_id off; proxy_pass http://{backend.address}; }}
  location /quiet/ {{ request_id_server_timing off; proxy_pass http://{backend.address}; }}
  location /own/ {{ return 404; }} }}
"""
    proxy = site.servers(text)
    plain = proxy.get("/")
    assert plain.fields.all("Server-Timing") == [
        "db;dur=5", f'request_id;desc="{plain.request_id}"'
    ]  # fmt: skip
    traced = proxy.get("/traced/", [("traceparent", PARENT)])
    line = proxy.log_line(traced.request_id)
    assert traced.fields.all("Server-Timing")[1] == (
        f'request_id;desc="{traced.request_id}", '
        f'traceparent;desc="00-{TRACE}-{line["span_id"]}-01"'
    )
    assert proxy.get("/none/").fields.all("Server-Timing") == ["db;dur=5"]
    assert proxy.get("/quiet/").fields.all("Server-Timing") == ["db;dur=5"]
    own = proxy.get("/own/")
    assert own.fields.all("Server-Timing") == [f'request_id;desc="{own.request_id}"']


def test_the_trace_command_finds_a_trace(site, backend):
    proxy = site.serve(backend, server="otel_trace_context propagate;")
    response = proxy.get("/", [("traceparent", PARENT)])
    proxy.log_line(response.request_id)
    found = command("trace", TRACE, proxy.access_log)
    assert found.returncode == 0 and "200 GET example.test/" in found.stdout, found.stdout


def test_a_replaced_configuration_takes_effect(site, backend):
    proxy = site.serve(backend, server="otel_trace_context propagate;", workers=2)
    assert "trace_id" in observe(proxy, backend).line
    conf = proxy.conf.read_text()
    proxy.conf.write_text(conf.replace("propagate", "ignore"))
    assert command("-c", proxy.conf, "-s", "reload").returncode == 0
    one = observe(proxy, backend, [("traceparent", PARENT)])
    assert "trace_id" not in one.line and sent(one.seen.fields) == [PARENT]
    assert read_lines(proxy.access_log)[-1]["request_id"] == one.line["request_id"]


@pytest.mark.parametrize(
    "text",
    ["otel_trace maybe;", "otel_trace 101%;", "otel_trace 5;", "otel_trace_context all;",
     "otel_trace on off;", "request_id_format traces;", "request_id_server_timing 1;"],
)  # fmt: skip
def test_wrong_values_are_refused(tmp_path, text):
    conf = tmp_path / "proxy.conf"
    conf.write_text(f"{text}\nserver {{ listen 127.0.0.1:{free_port()}; return 204; }}\n")
    checked = command("-t", "-c", conf)
    assert checked.returncode != 0 and text.split()[0] in checked.stderr, checked.stderr
