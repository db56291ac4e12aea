"""What the benches of both batteries have in common: how one is set up, and how a case is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from conftest import Site


def opened(make: Callable, folder: Path) -> Iterator:
    """The bench that `make` sets up; at the end each line of its log must belong to a case."""
    with ExitStack() as stack:
        bench = make(Site(folder, stack), stack)
        yield bench
        assert bench.log.left_over() == []


def check(bench, name: str, case, shown: Callable[[object], str]) -> None:
    """Tries a case, or each one of a sweep, and shows those that something is wrong with."""
    parts = getattr(case, "cases", {name: case})
    found = {part: wrong for part, one in parts.items() if (wrong := bench.faults(one))}
    for part in found:
        print(f"{part} ({parts[part].rule}): {shown(parts[part])}")
    assert not found, found
