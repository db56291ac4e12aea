"""Django, Flask and an ASGI site: the same ID in the response, the log line and their own log."""

import re
import threading

import pytest
import requests
from websockets.sync.client import connect

from harness.applications import SERVERS, Application


@pytest.fixture(scope="module", params=list(SERVERS))
def application(request, tmp_path_factory):
    site = Application(request.param, tmp_path_factory.mktemp(request.param))
    yield site
    site.stop()


@pytest.fixture
def proxy(site, application):
    return site.serve(application.address, workers=2)


@pytest.fixture
def session():
    with requests.Session() as one:
        yield one


def url(proxy, path="/"):
    return f"http://127.0.0.1:{proxy.port}{path}"


def agreed(proxy, application, response):
    """The ID of this response, found once in the access log and in the application's own log."""
    request_id = response.headers["X-Request-ID"]
    assert "," not in request_id
    line = proxy.log_line(request_id)
    assert line["status"] == response.status_code and line["upstream"] == application.address
    assert len(application.logged(request_id)) >= 1
    return request_id


@pytest.mark.parametrize("sent", [None, "from-the-client-1"])
def test_all_three_logs_agree(proxy, application, session, sent):
    headers = {"X-Request-ID": f"{sent}-{application.kind}"} if sent else {}
    response = session.get(url(proxy, "/?a=1"), headers=headers)
    seen = response.json()
    assert agreed(proxy, application, response) == seen["request_id"]
    assert seen["forwarded_for"] == "127.0.0.1" and seen["query"] == {"a": "1"}
    assert seen["host"] == f"127.0.0.1:{proxy.port}" and seen["secure"] is False
    if sent:
        assert seen["request_id"] == headers["X-Request-ID"]


def test_djangos_verbose_lines_match_the_proxys(proxy, application, session):
    if application.kind != "django":
        pytest.skip("only Django's site logs in the verbose style")
    response = session.get(url(proxy))
    line = application.logged(agreed(proxy, application, response))[0]
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.fullmatch(rf"INFO {moment} django_app \[req-[0-9a-f-]{{36}}\] shown /", line), line


def test_a_twin_cannot_take_the_ids_place(proxy, application, session):
    headers = {"X_Request_ID": "evil", "X-Request-ID": f"good-{application.kind}"}
    seen = session.get(url(proxy), headers=headers).json()
    assert seen["request_id"] == f"good-{application.kind}"


def test_cookies_and_redirects(proxy, application, session):
    response = session.get(url(proxy, "/login"))
    assert response.status_code == 200 and len(response.history) == 1
    assert response.json()["cookies"] == {"session": "s-1", "theme": "dark"}
    first = agreed(proxy, application, response.history[0])
    assert first != agreed(proxy, application, response)
    assert response.history[0].headers["Location"].endswith("/")


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
@pytest.mark.parametrize("kind", ["form", "raw", "chunked"])
def test_uploads(proxy, application, session, kind, size):
    if kind == "raw" and size == 0:
        pytest.skip("an empty body is the empty form")
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    options = {
        "form": {"files": {"file": ("name.bin", data)}},
        "raw": {"data": data, "headers": {"Content-Type": "application/octet-stream"}},
        "chunked": {"data": iter([data] if data else []),
                    "headers": {"Content-Type": "application/octet-stream"}},
    }[kind]  # fmt: skip
    response = session.post(url(proxy, "/upload"), **options)
    assert response.status_code == 200 and response.json()["size"] == size
    request_id = agreed(proxy, application, response)
    assert proxy.log_line(request_id)["bytes_in"] >= size


def test_streamed_responses(proxy, application, session):
    response = session.get(url(proxy, "/stream"))
    assert response.text == "".join(f"part {number}\n" for number in range(100))
    assert proxy.log_line(agreed(proxy, application, response))["bytes_out"] == len(response.text)


def test_failures_carry_the_id(proxy, application, session):
    response = session.get(url(proxy, "/fail"))
    assert response.status_code == 500
    assert proxy.log_line(agreed(proxy, application, response))["level"] == "ERROR"


def test_head_and_options(proxy, application, session):
    for method in ("HEAD", "OPTIONS"):
        response = session.request(method, url(proxy))
        assert proxy.log_line(response.headers["X-Request-ID"])["method"] == method


def test_concurrent_sessions(proxy, application):
    failures = []

    def client(number):
        try:
            with requests.Session() as one:
                for turn in range(10):
                    mine = f"{application.kind}-{number}-{turn}"
                    response = one.get(url(proxy), headers={"X-Request-ID": mine}, timeout=10)
                    assert response.headers["X-Request-ID"] == mine
                    assert response.json()["request_id"] == mine
        except Exception as error:  # the main thread fails with it
            failures.append(error)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == [] and len(proxy.wait_lines(80)) == 80


def test_a_websocket_sees_the_id(proxy, application):
    if application.kind != "asgi":
        pytest.skip("only the ASGI site has a WebSocket")
    uri = url(proxy, "/socket").replace("http:", "ws:")
    with connect(uri, additional_headers={"X-Request-ID": "ws-1"}) as websocket:
        assert websocket.recv(5) == "ws-1"
    assert proxy.log_line("ws-1")["status"] == 101 and application.logged("ws-1")
