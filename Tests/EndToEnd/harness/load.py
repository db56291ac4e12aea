"""Clients that send requests all the time while a test breaks something.

Each request has an ID of its own, so that afterwards every answer can be held against the log and
against what the backends saw.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass

from .client import RawConnection, request_bytes
from .log import Line
from .messages import Malformed, Truncated
from .polling import wait_for
from .proxy import Proxy

_prefixes = itertools.count(1)


@dataclass
class Answer:
    """What one request got: a status, or none when the connection ended before the whole answer."""

    request_id: str
    status: int | None
    seconds: float
    client: int
    """Which of the clients sent it."""


class Load:
    """Clients that each wait for an answer before they send the next request.

    A client opens a new connection after each request if `keeps_alive` is false, else when its own
    is closed. All that is kept of an answer, if `keeps_answers` is false, is that its status came.
    """

    def __init__(
        self,
        proxy: Proxy,
        *,
        clients: int = 8,
        method: str = "GET",
        target: str = "/",
        fields: dict[str, str] | None = None,
        body: bytes = b"",
        keeps_alive: bool = True,
        pause: float = 0,
        keeps_answers: bool = True,
    ):
        self.count = 0
        self.statuses: Counter[int | None] = Counter()
        self.answers: list[Answer] = []
        self.errors: list[BaseException] = []
        self.proxy_may_end = False
        """Set it before the proxy is killed: then a refused connection just ends a client."""
        self._proxy = proxy
        self._request = (method, target, fields or {}, body)
        self._keeps_alive = keeps_alive
        self._pause = pause
        self._keeps_answers = keeps_answers
        self._lock = threading.Lock()
        self._prefix = f"load{next(_prefixes)}"
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def more(self, count: int, seconds: float = 20) -> None:
        """Waits until `count` more requests have been answered."""
        goal = len(self.answers) + count
        wait_for(
            lambda: len(self.answers) >= goal or self.errors, f"{count} more answers", seconds
        )
        assert not self.errors, self.errors

    def stop(self) -> list[Answer]:
        """Ends all clients after the answers that they wait for; returns all answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client still waits for its answer"
        assert not self.errors, self.errors
        return self.answers

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _run(self, client: int) -> None:
        connection: RawConnection | None = None
        try:
            for number in itertools.count():
                if self._stop.is_set():
                    break
                request_id = f"{self._prefix}-{client}-{number}"
                if connection is None:
                    connection = self._proxy.connect(timeout=15)
                connection = self._exchange(connection, request_id, client)
                time.sleep(self._pause)
        except ConnectionError as error:
            if not self.proxy_may_end:
                self.errors.append(error)
        except BaseException as error:  # the main thread fails with it
            self.errors.append(error)
        finally:
            if connection is not None:
                connection.close()

    def _note(self, answer: Answer) -> None:
        with self._lock:
            self.count += 1
            self.statuses[answer.status] += 1
            if self._keeps_answers:
                self.answers.append(answer)

    def _exchange(
        self, connection: RawConnection, request_id: str, client: int
    ) -> RawConnection | None:
        """One request; returns the connection if it can be used again."""
        method, target, fields, body = self._request
        data = request_bytes(method, target, {"X-Request-ID": request_id} | fields, body)
        began = time.monotonic()
        try:
            response = connection.exchange(data, method)
        except (ConnectionError, Truncated, Malformed):
            self._note(Answer(request_id, None, time.monotonic() - began, client))
            connection.close()
            return None
        its_id = response.fields.one("X-Request-ID")
        assert its_id == request_id, f"{its_id} came instead of {request_id}"
        self._note(Answer(request_id, response.status, time.monotonic() - began, client))
        if self._keeps_alive and "close" not in response.fields.tokens("Connection"):
            return connection
        connection.close()
        return None


def check_answers(answers: list[Answer], lines: list[Line]) -> Counter[int]:
    """Each request has an answer and exactly one line, which says the same status.

    Returns how often each status came. Lines of other requests are left alone.
    """
    by_id: dict[str, list[Line]] = {}
    for line in lines:
        if "event" not in line:
            by_id.setdefault(line.get("request_id", ""), []).append(line)
    for answer in answers:
        assert answer.status is not None, f"no answer: {answer}, {by_id.get(answer.request_id)}"
        found = by_id.get(answer.request_id, [])
        assert len(found) == 1, f"{len(found)} lines for {answer}: {found}"
        assert found[0]["status"] == answer.status, (answer, found)
    return Counter(answer.status for answer in answers if answer.status)
