"""The backend of the battery: records each request that it sees, unfinished ones too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from harness.backend import BackendConnection, RecordingBackend
from harness.messages import Malformed, Request, Truncated, read_request_body, read_request_head
from harness.polling import wait_for


@dataclass
class Sighting:
    """Bytes that reached the backend: a request, a part of one, or something that is none."""

    request: Request | None = None
    is_complete: bool = False
    fault: str = ""
    is_open: bool = True


def answer_to(request: Request) -> bytes:
    """An answer without content, so that it reads the same whatever was asked."""
    if "/switch" in request.target:
        token = request.fields.get("Upgrade") or "none"
        switch = f"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: {token}\r\n\r\n"
        return switch.encode("latin-1")
    target = re.sub(r"[^!-~]", "?", request.target[:200])
    return f"HTTP/1.1 200 OK\r\nX-Target: {target}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")


class Recorder(RecordingBackend):
    """Answers every whole request with 200; `sightings` holds all that came, in order."""

    def __init__(self, **options: Any) -> None:
        self.sightings: list[Sighting] = []
        super().__init__(**options)

    def _serve_one(self, connection: BackendConnection) -> bool:
        stream = connection.stream
        if not stream.buffer and not stream.fill():
            return False
        sighting = Sighting()
        self.sightings.append(sighting)
        try:
            sighting.request = read_request_head(stream)
            assert sighting.request is not None
            read_request_body(stream, sighting.request)
            sighting.is_complete = True
            connection.send(answer_to(sighting.request))
        except Malformed as error:
            sighting.fault = str(error)
            return False
        except (OSError, Truncated):
            return False
        finally:
            sighting.is_open = False
        return "/switch" not in sighting.request.target

    def since(self, start: int) -> list[Sighting]:
        """What came from the sighting of this number on, once none of it is in the middle."""
        wait_for(
            lambda: not any(sighting.is_open for sighting in self.sightings[start:]),
            "the end of a request at the backend",
        )
        return self.sightings[start:]
