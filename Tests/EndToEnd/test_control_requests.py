"""`waybill requests`: what is under way in the running process, and an end to it."""

import json
import os
import socket
import stat
import subprocess
import threading
import time

import pytest

from harness.backend import reply
from harness.client import request_bytes
from harness.polling import wait_for
from harness.proxy import binary, command, environment


@pytest.fixture
def held(site, backend):
    """A proxy whose backend holds back its answers until `release` is set."""
    release = threading.Event()
    backend.script = [release, reply()]
    proxy = site.serve(backend, top=f"control unix:{site.directory}/control;", workers=2)
    proxy.release = release
    yield proxy
    release.set()


def begin(proxy, request_id, target="/", fields=()):
    """A connection on which a request is under way."""
    connection = proxy.connect()
    pairs = [("X-Request-ID", request_id), *fields]
    connection.send(request_bytes("GET", target, pairs))
    wait_for(lambda: any(row["request_id"] == request_id for row in rows(proxy)), request_id)
    return connection


def rows(proxy, *arguments):
    """The objects of `waybill requests --json`."""
    result = command("requests", "--json", "-c", proxy.conf, *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_requests_of_all_workers_are_listed(held):
    connections = [begin(held, f"request-{number}", f"/{number}") for number in range(4)]
    found = rows(held)
    assert [row["uri"] for row in found] == ["/0", "/1", "/2", "/3"]
    assert {row["phase"] for row in found} == {"response_head"}
    table = command("requests", "-c", held.conf).stdout.splitlines()
    assert table[0].split() == "AGE PHASE METHOD HOST URI CLIENT UPSTREAM IN OUT ID".split()
    assert [line.split()[-1] for line in table[1:]] == [f"request-{n}" for n in range(4)]
    held.release.set()
    for connection in connections:
        assert connection.receive().status == 200
    wait_for(lambda: rows(held) == [], "an empty list")
    assert command("requests", "-c", held.conf).stdout == "no requests in progress\n"


def test_one_request_in_detail(held):
    begin(held, "the-request-1", "/a", [("Cookie", "s3cret"), ("User-Agent", "\x9b31mred")])
    shown = command("requests", "-c", held.conf, "the-req").stdout
    assert shown.startswith("Request the-request-1\n")
    assert "Cookie: ***" in shown and "s3cret" not in shown and "\x9b" not in shown
    assert "proxy_read_timeout in " in shown and "try 1: connecting to " in shown
    connection = rows(held)[0]["connection"]
    assert command("requests", "-c", held.conf, f"*{connection}").stdout.startswith("Request the-")
    (row,) = rows(held, "the-request-1")
    assert "GET /a HTTP/1.1\r\n" in row["head"] and "Cookie: ***\r\n" in row["head"]


def test_one_request_is_aborted_and_no_other(held):
    first, second = begin(held, "request-1"), begin(held, "request-2")
    result = command("requests", "-c", held.conf, "--abort", "request-1")
    assert (result.returncode, result.stdout) == (
        0,
        "ended request request-1 in phase response_head\n",
    )
    response = first.receive()
    assert response.status == 503 and response.request_id == "request-1"
    line = held.log_line("request-1")
    assert line["termination"] == "operator:response_head"
    again = command("requests", "-c", held.conf, "--abort", "request-1")
    assert again.returncode == 1 and "no request in progress has the ID request-1" in again.stderr
    held.release.set()
    assert second.receive().status == 200
    assert held.log_line("request-2")["status"] == 200


def test_an_id_of_several_requests_chooses_none(held):
    begin(held, "request-1")
    begin(held, "request-2")
    result = command("requests", "-c", held.conf, "--abort", "request")
    assert result.returncode == 1 and "2 requests match request" in result.stderr
    assert len(rows(held)) == 2


def test_only_the_owner_may_connect(held):
    path = held.directory / "control"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    held.directory.chmod(0o755)
    # Whoever gets past the file's rights is still nobody to us.
    path.chmod(0o666)
    assert "permission denied" in asked_by(path, 65534, 65534)
    os.chown(path, 0, 12345)
    path.chmod(0o660)
    assert "permission denied" not in asked_by(path, 65534, 12345)


def asked_by(path, user, group):
    """What the socket says to a user of that number."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        # Entered before, the folders above it need not let that user pass.
        os.chdir(path.parent)
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        try:
            os.write(write, talk(path.name, b'{"ask":"requests"}\n'))
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as answer:
        return answer.read().decode()


def talk(path, question):
    """All that the socket says to a question."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(20)
        stream.connect(str(path))
        stream.sendall(question)
        answer = b""
        try:
            while part := stream.recv(65536):
                answer += part
        except ConnectionResetError:
            pass  # It has not read all of the question, and has answered.
        return answer


@pytest.mark.parametrize(
    "question",
    [b"\n", b"requests\n", b"{}\n", b'{"ask":"all"}\n', b'{"ask":"abort","connection":1}\n',
     b'{"ask":"abort","connection":-1,"connection_request":1}\n', b"a" * 5000,
     b'{"ask":"requests"'],
)  # fmt: skip
def test_what_is_no_question_is_refused(held, question):
    answer = json.loads(talk(held.directory / "control", question))
    assert answer["answer"] == "refused" and answer["reason"]
    assert rows(held) == []


def test_who_connects_and_is_silent_holds_nobody_up(held):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(held.directory / "control"))
        begin(held, "request-1")
        assert [row["request_id"] for row in rows(held)] == ["request-1"]
        assert json.loads(silent.recv(4096))["answer"] == "refused"
    held.release.set()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(held.directory / "control"))
        held.stop()


def test_the_protocol(held):
    begin(held, "request-1")
    answer = talk(held.directory / "control", b'{"ask":"requests"}\n').splitlines()
    row, end = map(json.loads, answer)
    assert row["request_id"] == "request-1"
    assert end == {
        "answer": "done", "count": 1, "omitted": 0, "lost_log_lines": 0, "workers": 2,
        "generation": 1, "silent": [], "silent_processes": [],
    }  # fmt: skip


def test_a_stopping_process_still_answers(held):
    connection = begin(held, "request-1")
    held.process.terminate()
    wait_for(lambda: rows(held)[0]["request_id"] == "request-1", "an answer")
    result = command("requests", "-c", held.conf, "--abort", "request-1")
    assert result.returncode == 0, result.stderr
    assert connection.receive().status == 503
    held.wait_exit()
    assert not (held.directory / "control").exists()


def test_the_list_is_shown_again(held):
    begin(held, "request-1")
    words = [binary(), "requests", "--watch", "-c", held.conf]
    watch = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        shown = [watch.stdout.readline().split()[-1:] for _ in range(5)]
        assert shown == [["ID"], ["request-1"], [], ["ID"], ["request-1"]]
    finally:
        watch.kill()
        watch.wait()


def test_what_cannot_be_asked_says_why(site, backend, tmp_path):
    proxy = site.serve(backend)
    result = command("requests", "-c", proxy.conf)
    assert result.returncode == 2 and "has no control directive" in result.stderr
    result = command("requests", "--control", tmp_path / "absent")
    assert result.returncode == 1 and "is waybill running?" in result.stderr
    result = command("requests")
    assert result.returncode == 2 and "specify the configuration (-c)" in result.stderr
    for wrong in [["--abort"], ["--watch", "x"], [""]]:
        assert command("requests", *wrong).returncode == 2


def test_many_ask_while_more_are_silent(held):
    """Neither those who say nothing nor those who read nothing hold anybody up."""
    path = str(held.directory / "control")
    silent = [socket.socket(socket.AF_UNIX) for _ in range(90)]
    try:
        for one in silent:
            one.connect(path)
        began = time.monotonic()
        for _ in range(3):
            results = [
                subprocess.Popen(
                    [binary(), word, "-c", held.conf], env=environment(),
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                )
                for word in ["status", "requests", "errors"] * 4
            ]  # fmt: skip
            for one in results:
                assert one.wait(20) == 0, one.stderr.read()
        assert time.monotonic() - began < 15
    finally:
        for one in silent:
            one.close()
