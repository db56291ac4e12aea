"""What terminals of several widths show: no line is wider, and the screens are kept as files."""

import json
import os
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest

from harness.proxy import binary, environment
from harness.terminal import output_on_terminal

SCREENS = Path(__file__).parent / "screens"


def screen(columns, *arguments, **variables):
    """The lines on a terminal, without colours."""
    output = output_on_terminal(arguments, columns, TZ="UTC", **variables)
    plain = re.sub(rb"\x1b\[[0-9]*m", b"", output)
    assert b"\x1b" not in plain
    return plain.decode().split("\r\n")


def width(text):
    return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF"
               else 1 for one in text)  # fmt: skip


def line(number, **more):
    fields = {"time": f"2026-11-22T23:{number // 60:02}:{number % 60:02}.125000Z",
              "request_id": f"6749326{number % 10}-17d3-44e3-8ef2-7b3bbcf48c8{number % 10}",
              "client": "10.0.0.1:5", "method": "GET", "host": "shop.example",
              "uri": f"/api/orders/{number}", "status": 200, "duration": 0.0015,
              "upstream": "127.0.0.1:8001"}  # fmt: skip
    return json.dumps(fields | more, separators=(",", ":"), ensure_ascii=False) + "\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "access.log"
    path.write_text(
        line(1)
        + line(2, uri="/search?q=" + "long+words+" * 30, duration=12.5, method="DELETE")
        + line(3, uri="/" + "漢字" * 60, host="h" * 70 + ".example")
        + line(4, uri="/e\u0301\u001b[2J\u202e/x", status=502, error="connection_refused",
               termination="upstream:connect", upstream="unix:/run/app/" + "u" * 40)
        + line(5, uri="/ws", status=101, event="upgrade")
        + "".join(line(number, status=200 + number % 3 * 150) for number in range(6, 200))
    )  # fmt: skip
    return path


COMMANDS = {
    "logs": ["logs", "-n", "197", "LOG"],
    "stats": ["logs", "--stats", "--by", "path,status", "--every", "1m", "LOG"],
    "change": ["logs", "--stats", "--by", "path", "--since", "2026-11-22T23:02Z", "--against",
               "2026-11-22T23:00Z..2026-11-22T23:02Z", "LOG"],
    "trace": ["trace", "67493264-17d3-44e3-8ef2-7b3bbcf48c84", "LOG"],
    "why": ["why"],
    "why-error": ["why", "connection_terminated"],
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [40, 41, 59, 79, 80, 100, 132, 200])
def test_no_line_wraps(log, name, columns):
    words = [log if word == "LOG" else word for word in COMMANDS[name]]
    for one in screen(columns, *words):
        assert width(one) <= columns, one


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [80, 200])
def test_screens_are_as_they_were(log, name, columns):
    """`WAYBILL_WRITE_SCREENS=1` in the environment writes them anew: look at them then."""
    words = [log if word == "LOG" else word for word in COMMANDS[name]]
    shown = "\n".join(screen(columns, *words)[:60]).rstrip() + "\n"
    shown = shown.replace(str(log.parent), "LOGS")
    kept = SCREENS / f"{name}-{columns}.txt"
    if os.environ.get("WAYBILL_WRITE_SCREENS") == "1":
        SCREENS.mkdir(exist_ok=True)
        kept.write_text(shown)
    assert kept.read_text() == shown


def test_what_is_piped_is_whole(log):
    result = subprocess.run([binary(), "logs", log], capture_output=True, text=True,
                            env=environment() | {"COLUMNS": "40"})  # fmt: skip
    assert "long+words+" * 30 in result.stdout and "漢字" * 60 in result.stdout
    assert "67493261-17d3-44e3-8ef2-7b3bbcf48c81" in result.stdout and "…" not in result.stdout


def test_a_terminal_that_does_not_know_its_width(log):
    assert max(width(one) for one in screen(0, "logs", log)) <= 80
    assert max(width(one) for one in screen(0, "logs", log, COLUMNS="50")) <= 50


def test_the_story_says_why(log):
    text = "\n".join(screen(200, "trace", "67493264-17d3-44e3-8ef2-7b3bbcf48c84", log))
    assert "Nothing listens at the backend's address" in text and "proxy_pass" in text
