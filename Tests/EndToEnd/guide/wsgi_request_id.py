"""Takes the ID from each request of a WSGI application."""

from request_id import request_id


def with_request_id(application):
    """The application, with the ID in place from its first line to the last byte it streams."""

    def answer(environ, start_response):
        token = request_id.set(environ.get("HTTP_X_REQUEST_ID", "none"))
        try:
            content = application(environ, start_response)
            try:
                yield from content
            finally:
                if hasattr(content, "close"):
                    content.close()
        finally:
            request_id.reset(token)

    return answer
