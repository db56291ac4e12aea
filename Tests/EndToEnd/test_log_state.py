"""No line of a log is lost, torn, joined with another or written twice without being counted,
whoever writes the same file: two workers, both generations of a reload, both processes of an
upgrade, both standard streams."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from harness.generations import Generations
from harness.load import Load
from harness.log import checked
from harness.polling import wait_for
from harness.proxy import command
from harness.small_disk import SmallDisk

LONG = {"User-Agent": "u" * 500}
SITE = 'server { listen PORT; location / { return 200 "x"; } }'
# The same in front of a backend that is not there.
REFUSED = SITE.replace('return 200 "x"', "proxy_pass http://127.0.0.1:9")


class Reader:
    """Reads a pipe, but only while it is not paused."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self.data = bytearray()
        self.reads = threading.Event()
        self._stops = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @classmethod
    def of_fifo(cls, path):
        os.mkfifo(path)
        return cls(os.open(path, os.O_RDONLY | os.O_NONBLOCK))

    def _run(self):
        os.set_blocking(self._descriptor, False)
        while not self._stops:
            self.reads.wait(0.1)
            if not self.reads.is_set():
                continue
            try:
                self.data += os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                time.sleep(0.001)

    def stop(self):
        self._stops = True
        self._thread.join()
        os.close(self._descriptor)

    @property
    def lines(self):
        return bytes(self.data).split(b"\n")[:-1]


@pytest.fixture
def pipe():
    """A pipe whose reader is paused, and its writing end."""
    reading, writing = os.pipe()
    reader = Reader(reading)
    yield reader, writing
    reader.stop()
    os.close(writing)


def reloads(proxy):
    done = command("-s", "reload", "-c", proxy.conf)
    assert done.returncode == 0, done.stderr


def run(proxy, count, fields=LONG):
    with Load(proxy, clients=4, fields=fields) as load:
        load.more(count, 120)
        return len(load.stop())


def lost(text):
    return sum(int(count) for count in re.findall(r"(\d+) log lines were lost", text))


def judge(lines, count):
    """Each line is whole and stands once; returns how many are missing."""
    entries = [checked(raw) for raw in lines if raw]
    ids = [entry["request_id"] for entry in entries]
    assert len(set(ids)) == len(ids)
    return count - len(ids)


def with_pipe(site, writing, conf, both=False, **options):
    def connect():
        os.dup2(writing, 1)
        if both:
            os.dup2(writing, 2)

    text = f"access_log stdout json;\n{conf}"
    return site.servers(text, preexec=connect, **options)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_reload_hands_on_what_waits(site, pipe, workers):
    reader, writing = pipe
    proxy = with_pipe(site, writing, SITE, workers=workers)
    count = run(proxy, 900)
    reloads(proxy)
    count += run(proxy, 100)
    time.sleep(1)
    reader.reads.set()
    wait_for(lambda: len(reader.lines) >= count, "all lines", 20)
    assert judge(reader.lines, count) == 0


def test_a_reload_that_drops_or_moves_a_log_loses_nothing(site, tmp_path):
    first = Reader.of_fifo(tmp_path / "first")
    proxy = site.servers(f"access_log {tmp_path}/first json;\n{SITE}", workers=2)
    count = run(proxy, 900)
    text = proxy.conf.read_text()
    proxy.conf.write_text(text.replace(f"{tmp_path}/first", f"{tmp_path}/second"))
    reloads(proxy)
    more = run(proxy, 50)
    first.reads.set()
    wait_for(lambda: len(first.lines) >= count, "all lines", 20)
    assert judge(first.lines, count) == 0
    second = (tmp_path / "second").read_bytes().split(b"\n")[:-1]
    assert judge(second, more) == 0
    first.stop()


def test_an_upgrade_waits_for_what_waits(site, pipe):
    reader, writing = pipe
    proxy = with_pipe(site, writing, SITE, workers=2)
    generations = Generations(proxy)
    count = run(proxy, 900)
    generations.upgrade()
    time.sleep(1)
    assert len(generations.processes) == 2
    count += run(proxy, 100)
    reader.reads.set()
    wait_for(lambda: len(reader.lines) >= count, "all lines", 20)
    assert judge(reader.lines, count) == 0
    generations.alone()
    generations.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_the_end_waits_for_what_waits(site, pipe, number):
    reader, writing = pipe
    proxy = with_pipe(site, writing, SITE, workers=2)
    count = run(proxy, 900)
    proxy.signal(number)
    time.sleep(1)
    assert proxy.process.poll() is None
    reader.reads.set()
    assert proxy.wait_exit() == 0
    wait_for(lambda: len(reader.lines) >= count, "all lines", 20)
    assert judge(reader.lines, count) == 0


def test_the_end_does_not_wait_for_ever_and_says_what_is_lost(site, pipe):
    reader, writing = pipe
    proxy = with_pipe(site, writing, SITE, workers=2)
    count = run(proxy, 900)
    begin = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_exit(15) == 0
    assert 4.5 < time.monotonic() - begin < 12
    reader.reads.set()
    missing = lost(proxy.stderr.read_text())
    assert missing > 100 and lost(proxy.error_text()) == missing
    wait_for(lambda: len(reader.lines) >= count - missing, "the lines", 20)
    assert judge(reader.lines, count) == missing


def test_a_second_signal_ends_at_once_and_says_what_is_lost(site, pipe):
    reader, writing = pipe
    proxy = with_pipe(site, writing, SITE, workers=2)
    count = run(proxy, 900)
    proxy.signal(signal.SIGTERM)
    time.sleep(0.5)
    begin = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_exit() == 0
    assert time.monotonic() - begin < 3
    reader.reads.set()
    missing = lost(proxy.stderr.read_text())
    wait_for(lambda: len(reader.lines) >= count - missing, "the lines", 20)
    assert judge(reader.lines, count) == missing > 0


@pytest.mark.parametrize("agent", [500, 6000])
def test_two_workers_and_a_fifo_that_is_not_read_for_a_while(site, tmp_path, agent):
    """Lines of 6000 bytes are longer than what a pipe takes whole or not at all."""
    reader = Reader.of_fifo(tmp_path / "fifo")
    proxy = site.servers(f"access_log {tmp_path}/fifo json; log_queue 64m;\n{SITE}", workers=2)
    # As fast as that the reader pauses for less than the queues hold.
    with Load(proxy, clients=8, fields={"User-Agent": "u" * agent}, pause=0.005) as load:
        load.more(1000, 60)
        time.sleep(3)
        reader.reads.set()
        for _ in range(10):
            load.more(300, 60)
            reader.reads.clear()
            time.sleep(0.1)
            reader.reads.set()
        count = len(load.stop())
    wait_for(lambda: len(reader.lines) >= count - lost(proxy.error_text()), "all lines", 30)
    assert judge(reader.lines, count) == lost(proxy.error_text()) == 0
    proxy.stop()
    reader.stop()


def test_what_does_not_fit_into_the_queue_is_counted(site, tmp_path):
    reader = Reader.of_fifo(tmp_path / "fifo")
    proxy = site.servers(f"access_log {tmp_path}/fifo json; log_queue 1m;\n{SITE}", workers=2)
    with Load(proxy, clients=8, fields={"User-Agent": "u" * 6000}) as load:
        load.more(2000, 60)
        reader.reads.set()
        wait_for(lambda: lost(proxy.error_text()) > 0, "word of what is lost", 20)
        count = len(load.stop())
    wait_for(lambda: len(reader.lines) >= count - lost(proxy.error_text()), "all lines", 30)
    assert judge(reader.lines, count) == lost(proxy.error_text()) > 0
    proxy.stop()
    reader.stop()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("change", ["upgrade", "reload"])
def test_lines_in_a_fifo_outlive_a_change(site, tmp_path, change, workers):
    """Nobody reads at that moment: what is in the FIFO is there as long as somebody holds it."""
    os.mkfifo(tmp_path / "fifo")
    proxy = site.servers(f"access_log {tmp_path}/fifo json;\n{SITE}", workers=workers)
    generations = Generations(proxy)
    for _ in range(5):
        for _ in range(10):
            proxy.get("/x")
        if change == "upgrade":
            generations.upgrade()
            generations.alone()
        else:
            assert command("-s", "reload", "-c", proxy.conf).returncode == 0
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 1 << 16).count(b"\n") == 50
    os.close(reader)
    if change == "upgrade":
        generations.end()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("reads", [False, True], ids=["nobody reads", "a slow reader"])
def test_what_is_in_a_fifo_at_the_end(site, tmp_path, workers, reads):
    """Without a reader it goes with the process: that is said. With one it stays."""
    for name in ("first", "second"):
        os.mkfifo(tmp_path / name)
    proxy = site.servers(
        f"access_log {tmp_path}/first json; access_log {tmp_path}/second combined;\n{SITE}",
        workers=workers)  # fmt: skip
    readers = [os.open(tmp_path / name, os.O_RDONLY | os.O_NONBLOCK)
               for name in ("first", "second") if reads]  # fmt: skip
    for _ in range(7):
        proxy.get("/x")
    proxy.stop()
    said = re.findall(r"log \S+/(\w+): nobody has it open .*: (\d+) log lines were lost",
                      proxy.error_text())  # fmt: skip
    assert dict(said) == ({} if reads else {"first": "7", "second": "7"})
    for reader in readers:
        assert os.read(reader, 1 << 16).count(b"\n") == 7
        os.close(reader)


@pytest.mark.parametrize("workers", [1, 2])
def test_both_streams_in_one_pipe(site, pipe, workers):
    reader, writing = pipe
    # More than two workers' queues hold by default: the reader pauses.
    conf = "log_queue 64m; error_log stderr info;\n" + REFUSED
    proxy = with_pipe(site, writing, conf, both=True, workers=workers)
    count = run(proxy, 600, {"User-Agent": "u" * 5000})
    reloads(proxy)
    reader.reads.set()
    access = lambda: [line for line in reader.lines if line.startswith(b"{")]  # noqa: E731
    wait_for(lambda: len(access()) >= count, "all lines", 30)
    assert judge(access(), count) == 0
    others = [line for line in reader.lines if not line.startswith(b"{")]
    assert all(re.match(rb"[A-Z]+ 20|waybill: ", line) for line in others)
    assert len([line for line in others if b"refused" in line]) >= count


@pytest.fixture
def disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.remove()


@pytest.mark.parametrize("upgrades", [0, 1, 2])
def test_a_full_disk_that_gets_room(site, disk, upgrades):
    path = disk.place / "a.log"
    conf = f"access_log {path} json; error_log {path}.errors; log_queue 64m;"
    proxy = site.servers(f"{conf}\n{SITE}", workers=2)
    count = 0
    for size in ["300k", "420k", "500k"]:
        count += run(proxy, 500)
        disk.enlarge(size)
    generations = Generations(proxy)
    for _ in range(upgrades):
        generations.upgrade()
        count += run(proxy, 100)
    if not upgrades:
        reloads(proxy)
    count += run(proxy, 300)
    disk.enlarge("64m")
    wait_for(lambda: path.read_bytes().count(b"\n") >= count, "all lines", 20)
    assert judge(path.read_bytes().split(b"\n")[:-1], count) == 0
    if upgrades:
        generations.alone()
        generations.end()


def test_a_half_line_of_an_earlier_process_stays_alone(site, tmp_path):
    (tmp_path / "a.log").write_bytes(b'{"whole":1}\n{"half":')
    proxy = site.servers(f"access_log {tmp_path}/a.log json;\n{SITE}", workers=2)
    count = run(proxy, 20)
    lines = (tmp_path / "a.log").read_bytes().split(b"\n")[:-1]
    assert lines[:2] == [b'{"whole":1}', b'{"half":']
    assert judge(lines[2:], count) == 0


OTHER = """
import os, time
for number in range(300):
    os.write(1, b"other %d\\n" % number)
    time.sleep(0.002)
"""


@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_file_is_shared_with_others(site, tmp_path, mode):
    """`(waybill & other) > f 2>&1`: nobody overwrites what the other one wrote."""
    path = tmp_path / "out"
    with open(path, mode) as file:
        connect = lambda: (os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2))  # noqa: E731
        text = "access_log stdout json; error_log stderr info;"
        flags = fcntl.fcntl(file, fcntl.F_GETFL)
        proxy = site.servers(f"{text}\n{SITE}", workers=2, preexec=connect)
        other = subprocess.Popen([sys.executable, "-c", OTHER], stdout=file)
        count = run(proxy, 500)
        other.wait()
        assert fcntl.fcntl(file, fcntl.F_GETFL) == flags
    lines = path.read_bytes().split(b"\n")[:-1]
    assert [line for line in lines if line.startswith(b"other")] == [
        b"other %d" % number for number in range(300)
    ]
    assert judge([line for line in lines if line.startswith(b"{")], count) == 0
    assert any(line.startswith(b"waybill: ") for line in lines)
    assert all(re.match(rb"other |\{|waybill: |[A-Z]+ 20", line) for line in lines)


@pytest.mark.parametrize("way", ["/dev/fd/{}", "/proc/self/fd/{}", "{path}"])
def test_a_file_that_was_passed_on_open(site, tmp_path, way):
    """`(waybill & other >&0) 0>f`, and a log by its path: nobody overwrites anybody's lines."""
    path = tmp_path / "out"
    with open(path, "w") as file:
        # Those above 2 are closed where the harness starts a process.
        connect = lambda: os.dup2(file.fileno(), 0)  # noqa: E731
        place = way.format(0, path=path)
        text = f"access_log {place} json; error_log {tmp_path}/error.log info;"
        proxy = site.servers(f"{text}\n{SITE}", workers=2, preexec=connect)
        other = subprocess.Popen([sys.executable, "-c", OTHER], stdout=file)
        count = run(proxy, 250)
        proxy.signal(signal.SIGUSR1)
        count += run(proxy, 250)
        other.wait()
        proxy.stop()
    lines = path.read_bytes().split(b"\n")[:-1]
    assert [line for line in lines if line.startswith(b"other")] == [
        b"other %d" % number for number in range(300)
    ]
    assert judge([line for line in lines if line.startswith(b"{")], count) == 0


def test_two_open_files_of_one_file(site, tmp_path):
    """`waybill >f 2>f`: two places in one file, and a log by its path, too."""
    path = tmp_path / "out"
    with open(path, "w") as first, open(path, "w") as second:
        connect = lambda: (os.dup2(first.fileno(), 1), os.dup2(second.fileno(), 2))  # noqa: E731
        logs = f"access_log stdout json; error_log stderr info; error_log {path} info;\n"
        conf = logs + REFUSED
        proxy = site.servers(conf, workers=2, preexec=connect)
        count = run(proxy, 300)
        proxy.stop()
    lines = path.read_bytes().split(b"\n")[:-1]
    assert judge([line for line in lines if line.startswith(b"{")], count) == 0
    assert b"\0" not in path.read_bytes()
    refusals = [line for line in lines if b"refused" in line and not line.startswith(b"{")]
    assert len(refusals) >= 2 * count


def test_reopening_loses_nothing(site, disk):
    """The rest of a torn line goes into the old file, what waits into either."""
    path = disk.place / "a.log"
    proxy = site.servers(f"access_log {path} json; log_queue 64m;\n{SITE}", workers=2)
    count = run(proxy, 800)
    os.rename(path, f"{path}.old")
    proxy.signal(signal.SIGUSR1)
    count += run(proxy, 100)
    disk.enlarge("64m")
    files = lambda: b"".join(one.read_bytes() for one in sorted(disk.place.iterdir()))  # noqa: E731
    wait_for(lambda: files().count(b"\n") >= count, "all lines", 20)
    assert judge(files().split(b"\n")[:-1], count) == 0
    for one in disk.place.iterdir():
        assert one.read_bytes().endswith(b"\n") and json.loads(one.read_bytes().split(b"\n")[0])
