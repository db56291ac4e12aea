"""A file system that is soon full, on which tests let logs and contents lie."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A file system with room for 256 KB at `place`, until `remove`. Only root may mount one, so
    for others the test is skipped."""

    def __init__(self, place: Path):
        self.place = place
        place.mkdir()
        options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(["mount", *options], capture_output=True).returncode:
            pytest.skip("only root may mount a small file system")

    def enlarge(self, size: str) -> None:
        """Gives it room for `size`, as `mount` writes it."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.place)], check=True)

    def remove(self) -> None:
        """Takes it away, whoever still has a file of it open."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)
