"""What `waybill trace` tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .proxy import command


def told(*arguments: str | Path) -> list[dict[str, Any]]:
    """The objects of `--json`."""
    result = command("trace", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]
