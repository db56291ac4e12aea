"""Reads the JSON access log and holds every line to the contract: keys, order, types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

KEYS = [
    "time", "level", "event", "subrequest", "request_id", "id_source", "client_request_id",
    "upstream_request_id", "client", "connection", "connection_request", "stream", "method",
    "scheme", "host", "uri", "protocol", "tls_version", "tls_cipher", "sni", "tls_resumed",
    "tls_client", "status", "grpc_status", "bytes_in", "bytes_out", "duration", "upstream",
    "upstream_status", "upstream_connect", "upstream_first_byte", "upstream_duration", "tries",
    "auth_status", "auth_upstream", "auth_duration", "trace_id", "span_id", "parent_id",
    "sampled", "upstream_span_id", "client_traceparent", "termination", "error", "user_agent",
    "referer", "cut",
]  # fmt: skip
ALWAYS = ["time", "level", "client", "connection"]
NUMBERS = {
    "connection", "connection_request", "stream", "status", "bytes_in", "bytes_out", "duration",
    "upstream_status", "upstream_connect", "upstream_first_byte", "upstream_duration",
    "auth_status", "auth_duration", "grpc_status",
}  # fmt: skip
ID_SOURCES = {"generated", "client", "invalid", "duplicate", "untrusted", "traceparent"}
RFC9209_ERRORS = {
    "dns_timeout", "dns_error", "destination_not_found", "destination_unavailable",
    "destination_ip_prohibited", "destination_ip_unroutable", "connection_refused",
    "connection_terminated", "connection_timeout", "connection_read_timeout",
    "connection_write_timeout", "connection_limit_reached", "tls_protocol_error",
    "tls_certificate_error", "tls_alert_received", "http_request_error", "http_request_denied",
    "http_response_incomplete", "http_response_header_section_size",
    "http_response_header_size", "http_response_body_size", "http_response_trailer_section_size",
    "http_response_trailer_size", "http_response_transfer_coding",
    "http_response_content_coding", "http_response_timeout", "http_upgrade_failed",
    "http_protocol_error", "proxy_internal_response", "proxy_internal_error",
    "proxy_configuration_error", "proxy_loop_detected",
}  # fmt: skip

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Every line of the log, checked; the last byte of the file is a line end."""
    data = path.read_bytes() if path.exists() else b""
    assert data == b"" or data.endswith(b"\n"), f"a torn line: {data[-300:]!r}"
    return [checked(raw) for raw in data.split(b"\n")[:-1]]


def checked(raw: bytes) -> Line:
    assert not re.search(rb"[\x00-\x1f\x7f]", raw), f"a control character in {raw!r}"
    try:
        pairs = json.loads(raw.decode("utf-8"), object_pairs_hook=list)
    except ValueError as error:
        raise AssertionError(f"not a line of JSON in UTF-8: {raw!r}: {error}") from error
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key twice in {raw!r}"
    assert keys == [key for key in KEYS if key in keys], f"unknown or misplaced keys: {keys}"
    line: Line = json.loads(raw)
    check_values(line)
    return line


def check_values(line: Line) -> None:
    for key in ALWAYS:
        assert key in line, f"no {key} in {line}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]), line
    for key, value in line.items():
        if key == "tries":
            assert isinstance(value, list) and len(value) > 1, line
        elif key in ("tls_resumed", "cut"):
            assert value is True, line
        elif key == "sampled":
            assert isinstance(value, bool), line
        elif key in NUMBERS:
            assert isinstance(value, (int, float)) and value >= 0, (key, line)
        else:
            assert isinstance(value, str) and value != "", (key, line)
    assert line.get("id_source", "client") in ID_SOURCES, line
    if "event" not in line:
        check_end_of_request(line)


def check_end_of_request(line: Line) -> None:
    status = line["status"]
    aborted = "termination" in line
    expected = {"INFO"} if status < 400 else {"WARN"} if status < 500 else {"ERROR"}
    assert line["level"] in (expected | {"ERROR"} if aborted else expected), line
    assert "connection_request" in line and "duration" in line, line


def with_id(lines: list[Line], request_id: str) -> list[Line]:
    """The lines that end a request with this ID."""
    return [line for line in lines if line.get("request_id") == request_id and "event" not in line]
