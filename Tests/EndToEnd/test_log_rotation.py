"""Logs that are put aside, packed, renamed and cut while requests run: no line is lost or doubled.

`WAYBILL_LOG_RUNS` says how often the test under load is repeated (2).
"""

import gzip
import os
import re
import signal
import subprocess
import time

import pytest

from harness.load import Load, check_answers
from harness.log import checked, read_lines
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import binary, command

RUNS = int(os.environ.get("WAYBILL_LOG_RUNS", "2"))


def serve(site, access, error="info", name="access.log"):
    directory = site.directory
    return site.running(f"""
worker_threads 2;
pid {directory}/waybill.pid;
error_log {directory}/error.log {error};
access_log {directory}/{name} json {access};
server {{ listen 127.0.0.1:{free_port()}; location / {{ return 200 "x"; }} }}
""")


def content(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def all_lines(directory):
    """The lines of the access log and of all that was made of it."""
    lines = []
    for path in directory.glob("access.log*"):
        data = content(path)
        assert data == b"" or data.endswith(b"\n"), f"{path} ends with {data[-100:]!r}"
        lines += [checked(raw) for raw in data.split(b"\n")[:-1]]
    return lines


def numbers(directory, log="access.log"):
    """The numbers of the files that were put aside, in order."""
    names = [path.name for path in directory.glob(log + ".[0-9]*")]
    return sorted(int(re.fullmatch(rf"{log}\.(\d+)(\.gz)?", name)[1]) for name in names)


@pytest.mark.parametrize("packing", ["", "gzip"])
@pytest.mark.parametrize("run", range(RUNS))
def test_rotating_and_reopening_under_load_loses_no_line(site, run, packing):
    """Waybill puts files aside by their size, and somebody else renames them besides."""
    with serve(site, f"rotate=100k keep=9999 {packing}") as proxy:
        with Load(proxy, clients=16) as load:
            for number in range(5):
                load.more(700)
                # A listing taken while files are renamed may have one of them twice.
                before = max(numbers(site.directory), default=0)
                proxy.access_log.rename(site.directory / f"access.log-2026010{number}")
                proxy.signal(signal.SIGUSR1)
                wait_for(lambda: max(numbers(site.directory), default=0) > before, "a rotation", 30)
            answers = load.stop()
        proxy.stop()
    lines = all_lines(site.directory)
    assert len(lines) == len(answers)
    assert set(check_answers(answers, lines)) == {200}
    assert len(numbers(site.directory)) >= 5


def test_rotated_logs_are_packed_and_kept_in_number(site):
    with serve(site, "rotate=20k keep=3 gzip") as proxy:
        with Load(proxy, clients=2, pause=0.001) as load:
            wait_for(lambda: (site.directory / "access.log.3.gz").exists(), "three rotations", 30)
            load.more(500, 60)
            load.stop()
        time.sleep(0.3)
        wait_for(lambda: all_packed(site.directory), "the last packing")
        proxy.stop()
        assert numbers(site.directory) == [1, 2, 3]
    shown = command("logs", "--json", "-c", proxy.conf)
    assert shown.returncode == 0, shown.stderr
    names = ["access.log.3.gz", "access.log.2.gz", "access.log.1.gz", "access.log"]
    assert shown.stdout.encode() == b"".join(content(site.directory / name) for name in names)


def all_packed(directory):
    return all(path.suffix == ".gz" for path in directory.glob("access.log.*"))


@pytest.mark.parametrize("packing", ["", "gzip"])
def test_what_others_have_named_stays(site, packing):
    """Two processes rotate one log, one of them is reloaded: no other file is removed or packed."""
    foreign = {"1": b"one", "2": b"two", "3.gz": b"three", "11": b"eleven", "2023": b"year",
               "gz-part": b"part"}  # fmt: skip
    for suffix, text in foreign.items():
        (site.directory / f"access.log.{suffix}").write_bytes(text)
    other = site.directory / "other.conf"
    with serve(site, f"rotate=4k keep=2 {packing}") as proxy:
        text = proxy.conf.read_text().replace("waybill.pid", "other.pid")
        other.write_text(text.replace(f":{proxy.port}", f":{free_port()}"))
        second = subprocess.Popen([binary(), "-c", other], stderr=subprocess.DEVNULL)
        for number in range(6):
            for _ in range(40):
                assert proxy.get().status == 200
            time.sleep(0.3)
            if number == 3:
                proxy.signal(signal.SIGHUP)
        second.terminate()
        second.wait(10)
        proxy.stop()
    files = [path.read_bytes() for path in site.directory.glob("access.log.*")]
    for text in foreign.values():
        assert text in files
    assert len(files) == len(foreign) + 2
    assert (site.directory / "access.log.2023").read_bytes() == b"year"


def test_the_error_log_is_rotated_too(site):
    with serve(site, "", error="info json rotate=5k keep=2") as proxy:
        for _ in range(60):
            with proxy.connect() as connection:
                connection.exchange(b"nonsense\r\n\r\n")
        wait_for(lambda: (site.directory / "error.log.1").exists(), "the rotation")
        proxy.stop()


def test_a_log_that_cannot_be_rotated_is_said_once_and_goes_on(site):
    name = "x" * 254
    with serve(site, "rotate=1k", name=name) as proxy:
        for _ in range(50):
            assert proxy.get().status == 200
        wait_for(lambda: "can't be renamed" in proxy.error_text(), "the message")
        for _ in range(50):
            assert proxy.get().status == 200
        time.sleep(0.5)
        proxy.stop()
        assert proxy.error_text().count("can't be renamed: file name too long") == 1
    assert len(read_lines(site.directory / name)) == 100


def test_a_kill_while_packing_leaves_no_half_file(site):
    """The next start packs the file again."""
    old = os.urandom(24 << 20).hex().encode() + b"\n"
    (site.directory / "access.log").write_bytes(old)
    part = site.directory / "access.log.gz-part"
    with serve(site, "rotate=1m gzip") as proxy:
        wait_for(part.exists, "the begin of packing")
        proxy.process.kill()
        proxy.exit_code = proxy.process.wait(5)
        (site.directory / "waybill.pid").unlink()
        assert (site.directory / "access.log.1").read_bytes() == old
        assert not (site.directory / "access.log.1.gz").exists()
    with serve(site, "rotate=1m gzip") as proxy:
        wait_for(lambda: not (site.directory / "access.log.1").exists(), "the packing", 60)
        assert content(site.directory / "access.log.1.gz") == old
        assert not part.exists()
        proxy.stop()


def test_an_end_while_packing_comes_soon_and_leaves_the_file(site):
    old = os.urandom(24 << 20).hex().encode() + b"\n"
    (site.directory / "access.log").write_bytes(old)
    with serve(site, "rotate=1m gzip") as proxy:
        wait_for((site.directory / "access.log.gz-part").exists, "the begin of packing")
        began = time.monotonic()
        proxy.stop()
        assert time.monotonic() - began < 2
    assert (site.directory / "access.log.1").read_bytes() == old
    assert not (site.directory / "access.log.gz-part").exists()


def test_a_rename_without_a_signal_is_noticed_where_logs_rotate(site):
    with serve(site, "rotate=1g") as proxy:
        proxy.get()
        proxy.access_log.rename(site.directory / "access.log.1")
        wait_for(proxy.access_log.exists, "the new log")
        time.sleep(0.1)
        proxy.get()
        assert len(proxy.wait_lines(1)) == 1
        proxy.stop()


def test_copytruncate_by_others_leaves_whole_lines(site):
    """What is written between their copy and their truncation is theirs to lose.

    Waybill appends, so that no hole is left, and writes whole lines.
    """
    with serve(site, "") as proxy:
        copies = b""
        with Load(proxy, clients=8) as load:
            for _ in range(5):
                load.more(200)
                copies += proxy.access_log.read_bytes()
                os.truncate(proxy.access_log, 0)
            load.more(100)
            answers = load.stop()
        proxy.stop()
        rest = proxy.access_log.read_bytes()
    assert b"\0" not in rest
    lines = read_lines(proxy.access_log)
    assert len(lines) >= 100
    ids = {answer.request_id for answer in answers}
    assert {line["request_id"] for line in lines} <= ids
    # Of a copy, only the last line may be cut: it was read while it was written.
    assert copies.count(b"\n") + len(lines) <= len(answers)
