"""Takes the ID from each request and each WebSocket of an ASGI application."""

from request_id import request_id


class WithRequestID:
    """The application, with the ID in place in the task that serves the request.

    It stays there when the application has ended or failed: the task ends too, and what the server
    says of the failure in it shall carry the ID.
    """

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            request_id.set(dict(scope["headers"]).get(b"x-request-id", b"none").decode("latin-1"))
        await self.application(scope, receive, send)
