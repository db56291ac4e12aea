"""Takes directives, fields and requests away from a case as long as the difference stays."""

from __future__ import annotations

from .conf import Case, Node
from .differences import differences, signature
from .twins import Twins


class Minimizer:
    def __init__(self, twins: Twins, kind: str, ignored: str = ""):
        self.twins, self.kind, self.ignored = twins, kind, ignored
        self.tries = 0

    def differs(self, case: Case) -> bool:
        """Whether the last request of the case differs in the same way."""
        self.tries += 1
        try:
            [outcomes] = self.twins.run([case])
        except (RuntimeError, OSError):
            return False
        found = differences(case, case.asks[-1], *outcomes[-1], self.ignored)
        return signature(found) == self.kind

    def minimize(self, case: Case, number: int) -> Case:
        alone = case.copy()
        alone.asks = [case.asks[number]]
        if not self.differs(alone):
            alone.asks = case.asks[: number + 1]
            if not self.differs(alone):
                return alone
            alone = self._fewer_asks(alone)
        best = self._smaller_conf(alone)
        return self._smaller_ask(best)

    def _fewer_asks(self, case: Case) -> Case:
        index = 0
        while index < len(case.asks) - 1:
            trial = case.copy()
            del trial.asks[index]
            if self.differs(trial):
                case = trial
            else:
                index += 1
        return case

    def _smaller_conf(self, case: Case) -> Case:
        """Takes away many directives at a time first, then fewer, down to single ones."""
        size = max(1, len(places(case)) // 2)
        while self.tries < 150:
            index, has_changed = 0, False
            while index < len(places(case)) and self.tries < 150:
                trial = without(case, index, size)
                if self.differs(trial):
                    case, has_changed = trial, True
                else:
                    index += size
            if size == 1 and not has_changed:
                break
            size = max(1, size // 2)
        return case

    def _smaller_ask(self, case: Case) -> Case:
        index = 0
        while index < len(case.asks[-1].fields):
            trial = case.copy()
            trial.asks[-1] = case.asks[-1].without(index)
            if case.asks[-1].fields[index][0] != "Host" and self.differs(trial):
                case = trial
            else:
                index += 1
        target = case.asks[-1].target.split("?")[0]
        trial = case.copy()
        trial.asks[-1] = case.asks[-1].with_target(target)
        return trial if self.differs(trial) else case


def without(case: Case, index: int, size: int) -> Case:
    """The case without some of its directives."""
    trial = case.copy()
    chosen = [nodes[at] for nodes, at in places(trial)[index : index + size]]
    for nodes, _ in places(trial):
        nodes[:] = [node for node in nodes if not any(node is one for one in chosen)]
    return trial


def places(case: Case) -> list[tuple[list[Node], int]]:
    """Each directive's list and place in it, outer ones first."""
    found: list[tuple[list[Node], int]] = []

    def walk(nodes: list[Node]) -> None:
        for position, node in enumerate(nodes):
            found.append((nodes, position))
        for node in nodes:
            if node.children is not None:
                walk(node.children)

    walk(case.http)
    walk(case.servers)
    return [(nodes, at) for nodes, at in found if is_removable(nodes, at, case)]


def is_removable(nodes: list[Node], at: int, case: Case) -> bool:
    if nodes is case.servers:
        return len(nodes) > 1
    return nodes[at].name not in ("listen", "server") and nodes[at].text != "root {root}"
