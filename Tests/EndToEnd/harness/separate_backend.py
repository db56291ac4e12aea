"""A backend in a process of its own, which a test may kill, pause and start again.

Run as a program it serves PORT and appends the ID of each request to FILE before it answers, so
that what it saw outlives it. The target of a request says what comes back:

    /              a few bytes              /size/N    N bytes
    /sleep/SECONDS the same, but later      /chunked   three chunks with pauses
    Upgrade        101, then an echo
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from .polling import wait_for
from .ports import free_port

FOLDER = Path(__file__).resolve().parents[1]


class SeparateBackend:
    """The process, seen from the test; it keeps its port when it is started anew."""

    def __init__(self, directory: Path):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.seen_file = directory / f"seen-{self.port}"
        self.seen_file.touch()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        arguments = ["-m", "harness.separate_backend", str(self.port), str(self.seen_file)]
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=FOLDER, stdout=subprocess.PIPE
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n"

    def seen(self) -> list[str]:
        """The IDs of all requests that came whole, repeated ones as often as they came."""
        return self.seen_file.read_text().split()

    def wait_more(self, seconds: float) -> None:
        """Waits for the next request to come."""
        before = self.seen_file.stat().st_size
        wait_for(
            lambda: self.seen_file.stat().st_size > before, f"a request at {self.address}", seconds
        )

    def pause(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a crash of the backend's machine would, but that the kernel still says so."""
        if self.process:
            self.process.kill()
            self.process.wait(5)
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None


async def _serve(port: int, seen: int) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _serve_one(reader, writer, seen):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=1024, limit=1 << 18)
    print("ready", flush=True)
    await server.serve_forever()


async def _serve_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: int
) -> bool:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    target = lines[0].split(" ")[1]
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    await _discard_content(reader, fields)
    os.write(seen, _field(lines, "x-request-id").encode("latin-1") + b"\n")
    if "upgrade" in fields:
        await _echo(reader, writer)
        return False
    await _answer(writer, target)
    return True


def _field(lines: list[str], name: str) -> str:
    """A value as it was sent; `fields` has it in lower case."""
    return next(line for line in lines if line.lower().startswith(name + ":")).split(": ", 1)[1]


async def _discard_content(reader: asyncio.StreamReader, fields: dict[str, str]) -> None:
    if "transfer-encoding" in fields:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
        return
    left = int(fields.get("content-length", "0"))
    while left:
        part = await reader.read(min(left, 1 << 16))
        if not part:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(part)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    fields = b"Connection: upgrade\r\nUpgrade: echo\r\n"
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n")
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def _answer(writer: asyncio.StreamWriter, target: str) -> None:
    _, kind, value = (target + "//").split("/")[:3]
    if kind == "chunked":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            writer.write(b"6\r\nhello\n\r\n")
            await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")
        return
    if kind == "sleep":
        await asyncio.sleep(float(value))
    size = int(value) if kind == "size" else 6
    block = 1 << 16
    # In one write with what follows, so that a kill never leaves the head of a small answer alone.
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    writer.write(head + b"z" * min(block, size))
    for offset in range(block, size, block):
        writer.write(b"z" * min(block, size - offset))
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(
        _serve(int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    )
