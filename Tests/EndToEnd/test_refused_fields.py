"""What is never passed on: trailer fields that only a head may hold, protocols whose tunnels would
hide requests or that nobody offered, credentials in several lines, bytes that are not ASCII."""

import pytest

from harness.backend import reply
from harness.client import chunked, request_bytes

ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FORBIDDEN = [
    "Authorization", "proxy-authorization", "Cookie", "SET-COOKIE", "WWW-Authenticate",
    "Proxy_Authorization", "Content-Encoding", "Content-Range", "Content-Disposition",
    "content_type", "Host", "Transfer-Encoding", "TE", "Connection", "Upgrade", "HTTP2-Settings",
    "Cache-Control", "Expect", "Max-Forwards", "Pragma", "Range", "If-None-Match", "if-range",
    "Age", "Date", "Expires", "Location", "Retry-After", "Vary", "Forwarded", "X-Forwarded-For",
    "Via", "Trailer", "X-Accel-Redirect", "X-Accel-Expires", "X_Accel_Buffering",
]  # fmt: skip
ALLOWED = ["X-Checksum", "Content-Digest", "Server-Timing", "grpc-status", "ETag"]
SECTION = b"".join(b"%s: a\r\n" % name.encode() for name in FORBIDDEN + ALLOWED)


@pytest.fixture
def two(site, backend):
    """Two workers, and two locations of which the second replaces the prefix."""
    return site.servers(
        f"server {{ listen PORT; proxy_request_buffering off; "
        f"location / {{ proxy_pass http://{backend.address}; }} "
        f"location /api/ {{ proxy_pass http://{backend.address}/v1/; }} }}",
        workers=2,
    )


@pytest.mark.parametrize("target", ["/", "/api/x"])
def test_trailers_hold_nothing_that_belongs_into_a_head(two, backend, target):
    backend.script = ANSWER + chunked(b"hello", trailers=SECTION)
    fields = {"Transfer-Encoding": "chunked", "Trailer": "Authorization, X-Checksum"}
    data = request_bytes("POST", target, fields) + chunked(b"12345", trailers=SECTION)
    for _ in range(4):
        one = two.observe(backend, data)
        assert [name for name, _ in one.seen.trailers] == ALLOWED
        assert [name for name, _ in one.response.trailers] == ALLOWED
        assert one.seen.body == b"12345" and one.response.body == b"hello"
        assert "Authorization" not in one.seen.fields and "Cookie" not in one.seen.fields


def test_trailers_hold_nothing_that_the_location_sets_or_hides(site, backend):
    rules = """
      proxy_request_buffering off; proxy_set_header X-Set own; proxy_set_header X-Empty "";
      proxy_hide_header X-Hidden; add_header ETag '"own"';
    """
    proxy = site.serve(backend, location=rules)
    names = [b"X-Set", b"X-Empty", b"X-Hidden", b"x-hidden", b"X-Kept"]
    section = b"".join(b"%s: a\r\n" % name for name in names)
    backend.script = ANSWER + chunked(b"hello", trailers=section)
    fields = {"Transfer-Encoding": "chunked"}
    data = request_bytes("POST", "/", fields) + chunked(b"12345", trailers=section)
    one = proxy.observe(backend, data)
    assert [name for name, _ in one.seen.trailers] == ["X-Hidden", "x-hidden", "X-Kept"]
    assert [name for name, _ in one.response.trailers] == ["X-Set", "X-Empty", "X-Kept"]


HIDING = [
    ["TLS/1.0"], ["tls/1.3"], ["TLS"], ["h2c"], ["H2C"], ["h2c-14"], ["HTTP/2.0"],
    ["websocket, TLS/1.2"], ["TLS/1.0, websocket"], ["h2c,websocket"], ["websocket,\tH2c"],
    ["TLS/1.0", "websocket"], ['"h2c"'], ["websocket h2c"],
]  # fmt: skip


@pytest.mark.parametrize("target", ["/", "/api/x"])
@pytest.mark.parametrize("values", HIDING)
def test_protocols_that_hide_requests_are_not_offered(two, backend, values, target):
    lines = [("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQ")]
    lines += [("Upgrade", value) for value in values]
    one = two.observe(backend, request_bytes("GET", target, lines))
    assert one.response.status == 200
    for name in ("Upgrade", "HTTP2-Settings", "Connection"):
        assert name not in one.seen.fields, one.seen.fields


@pytest.mark.parametrize(
    "lines", [[("HTTP2-Settings", "AAM")], [("http2-settings", "AAM"), ("Connection", "close")]]
)
def test_http2_settings_never_pass(two, backend, lines):
    one = two.observe(backend, request_bytes(fields=lines))
    assert "HTTP2-Settings" not in one.seen.fields


def test_a_line_behind_one_that_passes_is_not_offered(two, backend):
    lines = [("Connection", "upgrade"), ("Upgrade", "websocket, chat"), ("Upgrade", "TLS/1.0")]
    one = two.observe(backend, request_bytes(fields=lines))
    assert one.seen.fields.all("Upgrade") == ["websocket, chat"]
    assert one.seen.fields.all("Connection") == ["upgrade"]


SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
OFFER = [("Connection", "upgrade"), ("Upgrade", "websocket, chat/2")]


@pytest.mark.parametrize("target", ["/", "/api/x"])
@pytest.mark.parametrize(
    "lines",
    [
        "Upgrade: TLS/1.0\r\n", "Upgrade: h2c\r\n", "Upgrade: irc\r\n", "", "Upgrade:\r\n",
        "Upgrade: websocket, h2c\r\n", "Upgrade: chat/3\r\n", "Upgrade: chat\r\n",
        "Upgrade: websocket\r\nUpgrade: TLS/1.0\r\n",
    ],
)  # fmt: skip
def test_a_backend_switches_only_to_what_was_offered(two, backend, lines, target):
    backend.script = (SWITCHED + lines + "\r\nhidden").encode()
    one = two.observe(backend, request_bytes("GET", target, OFFER))
    assert one.response.status == 502 and "hidden" not in one.response.text
    assert one.line["error"] == "http_upgrade_failed"
    text = "\n".join(two.error_lines(one.response.request_id))
    assert "switched to a protocol that it was not offered" in text


@pytest.mark.parametrize("offer", [None, [("Upgrade", "websocket")], [("Connection", "upgrade")]])
def test_a_backend_does_not_switch_unasked(two, backend, offer):
    backend.script = (SWITCHED + "Upgrade: websocket\r\n\r\n").encode()
    one = two.observe(backend, request_bytes(fields=offer))
    assert one.response.status == 502
    text = "\n".join(two.error_lines(one.response.request_id))
    assert "switched protocols unasked" in text


@pytest.mark.parametrize("token", ["websocket", "WebSocket", "chat/2", "chat/2, websocket"])
def test_a_backend_switches_to_what_was_offered(two, backend, token):
    backend.script = (SWITCHED + f"Upgrade: {token}\r\n\r\ntunnelled").encode()
    with two.connect() as connection:
        connection.send(request_bytes(fields=OFFER))
        head = connection.receive_head()
        assert head.status == 101 and head.fields.all("Upgrade") == [token]
        assert connection.stream.exactly(9) == b"tunnelled"


@pytest.mark.parametrize("target", ["/", "/api/x"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize(
    "names",
    [
        ("Authorization", "Authorization"), ("authorization", "AUTHORIZATION"),
        ("Proxy-Authorization", "proxy-authorization"),
    ],
)  # fmt: skip
def test_credentials_in_two_lines_are_refused(two, backend, names, version, target):
    for values in (("Basic YTpi", "Basic YTpi"), ("Basic YTpi", ""), ("", "Bearer x")):
        lines = [(names[0], values[0]), ("X-Between", "x"), (names[1], values[1])]
        one = two.observe(None, request_bytes("GET", target, lines, version=version))
        assert one.response.status == 400 and one.line["error"] == "http_request_error"
        assert "Authorization" in "\n".join(two.error_lines(one.response.request_id))
    backend.assert_untouched()


def test_one_line_of_each_passes(two, backend):
    lines = [("Authorization", "Basic YTpi"), ("Proxy-Authorization", "Bearer x")]
    one = two.observe(backend, request_bytes(fields=lines))
    assert one.seen.fields.all("Authorization") == ["Basic YTpi"]
    assert one.seen.fields.all("Proxy-Authorization") == ["Bearer x"]


@pytest.mark.parametrize(
    "target, sent",
    [
        ("/caf\xe9", "/caf%E9"),
        ("/caf\xc3\xa9?q=\xff&r=%41", "/caf%C3%A9?q=%FF&r=%41"),
        ("/a%2fb//\x80", "/a%2fb//%80"),
        ("/plain?\xe9", "/plain?%E9"),
        ("/long/enough/for/several/words/\xe9/x?y", "/long/enough/for/several/words/%E9/x?y"),
        ("http://example.test/\xe9?\xe8", "/%E9?%E8"),
        ("http://example.test?\xe8", "/?%E8"),
        ("/api/\xe9?\xe8", "/v1/%E9?%E8"),
        ("/api/%e9?\xe8", "/v1/%E9?%E8"),
        ("http://example.test/api/\xff", "/v1/%FF"),
        ("/caf%e9?%ff", "/caf%e9?%ff"),
    ],
)
def test_targets_are_ascii(two, backend, target, sent):
    for method in ("GET", "M-SEARCH"):
        one = two.observe(backend, request_bytes(method, target))
        assert one.seen.target == sent and one.seen.method == method
        assert one.response.status == 200


def test_targets_are_ascii_where_the_conf_file_is_not(site, backend):
    proxy = site.servers(
        f"server {{ listen PORT; location / {{ proxy_pass http://{backend.address}/\xfc%20/; }} }}"
    )
    one = proxy.observe(backend, request_bytes("GET", "/\xe9"))
    assert one.seen.target == "/%C3%BC%20/%E9"


def test_a_long_target_grows_within_its_bounds(two, backend):
    backend.script = reply()
    one = two.observe(backend, request_bytes("GET", "/" + "\xe9" * 8_000))
    assert one.seen.target == "/" + "%E9" * 8_000
