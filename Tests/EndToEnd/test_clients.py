"""Clients that people use: curl, wrk and Python's http.client."""

import http.client
import re
import shutil
import subprocess

import pytest

from harness.backend import reply


def program(name):
    path = shutil.which(name)
    assert path, f"these tests need {name}: apt-get install {name}"
    return path


def test_http_client_reuses_its_connection(site, make_backend):
    backend = make_backend(lambda request: reply(body=request.body or request.target.encode()))
    proxy = site.serve(backend)
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    for number in range(5):
        connection.request(
            "POST", "/", body=b"x" * number * 1000, headers={"X-Request-ID": f"h-{number}"}
        )
        response = connection.getresponse()
        assert response.getheader("X-Request-ID") == f"h-{number}"
        assert len(response.read()) == max(number * 1000, 1)
        assert (
            backend.saw(f"h-{number}")
            and proxy.log_line(f"h-{number}")["bytes_in"] == number * 1000
        )
    connection.close()
    assert [line["connection_request"] for line in proxy.wait_lines(5)] == [1, 2, 3, 4, 5]


def test_http_client_with_an_iterable_body_is_chunked(site, backend):
    proxy = site.serve(backend)
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    parts = (b"part %d;" % number for number in range(50))
    connection.request("PUT", "/", body=parts, headers={"X-Request-ID": "h-1"}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert backend.saw("h-1").body == b"".join(b"part %d;" % number for number in range(50))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--http1.1"],
        ["--http1.0"],
        ["-X", "DELETE"],
        ["-d", "a=b"],
        ["-F", "file=@{file}"],
        ["-T", "{file}"],
        ["-T", "{file}", "-H", "Transfer-Encoding: chunked"],
        ["-T", "{file}", "-H", "Expect: 100-continue"],
        ["-I"],
    ],
    ids=" ".join,
)
def test_curl(site, backend, tmp_path, arguments):
    proxy = site.serve(backend)
    file = tmp_path / "upload"
    file.write_bytes(b"u" * 1_500_000)
    options = [argument.format(file=file) for argument in arguments]
    result = subprocess.run(
        [program("curl"), "-sS", "-D", "-", "-o", "/dev/null", "-m", "10", "-H",
         "X-Request-ID: curl-1", *options, f"http://127.0.0.1:{proxy.port}/"],
        capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert re.findall(r"(?im)^x-request-id: (.*?)\r?$", result.stdout) == ["curl-1"]
    seen, line = backend.saw("curl-1"), proxy.log_line("curl-1")
    assert (line["status"], line["bytes_in"]) == (200, len(seen.body))
    if "-T" in arguments:
        assert seen.body == file.read_bytes()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("options", ["", " buffer=64k flush=1s"], ids=["unbuffered", "buffered"])
def test_wrk_gets_no_errors_and_every_request_is_logged(site, make_backend, pair, options, scheme):
    backend = make_backend(reply(body=b"x" * 100))
    directory = site.directory
    top = f"access_log {directory}/wrk.log json{options};"
    tls = {"listen": "ssl", "top": top + pair.conf} if scheme == "https" else {"top": top}
    proxy = site.serve(backend, workers=2, **tls)
    result = subprocess.run(
        [program("wrk"), "-t2", "-c16", "-d1s", f"{scheme}://127.0.0.1:{proxy.port}/"],
        capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    assert result.returncode == 0 and "Socket errors" not in result.stdout, result.stdout
    assert "Non-2xx" not in result.stdout, result.stdout
    proxy.stop()
    completed = int(re.search(r"(\d+) requests in", result.stdout)[1])
    served = len(backend.requests)
    lines = proxy.lines()
    assert completed <= len(lines) and abs(len(lines) - served) <= 32
    assert len({line["request_id"] for line in lines}) == len(lines)
    seen = {request.request_id for request in backend.requests}
    assert seen <= {line["request_id"] for line in lines}
    assert (directory / "wrk.log").read_bytes().count(b"\n") == len(lines)
