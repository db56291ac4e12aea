"""The command line: options, exit codes, and what is said about a conf file that is wrong."""

import os
import re
import socket
import subprocess
import time

import pytest

from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import REPOSITORY, binary, command, environment

GOOD = 'server { listen 127.0.0.1:18080; location / { return 200 "x"; } }\n'


def check(tmp_path, text):
    """`-t` on this text."""
    conf = tmp_path / "proxy.conf"
    conf.write_text(text)
    return command("-t", "-c", conf)


def places(tmp_path, output):
    """The lines and columns that are named."""
    found = re.findall(rf"{re.escape(str(tmp_path))}/proxy\.conf:(\d+):(\d+)", output)
    return [(int(line), int(column)) for line, column in found]


def test_a_good_file_passes(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.returncode == 0, result.stderr
    assert str(tmp_path / "proxy.conf") in result.stdout + result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide /proc")
def test_the_command_line_is_known_without_proc(tmp_path):
    """As in a chroot: taken for empty, `-t` would serve."""
    conf = tmp_path / "proxy.conf"
    conf.write_text(GOOD)
    # Only /proc's own propagation is changed: a chroot's root need not be a mount point.
    hide = 'mount --make-rprivate /proc && mount -t tmpfs none /proc && exec "$@"'
    own = ["unshare", "-m", "--propagation", "unchanged"]
    result = subprocess.run(
        [*own, "sh", "-c", hide, "sh", binary(), "-t", "-c", conf],
        capture_output=True, text=True, timeout=15, env=environment(),
    )  # fmt: skip
    assert result.returncode == 0 and f"{conf} is valid" in result.stderr, result


@pytest.mark.parametrize(
    "text",
    [
        "worker_threads auto;\n",
        "worker_threads 3; worker_connections 512; shutdown_timeout 30s;\n",
        "request_id on; request_id_header X-Trace; request_id_format ulid;\n",
        "request_id_trust 10.0.0.0/8 ::1 unix:; request_id_max_length 255;\n",
        "request_id_invalid reject; request_id_cors https://a.test https://b.test;\n",
        "access_log stdout; access_log stderr combined; access_log off;\n",
        "log_format mine escape=json '$request_id'; access_log stdout mine;\n",
        "client_header_timeout 1m; client_body_timeout 90s; send_timeout 500ms;\n",
        "client_max_body_size 10m; large_client_header_buffers 4 16k;\n",
        "keepalive_timeout 75s; keepalive_requests 1000;\n",
        "set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;\n",
        "proxy_connect_timeout 1; proxy_read_timeout 1h30m; proxy_send_timeout 1d;\n",
        "proxy_next_upstream error timeout; proxy_next_upstream_tries 2;\n",
        "upstream u { random; keepalive 4; server 127.0.0.1:1 weight=2 max_fails=3 "
        "fail_timeout=5s max_conns=9; server 127.0.0.1:2; server 127.0.0.1:3 down; }\n",
        "add_header X-A \"b; c\" always; proxy_set_header X-A 'd'; proxy_hide_header Server;\n",
        "# only a comment\n",
        'server { listen 127.0.0.1:18081 backlog=64; return 301 "https://$host$request_uri"; }\n',
    ],
)
def test_directives_that_are_accepted(tmp_path, text):
    result = check(tmp_path, text + GOOD)
    assert result.returncode == 0, result.stderr


BAD = {
    # name: (text, line, column or None, what the message says)
    "unknown": ("servr { }\n", 1, 1, "server"),
    "unknown-inside": ("server {\n  proxy_pas http://x;\n}\n", 2, 3, "proxy_pass"),
    "unknown-id": ("request_id_formt hex;\n", 1, 1, "request_id_format"),
    "no-semicolon": ("worker_threads 2\nserver { }\n", None, None, ";"),
    "no-brace": ("server {\n  listen 127.0.0.1:1;\n", None, None, "}"),
    "extra-brace": ("}\n", 1, 1, "}"),
    "open-quote": ('add_header X "abc;\n', 1, None, ""),
    "wrong-context": ("location / { }\n", 1, 1, "location"),
    "listen-at-top": ("listen 80;\n", 1, 1, "listen"),
    "too-few": ("keepalive_timeout;\n", 1, None, "keepalive_timeout"),
    "too-many": ("worker_connections 1 2;\n", 1, None, "worker_connections"),
    "twice": ("worker_threads 1;\nworker_threads 2;\n", 2, 1, "worker_threads"),
    "bad-time": ("keepalive_timeout 10q;\n", 1, 19, "10q"),
    "bad-size": ("client_max_body_size 10x;\n", 1, 22, "10x"),
    "bad-number": ("worker_connections many;\n", 1, 20, "many"),
    "negative": ("keepalive_requests -1;\n", 1, 20, "-1"),
    "bad-choice": ("request_id maybe;\n", 1, 12, "generate"),
    "bad-format": ("request_id_format uuid5;\n", 1, 19, "uuid4"),
    "length-too-big": ("request_id_max_length 256;\n", 1, 23, "255"),
    "length-zero": ("request_id_max_length 0;\n", 1, 23, ""),
    "bad-network": ("request_id_trust 10.0.0.0/33;\n", 1, 18, "10.0.0.0/33"),
    "bad-header-name": ('request_id_header "X Y";\n', 1, None, "X Y"),
    "unknown-variable": ("server { return 200 $hots; }\n", 1, None, "$host"),
    "unknown-log-format": ("access_log stdout jsn;\n" + GOOD, 1, 19, "json"),
    "listen-port": ("server { listen 127.0.0.1:99999; }\n", 1, 17, "99999"),
    "listen-address": ("server { listen 300.1.1.1:80; }\n", 1, 17, "300.1.1.1"),
    "listen-option": ("server { listen 127.0.0.1:1 proxy_protocl; }\n", 1, None, "proxy_protocol"),
    "scheme": ("server { location / { proxy_pass ftp://a; } }\n", 1, None, "http"),
    "unknown-upstream": ("server { location / { proxy_pass http://no.such.invalid; } }\n", 1, None,
                         "no.such.invalid"),
    "empty-upstream": ("upstream u { }\n", 1, None, "u"),
    "upstream-twice": ("upstream u { server 127.0.0.1:1; }\nupstream u { server 127.0.0.1:1; }\n",
                       2, None, "u"),
    "weight": ("upstream u { server 127.0.0.1:1 weight=x; }\n", 1, None, "weight"),
    "location-twice": ("server { location /a { return 200; } location /a { return 200; } }\n", 1,
                       None, "/a"),
    "include": ("include none.conf;\n", 1, None, "none.conf"),
    "log-folder": ("access_log /no/such/folder/a.log;\n", 1, None, "/no/such/folder"),
    "tls-later": ("server { listen 127.0.0.1:1 ssl; }\n", 1, None, "ssl"),
    "https-later": ("server { location / { proxy_pass https://a; } }\n", 1, None, "https"),
    "bad-regex": ("server { location ~ x) { return 200; } }\n", 1, 22, "x)"),
    "bad-status": ("server { return 42; }\n", 1, None, "42"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_said_about_an_error(tmp_path, name):
    text, line, column, said = BAD[name]
    result = check(tmp_path, text)
    output = result.stdout + result.stderr
    assert result.returncode == 2, output
    found = places(tmp_path, output)
    assert found, output
    if line is not None:
        assert (line, column or found[0][1]) in found, output
    assert said in output and "^" in output
    assert text.splitlines()[found[0][0] - 1].strip() in output


def test_the_caret_stands_below_the_word(tmp_path):
    output = check(tmp_path, "server {\n\tlisten 127.0.0.1:1;\n  keepalive_timeout 10q;\n}\n")
    lines = (output.stdout + output.stderr).splitlines()
    shown = next(index for index, line in enumerate(lines) if "keepalive_timeout 10q;" in line)
    assert lines[shown + 1].index("^") == lines[shown].index("10q;")


def test_all_errors_are_reported_at_once(tmp_path):
    text = "".join(
        BAD[name][0]
        for name in ["unknown", "bad-time", "bad-size", "bad-choice", "listen-port", "weight"]
    )
    result = check(tmp_path, text)
    output = result.stdout + result.stderr
    found = {line for line, _ in places(tmp_path, output)}
    assert result.returncode == 2 and found == {1, 2, 3, 4, 5, 6}, output


def test_errors_between_directives_are_reported_with_the_others(tmp_path):
    """What needs the whole file (names of formats and of upstreams) is checked all the same."""
    text = """keepalive_timeout 10q;
access_log stdout jsn;
server { listen 127.0.0.1:1; location / { proxy_pass http://no.such.invalid; } }
"""
    result = check(tmp_path, text)
    output = result.stdout + result.stderr
    assert result.returncode == 2
    assert {line for line, _ in places(tmp_path, output)} == {1, 2, 3}, output


def test_an_error_in_an_included_file_names_that_file(tmp_path):
    (tmp_path / "inner.conf").write_text("\nkeepalive_timeout 10q;\n")
    output = check(tmp_path, "include inner.conf;\n" + GOOD)
    assert output.returncode == 2
    assert f"{tmp_path}/inner.conf:2:19" in output.stdout + output.stderr


def test_include_by_pattern(tmp_path):
    for number in range(2):
        text = f'server {{ listen 127.0.0.1:{18090 + number}; return 200 "n{number}"; }}\n'
        (tmp_path / f"{number}.conf").write_text(text)
    (tmp_path / "main").write_text("include *.conf;\n")
    result = command("-T", "-c", tmp_path / "main")
    assert result.returncode == 0 and "n0" in result.stdout and "n1" in result.stdout


def test_the_effective_configuration_is_printed(tmp_path):
    (tmp_path / "inner.conf").write_text(GOOD)
    (tmp_path / "proxy.conf").write_text("keepalive_timeout 33s;\ninclude inner.conf;\n")
    result = command("-T", "-c", tmp_path / "proxy.conf")
    assert result.returncode == 0
    assert "keepalive_timeout 33s" in result.stdout and "127.0.0.1:18080" in result.stdout


def test_a_bad_file_does_not_start(tmp_path):
    (tmp_path / "proxy.conf").write_text("nonsense;\n" + GOOD)
    result = command("-c", tmp_path / "proxy.conf")
    assert result.returncode == 2 and "proxy.conf:1:1" in result.stderr


def test_version():
    result = command("-v")
    assert result.returncode == 0
    assert re.search(r"\d+\.\d+", result.stdout + result.stderr)


def test_help():
    result = command("--help")
    assert result.returncode == 0
    for option in ["-c", "-t", "-T", "-v", "-s"]:
        assert re.search(rf"(?<!\w){option}\b", result.stdout), option


@pytest.mark.parametrize("arguments", [["--nonsense"], ["-c"], ["-s", "dance"], ["nonsense"]])
def test_bad_usage(arguments):
    result = command(*arguments)
    assert result.returncode == 2 and result.stderr.strip() != ""


@pytest.mark.parametrize("option", [[], ["-t"], ["-T"]])
def test_a_missing_file(tmp_path, option):
    result = command(*option, "-c", tmp_path / "none.conf")
    assert result.returncode == 2 and "none.conf" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_port_that_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        conf = tmp_path / "proxy.conf"
        conf.write_text(f"server {{ listen 127.0.0.1:{port}; return 200; }}\n")
        result = command("-c", conf)
    assert result.returncode == 1 and str(port) in result.stderr


@pytest.mark.parametrize("prefix", [[], ["run"]], ids=["plain", "run"])
def test_running_in_the_foreground(tmp_path, prefix):
    port = free_port()
    conf = tmp_path / "proxy.conf"
    conf.write_text(f'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "x"; }} }}\n')
    process = subprocess.Popen([binary(), *prefix, "-c", conf], env=environment(), cwd=tmp_path)
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "listening")
    finally:
        process.terminate()
    assert process.wait(5) == 0


def test_the_example_runs_as_it_is(tmp_path):
    example = REPOSITORY / "proxy.conf.example"
    active = re.sub(r"#.*", "", example.read_text())
    port = int(re.search(r"listen\s+(?:[\d.*]+:)?(\d+)", active)[1])
    assert command("-t", "-c", example).returncode == 0
    process = subprocess.Popen(
        [binary(), "-c", example], env=environment(), cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "listening")
        arguments = ["curl", "-sS", "-i", "-H", "X-Request-ID: example-1"]
        result = subprocess.run(
            [*arguments, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, timeout=5
        )
        head, _, body = result.stdout.partition(
            "\n\n" if "\r\n" not in result.stdout else "\r\n\r\n"
        )
        assert "200" in head.splitlines()[0] and "example-1" in head
        assert "example-1" in body, "the demo backend does not show the ID it received"
    finally:
        process.terminate()
    assert process.wait(5) == 0


def test_the_start_is_quick(site, backend):
    started = time.monotonic()
    proxy = site.serve(backend)
    assert time.monotonic() - started < 2 and proxy.get().status == 200
