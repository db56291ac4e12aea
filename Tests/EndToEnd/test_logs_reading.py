"""What `waybill logs` reads, and how much of it: times, last lines, standard input, compressed and
rotated files."""

import bz2
import gzip
import json
import lzma
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from harness.polling import wait_for
from harness.proxy import binary, command, environment


def line(number, **more):
    """Request `number`, that many seconds after 23:00."""
    fields = {"time": f"2026-11-22T23:{number // 60:02}:{number % 60:02}.000000Z",
              "request_id": f"id-number-{number}", "client": "10.0.0.1:5", "method": "GET",
              "host": "a.test", "uri": "/x", "status": 200, "duration": 0.0015}  # fmt: skip
    return json.dumps(fields | more, separators=(",", ":")) + "\n"


def lines(*numbers):
    return "".join(line(number) for number in numbers)


def run(*arguments, **options):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, timeout=30,
                          env=environment() | options.pop("variables", {}), **options)  # fmt: skip


def ids(*arguments, **options):
    result = run("logs", "--json", *arguments, **options)
    assert result.returncode == 0, result.stderr
    return [int(json.loads(one)["request_id"].split("-")[2]) for one in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("since", "wanted"),
    [("2026-11-22T23:01Z", [60, 61]), ("2026-11-23T00:01+01:00", [60, 61]), ("23:01", [60, 61]),
     ("2026-11-22 23:01:01 UTC", [61]), ("@1795388461", [61]), ("yesterday", [1, 60, 61])],
)  # fmt: skip
def test_since(tmp_path, since, wanted):
    if since in ("23:01", "yesterday"):
        day = time.strftime("%Y-%m-%d", time.gmtime())
    else:
        day = "2026-11-22"
    log = tmp_path / "a.log"
    log.write_text(lines(1, 60, 61).replace("2026-11-22", day))
    assert ids(log, "--since", since, variables={"TZ": "UTC"}) == wanted
    assert ids(log, "-S", since, variables={"TZ": "UTC"}) == wanted


@pytest.mark.parametrize(
    "words", ["10 min ago", "2h30m", "2 hours ago", "08:00", "yesterday 08:00", "now", "today"])
def test_words_for_times(tmp_path, words):
    log = tmp_path / "a.log"
    log.write_text(lines(1))
    for option in ("--since", "--until"):
        assert run("logs", log, option, words).returncode == 0


@pytest.mark.parametrize("words", ["8 o'clock", "yesterday 25:00", "@x", "10 min before", "-"])
def test_a_wrong_time_names_the_forms(tmp_path, words):
    result = command("logs", tmp_path / "a.log", f"--since={words}")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    for form in ("1h30m", "10 min ago", "08:00", "yesterday 08:00", "@1795384716", "T10:00:00Z"):
        assert form in result.stderr


def test_the_last_lines(tmp_path):
    log, older = tmp_path / "a.log", tmp_path / "a.log.1"
    older.write_text(lines(*range(10)))
    log.write_text(lines(*range(10, 20)) + line(20, status=404) + "junk\n")
    assert ids("-n", 3, log) == [18, 19, 20] and ids("-n", 0, log) == []
    assert ids("--tail", 15, older, log) == list(range(6, 21))
    assert ids("-n", 2, "--status", "200", log) == [18, 19]
    assert ids("-n", 99, older, log) == list(range(21))
    for wrong in ("-1", "x"):
        assert command("logs", f"--tail={wrong}", log).returncode == 2


def test_the_last_lines_of_a_large_log(tmp_path):
    """They are looked for from its end, as far back as need be."""
    log = tmp_path / "a.log"
    many = lines(*range(1000))
    log.write_text(lines(1, 2, 3) + line(9, status=404) + many * 100)
    assert log.stat().st_size > 12 << 20
    assert ids("-n", 4, log) == [996, 997, 998, 999]
    assert ids("-n", 2, log, "--status", "404") == [9]
    assert ids("-n", 100_003, log)[:4] == [2, 3, 9, 0]


def test_standard_input(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(lines(1, 2, 3))
    assert ids("-", input=log.read_bytes()) == [1, 2, 3]
    assert ids("-n", 1, "-", input=log.read_bytes()) == [3]
    with log.open() as file:
        assert ids("-", stdin=file) == [1, 2, 3]
    assert ids(log, "-", input=lines(7).encode()) == [1, 2, 3, 7]
    result = run("logs", "--stats", "-", input=log.read_bytes())
    assert result.stdout.split()[1] == b"3"
    assert run("logs", "-f", "-", input=b"").returncode == 2
    result = run("trace", "id-number-2", "-", input=log.read_bytes())
    assert result.returncode == 0 and b"id-number-2" in result.stdout


def pack(path, text, kind):
    if kind == "zst":
        subprocess.run(["zstd", "-q", "-o", path], input=text, check=True)
    else:
        path.write_bytes({"xz": lzma, "bz2": bz2, "gz": gzip}[kind].compress(text))


PROGRAMS = {"xz": "xz", "zst": "zstd", "bz2": "bzip2", "gz": "gzip"}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_compressed_logs(tmp_path, kind):
    log, packed = tmp_path / "a.log", tmp_path / f"a.log.2.{kind}"
    log.write_text(lines(5))
    pack(packed, lines(1, 2).encode(), kind)
    (tmp_path / "a.log.1").write_text(lines(3))
    conf = tmp_path / "p.conf"
    conf.write_text(f"server {{ listen 127.0.0.1:1; access_log {log}; return 204; }}\n")
    assert ids("-c", conf) == [1, 2, 3, 5]
    assert ids(packed, "-n", 1) == [2]
    assert run("logs", "--stats", packed).stdout.split()[1] == b"2"
    traced = run("trace", "id-number-2", packed)
    assert traced.returncode == 0 and b"1 line in 1 log" in traced.stdout


@pytest.mark.parametrize("kind", PROGRAMS)
def test_cut_compressed_logs(tmp_path, kind):
    """They are read as far as they go, and the damage is said."""
    log, chance = tmp_path / f"a.log.{kind}", random.Random(5)
    texts = (line(n % 3600, uri="/" + chance.randbytes(600).hex()) for n in range(3000))
    pack(log, "".join(texts).encode(), kind)
    log.write_bytes(log.read_bytes()[: log.stat().st_size * 3 // 4])
    result = run("logs", "--json", log)
    assert result.returncode == 1 and b"damaged or truncated" in result.stderr
    shown = result.stdout.splitlines()
    assert len(shown) > (100 if kind != "xz" else 0)
    assert all(json.loads(one) for one in shown)


@pytest.mark.parametrize("kind", ["xz", "zst", "bz2"])
def test_a_reader_that_leaves_leaves_no_process(tmp_path, kind):
    log = tmp_path / f"a.log.{kind}"
    pack(log, lines(*range(3000)).encode() * 20, kind)
    process = subprocess.Popen([binary(), "logs", log], stdout=subprocess.PIPE, env=environment())
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(10) in (0, -signal.SIGPIPE)

    def is_gone():
        for entry in os.listdir("/proc"):
            try:
                target = os.readlink(f"/proc/{entry}/fd/0")
            except OSError:
                continue
            if target == str(log):
                return False
        return True

    wait_for(is_gone, "the end of the program that unpacks", 5)


def test_what_is_not_installed_is_named(tmp_path):
    """In a namespace of its own where nothing hides the programs' folder it can't be tried."""
    log = tmp_path / "a.log.zst"
    log.write_bytes(b"\x28\xb5\x2f\xfd\x00\x00")
    hidden = tmp_path / "empty"
    hidden.mkdir()
    program = shutil.which("zstd")
    script = f"mount --bind {hidden} {os.path.dirname(program or '/usr/bin/x')}; exec {binary()}"
    result = subprocess.run(["unshare", "-m", "/bin/sh", "-c", f"{script} logs {log}"],
                            capture_output=True, env=environment())  # fmt: skip
    if b"unshare" in result.stderr or b"mount" in result.stderr:
        pytest.skip("namespaces are not to be had")
    assert result.returncode == 1 and b"install the program zstd" in result.stderr


# Following


def append(path, text):
    with path.open("a") as log:
        log.write(text)


def test_following_begins_with_as_many_lines_as_wanted(tmp_path, follow_log):
    log = tmp_path / "a.log"
    log.write_text(lines(*range(30)))
    follower = follow_log("-n", 3, log)
    follower.wait(27, 28, 29)
    append(log, lines(30))
    follower.wait(27, 28, 29, 30)


def test_following_through_several_rotations_at_once(tmp_path, follow_log):
    """Each file that came and went while nobody looked is read, in order."""
    log = tmp_path / "a.log"
    log.write_text(lines(1))
    follower = follow_log(log)
    follower.wait(1)
    follower.pause()
    for number in range(2, 6):
        append(log, lines(number * 10))
        for old in range(5, 0, -1):
            if (path := tmp_path / f"a.log.{old}").exists():
                path.rename(tmp_path / f"a.log.{old + 1}")
        log.rename(tmp_path / "a.log.1")
        log.write_text(lines(number * 10 + 1))
    follower.go_on()
    follower.wait(1, 20, 21, 30, 31, 40, 41, 50, 51)


def test_following_a_writer_that_is_late(tmp_path, follow_log):
    """It goes on writing to the old file long after the new one is there."""
    log = tmp_path / "a.log"
    log.write_text(lines(1))
    follower = follow_log(log)
    follower.wait(1)
    with log.open("a") as old:
        log.rename(tmp_path / "a.log.1")
        log.write_text(lines(2))
        follower.wait(1, 2)
        old.write(lines(3)[:40])
        old.flush()
        time.sleep(0.6)
        old.write(lines(3)[40:])
        old.flush()
        follower.wait(1, 2, 3)
    append(log, lines(4))
    follower.wait(1, 2, 3, 4)


@pytest.mark.parametrize("packs", [False, True])
@pytest.mark.parametrize("more", [0, 300])
def test_following_through_copytruncate(tmp_path, follow_log, packs, more):
    """What came between the last look and the truncation is in the copy, and the file may have
    become longer than before when it is looked at again."""
    log = tmp_path / "a.log"
    log.write_text(lines(*range(20)))
    follower = follow_log("-n", 5, log)
    wanted = list(range(15, 20))
    follower.wait(*wanted)
    follower.pause()
    append(log, lines(20, 21))
    copy = tmp_path / "a.log.1"
    copy.write_bytes(log.read_bytes())
    os.truncate(log, 0)
    if packs:
        (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(copy.read_bytes()))
        copy.unlink()
    append(log, lines(*range(100, 101 + more)))
    follower.go_on()
    wanted += [20, 21, *range(100, 101 + more)]
    follower.wait(*wanted)
    append(log, lines(900))
    follower.wait(*wanted, 900)


def test_following_a_writer_that_does_not_append(tmp_path, follow_log):
    """After the truncation it writes behind a hole as large as the file was."""
    log = tmp_path / "a.log"
    with log.open("w") as writer:
        writer.write(lines(*range(5)) + "x" * (5 << 20) + "\n" + lines(5))
        writer.flush()
        follower = follow_log("-n", 1, log)
        follower.wait(5)
        os.truncate(log, 0)
        time.sleep(0.5)
        writer.write(lines(6, 7))
        writer.flush()
        follower.wait(5, 6, 7)


@pytest.mark.parametrize("way", ["create", "copytruncate"])
def test_following_through_logrotate(tmp_path, follow_log, way):
    log, conf = tmp_path / "a.log", tmp_path / "rotate.conf"
    os.chmod(tmp_path, 0o755)
    log.write_text(lines(0))
    words = ["rotate 5", "size 1", way, "compress", "delaycompress", "su root root"]
    conf.write_text(f"{log} {{\n" + "\n".join(words) + "\n}\n")
    follower = follow_log(log)
    follower.wait(0)
    for number in range(1, 31):
        append(log, lines(number))
        if number % 7 == 0:
            subprocess.run(["logrotate", "-f", "-s", tmp_path / "state", conf], check=True)
        time.sleep(0.02)
    follower.wait(*range(31))
