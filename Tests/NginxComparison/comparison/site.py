"""The folder of files that both programs serve, the same in each run."""

from __future__ import annotations

import os
from pathlib import Path

from .words import FILES, FOLDERS

MOMENT = 1646128800
DATE = "Tue, 01 Mar 2022 10:00:00 GMT"
EARLIER, LATER = "Mon, 28 Feb 2022 10:00:00 GMT", "Wed, 02 Mar 2022 10:00:00 GMT"
SIZE = 30
ETAG = f'"{MOMENT:x}-{SIZE:x}"'
# The password of `user` is `pass`.
USERS = "user:{PLAIN}pass\nother:{PLAIN}other\n"


def make_site(folder: Path) -> Path:
    """Makes the files below `folder`; returns the root."""
    root = folder / "root"
    for name in FOLDERS:
        place = root / name
        place.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            if name == "b/" and file == "f.html":
                continue
            text = f"{name}{file} one two"
            if file == "big.html":
                text = f"<html><head><title>{name} TWO</title></head>" + "one two three. " * 300
            (place / file).write_text(text.ljust(SIZE, "."))
        if name not in ("b/", "alt/a/"):
            (place / "index.html").write_text(f"index of {name} one</body>".ljust(SIZE, "."))
    (folder / "users").write_text(USERS)
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (MOMENT, MOMENT))
    return root
