"""The harness itself: its client and its backend talk to each other, without the proxy."""

import signal
import threading
from pathlib import Path

import pytest

from harness import sanitizers
from harness.backend import CLOSE, RESET, RecordingBackend, reply
from harness.client import RawConnection, chunked, raw, request_bytes
from harness.log import checked
from harness.messages import Malformed, Truncated
from harness.polling import wait_for
from harness.ports import RefusingPort, SilentPort, free_port

GOOD_LINE = (
    b'{"time":"2026-01-02T03:04:05.678901Z","level":"INFO","request_id":"a","id_source":"client",'
    b'"client":"127.0.0.1:4","connection":1,"connection_request":1,"method":"GET","status":200,'
    b'"bytes_in":0,"bytes_out":6,"duration":0.000123}'
)


def test_a_request_is_recorded_and_answered(backend):
    with RawConnection(backend.port) as connection:
        data = request_bytes("POST", "/a?b", {"X-A": "1"}, b"body")
        response = connection.exchange(data)
    assert (response.status, response.body, response.framing) == (200, b"hello\n", "length")
    seen = backend.request
    assert (seen.method, seen.target, seen.version) == ("POST", "/a?b", "HTTP/1.1")
    assert (seen.body, seen.fields.one("x-a")) == (b"body", "1")
    assert seen.connection.received == data


def test_chunks_and_trailers_go_both_ways(make_backend):
    body = chunked(b"one", b"two" * 1000, trailers=b"X-T: 1\r\n")
    backend = make_backend([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body])
    with RawConnection(backend.port) as connection:
        response = connection.exchange(
            request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}) + body
        )
    assert response.body == backend.request.body == b"one" + b"two" * 1000
    assert response.trailers == backend.request.trailers == [("X-T", "1")]


def test_interim_responses_are_kept_apart(make_backend):
    backend = make_backend(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply("204 No Content"))
    with RawConnection(backend.port) as connection:
        response = connection.exchange(request_bytes())
    assert [interim.status for interim in response.interim] == [103]
    assert (response.status, response.framing) == (204, "none")


def test_a_cut_response_is_noticed(make_backend):
    backend = make_backend([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", CLOSE])
    with RawConnection(backend.port) as connection, pytest.raises(Truncated):
        connection.exchange(request_bytes())


def test_a_reset_is_a_reset(make_backend):
    backend = make_backend([RESET])
    with RawConnection(backend.port) as connection, pytest.raises(ConnectionResetError):
        connection.exchange(request_bytes())


def test_two_lengths_are_malformed(make_backend):
    backend = make_backend(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na")
    with RawConnection(backend.port) as connection, pytest.raises(Malformed):
        connection.exchange(request_bytes())


def test_steps_can_wait_and_call(make_backend):
    go, called = threading.Event(), []
    backend = make_backend([go, called.append, 0.01, reply()])
    with RawConnection(backend.port) as connection:
        connection.send(request_bytes())
        backend.wait_requests(1)
        go.set()
        assert connection.receive().status == 200
    assert called == backend.connections


def test_a_unix_socket(make_backend, tmp_path):
    backend = make_backend(unix=str(tmp_path / "b.sock"))
    with RawConnection(unix=str(tmp_path / "b.sock")) as connection:
        assert connection.exchange(request_bytes()).status == 200
    assert backend.address == f"unix:{tmp_path}/b.sock"


def test_pipelined_requests_are_recorded_in_order(backend):
    with RawConnection(backend.port) as connection:
        connection.send(request_bytes(target="/1") + request_bytes(target="/2"))
        assert [connection.receive().status for _ in range(2)] == [200, 200]
    assert [request.target for request in backend.requests] == ["/1", "/2"]


def test_raw_reads_until_the_end(make_backend):
    backend = make_backend(on_accept=[b"greeting", CLOSE])
    assert raw(backend.port, b"x") == b"greeting"


def test_ports_refuse_or_keep_silent():
    refusing, silent = RefusingPort(), SilentPort()
    with pytest.raises(ConnectionRefusedError):
        RawConnection(int(refusing.address.split(":")[1]))
    with pytest.raises(TimeoutError):
        RawConnection(int(silent.address.split(":")[1]), timeout=0.2)
    refusing.close()
    silent.close()
    assert free_port() != free_port()


def test_waiting_fails_after_its_time():
    with pytest.raises(AssertionError, match="never did not happen"):
        wait_for(lambda: False, "never", 0.02)


def test_a_good_log_line_is_accepted():
    assert checked(GOOD_LINE)["status"] == 200


@pytest.mark.parametrize(
    "before, after",
    [
        (b'"level":"INFO"', b'"level":"WARN"'),
        (b'"request_id":"a","id_source":"client"', b'"id_source":"client","request_id":"a"'),
        (b'"method":"GET"', b'"method":"G\x01T"'),
        (b'"method":"GET"', b'"method":"G\xffT"'),
        (b'"method":"GET"', b'"method":""'),
        (b'"method":"GET"', b'"method":null'),
        (b'"method":"GET"', b'"verb":"GET"'),
        (b'"bytes_in":0', b'"bytes_in":"0"'),
        (b'"bytes_in":0', b'"bytes_in":0,"bytes_in":0'),
        (b".678901Z", b".678Z"),
        (b"}", b""),
    ],
)
def test_a_bad_log_line_is_noticed(before, after):
    assert before in GOOD_LINE
    with pytest.raises(AssertionError):
        checked(GOOD_LINE.replace(before, after))


def test_a_backend_stops_listening():
    backend = RecordingBackend()
    backend.stop()
    with pytest.raises(ConnectionRefusedError):
        RawConnection(backend.port)


def test_a_report_of_a_sanitizer_is_found_once(tmp_path, monkeypatch):
    monkeypatch.setenv("WAYBILL_SANITIZER_REPORTS", str(tmp_path))
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "single")
    place = sanitizers.settings()["ASAN_OPTIONS"].split(":")[0].removeprefix("log_path=")
    assert sanitizers.new_reports() == ""
    Path(place + ".123").write_text("heap-use-after-free")
    assert "heap-use-after-free" in sanitizers.new_reports()
    assert sanitizers.new_reports() == ""


@pytest.mark.skipif(not sanitizers.is_sanitized(), reason="only a sanitized binary reports")
def test_a_sanitized_binary_reports_where_it_is_looked_for(site, tmp_path, monkeypatch):
    monkeypatch.setenv("WAYBILL_SANITIZER_REPORTS", str(tmp_path / "reports"))
    with site.running("server { listen 127.0.0.1:%d; }" % free_port()) as proxy:
        proxy.signal(signal.SIGSEGV)
        proxy.exit_code = proxy.process.wait(10)
    assert "Sanitizer" in sanitizers.new_reports()
