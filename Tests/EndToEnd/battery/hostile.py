"""The backend of the response cases: answers one request by the steps of the case under way."""

from __future__ import annotations

from harness.backend import BackendConnection, RecordingBackend, Step, reply
from harness.messages import Request

NEXT_BODY = b"the next request's own answer"


class HostileBackend(RecordingBackend):
    """Plays `steps` for `/case`; answers every other request properly."""

    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()
        self.served: list[tuple[str, int]] = []
        """Target and number of the connection of each request, in the order of answers."""
        super().__init__(self._answer)

    def _answer(self, request: Request) -> tuple[Step, ...]:
        assert isinstance(request.connection, BackendConnection)
        self.served.append((request.target, request.connection.number))
        if request.target == "/case":
            return self.steps
        return (reply(body=NEXT_BODY, fields={"X-Target": request.target}),)
