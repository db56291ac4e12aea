"""A name server for tests: its zone changes while it runs, and it lies, truncates, delays, fails
and dies on demand."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable

A, CNAME, AAAA, SRV = 1, 5, 28, 33
NXDOMAIN, SERVFAIL, REFUSED = 3, 2, 5


def encode_name(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(name: str, kind: int, ttl: int, data: bytes) -> bytes:
    return encode_name(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def address(name: str, text: str, ttl: int) -> bytes:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return record(name, AAAA if ":" in text else A, ttl, socket.inet_pton(family, text))


def service(name: str, priority: int, weight: int, port: int, host: str, ttl: int) -> bytes:
    return record(name, SRV, ttl, struct.pack(">HHH", priority, weight, port) + encode_name(host))


def alias(name: str, target: str, ttl: int) -> bytes:
    return record(name, CNAME, ttl, encode_name(target))


class NameServer:
    """Answers over UDP and TCP on one port of the loopback.

    `zone` has the addresses of each name. `answers` has functions of (name, type) that give a
    response code and the records instead. `delay` is in seconds; `silent` answers nothing.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, ttl: int = 1):
        self.zone: dict[str, list[str]] = {}
        self.answers: dict[str, Callable[[str, int], tuple[int, list[bytes]]]] = {}
        self.ttl = ttl
        self.delay = 0.0
        self.code = 0
        self.silent = False
        self.truncates = False
        self.questions: list[tuple[float, str, int, str]] = []
        self._lock = threading.Lock()
        self._ended = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._stream = socket.socket(family)
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._stream.bind((host, port))
        self._stream.listen(64)
        self.port = self._stream.getsockname()[1]
        self._datagrams = socket.socket(family, socket.SOCK_DGRAM)
        self._datagrams.bind((host, self.port))
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self.port}"
        for body in (self._serve_datagrams, self._serve_streams):
            threading.Thread(target=body, daemon=True).start()

    def asked(self, name: str, kind: int | None = None) -> int:
        with self._lock:
            return sum(1 for _, asked, type_, _ in self.questions
                       if asked == name and kind in (None, type_))

    @property
    def transports(self) -> Counter[str]:
        with self._lock:
            return Counter(transport for _, _, _, transport in self.questions)

    def die(self) -> None:
        """Closes its sockets: questions are refused by the system from now on."""
        self._ended = True
        for one in (self._stream, self._datagrams):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _respond(self, question: bytes, transport: str) -> bytes | None:
        number, place, labels = question[:2], 12, []
        while question[place]:
            labels.append(question[place + 1:place + 1 + question[place]].decode())
            place += 1 + question[place]
        kind = struct.unpack(">H", question[place + 1:place + 3])[0]
        name = ".".join(labels).lower()
        with self._lock:
            self.questions.append((time.monotonic(), name, kind, transport))
        if self.silent:
            return None
        time.sleep(self.delay)
        if name in self.answers:
            code, records = self.answers[name](name, kind)
        elif name in self.zone:
            found = [one for one in self.zone[name] if (":" in one) == (kind == AAAA)]
            usable = kind in (A, AAAA)
            code, records = 0, [address(name, one, self.ttl) for one in found if usable]
        else:
            code, records = NXDOMAIN, []
        code = self.code or code
        if code:
            records = []
        flags = 0x8580 | code
        body = question[12:place + 5]
        answer = b"".join(records)
        if transport == "udp" and (self.truncates or len(answer) > 400):
            flags, records, answer = flags | 0x0200, [], b""
        return number + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + body + answer

    def _serve_datagrams(self) -> None:
        while not self._ended:
            try:
                question, peer = self._datagrams.recvfrom(4096)
            except OSError:
                return
            if len(question) < 17:
                continue
            threading.Thread(target=self._answer_datagram, args=(question, peer),
                             daemon=True).start()

    def _answer_datagram(self, question: bytes, peer: object) -> None:
        answer = self._respond(question, "udp")
        if answer is None:
            return
        try:
            self._datagrams.sendto(answer, peer)
        except OSError:
            pass

    def _serve_streams(self) -> None:
        while not self._ended:
            try:
                stream, _ = self._stream.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_stream, args=(stream,), daemon=True).start()

    def _serve_stream(self, stream: socket.socket) -> None:
        with stream:
            received = b""
            while True:
                try:
                    more = stream.recv(4096)
                except OSError:
                    return
                if not more:
                    return
                received += more
                while len(received) >= 2 + int.from_bytes(received[:2], "big") > 2:
                    size = int.from_bytes(received[:2], "big")
                    answer = self._respond(received[2:2 + size], "tcp")
                    received = received[2 + size:]
                    if answer is not None:
                        stream.sendall(len(answer).to_bytes(2, "big") + answer)
