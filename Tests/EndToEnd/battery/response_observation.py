"""Asks a proxy for the response of one case, then for another one, and notes what came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.client import RawConnection
from harness.messages import Malformed, Response, Truncated

from .case import HOST
from .hostile import HostileBackend
from .response_case import ResponseCase

NEXT = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"


@dataclass
class Attempt:
    """One request: its response, or how its connection ended."""

    client: str
    response: Response | None = None
    ending: str = "whole"
    """Or: cut, silent, closed (without a byte), malformed and by what."""


@dataclass
class ResponseObservation:
    """What came of a case."""

    first: Attempt
    next: Attempt
    keeps: bool
    """True when the second request was answered on the first one's connection."""
    served: list[tuple[str, int]]
    """What the backend answered meanwhile: target, connection."""

    @property
    def reuses(self) -> bool:
        numbers = {target: number for target, number in self.served}
        return numbers.get("/case") == numbers.get("/next")


def ask(connection: RawConnection, data: bytes, method: str) -> Attempt:
    attempt = Attempt(connection.address)
    try:
        connection.send(data)
        if not connection.stream.buffer and not connection.stream.fill():
            attempt.ending = "closed"
        else:
            attempt.response = connection.receive(method)
    except TimeoutError:
        attempt.ending = "silent"
    except (Truncated, ConnectionResetError, BrokenPipeError):
        attempt.ending = "cut"
    except Malformed as error:
        attempt.ending = f"malformed: {error}"
    return attempt


def observe_response(
    port: int,
    case: ResponseCase,
    backend: HostileBackend,
    patience: float = 5,
    connect: Callable[..., RawConnection] = RawConnection,
) -> ResponseObservation:
    """Has the backend play the case's steps for one request, and sends another one behind it."""
    backend.steps = case.steps
    backend.played.clear()
    start = len(backend.served)
    line = case.method + b" /case HTTP/" + case.version + b"\r\n"
    with connect(port, timeout=patience) as connection:
        first = ask(connection, line + HOST + case.request + b"\r\n", case.method.decode())
        if case.pause:
            backend.played.wait(patience)
            time.sleep(case.pause)
        second = ask(connection, NEXT, "GET") if first.ending == "whole" else None
    keeps = second is not None and second.response is not None
    if second is None or second.ending in ("closed", "cut"):
        with connect(port, timeout=patience) as connection:
            second = ask(connection, NEXT, "GET")
    return ResponseObservation(first, second, keeps, backend.served[start:])
