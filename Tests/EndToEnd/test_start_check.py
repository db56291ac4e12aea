"""`-t` finds what the start would fail with, and leaves nothing behind."""

import os
import socket
from pathlib import Path

import pytest

from harness.ports import free_port
from harness.proxy import command

LOG = "error_log stderr; access_log stdout;"
UNIX = "server {{ listen unix:{d}/s; return 200; }}"
REFUSED = {
    "folder of a log": f"{LOG} access_log {{d}}/missing/access.log;",
    "folder of an error log": "access_log stdout; error_log {d}/missing/error.log;",
    "log that is a folder": f"{LOG} access_log {{d}};",
    "log in a file": f"{LOG} access_log {{d}}/file/access.log;",
    "folder of the pid file": f"{LOG} pid {{d}}/missing/pid;",
    "pid file that is a folder": f"{LOG} pid {{d}};",
    "pid file that is a device": f"{LOG} pid /dev/full;",
    "pid file that is a FIFO": f"{LOG} pid {{d}}/fifo;",
    "folder of the control socket": f"{LOG} control unix:{{d}}/missing/control;",
    "control socket that is a file": f"{LOG} control unix:{{d}}/file;",
    "address of another machine": f"{LOG} server {{{{ listen 192.0.2.1:80; return 200; }}}}",
    "socket in a missing folder": (
        f"{LOG} server {{{{ listen unix:{{d}}/missing/s; return 200; }}}}"
    ),
    "socket that is a file": f"{LOG} server {{{{ listen unix:{{d}}/file; return 200; }}}}",
    "unknown user": f"{LOG} user nobody-of-that-name;",
    "unknown group": f"{LOG} user nobody nogroup-of-that-name;",
    "log that the user can't reach": f"{LOG} user nobody; access_log {{d}}/closed/access.log;",
    "log that the user can't write": f"{LOG} user nobody; access_log {{d}}/file;",
}
# By the text alone, which both read first.
REFUSED_TEXTS = {
    "socket that is a log": f"error_log stderr; access_log {{d}}/s; {UNIX}",
    "socket that is the control socket": f"{LOG} control unix:{{d}}/s; {UNIX}",
    "socket that is the pid file": f"{LOG} pid {{d}}//./s; {UNIX}",
    "pid file that is a log": "error_log stderr; access_log {d}/s; pid {d}/s;",
}
AS_ROOT = {"unknown user", "unknown group"}


@pytest.fixture
def place(tmp_path):
    for folder in [tmp_path, *tmp_path.parents]:
        if folder not in (Path("/"), Path("/tmp")) and os.geteuid() == 0:
            folder.chmod(0o755)
    (tmp_path / "file").write_text("content\n")
    (tmp_path / "closed").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def content(place):
    return {path: path.stat().st_mtime_ns for path in place.rglob("*")}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_start_refuses_the_test_refuses(place, what):
    if os.geteuid() != 0 and ("user" in REFUSED[what] or what in AS_ROOT):
        pytest.skip("only root becomes another user")
    conf = place / "proxy.conf"
    text = REFUSED[what].format(d=place)
    conf.write_text(text + f"\nserver {{ listen 127.0.0.1:{free_port()}; return 200; }}\n")
    before = content(place)
    tested = command("-t", "-c", conf)
    assert content(place) == before
    started = command("-c", conf)
    assert started.returncode == 1 and tested.returncode == 1, (tested, started)
    reason = started.stderr.splitlines()[-1].removeprefix("waybill: ")
    assert tested.stderr.splitlines()[-1].endswith(reason), (tested.stderr, started.stderr)


@pytest.mark.parametrize("what", REFUSED_TEXTS)
def test_a_path_that_means_two_things_is_refused(place, what):
    conf = place / "proxy.conf"
    text = REFUSED_TEXTS[what].format(d=place)
    conf.write_text(text + f"\nserver {{ listen 127.0.0.1:{free_port()}; return 200; }}\n")
    tested, started = command("-t", "-c", conf), command("-c", conf)
    assert (tested.returncode, started.returncode) == (2, 2)
    assert tested.stderr == started.stderr
    assert " is already the path of " in tested.stderr and "proxy.conf:1:" in tested.stderr


def test_a_test_leaves_nothing_behind(place):
    conf = place / "proxy.conf"
    conf.write_text(
        f"user nobody; access_log {place}/a.log; error_log {place}/e.log; pid {place}/pid;\n"
        f"control unix:{place}/control;\n"
        f"server {{ listen 127.0.0.1:{free_port()}; listen unix:{place}/s; return 200; }}\n"
    )
    before = content(place)
    assert command("-t", "-c", conf).returncode == 0
    assert content(place) == before


def test_an_address_in_use_is_told_and_no_error(site, backend):
    """As with nginx: it may be the running process that is to be reloaded."""
    proxy = site.serve(backend, top=f"control unix:{site.directory}/control;")
    done = command("-t", "-c", proxy.conf)
    assert done.returncode == 0 and "address already in use" in done.stderr
    assert proxy.get().status == 200
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(site.directory / "control"))
