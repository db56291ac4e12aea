"""The backend of both programs: records what it is asked and answers as `X-Reply` says."""

from __future__ import annotations

import gzip
import socket
import threading
from dataclasses import dataclass

from harness.backend import reply
from harness.messages import (
    Fields,
    Malformed,
    Request,
    Stream,
    Truncated,
    read_request_body,
    read_request_head,
)

PAGE = b"<html><head><title>one TWO</title></head><body>" + b"one two three. " * 150 + b"</body>"
PACKED = gzip.compress(PAGE, mtime=0)
OLD = "Tue, 01 Mar 2022 10:00:00 GMT"
HTML, PLAIN = ("Content-Type", "text/html"), ("Content-Type", "text/plain")
HERE = "http://{address}"

# name: status, fields, content. `{address}` is the backend's own, `{go}` the request's X-Go.
REPLIES: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {
    "plain": ("200 OK", [PLAIN], b"plain one two\n"),
    "html": ("200 OK", [HTML, ("X-A", "backend")], PAGE),
    "json": ("200 OK", [("Content-Type", "application/json")], b'{"one": "two"}' * 20),
    "js": ("200 OK", [("Content-Type", "application/javascript")], b"var one = 2;" * 20),
    "charset": ("200 OK", [("Content-Type", "text/html; charset=koi8-r")], PAGE),
    "typeless": ("200 OK", [], b"one two " * 10),
    "packed": ("200 OK", [HTML, ("Content-Encoding", "gzip"), ("ETag", '"packed"')], PACKED),
    "vary": ("200 OK", [HTML, ("Vary", "Cookie"), ("ETag", '"strong"')], PAGE),
    "weak": ("200 OK", [PLAIN, ("ETag", 'W/"weak"'), ("Last-Modified", OLD)], PAGE),
    "fresh": ("200 OK", [HTML, ("Cache-Control", "public, max-age=60"), ("Last-Modified", OLD)],
              PAGE),
    "private": ("200 OK", [HTML, ("Cache-Control", "private"), ("Cache-Control", "no-store")],
                PAGE),
    "expired": ("200 OK", [HTML, ("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")], PAGE),
    "ranges": ("200 OK", [PLAIN, ("Accept-Ranges", "bytes"), ("ETag", '"r"')], b"0123456789"),
    "partial": ("206 Partial Content", [PLAIN, ("Content-Range", "bytes 0-4/10")], b"01234"),
    "cookies": ("200 OK", [
        PLAIN, ("Set-Cookie", "a=1; Path=/a/; Domain=backend.test; HttpOnly"),
        ("Set-Cookie", "b=2; path=/; SameSite=Lax"), ("Set-Cookie", "c=3")], b"cookies"),
    "moved": ("302 Found", [("Location", HERE + "/a/x?y=1")], b"moved"),
    "movedroot": ("301 Moved Permanently", [("Location", HERE + "/")], b""),
    "movedbase": ("307 Temporary Redirect", [("Location", HERE + "/base/b/c")], b""),
    "movedpath": ("302 Found", [("Location", "/a/inner/path")], b"moved"),
    "movedaway": ("303 See Other", [("Location", "https://other.test:8443/q?z")], b""),
    "movedrel": ("308 Permanent Redirect", [("Location", "relative/path")], b""),
    "refresh": ("200 OK", [PLAIN, ("Refresh", "5; url=" + HERE + "/a/next")], b"refresh"),
    "created": ("201 Created", [PLAIN, ("Location", HERE + "/base/new")], b"created"),
    "empty": ("204 No Content", [("X-A", "empty")], b""),
    "unchanged": ("304 Not Modified", [("ETag", '"strong"')], b""),
    "missing": ("404 Not Found", [HTML, ("X-A", "missing")], b"<p>missing one two</p>" * 3),
    "forbidden": ("403 Forbidden", [PLAIN, ("Cache-Control", "no-cache")], b"forbidden"),
    "login": ("401 Unauthorized", [PLAIN, ("WWW-Authenticate", 'Basic realm="b"')], b"login"),
    "broken": ("500 Internal Server Error", [HTML], b"broken one"),
    "busy": ("503 Service Unavailable", [PLAIN, ("Retry-After", "7")], b"busy"),
    "teapot": ("418 I'm a teapot", [PLAIN], b"teapot"),
    "odd": ("299 Odd", [PLAIN, ("X-B", "odd")], b"odd"),
    "go": ("200 OK", [
        ("X-Accel-Redirect", "{go}"), ("Content-Type", "text/x-go"), ("X-A", "lost"),
        ("Set-Cookie", "go=1; Path=/"), ("Cache-Control", "max-age=9"),
        ("Content-Disposition", "attachment"), ("ETag", '"go"')], b"hidden"),
    "goplain": ("404 Not Found", [("X-Accel-Redirect", "{go}")], b"hidden"),
    "accel": ("200 OK", [
        PLAIN, ("X-Accel-Buffering", "yes"), ("X-Accel-Expires", "9"), ("X-Accel-Charset", "utf-8"),
        ("X-Pad", "pad"), ("Date", OLD), ("Server", "backend"), ("Status", "200")], b"accel"),
    "chunked": ("200 OK", [HTML], PAGE),
    "echo": ("200 OK", [("Content-Type", "text/x-echo")], b""),
}  # fmt: skip


@dataclass
class Seen:
    """What came to the backend."""

    method: str
    target: str
    fields: Fields
    body: bytes


class Backend:
    """Serves until the program ends; the requests seen since the last `take`."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> list[Seen]:
        with self._lock:
            taken, self._seen = self._seen, []
            return taken

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        stream = Stream(client)
        with client:
            try:
                while (request := read_request_head(stream)) is not None:
                    read_request_body(stream, request)
                    seen = Seen(request.method, request.target, request.fields, request.body)
                    with self._lock:
                        self._seen.append(seen)
                    client.sendall(self._answer(request))
                    if request.version == "HTTP/1.0":
                        return
            except Malformed:
                with self._lock:
                    received = repr(bytes(stream.received))
                    self._seen.append(Seen("malformed", received, Fields(), b""))
                client.sendall(reply("400 Bad Request", b"malformed"))
            except (Truncated, OSError):
                pass

    def _answer(self, request: Request) -> bytes:
        name = request.fields.get("X-Reply") or "echo"
        status, fields, body = REPLIES.get(name, REPLIES["echo"])
        if name == "echo":
            body = f"{request.method} {request.target}\n".encode("latin-1") + request.body
        go = request.fields.get("X-Go") or "/none"
        pairs = [(key, value.replace("{address}", self.address).replace("{go}", go))
                 for key, value in fields]  # fmt: skip
        if name == "chunked" and request.version != "HTTP/1.0":
            head = reply(status, b"", pairs)
            head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            return head + (b"" if request.method == "HEAD" else body)
        data = reply(status, body, pairs)
        return data[: data.index(b"\r\n\r\n") + 4] if request.method == "HEAD" else data
