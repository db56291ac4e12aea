"""The backend of the response cases: answers one request by the steps of the case under way."""

from __future__ import annotations

import threading
from typing import Any

from harness.backend import BackendConnection, Ending, RecordingBackend, Step, reply
from harness.messages import Request

NEXT_BODY = b"the next request's own answer"


class HostileBackend(RecordingBackend):
    """Plays `steps` for `/case`; answers every other request properly."""

    def __init__(self, **options: Any) -> None:
        self.steps: tuple[Step, ...] = ()
        self.served: list[tuple[str, int]] = []
        """Target and number of the connection of each request, in the order of answers."""
        self.played = threading.Event()
        """Set once the last step has been taken, or is about to close the connection."""
        super().__init__(self._answer, **options)

    def _answer(self, request: Request) -> tuple[Step, ...]:
        assert isinstance(request.connection, BackendConnection)
        self.served.append((request.target, request.connection.number))
        if request.target == "/case":
            return self._with_mark()
        return (reply(body=NEXT_BODY, fields={"X-Target": request.target}),)

    def _with_mark(self) -> tuple[Step, ...]:
        """The steps, and behind them, but before an ending, the note that they were taken."""

        def mark(_: BackendConnection) -> None:
            self.played.set()

        if self.steps and isinstance(self.steps[-1], Ending):
            return (*self.steps[:-1], mark, self.steps[-1])
        return (*self.steps, mark)
