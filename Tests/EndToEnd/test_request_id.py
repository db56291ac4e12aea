"""One request, one ID: which one it is, and that backend, client and log line agree on it."""

import re
import string
import threading
import time

import pytest

from harness.backend import reply
from harness.client import chunked, request_bytes
from harness.polling import wait_for

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
UUID7 = UUID4.replace("-4[", "-7[")
ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
HEX = r"[0-9a-f]{32}"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALPHABET = string.ascii_letters + string.digits + "-_.:+/=@~"


def id_fields(*values):
    return [("X-Request-ID", value) for value in values]


def observe(proxy, backend, *values, target="/"):
    return proxy.observe(backend, request_bytes("GET", target, id_fields(*values)))


@pytest.mark.parametrize("values", [(), ("",), ("  \t ",)], ids=["none", "empty", "blank"])
def test_a_missing_id_is_generated(site, backend, values):
    one = observe(site.serve(backend), backend, *values)
    assert re.fullmatch(UUID4, one.response.request_id)
    assert one.line["id_source"] == "generated"
    assert "client_request_id" not in one.line and "upstream_request_id" not in one.line


@pytest.mark.parametrize(
    "value",
    ["a", "0", ALPHABET, "~" * 128, "Root=1-67891233-abcdef012345678912345678", "A" * 127 + "="],
)
def test_a_valid_id_is_kept_byte_for_byte(site, backend, value):
    one = observe(site.serve(backend), backend, value)
    assert one.response.request_id == one.seen.request_id == one.line["request_id"] == value
    assert one.line["id_source"] == "client" and "client_request_id" not in one.line


def test_white_space_around_an_id_is_no_part_of_it(site, backend):
    one = observe(site.serve(backend), backend, " \t abc-1 \t")
    assert one.response.request_id == "abc-1" and one.line["id_source"] == "client"


INVALID = ["a b", "a\tb", 'a"b', "a\\b", "<script>", "%0a", "a;b", "{x}", "a" * 129, "a" * 4000]


@pytest.mark.parametrize("value", INVALID, ids=lambda value: value[:8])
def test_an_invalid_id_is_replaced_and_logged(site, backend, value):
    one = observe(site.serve(backend), backend, value)
    assert re.fullmatch(UUID4, one.response.request_id)
    assert one.line["id_source"] == "invalid"
    logged = one.line["client_request_id"]
    assert len(logged) <= 256 and logged.startswith(value[:1])
    if value.isprintable() and len(value) <= 256 and not set(value) & set('"\\'):
        assert logged == value


def test_bytes_that_are_no_text_are_invalid_and_the_line_stays_json(site, backend):
    one = observe(site.serve(backend), backend, "\x80\xff\xc3\x28")
    assert one.line["id_source"] == "invalid" and one.line["client_request_id"]
    assert re.fullmatch(UUID4, one.seen.request_id)


@pytest.mark.parametrize(
    "values", [("a", "b"), ("a", "b", "a"), ("a, b",), ("a,b",), ("a", "a, b"), ("a" * 128, "b")]
)
def test_several_ids_are_replaced(site, backend, values):
    one = observe(site.serve(backend), backend, *values)
    assert re.fullmatch(UUID4, one.response.request_id)
    assert one.line["id_source"] == "duplicate"
    assert one.line["client_request_id"].startswith("a")


@pytest.mark.parametrize("count", [2, 5])
def test_equal_copies_count_as_one(site, backend, count):
    one = observe(site.serve(backend), backend, *["same-1"] * count)
    assert one.response.request_id == "same-1" and one.line["id_source"] == "client"


@pytest.mark.parametrize(
    "trust, source",
    [
        ("all", "client"),
        ("none", "untrusted"),
        ("127.0.0.1", "client"),
        ("127.0.0.0/8", "client"),
        ("10.0.0.0/8 127.0.0.1/32", "client"),
        ("10.0.0.0/8", "untrusted"),
        ("127.0.0.2/32", "untrusted"),
        ("::1", "untrusted"),
        ("0.0.0.0/0", "client"),
        ("unix:", "untrusted"),
    ],
)
def test_trust_is_by_the_peers_address(site, backend, trust, source):
    one = observe(site.serve(backend, server=f"request_id_trust {trust};"), backend, "mine-1")
    assert one.line["id_source"] == source
    if source == "client":
        assert one.response.request_id == "mine-1"
    else:
        assert re.fullmatch(UUID4, one.response.request_id)
        assert one.line["client_request_id"] == "mine-1"


@pytest.mark.parametrize("trust, kept", [("unix:", True), ("127.0.0.0/8", False), ("all", True)])
def test_peers_on_a_unix_socket_are_trusted_by_name(site, backend, trust, kept):
    path = site.directory / "front.sock"
    proxy = site.start(
        f"server {{ listen unix:{path}; request_id_trust {trust};\n"
        f"location / {{ proxy_pass http://{backend.address}; }} }}"
    )
    with proxy.connect(1, unix=str(path)) as connection:
        one = proxy.observe(backend, request_bytes(fields=id_fields("mine-1")), connection)
    assert (one.response.request_id == "mine-1") == kept
    assert one.line["id_source"] == ("client" if kept else "untrusted")


@pytest.mark.parametrize(
    "name, pattern", [("uuid4", UUID4), ("uuid7", UUID7), ("ulid", ULID), ("hex", HEX)]
)
def test_formats(site, backend, name, pattern):
    proxy = site.serve(backend, server=f"request_id_format {name};")
    identifiers = [observe(proxy, backend).response.request_id for _ in range(20)]
    assert all(re.fullmatch(pattern, identifier) for identifier in identifiers), identifiers
    assert len(set(identifiers)) == 20


def test_uuid7_carries_the_time(site, backend):
    proxy = site.serve(backend, server="request_id_format uuid7;")
    identifier = observe(proxy, backend).response.request_id
    assert abs(int(identifier.replace("-", "")[:12], 16) / 1000 - time.time()) < 5


def test_ulid_carries_the_time(site, backend):
    proxy = site.serve(backend, server="request_id_format ulid;")
    milliseconds = 0
    for character in observe(proxy, backend).response.request_id[:10]:
        milliseconds = milliseconds * 32 + CROCKFORD.index(character)
    assert abs(milliseconds / 1000 - time.time()) < 5


def test_generate_never_keeps_an_id(site, backend):
    proxy = site.serve(backend, server="request_id generate;")
    for values in [("mine-1",), ()]:
        assert re.fullmatch(UUID4, observe(proxy, backend, *values).response.request_id)


def test_pass_keeps_an_id_but_never_makes_one(site, backend):
    proxy = site.serve(backend, server="request_id pass;")
    assert observe(proxy, backend, "mine-1").line["id_source"] == "client"
    response = proxy.get("/without")
    assert "X-Request-ID" not in response.fields
    assert "X-Request-ID" not in backend.requests[-1].fields
    line = proxy.wait_lines(2)[1]
    assert line["uri"] == "/without" and "request_id" not in line


def test_off_leaves_the_header_alone(site, backend):
    proxy = site.serve(backend, server="request_id off;")
    response = proxy.get("/", id_fields("mine-1"))
    assert "X-Request-ID" not in response.fields
    assert backend.request.fields.all("X-Request-ID") == ["mine-1"]
    assert "request_id" not in proxy.wait_lines(1)[0]


def test_the_header_can_have_another_name(site, backend):
    proxy = site.serve(backend, server="request_id_header X-Correlation-ID;")
    response = proxy.get("/", {"X-Correlation-ID": "mine-1", "X-Correlation_ID": "twin"})
    assert response.fields.one("X-Correlation-ID") == "mine-1"
    assert "X-Request-ID" not in response.fields
    names = [name.lower().replace("_", "-") for name, _ in backend.request.fields]
    assert names.count("x-correlation-id") == 1
    assert backend.request.fields.one("X-Correlation-ID") == "mine-1"
    assert proxy.log_line("mine-1")["id_source"] == "client"


@pytest.mark.parametrize("limit, length, source", [
    (20, 20, "client"), (20, 21, "invalid"), (255, 255, "client"), (255, 256, "invalid"),
    (128, 129, "invalid"), (1, 1, "client"),
])  # fmt: skip
def test_the_greatest_length_can_be_set(site, backend, limit, length, source):
    proxy = site.serve(backend, server=f"request_id_max_length {limit};")
    one = observe(proxy, backend, "x" * length)
    assert one.line["id_source"] == source
    assert (one.response.request_id == "x" * length) == (source == "client")


@pytest.mark.parametrize("values", [("a b",), ("a" * 129,)])
def test_an_invalid_id_can_be_refused(site, backend, values):
    proxy = site.serve(backend, server="request_id_invalid reject;")
    one = proxy.observe(None, request_bytes(fields=id_fields(*values)))
    assert one.response.status == 400 and re.fullmatch(UUID4, one.response.request_id)
    assert one.line["id_source"] == "invalid" and one.line["client_request_id"]
    assert "error" in one.line and "termination" in one.line
    backend.assert_untouched()
    assert observe(proxy, backend, "fine-1").response.status == 200


def test_an_inner_directive_overrides_itself_alone(site, backend):
    proxy = site.servers(f"""
request_id_format hex;
request_id_max_length 10;
server {{
  listen PORT;
  request_id_trust none;
  location / {{ proxy_pass http://{backend.address}; }}
  location /trusting {{ request_id_trust all; proxy_pass http://{backend.address}; }}
  location /ulid {{ request_id_format ulid; proxy_pass http://{backend.address}; }}
  location /long {{
    request_id_trust all; request_id_max_length 20; proxy_pass http://{backend.address};
  }}
}}""")  # fmt: skip
    ten, eleven = "x" * 10, "x" * 11
    plain = observe(proxy, backend, ten)
    assert plain.line["id_source"] == "untrusted" and re.fullmatch(HEX, plain.line["request_id"])
    assert observe(proxy, backend, ten, target="/trusting").line["id_source"] == "client"
    long = observe(proxy, backend, eleven, target="/trusting")
    assert long.line["id_source"] == "invalid" and re.fullmatch(HEX, long.line["request_id"])
    ulid = observe(proxy, backend, ten, target="/ulid")
    assert ulid.line["id_source"] == "untrusted" and re.fullmatch(ULID, ulid.line["request_id"])
    assert observe(proxy, backend, eleven, target="/long").line["id_source"] == "client"


def test_each_server_has_its_own_rules(site, backend):
    proxy = site.servers(f"""
server {{ listen PORT; server_name one.test; request_id_format ulid;
         location / {{ proxy_pass http://{backend.address}; }} }}
server {{ listen PORT; server_name two.test; request_id_header X-Trace;
         location / {{ proxy_pass http://{backend.address}; }} }}
""")
    one = proxy.get("/", host="one.test")
    two = proxy.get("/", {"X-Trace": "t-1"}, host="two.test")
    assert re.fullmatch(ULID, one.request_id)
    assert two.fields.one("X-Trace") == "t-1" and "X-Request-ID" not in two.fields


@pytest.mark.parametrize("twin", ["X_Request_ID", "x_request_id", "X-Request_ID", "X_REQUEST-ID"])
@pytest.mark.parametrize("values", [(), ("mine-1",)], ids=["generated", "kept"])
def test_no_twin_of_the_header_reaches_a_cgi_like_backend(site, backend, twin, values):
    proxy = site.serve(backend)
    one = proxy.observe(
        backend, request_bytes(fields=[(twin, "evil"), *id_fields(*values), (twin, "evil")])
    )
    names = [name.lower().replace("_", "-") for name, _ in one.seen.fields]
    assert names.count("x-request-id") == 1
    assert one.line["id_source"] == ("client" if values else "generated")


@pytest.mark.parametrize(
    "connection", ["X-Request-ID", "x-request-id, keep-alive", "close, X-Request-ID"]
)
def test_connection_cannot_strip_the_id(site, backend, connection):
    fields = [("Connection", connection), *id_fields("mine-1")]
    one = site.serve(backend).observe(backend, request_bytes(fields=fields))
    assert one.seen.request_id == one.response.request_id == "mine-1"
    assert "x-request-id" not in one.seen.fields.tokens("Connection")


def test_a_trailer_of_that_name_is_dropped_both_ways(site, make_backend):
    trailers = b"X-Request-ID: evil\r\nX-Checksum: 7\r\nx_request_id: evil\r\n"
    backend = make_backend([
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n",
        chunked(b"abc", trailers=trailers),
    ])  # fmt: skip
    fields = {"Transfer-Encoding": "chunked", "TE": "trailers", "X-Request-ID": "mine-1"}
    data = request_bytes("POST", "/", fields) + chunked(b"xyz", trailers=trailers)
    proxy = site.serve(backend, location="proxy_request_buffering off;")
    one = proxy.observe(backend, data)
    assert one.seen.trailers == [("X-Checksum", "7")]
    assert one.response.trailers.all("X-Request-ID") == []
    assert one.response.trailers.all("X-Checksum") == ["7"]


@pytest.mark.parametrize(
    "copies, logged",
    [(["other-1"], "other-1"), (["mine-1"], None), (["a", "b"], "a"), (['x"\\'], 'x"\\')],
)
def test_the_backends_own_copy_is_replaced(site, make_backend, copies, logged):
    backend = make_backend(reply(fields=[("x-request-id", copy) for copy in copies]))
    one = observe(site.serve(backend), backend, "mine-1")
    assert one.response.fields.all("X-Request-ID") == ["mine-1"]
    if logged is None:
        assert "upstream_request_id" not in one.line
    else:
        assert one.line["upstream_request_id"].startswith(logged[:1])


def echo_marker(request):
    return reply(body=f"{request.target} {request.request_id}".encode())


def test_500_concurrent_requests_keep_their_ids_apart(site, make_backend):
    backend = make_backend(echo_marker)
    proxy = site.serve(backend, workers=2)
    barrier, failures = threading.Barrier(50), []

    def client(number):
        try:
            with proxy.connect(timeout=20) as connection:
                barrier.wait(20)
                for turn in range(10):
                    one_request(connection, number, turn)
        except Exception as error:  # the main thread fails with it
            failures.append(error)

    def one_request(connection, number, turn):
        target = f"/{number}/{turn}"
        values = [f"own-{number}-{turn}"] if (number + turn) % 2 else []
        response = connection.exchange(request_bytes("GET", target, id_fields(*values)))
        assert response.body.decode() == f"{target} {response.request_id}"
        assert not values or response.request_id == values[0]
        found[target] = response.request_id

    found: dict[str, str] = {}
    threads = [threading.Thread(target=client, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == [] and len(set(found.values())) == 500
    logged = {line["uri"]: line["request_id"] for line in proxy.wait_lines(500)}
    assert logged == found
    wait_for(lambda: len(backend.requests) == 500, "500 requests at the backend")
