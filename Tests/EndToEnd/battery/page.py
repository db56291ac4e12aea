"""Writes the page that shows where the readers differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

INTRODUCTION = """\
# How others read it

Messages that Waybill, nginx and HAProxy interpret differently.

`Tests/EndToEnd/compare-readers` generates this page. It sends the cases of
`Tests/EndToEnd/battery`, byte for byte, through {readers},
each in front of the same recording backend.

The tables list the cases that the three handle differently; cases with the same results share a
row. A cell shows the statuses that the client got, followed by anything passed on that differs from
what Waybill passed on. The comparison ignores the exact status of a rejection, whether content is
framed by a length or by chunks, and fields that only Waybill adds. The last column names the
section that Waybill's behavior is based on, or a page of this documentation for its own rules.
Where the standard allows two results, the table does not say which is better.

{total} cases were compared, and {different} of them are listed. A case that goes through all 256
bytes counts once; its bytes are listed in hexadecimal.
"""


@dataclass(frozen=True)
class Row:
    """One case that the readers treat differently; the answers are those of the columns."""

    case: str
    answers: tuple[str, ...]
    why: str


@dataclass
class FamilyResult:
    """What came of a family; `total` counts a sweep once."""

    title: str
    total: int
    rows: list[Row]

    @property
    def different(self) -> int:
        return len({row.case.partition("/")[0] for row in self.rows})


def ranges(names: list[str]) -> str:
    """Names of cases; bytes of a sweep are put together to ranges."""
    sweeps: dict[str, list[int]] = {}
    plain = []
    for name in names:
        sweep, mark, byte = name.partition("/byte-")
        if mark:
            sweeps.setdefault(sweep, []).append(int(byte, 16))
        else:
            plain.append(name)
    return ", ".join(plain + [f"{name}: {byte_ranges(found)}" for name, found in sweeps.items()])


def byte_ranges(found: list[int]) -> str:
    runs: list[list[int]] = []
    for byte in sorted(found):
        if runs and runs[-1][-1] == byte - 1:
            runs[-1].append(byte)
        else:
            runs.append([byte])
    return " ".join(
        f"{run[0]:02x}" if len(run) == 1 else f"{run[0]:02x}-{run[-1]:02x}" for run in runs
    )


def table(rows: list[Row], columns: list[str]) -> Iterable[str]:
    together: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for row in rows:
        together.setdefault((row.answers, row.why), []).append(row.case)
    yield "| " + " | ".join(["Case", *columns, "By"]) + " |"
    yield "|" + "---|" * (len(columns) + 2)
    for (answers, why), names in together.items():
        yield "| " + " | ".join([ranges(names), *answers, why]) + " |"


def page(readers: list[str], columns: list[str], families: list[FamilyResult]) -> str:
    total = sum(family.total for family in families)
    different = sum(family.different for family in families)
    names = ", ".join(readers[:-1]) + " and " + readers[-1]
    parts = [INTRODUCTION.format(readers=names, total=total, different=different)]
    for family in families:
        parts.append(f"## {family.title}\n")
        if family.rows:
            parts.append("\n".join(table(family.rows, columns)) + "\n")
        else:
            parts.append(f"All {family.total} cases are treated alike.\n")
    return "\n".join(parts)
