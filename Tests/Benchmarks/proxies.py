"""The servers of a benchmark: the backend, and the proxies that do one and the same job.

The job: keep the client's X-Request-ID or make one, send it upstream over kept-alive connections,
put it on the response, and write it into an access-log line. One worker each, and nothing on disk
but the log.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CONNECTIONS = 12_000
"""Client and upstream connections together; below the descriptor limit that is usual in tests."""

REQUESTS = 100_000_000
"""Requests over one connection: so many that reconnecting never shows in a measurement."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(program):
    """The path of an installed program; Debian keeps servers where a user's PATH may not look."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise SystemExit(f"{program} is not installed: run Tests/run setup, or apt-get install it")
    return path


def end_in_order_when_stopped():
    """SIGTERM ends this program as Ctrl-C does: what it started is stopped, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Server:
    """One server process that listens on a loopback port of its own."""

    name = ""

    patience = 60
    """Seconds that a start may take."""

    def __init__(self, directory):
        self.directory = Path(directory) / self.name
        self.directory.mkdir()
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self, *prefix):
        """Starts it, as an argument of the prefix if one is given, and waits until it accepts."""
        output = open(self.directory / "output.log", "wb")
        command = [*map(str, prefix), *map(str, self.command())]
        with output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.stop()
        said = (self.directory / "output.log").read_text(errors="replace")[-2000:]
        raise SystemExit(f"{self.name} did not start: {' '.join(command)}\n{said}")

    def stop(self, signalled=()):
        """Ends it in order, so that a tool around it can write its report; the processes that get
        the signal in place of the started one may be named."""
        if self.process is None or self.process.poll() is not None:
            return
        for pid in signalled or [self.process.pid]:
            os.kill(pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self):
        return self.process.pid


class Backend(Server):
    """nginx in a process of its own: 100 bytes from memory, larger answers by sendfile."""

    name = "backend"
    sizes = {"16k": 16 << 10, "128k": 128 << 10, "1m": 1 << 20, "100m": 100 << 20}

    def command(self):
        files = self.directory / "files"
        files.mkdir(exist_ok=True)
        for name, size in self.sizes.items():
            with open(files / name, "wb") as file:
                file.truncate(size)
        body = "x" * 99 + "\\n"
        configuration = self.directory / "nginx.conf"
        configuration.write_text(
            nginx_process(self.directory)
            + f"""
http {{
  {nginx_paths(self.directory)}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests {REQUESTS};
  keepalive_timeout 600s;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location / {{ return 200 "{body}"; }}
    location /seen {{ return 200 "$http_x_request_id"; }}
    location /files/ {{ root {self.directory}; }}
  }}
}}
"""
        )
        return [find("nginx"), "-c", configuration, "-p", self.directory]


class Proxy(Server):
    """A proxy in front of the backend; `log` is its access log. It speaks TLS on `secure_port`."""

    def __init__(self, directory, backend_port):
        super().__init__(directory)
        self.secure_port = free_port()
        self.certificate = certificate(Path(directory))
        self.backend_port = backend_port
        self.log = self.directory / "access.log"

    def check_its_job(self):
        """Fails unless the ID is kept, made, sent upstream, echoed and logged."""
        for given in ("kept-by-all-0123456789", None):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/seen", headers={"X-Request-ID": given} if given else {})
            response = connection.getresponse()
            seen = response.read().decode()
            echoed = response.getheader("X-Request-ID")
            connection.close()
            if response.status != 200 or not seen or seen != echoed or (given or seen) != seen:
                raise SystemExit(
                    f"{self.name}: status {response.status}, sent the ID {given}, "
                    f"the backend saw {seen}, the client got {echoed}"
                )
            self.await_log_line(seen)

    def await_log_line(self, request_id):
        deadline = time.monotonic() + 5
        while request_id not in self.log.read_text(errors="replace"):
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name}: no line with {request_id} in {self.log}")
            time.sleep(0.05)


class Waybill(Proxy):
    """Waybill with its defaults: a log without a buffer, in its own JSON."""

    name = "waybill"
    binary = None
    tables = rules = ""
    """Directives for the top level and for the location."""
    others = 0
    """Further servers, each with ten locations, which no request is for."""

    def crowd(self):
        """The directives of the others."""
        locations = [f"location /{n}/ {{ proxy_pass http://backend; }}" for n in range(10)]
        begin = f"server {{ listen 127.0.0.1:{self.port}; server_name "
        return "\n".join(
            f"{begin} {number}.example;\n" + "\n".join(locations) + "}"
            for number in range(self.others)
        )

    def command(self):
        configuration = self.directory / "proxy.conf"
        configuration.write_text(
            f"""
worker_threads 1;
worker_connections {CONNECTIONS};
pid {self.directory}/waybill.pid;
error_log {self.directory}/error.log warn;
access_log {self.log} json;

upstream backend {{
  server 127.0.0.1:{self.backend_port};
  keepalive 1024;
  keepalive_requests {REQUESTS};
}}

{self.tables}
server {{
  listen 127.0.0.1:{self.port} backlog=4096;
  listen 127.0.0.1:{self.secure_port} ssl backlog=4096;
  ssl_certificate {self.certificate};
  ssl_certificate_key {self.certificate};
  keepalive_requests {REQUESTS};
  keepalive_timeout 600s;
  location / {{
    {self.rules}
    proxy_pass http://backend;
  }}
}}
{self.crowd()}"""
        )
        return [self.binary, "-c", configuration]


class Nginx(Proxy):
    """nginx with its log buffered, and its defaults but for what would write bodies to disk."""

    name = "nginx"
    log_options = "buffer=64k flush=1s"
    tables = rules = ""

    def command(self):
        configuration = self.directory / "nginx.conf"
        configuration.write_text(
            nginx_process(self.directory)
            + f"""
http {{
  {nginx_paths(self.directory)}
  map $http_x_request_id $id {{ default $http_x_request_id; "" $request_id; }}
  log_format json escape=json '{{"time":"$time_iso8601","request_id":"$id",'
    '"client":"$remote_addr:$remote_port","connection":$connection,'
    '"connection_request":$connection_requests,"method":"$request_method","scheme":"$scheme",'
    '"host":"$host","uri":"$request_uri","protocol":"$server_protocol","status":$status,'
    '"bytes_out":$body_bytes_sent,"duration":$request_time,"upstream":"$upstream_addr",'
    '"upstream_status":"$upstream_status","upstream_first_byte":"$upstream_header_time",'
    '"upstream_duration":"$upstream_response_time","user_agent":"$http_user_agent"}}';
  access_log {self.log} json {self.log_options};
  keepalive_requests {REQUESTS};
  keepalive_timeout 600s;
  client_max_body_size 0;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  upstream backend {{
    server 127.0.0.1:{self.backend_port};
    keepalive 1024;
    keepalive_requests {REQUESTS};
  }}
  {self.tables}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    listen 127.0.0.1:{self.secure_port} ssl backlog=4096;
    ssl_certificate {self.certificate};
    ssl_certificate_key {self.certificate};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      {self.rules}
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-ID $id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      add_header X-Request-ID $id always;
    }}
  }}
}}
"""
        )
        return [find("nginx"), "-c", configuration, "-p", self.directory]


class NginxUnbuffered(Nginx):
    """nginx with a log line written at once, as Waybill writes it."""

    name = "nginx-unbuffered"
    log_options = ""


class HAProxy(Proxy):
    """HAProxy with one thread, logging to the standard output, which is a file."""

    name = "haproxy"

    def __init__(self, directory, backend_port):
        super().__init__(directory, backend_port)
        self.log = self.directory / "output.log"

    def command(self):
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(
            f"""
global
  nbthread 1
  maxconn 9000
  log stdout format raw local0

defaults
  mode http
  log global
  option http-keep-alive
  http-reuse always
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s

frontend in
  bind 127.0.0.1:{self.port} backlog 4096
  bind 127.0.0.1:{self.secure_port} backlog 4096 ssl crt {self.certificate}
  unique-id-format %[uuid()]
  http-request set-header X-Request-ID %[unique-id] unless {{ req.hdr(X-Request-ID) -m found }}
  http-request set-var(txn.id) req.hdr(X-Request-ID)
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  option forwardfor
  http-after-response set-header X-Request-ID %[var(txn.id)]
  log-format '{{"time":"%tr","request_id":"%[var(txn.id)]","client":"%ci:%cp","request":"%HU",\
"method":"%HM","protocol":"%HV","status":%ST,"bytes_out":%B,"duration":%Ta,"upstream":"%si:%sp",\
"upstream_connect":%Tc,"upstream_first_byte":%Tr,"termination":"%tsc"}}'
  default_backend backend

backend backend
  server one 127.0.0.1:{self.backend_port} pool-max-conn 1024
"""
        )
        return [find("haproxy"), "-db", "-f", configuration]


def certificate(directory):
    """A certificate and its key in one file, the same for all: ECDSA on P-256."""
    path = directory / "certificate.pem"
    if not path.exists():
        subprocess.run(
            [find("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2",
             "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost",
             "-keyout", path, "-out", directory / "certificate.crt"],
            check=True, capture_output=True,
        )  # fmt: skip
        with open(path, "a") as file:
            file.write((directory / "certificate.crt").read_text())
    return path


def nginx_process(directory):
    """One nginx process in the foreground: the worker is the process that was started."""
    return f"""
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log crit;
worker_rlimit_nofile 20000;
events {{ worker_connections {CONNECTIONS}; }}
"""


def nginx_paths(directory):
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n  ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)


SUBJECTS = {"nginx": Nginx, "nginx-unbuffered": NginxUnbuffered, "haproxy": HAProxy}


def subject_class(subject):
    """What is measured: Waybill's binary by its path, or another proxy in its place by its name."""
    if subject in SUBJECTS:
        return SUBJECTS[subject]
    if not os.access(subject, os.X_OK):
        raise SystemExit(f"{subject}: no such program; run swift build -c release first")
    return type("Waybill", (Waybill,), {"binary": Path(subject).resolve()})
