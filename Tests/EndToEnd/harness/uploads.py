"""Requests with content of any size, framed by a length or by chunks."""

from __future__ import annotations

import hashlib

from .client import chunked, request_bytes
from .messages import Request

CHUNK = 40_000


def content(size: int, salt: int = 0) -> bytes:
    return hashlib.shake_128(b"%d %d" % (size, salt)).digest(size)


def upload(data: bytes, kind: str, request_id: str, method: str = "POST", **fields: str) -> bytes:
    """A whole request."""
    head = {"X-Request-ID": request_id, **fields}
    if kind == "length":
        return request_bytes(method, "/upload", head, data)
    head["Transfer-Encoding"] = "chunked"
    parts = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    return request_bytes(method, "/upload", head) + chunked(*parts)


def assert_whole(request: Request, data: bytes) -> None:
    assert request.fields.all("Content-Length") == [str(len(data))]
    assert request.fields.all("Transfer-Encoding") == []
    assert request.body == data
