"""Clients that never stop asking: some on a new connection each time, some on one that they keep.

Each request has an ID of its own; what became of it is counted.
"""

import socket
import threading
import time

ADDRESS = ("127.0.0.1", 80)


class Load:
    """What clients got while it ran (a context manager)."""

    def __init__(self, fresh=16, kept=16):
        self.served = []
        self.refused = []
        self.cut = []
        self.wrong = []
        # A kept connection that was closed while nothing was under way on it: HTTP allows it, and
        # every client asks again (RFC 9112 section 9.3.1).
        self.stale = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(f"fresh-{number}", False))
                         for number in range(fresh)]
        self._threads += [threading.Thread(target=self._run, args=(f"kept-{number}", True))
                          for number in range(kept)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_more()
        return self

    def __exit__(self, *unused):
        if not unused[0]:
            self.wait_more()
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_more(self, count=200):
        """Waits until so many more have been served."""
        before, deadline = len(self.served), time.monotonic() + 60
        while len(self.served) < before + count:
            assert time.monotonic() < deadline, f"nobody is served: {self}"
            time.sleep(0.01)

    def __str__(self):
        text = f"{len(self.served)} served, {len(self.refused)} refused, {len(self.cut)} cut"
        some = [*self.refused[:3], *self.cut[:3], *self.wrong[:3]]
        return f"{text}, {len(self.wrong)} wrong, {self.stale} asked again {some or ''}"

    def _run(self, name, is_kept):
        client = Client(is_kept)
        for number in range(1_000_000):
            if self._stop.is_set():
                break
            self._ask(client, f"{name}-{id(self)}-{number}")
        client.close()

    def _ask(self, client, request_id):
        try:
            if not client.connection:
                client.connect()
        except OSError as error:
            self.refused.append(f"{request_id}: {error}")
            time.sleep(0.01)
            return
        was_used = client.is_used
        try:
            head = client.exchange(request_id)
        except EmptyResponse as error:
            client.close()
            if was_used:
                self.stale += 1
                self._ask(client, request_id)
            else:
                self.cut.append(f"{request_id}: {error}")
        except OSError as error:
            client.close()
            self.cut.append(f"{request_id}: {error}")
        else:
            is_right = head.startswith(b"HTTP/1.1 200 ") and request_id.encode() in head
            (self.served if is_right else self.wrong).append(request_id)


class EmptyResponse(Exception):
    """The connection ended before the first byte of the response."""


class Client:
    """A connection, made anew when it has ended."""

    def __init__(self, is_kept):
        self._is_kept = is_kept
        self.connection = None
        self.is_used = False

    def connect(self):
        self.connection = socket.create_connection(ADDRESS, 30)
        self.is_used = False

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def exchange(self, request_id):
        """Sends a request and returns the response's head."""
        lines = ["GET / HTTP/1.1", "Host: a.example", f"X-Request-ID: {request_id}"]
        request = "\r\n".join(lines if self._is_kept else [*lines, "Connection: close"])
        data = b""
        try:
            self.connection.sendall(f"{request}\r\n\r\n".encode())
            while b"\r\n\r\n" not in data:
                data += self._more(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            if data:
                raise
            raise EmptyResponse(str(error)) from None
        head, _, content = data.partition(b"\r\n\r\n")
        fields = [line.lower().partition(b":") for line in head.split(b"\r\n")[1:]]
        values = {name: value.strip() for name, _, value in fields}
        while len(content) < int(values[b"content-length"]):
            content += self._more(data)
        self.is_used = True
        if values.get(b"connection") == b"close":
            self.close()
        return head

    def _more(self, before):
        data = self.connection.recv(65536)
        if not data:
            raise ConnectionError("ended in the middle") if before else EmptyResponse("no response")
        return data
