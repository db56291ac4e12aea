"""One request to the proxy in either version of HTTP, for tests that care for what is behind it,
and the fixtures that these tests share."""

import pytest

from .http2 import Client


@pytest.fixture
def make(make_http2_backend):
    return make_http2_backend


@pytest.fixture(params=["http1", "http2"])
def front(request):
    """What clients speak."""
    return request.param


@pytest.fixture
def serve(site):
    """Serves a backend by `proxy_pass` and `proxy_http_version 2`."""

    def start(backend, location="", **options):
        server = options.pop("server", "") + " http2 on;"
        return site.serve(
            backend if isinstance(backend, str) else backend.address,
            location="proxy_http_version 2; " + location, server=server, **options,
        )  # fmt: skip

    return start


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
