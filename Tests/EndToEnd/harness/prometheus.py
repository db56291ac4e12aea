"""A real Prometheus that scrapes the proxy, and `promtool`, which judges its text."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from .polling import wait_for
from .ports import free_port

CONF = """\
global:
  scrape_interval: 250ms
  scrape_timeout: 250ms
scrape_configs:
  - job_name: waybill
    static_configs:
      - targets: ["127.0.0.1:{target}"]
"""


class Prometheus:
    """Scrapes `http://127.0.0.1:TARGET/metrics`, with exemplars, until it is stopped."""

    def __init__(self, directory: Path, target: int):
        self.port = free_port()
        folder = directory / "prometheus"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(CONF.format(target=target))
        self._output = (folder / "output").open("w+")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._output.close()

    def ask(self, path: str, **parameters: str) -> Any:
        """What the API answers; nil while it does not."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return json.load(response)["data"]
        except OSError:
            return None

    def value(self, query: str) -> float | None:
        """The one number that a query comes to."""
        found = self.ask("query", query=query)
        return float(found["result"][0]["value"][1]) if found and found["result"] else None

    def wait_value(self, query: str, expected: float, seconds: float = 20) -> None:
        wait_for(lambda: self.value(query) == expected, f"{query} = {expected}", seconds)

    def exemplars(self, query: str) -> list[dict[str, Any]]:
        """The exemplars of the last minute of all series that a query selects."""
        now = time.time()
        found = self.ask("query_exemplars", query=query, start=str(now - 60), end=str(now + 60))
        return [exemplar for series in found or [] for exemplar in series["exemplars"]]


def promtool(page: str) -> subprocess.CompletedProcess[str]:
    """What `promtool check metrics` says of a page."""
    return subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30
    )
