"""gRPC through `grpc_pass`: calls of all four kinds by grpcio, and how errors are told."""

import queue
import threading
import time
from contextlib import ExitStack

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from harness.grpc_server import EchoClient, EchoServer
from harness.http2 import Client
from harness.http2_backend import HTTP2Backend
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import command

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def echo(stack):
    server = EchoServer()
    stack.callback(server.stop)
    return server


@pytest.fixture
def serve(site):
    """Serves backends by `grpc_pass`."""

    def start(*backends, location="", server="", top="", **options):
        servers = " ".join(f"server {backend.address};" for backend in backends)
        return site.servers(
            f"""upstream up {{ {servers} }} {top}
            server {{ listen PORT; http2 on; {server}
              location / {{ grpc_pass grpc://up; {location} }} }}""",
            **options,
        )  # fmt: skip

    return start


def test_unary_calls(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        for number in range(20):
            metadata = (("x-request-id", f"call-{number}"), ("x-mine-bin", b"\x00\x01"))
            answer, call = client.unary.with_call(b"hello" * number, metadata=metadata, timeout=9)
            assert answer == b"hello" * number
            initial = dict(call.initial_metadata())
            assert initial["x-first"] == "1" and initial["x-request-id"] == f"call-{number}"
            trailing = dict(call.trailing_metadata())
            assert trailing["x-last"] == "2" and trailing["x-last-bin"] == b"\x00\xff"
    assert echo.metadata[3]["x-request-id"] == "call-3"
    lines = proxy.wait_lines(20)
    assert all(line["grpc_status"] == 0 and line["status"] == 200 for line in lines)
    assert all(line["protocol"] == "HTTP/2.0" and line["upstream_status"] == 200 for line in lines)


def test_large_messages(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        message = bytes(range(256)) * 40_000
        assert client.unary(message, timeout=30) == message


def test_streams_of_the_client(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        messages = (str(number).encode() for number in range(500))
        assert client.client(messages, timeout=20) == b"".join(
            str(number).encode() for number in range(500)
        )


def test_streams_of_the_server_come_at_once(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        begin = time.monotonic()
        times = []
        for number, message in enumerate(
            client.stream(b"4", metadata=(("sleep", "0.4"),), timeout=20)
        ):
            assert message == str(number).encode()
            times.append(time.monotonic() - begin)
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert len(times) == 4 and all(gap > 0.2 for gap in gaps)


def test_two_way_streams_of_two_clients(serve, stack):
    """Messages go to and fro on several streams at once, over two workers and two servers."""
    servers = [EchoServer(), EchoServer()]
    for server in servers:
        stack.callback(server.stop)
    proxy = serve(*servers, workers=2)

    def talk(client):
        outbox = queue.Queue()
        call = client.both(iter(outbox.get, None), timeout=30)
        for number in range(50):
            outbox.put(f"m{number}".encode())
            assert next(call) == f"m{number}".encode()
        outbox.put(None)
        assert list(call) == []

    with EchoClient(proxy.port) as one, EchoClient(proxy.port) as two:
        threads = [threading.Thread(target=talk, args=(c,)) for c in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = proxy.wait_lines(4)
    assert all(line["grpc_status"] == 0 for line in lines)
    assert all(server.metadata for server in servers)


def test_a_silent_call_outlives_client_body_timeout(serve, echo):
    proxy = serve(echo, location="client_body_timeout 1s; client_max_body_size 0;")
    with EchoClient(proxy.port) as client:
        outbox = queue.Queue()
        call = client.both(iter(outbox.get, None), timeout=30)
        outbox.put(b"1")
        assert next(call) == b"1"
        time.sleep(2.5)
        outbox.put(b"2")
        assert next(call) == b"2"
        outbox.put(None)
        assert list(call) == []


def test_errors_of_the_server_pass_as_they_are(serve, echo):
    """Trailers-only: the status stands in the head."""
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        for code in (1, 5, 7, 13, 16):
            with pytest.raises(grpc.RpcError) as error:
                client.unary(b"x", metadata=(("fail", str(code)),), timeout=9)
            assert error.value.code() == list(grpc.StatusCode)[code]
            assert error.value.details() == "as asked, with é and %"
            assert dict(error.value.trailing_metadata())["x-detail"] == "of the error"
        with pytest.raises(grpc.RpcError) as error:
            client.channel.unary_unary("/test.Echo/None")(b"", timeout=9)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    lines = proxy.wait_lines(6)
    assert [line["grpc_status"] for line in lines] == [1, 5, 7, 13, 16, 12]
    assert all(line["status"] == 200 and "error" not in line for line in lines)


def test_deadlines_reach_the_server(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        client.unary(b"x", timeout=5)
        assert 3 < echo.remaining[0] <= 5
        with pytest.raises(grpc.RpcError) as error:
            client.unary(b"x", metadata=(("sleep", "3"),), timeout=0.5)
        assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    lines = proxy.wait_lines(2)
    assert lines[1]["status"] in (200, 499)


def test_cancellation_reaches_the_server(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        call = client.stream(b"1000", metadata=(("sleep", "0.1"),), timeout=60)
        assert next(call) == b"0"
        call.cancel()
        assert echo.cancelled.wait(5)
        assert client.unary(b"on", timeout=5) == b"on"
    lines = proxy.wait_lines(2)
    assert lines[0]["status"] == 499 and "grpc_status" not in lines[0]


def test_health_and_reflection(serve, echo):
    proxy = serve(echo)
    with EchoClient(proxy.port) as client:
        health = health_pb2_grpc.HealthStub(client.channel)
        request = health_pb2.HealthCheckRequest()
        assert health.Check(request, timeout=5).status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(request, timeout=20)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        echo.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = stub.ServerReflectionInfo(iter([question]), timeout=5)
        names = {service.name for service in answer.list_services_response.service}
        assert "grpc.health.v1.Health" in names


def test_tls_on_both_sides(site, stack, pair, authority):
    key = open(pair.key, "rb").read()
    chain = open(pair.certificate, "rb").read()
    server = EchoServer(grpc.ssl_server_credentials([(key, chain)]))
    stack.callback(server.stop)
    proxy = site.servers(
        f"""server {{ listen PORT ssl; http2 on; server_name localhost;
          ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};
          location / {{ grpc_pass grpcs://{server.address}; grpc_ssl_name localhost;
            grpc_ssl_trusted_certificate {authority.file}; }} }}""")  # fmt: skip
    root = open(authority.file, "rb").read()
    with EchoClient(proxy.port, grpc.ssl_channel_credentials(root)) as client:
        for _ in range(3):
            assert client.unary(b"hidden", timeout=9) == b"hidden"


# How Waybill's own errors are told


def error_of(proxy, path="/a.B/C", fields=()):
    with Client(proxy.port) as client:
        return client.get(path, [*GRPC, *fields], method="POST")


@pytest.mark.parametrize(
    "location, code, reason",
    [
        ("return 404;", 12, "Not Found"),
        ("deny all;", 7, "Forbidden"),
        ("return 503;", 14, "Service Unavailable"),
        ('auth_basic "x"; auth_basic_user_file /dev/null;', 16, "Unauthorized"),
    ],
)
def test_own_errors_are_grpcs(serve, echo, location, code, reason):
    proxy = serve(echo, location=location)
    answer = error_of(proxy, fields=[("x-request-id", "own-1")])
    assert answer.status == 200 and answer.ended and answer.body == b""
    assert answer["content-type"] == "application/grpc" and not answer.trailers
    assert answer["grpc-status"] == str(code) and answer["x-request-id"] == "own-1"
    assert answer["grpc-message"] == f"{reason}, request ID own-1"
    line = proxy.log_line("own-1")
    assert line["status"] == 200 and line["grpc_status"] == code
    with Client(proxy.port) as client:
        plain = client.get("/", [("content-type", "application/json")], method="POST")
    assert plain.status in (401, 403, 404, 503)


def test_a_server_that_is_gone(site, stack):
    port = free_port()
    proxy = site.servers(
        f"""server {{ listen PORT; http2 on;
          location / {{ grpc_pass 127.0.0.1:{port}; }} }}""")  # fmt: skip
    with EchoClient(proxy.port) as client, pytest.raises(grpc.RpcError) as error:
        client.unary(b"x", timeout=9)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert error.value.details().startswith("Bad Gateway, request ID ")
    (line,) = proxy.wait_lines(1)
    assert line["grpc_status"] == 14 and line["error"] == "connection_refused"
    assert line["level"] == "ERROR"


@pytest.mark.parametrize("deadline, code", [(None, 14), ("3S", 4)])
def test_timeouts(serve, stack, deadline, code):
    backend = HTTP2Backend(lambda call: None)
    stack.callback(backend.stop)
    proxy = serve(backend, location="grpc_read_timeout 1s;")
    fields = [("grpc-timeout", deadline)] if deadline else []
    answer = error_of(proxy, fields=fields)
    assert answer["grpc-status"] == str(code)
    call = backend.calls[0]
    assert call["grpc-timeout"] == deadline and call["te"] == "trailers"


def test_a_call_that_breaks_off_ends_with_trailers(serve, stack):
    """The connection to the server dies behind the first message."""

    def script(call):
        call.head(fields=[("content-type", "application/grpc")])
        call.data(b"\0\0\0\0\1x")
        time.sleep(0.3)
        call.session.close()

    backend = HTTP2Backend(script)
    stack.callback(backend.stop)
    proxy = serve(backend)
    answer = error_of(proxy)
    assert answer.status == 200 and bytes(answer.body) == b"\0\0\0\0\1x" and answer.ended
    assert dict(answer.trailers)["grpc-status"] == "14"
    (line,) = proxy.wait_lines(1)
    assert line["grpc_status"] == 14 and line["termination"] == "upstream:response_body"


def test_directives_of_nginx(site, stack):
    """Fields set, hidden and passed on; the authority; `$grpc_status` in a format."""
    backend = HTTP2Backend(
        lambda call: call.reply(
            fields=[("x-hidden", "1"), ("x-seen", "2"), ("content-type", "application/grpc")],
            trailers=[("grpc-status", "5"), ("grpc-message", "no")],
        )
    )
    stack.callback(backend.stop)
    proxy = site.servers(
        f"""log_format own "$status $grpc_status $uri";
        access_log {site.directory}/own.log own;
        grpc_set_header X-Outer outer;
        proxy_set_header X-Proxy proxy;
        server {{ listen PORT; http2 on;
          location /one {{ grpc_pass {backend.address}; grpc_set_header X-Inner "$request_id";
            grpc_hide_header X-Hidden; grpc_set_header Host own.example; }}
          location /two {{ proxy_pass http://{backend.address}; proxy_http_version 2; }} }}""",
    )  # fmt: skip
    with Client(proxy.port) as client:
        one = client.get("/one", [*GRPC, ("x-request-id", "r-1")], method="POST")
        two = client.get("/two", GRPC, method="POST")
    assert one["x-hidden"] is None and one["x-seen"] == "2" and two["x-hidden"] == "1"
    assert dict(one.trailers)["grpc-status"] == "5"
    first, second = backend.calls
    assert first["x-inner"] == "r-1" and first["x-outer"] == "outer"
    assert first[":authority"] == "own.example" and first["x-proxy"] is None
    assert second["x-outer"] is None and second["x-proxy"] == "proxy"
    log = site.directory / "own.log"
    wait_for(lambda: log.read_text().count("\n") == 2, "two lines")
    assert log.read_text().splitlines() == ["200 5 /one", "200 5 /two"]


def test_reload_lets_calls_go_on(serve, echo):
    proxy = serve(echo, server="")
    with EchoClient(proxy.port) as client:
        outbox = queue.Queue()
        call = client.both(iter(outbox.get, None), timeout=60)
        outbox.put(b"before")
        assert next(call) == b"before"
        result = command("-c", proxy.conf, "-s", "reload", timeout=90)
        assert result.returncode == 0, result.stderr
        for number in range(5):
            outbox.put(str(number).encode())
            assert next(call) == str(number).encode()
            with EchoClient(proxy.port) as other:
                assert other.unary(b"new", timeout=9) == b"new"
        outbox.put(None)
        assert list(call) == []
    assert all(line["grpc_status"] == 0 for line in proxy.wait_lines(6))
