"""A terminal that a command writes to."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import termios
from fcntl import ioctl

from .proxy import binary, environment


def output_on_terminal(arguments: list[object], columns: int = 0, **variables: str) -> bytes:
    """What a command that ends well writes to a terminal of that width; 0 for an unknown one."""
    leader, terminal = pty.openpty()
    if columns:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [binary(), *map(str, arguments)], stdout=terminal, stderr=subprocess.PIPE,
        env=environment() | {"TERM": "xterm"} | variables,
    )  # fmt: skip
    os.close(terminal)
    output = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        output += piece
    os.close(leader)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    return output
