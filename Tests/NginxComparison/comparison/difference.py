"""One fact in which two outcomes differ, and what rules about it can ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.messages import Response

from .conf import Ask, Case


@dataclass
class Difference:
    """`name` is a fact's name, such as `status`, `field etag`, `log 0 $uri`, `backend 0 host`."""

    name: str
    theirs: object
    ours: object
    case: Case
    ask: Ask
    answer: Response | None
    """nginx's."""

    @property
    def variable(self) -> str:
        """The variable of the log that differs, without its `$`."""
        return self.name.split("$")[-1] if self.name.startswith("log ") else ""

    @property
    def field(self) -> str:
        """The field of the response that differs, in lowercase."""
        return self.name[6:] if self.name.startswith("field ") else ""

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    def has(self, expression: str) -> bool:
        """Whether a directive of the servers matches."""
        return any(re.search(expression, line) for line in self.case.servers_lines())

    def asks(self, name: str) -> str:
        """The field of that name in the request."""
        return next((value for key, value in self.ask.fields if key == name), "")


# What a rule is for, and whether a difference is of that kind.
Rule = tuple[str, Callable[[Difference], bool]]


def first(rules: list[Rule], difference: Difference) -> str:
    """What the first rule that matches is for; empty if none does."""
    return next((reason for reason, matches in rules if matches(difference)), "")
