"""A folder on a file system that another process serves, as a network file system is: its writes
take as long as that process likes. Run as a program, this file is that process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


class NetworkFolder:
    """`path` is where it is mounted, `store` where its files really lie."""

    def __init__(self, place: Path):
        self.path, self.store, self._flag = place / "net", place / "store", place / "stalled"
        if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
            pytest.skip("only root may mount a file system")
        self.path.mkdir()
        self.store.mkdir()
        arguments = [str(self.store), str(self.path), str(self._flag)]
        self._process = subprocess.Popen([sys.executable, __file__, *arguments])
        deadline = time.monotonic() + 10
        while not os.path.ismount(self.path):
            if self._process.poll() is not None:
                pytest.skip("this machine mounts no file system")
            assert time.monotonic() < deadline, "the file system was not mounted"
            time.sleep(0.01)

    def stall(self) -> None:
        """From now on no write returns, and no file is opened."""
        self._flag.write_text("open write")

    def stall_writes(self) -> None:
        """From now on no write returns; files can be opened."""
        self._flag.write_text("write")

    def relieve(self) -> None:
        """What has begun goes on."""
        self._flag.unlink(missing_ok=True)

    def content(self, name: str) -> bytes:
        file = self.store / name
        return file.read_bytes() if file.exists() else b""

    def remove(self) -> None:
        self.relieve()
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
        self._process.terminate()
        self._process.wait(10)


def serve(store: str, path: str, flag: str) -> None:
    """Serves the files of `store` at `path`, slowly while there is a file `flag`."""
    from fuse import FUSE, FuseOSError, Operations

    def real(name: str) -> str:
        return os.path.join(store, name.lstrip("/"))

    def wait(what: str) -> None:
        while os.path.exists(flag) and what in Path(flag).read_text():
            time.sleep(0.005)

    class Files(Operations):
        def getattr(self, path, fh=None):
            try:
                status = os.lstat(real(path))
            except OSError as error:
                raise FuseOSError(error.errno or errno.EIO) from None
            names = ("mode", "size", "nlink", "uid", "gid", "mtime", "atime", "ctime")
            return {f"st_{name}": getattr(status, f"st_{name}") for name in names}

        def create(self, path, mode, fi=None):
            wait("open")
            return os.open(real(path), os.O_RDWR | os.O_CREAT, mode)

        def open(self, path, flags):
            wait("open")
            return os.open(real(path), os.O_RDWR)

        def write(self, path, data, offset, fh):
            wait("write")
            return os.pwrite(fh, data, offset)

        def rename(self, old, new):
            os.rename(real(old), real(new))

        def release(self, path, fh):
            os.close(fh)

    # Direct: the length of an appended file is asked for each time, not remembered.
    FUSE(Files(), path, foreground=True, nothreads=False, direct_io=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
