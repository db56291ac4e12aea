"""One request to the proxy in either version of HTTP, for tests that care for what is behind it."""

from .http2 import Client


class Answer:
    def __init__(self, status, fields, body, trailers=()):
        self.status, self.fields, self.body = status, dict(fields), bytes(body)
        self.trailers = dict(trailers)


def ask(proxy, front, path="/", method="GET", fields=(), body=None):
    """One request in either version."""
    if front == "http1":
        response = proxy.request(method, path, list(fields), body=body or b"")
        pairs = [(name.lower(), value) for name, value in response.fields]
        return Answer(response.status, pairs, response.body, response.trailers or ())
    with Client(proxy.port) as client:
        stream = client.begin(path, fields, method=method, ends=body is None)
        if body is not None:
            client.send(stream, body, ends=True)
        (answer,) = client.finish(stream)
        assert answer.ended, f"reset by {answer.reset}"
        return Answer(answer.status, answer.fields, answer.body, answer.trailers)
