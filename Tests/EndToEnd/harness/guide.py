"""Runs the guide's code as it stands on its pages, and judges every line of its logs.

Each request has a nonce in its URI, which is in each line that is written for it. So a line says
for which request it was written, whatever ID it carries.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from pathlib import Path

import requests

from .applications import FOLDER, GUIDE, GUIDE_SERVERS, Application
from .polling import TIME_FACTOR, wait_for
from .proxy import Proxy

NONCE = re.compile(r"nonce-[0-9a-f]{12}")
VERBOSE = re.compile(
    r"(?P<level>[A-Z]+) (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,6}Z?) (?P<module>[\w.]+) "
    r"\[req-(?P<id>[^\]]*)\] (?P<message>.*)"
)


def start(kind: str, directory: Path, *first: Path, **environment: str) -> Application:
    """The guide's code for `kind`; modules in the folders `first` take the place of the guide's."""
    path = [*map(str, first), str(GUIDE), str(FOLDER)]
    application = Application(kind, directory, GUIDE_SERVERS[kind], {
        "PYTHONPATH": os.pathsep.join(path),
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        **environment,
    })  # fmt: skip
    # Gunicorn listens before the application is imported, which takes a while on a busy machine.
    if "gunicorn" in GUIDE_SERVERS[kind]:
        requests.get(f"http://{application.address}/", timeout=30 * TIME_FACTOR)
    return application


def fresh_nonce() -> str:
    return "nonce-" + secrets.token_hex(6)


class Load:
    """Requests at the same time; half of them bring an ID, the others get one."""

    def __init__(self, proxy: Proxy):
        self._proxy = proxy
        self.ids: dict[str, str] = {}
        self.paths: dict[str, str] = {}

    def ask(self, path: str) -> str:
        """One request to `path`, which gets a nonce of its own."""
        nonce = fresh_nonce()
        mine = f"mine-{secrets.token_hex(8)}" if len(self.ids) % 2 else None
        response = self._proxy.get(f"{path}/{nonce}", [("X-Request-ID", mine)] if mine else None)
        assert mine in (None, response.request_id)
        self.ids[nonce] = response.request_id
        self.paths[nonce] = path
        return nonce

    def ids_of(self, path: str) -> list[str]:
        return [self.ids[nonce] for nonce, asked in self.paths.items() if asked == path]

    def run(self, paths: list[str], *, clients: int = 6, rounds: int = 2) -> Load:
        """Each client asks for each of the paths, beginning at another one."""
        failures: list[BaseException] = []
        before = len(self.ids)

        def client(number: int) -> None:
            turn = number % len(paths)
            try:
                for path in (paths[turn:] + paths[:turn]) * rounds:
                    self.ask(path)
            except BaseException as error:  # the main thread fails with it
                failures.append(error)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == [] and len(self.ids) - before == clients * rounds * len(paths)
        assert len(set(self.ids.values())) == len(self.ids)
        return self


def lines_in(*logs: Path) -> list[re.Match[str]]:
    """The lines in the verbose style."""
    texts = (line for log in logs for line in log.read_text("utf-8", "replace").splitlines())
    return [match for text in texts if (match := VERBOSE.fullmatch(text))]


def lines_of(*logs: Path) -> dict[str, list[re.Match[str]]]:
    """The lines in the verbose style, by the nonce that they have."""
    found: dict[str, list[re.Match[str]]] = {}
    for line in lines_in(*logs):
        if nonce := NONCE.search(line[0]):
            found.setdefault(nonce[0], []).append(line)
    return found


def strangers(load: Load, *logs: Path) -> list[str]:
    """The lines that carry another ID than the one of their request."""
    found = lines_of(*logs)
    assert found
    return [
        line[0]
        for nonce, lines in found.items()
        for line in lines
        if line["id"] != load.ids[nonce]
    ]


def judge(load: Load, expected: dict[str, int], *logs: Path, seconds: float = 5) -> None:
    """Fails unless each request has so many lines as its path has, and all with its own ID."""

    def complete() -> bool:
        found = lines_of(*logs)
        return all(
            len(found.get(nonce, [])) >= expected[path] for nonce, path in load.paths.items()
        )

    try:
        wait_for(complete, "the last line", seconds)
    except AssertionError:
        pass
    found = lines_of(*logs)
    counts = {
        (path, len(found.get(nonce, [])))
        for nonce, path in load.paths.items()
        if len(found.get(nonce, [])) != expected[path]
    }
    assert not counts, f"paths with another number of lines than {expected}: {counts}"
    assert strangers(load, *logs) == []
