"""Sends the bytes of one case through any proxy and notes what client and backend got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.client import RawConnection
from harness.messages import Malformed, Response, Truncated, read_response

from .case import Case
from .recorder import Recorder, Sighting

PROBE = b"GET /probe HTTP/1.1\r\nHost: probe.test\r\nConnection: close\r\n\r\n"


@dataclass
class Observation:
    """What came of a case."""

    client: str
    """The client's address, as the log names it."""
    responses: list[Response] = field(default_factory=list)
    ending: str = "closed"
    """How the client's connection ended: closed, cut, silent, or what was malformed."""
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]


def read_all(connection: RawConnection, method: str, observation: Observation) -> None:
    """Reads responses until the proxy closes or keeps silent."""
    stream = connection.stream
    try:
        while stream.buffer or stream.fill():
            observation.responses.append(read_response(stream, method))
            method = "GET"
    except TimeoutError:
        observation.ending = "silent"
    except (Truncated, ConnectionResetError):
        observation.ending = "cut"
    except Malformed as error:
        observation.ending = f"malformed: {error}"


def observe(
    port: int,
    case: Case,
    recorder: Recorder,
    patience: float = 5,
    connect: Callable[..., RawConnection] = RawConnection,
) -> Observation:
    """Sends a case and the probe behind it, and reads until the connection ends."""
    start = len(recorder.sightings)
    with connect(port, timeout=patience) as connection:
        observation = Observation(connection.address)
        try:
            connection.send(case.data if case.ends else case.data + PROBE)
            if case.ends:
                connection.shutdown_write()
        except (BrokenPipeError, ConnectionResetError):
            pass
        read_all(connection, "HEAD" if case.data.startswith(b"HEAD ") else "GET", observation)
    observation.sightings = recorder.since(start)
    return observation
