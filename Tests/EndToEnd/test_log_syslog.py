"""Log lines as messages of syslog servers: UDP and unix sockets, both forms, and servers that come
and go."""

import json
import re
import socket

import pytest

from harness.polling import wait_for

MINE = {"X-Request-ID": "mine-1"}


class Server:
    """A syslog server that keeps what it gets."""

    def __init__(self, family, address):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(5)
        self.address = self.socket.getsockname()

    def take(self):
        return self.socket.recv(70_000).decode()

    def close(self):
        self.socket.close()


@pytest.fixture
def udp():
    server = Server(socket.AF_INET, ("127.0.0.1", 0))
    yield server
    server.close()


def serve(site, destination, form="simple"):
    return site.servers(f"""
access_log {destination} {form};
server {{ listen PORT; location / {{ return 200 "x"; }} }}
""")


def test_the_older_form(site, udp):
    proxy = serve(site, f"syslog:server=127.0.0.1:{udp.address[1]},facility=local0,tag=mine")
    proxy.get("/path", MINE)
    host = re.escape(socket.gethostname())
    time = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    message = udp.take()
    form = rf"<134>{time} {host} mine: INFO GET /path .*\[req-mine-1\]"
    assert re.fullmatch(form, message), message


def test_the_newer_form(site, udp):
    options = "severity=notice,nohostname,rfc5424"
    proxy = serve(site, f"syslog:server=127.0.0.1:{udp.address[1]},{options}", "json")
    proxy.get("/path", MINE)
    head, _, message = udp.take().partition(" - - ")
    time = r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z"
    assert re.fullmatch(rf"<189>1 {time} - waybill {proxy.process.pid}", head), head
    assert json.loads(message)["request_id"] == "mine-1"


def test_an_error_line_has_its_own_severity(site, udp):
    proxy = site.servers(f"""
error_log syslog:server=127.0.0.1:{udp.address[1]},facility=local7 info;
server {{ listen PORT; location / {{ return 200 "x"; }} }}
""")
    with proxy.connect() as connection:
        connection.exchange(b"nonsense\r\n\r\n")
    messages = [udp.take() for _ in range(2)]
    assert any(message.startswith("<187>") and "refused: " in message for message in messages)


def test_a_server_that_comes_late_or_anew_gets_all_lines(site):
    path = site.directory / "log.sock"
    proxy = serve(site, f"syslog:server=unix:{path}")
    count = 0
    seen = []
    for _ in range(3):
        for _ in range(30):
            assert proxy.get(f"/{count}").status == 200
            count += 1
        server = Server(socket.AF_UNIX, str(path))
        seen += [server.take() for _ in range(30)]
        server.close()
        path.unlink()
    numbers = [int(re.search(r"GET /(\d+) ", message)[1]) for message in seen]
    assert sorted(numbers) == list(range(count))
    assert len(proxy.wait_lines(count)) == count


def test_a_server_that_takes_nothing_delays_nobody(site):
    path = site.directory / "log.sock"
    server = Server(socket.AF_UNIX, str(path))
    proxy = serve(site, f"syslog:server=unix:{path}", "json")
    with proxy.connect(timeout=3) as connection:
        for _ in range(600):
            assert connection.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    messages = [json.loads(server.take().partition(": ")[2]) for _ in range(600)]
    assert len({message["request_id"] for message in messages}) == 600
    server.close()


def test_a_line_longer_than_a_datagram_is_cut(site, udp):
    proxy = site.servers(f"""
large_client_header_buffers 8 32k; log_value_length 128k;
log_format long '$http_a$http_a$http_a$http_a end';
access_log syslog:server=127.0.0.1:{udp.address[1]} long;
access_log syslog:server=127.0.0.1:{udp.address[1]} simple;
server {{ listen PORT; location / {{ return 200 "x"; }} }}
""")
    proxy.get("/", MINE | {"A": "a" * 20_000})
    assert len(udp.take()) == 65_000
    assert "mine-1" in udp.take()
    wait_for(lambda: proxy.alive(), "the proxy")
