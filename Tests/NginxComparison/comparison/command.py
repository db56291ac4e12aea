"""The command line: runs cases in batches, prints what differs."""

from __future__ import annotations

import argparse
import collections
import re
import time
from pathlib import Path

from harness.proxy import binary

from .conf import Ask, Case
from .differences import differences, signature
from .generator import Generator
from .minimizing import Minimizer
from .twins import Outcome, Twins


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Compares Waybill with nginx on random conf files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--binary", type=Path, default=None, help="the waybill to test")
    parser.add_argument("--batch", type=int, default=25, help="conf files in one run of both")
    parser.add_argument("--each", type=int, default=2, help="cases to show of each kind")
    parser.add_argument("--show", action="store_true", help="show the case of the seed alone")
    parser.add_argument("--raw", action="store_true", help="leave cases as they are")
    parser.add_argument("--without", default="", help="an expression for directives to leave out")
    parser.add_argument("--full", action="store_true", help="show whole answers")
    parser.add_argument("--ignore", default="", help="an expression for kinds that are known")
    options = parser.parse_args(arguments)
    if options.show:
        show(Generator(options.seed).case())
        return 0
    twins = Twins((options.binary or binary()).resolve())
    try:
        campaign = Campaign(twins, options.each, not options.raw, options.ignore)
        campaign.without, campaign.is_full = options.without, options.full
        try:
            campaign.run(range(options.seed, options.seed + options.count), options.batch)
        except KeyboardInterrupt:
            pass
        return campaign.report()
    finally:
        twins.close()


class Campaign:
    """Goes through seeds and counts what differs."""

    def __init__(self, twins: Twins, each: int = 2, minimizes: bool = True, ignored: str = ""):
        self.twins, self.each, self.minimizes, self.ignored = twins, each, minimizes, ignored
        self.kinds: collections.Counter[str] = collections.Counter()
        self.confs = self.requests = self.refused = 0
        self.without, self.is_full = "", False
        self.began = time.monotonic()

    def run(self, seeds: range, batch: int) -> None:
        for start in range(seeds.start, seeds.stop, batch):
            end = min(start + batch, seeds.stop)
            cases = [Generator(seed).case() for seed in range(start, end)]
            for case in cases if self.without else []:
                case.remove(self.without)
            cases = self._accepted(cases)
            self.confs += len(cases)
            self._compare(cases)

    def _accepted(self, cases: list[Case]) -> list[Case]:
        """The cases that both programs accept."""
        if not cases or not any(self.twins.refusals(cases)):
            return cases
        accepted = []
        for case in cases:
            theirs, ours = self.twins.refusals([case])
            if not theirs and not ours:
                accepted.append(case)
                continue
            self.refused += 1
            if "duplicate" in theirs and not ours:
                continue
            if not theirs or not ours:
                who = "Waybill" if ours else "nginx"
                said = (ours or theirs).strip().splitlines()
                self._note(f"only {who} refuses: {reason(said)}", case.seed, "\n".join(said[:4]))
        return accepted

    def _compare(self, cases: list[Case]) -> None:
        if not cases:
            return
        try:
            results = self.twins.run(cases)
        except RuntimeError as error:
            if len(cases) > 1:
                for case in cases:
                    self._compare([case])
                return
            self._note("does not start", cases[0].seed, str(error))
            return
        for case, outcomes in zip(cases, results):
            for number, (ask, (theirs, ours)) in enumerate(zip(case.asks, outcomes)):
                self.requests += 1
                found = differences(case, ask, theirs, ours, self.ignored)
                if found:
                    self._differs(case, number, found)

    def _differs(self, case: Case, number: int, found: dict[str, tuple]) -> None:
        kind = signature(found)
        self.kinds[kind] += 1
        if self.kinds[kind] > self.each:
            return
        print(f"=== {kind}: seed {case.seed}, request {number}", flush=True)
        if self.minimizes:
            case = Minimizer(self.twins, kind, self.ignored).minimize(case, number)
            number = len(case.asks) - 1
        if self.minimizes:
            [outcomes] = self.twins.run([case])
            found = differences(case, case.asks[-1], *outcomes[-1], self.ignored) or found
            show(case)
        else:
            show_ask(case.asks[number])
        if self.minimizes and self.is_full:
            for outcome, name in zip(outcomes[-1], ("nginx", "waybill")):
                show_outcome(name, outcome)
        for name, (one, other) in found.items():
            print(f"  {name}: nginx {clipped(one)}, waybill {clipped(other)}", flush=True)

    def _note(self, kind: str, seed: int, text: str) -> None:
        self.kinds[kind] += 1
        if self.kinds[kind] <= self.each:
            print(f"=== {kind}: seed {seed}\n{text}", flush=True)

    def report(self) -> int:
        print(f"{self.confs} conf files, {self.requests} requests, {self.refused} refused, "
              f"{time.monotonic() - self.began:.0f} s")  # fmt: skip
        for kind, count in self.kinds.most_common():
            print(f"{count:6} {kind}")
        return 1 if self.kinds else 0


def reason(said: list[str]) -> str:
    """The first thing that a program says against a conf file, without names and places."""
    line = next((one for one in said if "emerg" in one or "error" in one), said[0] if said else "")
    line = re.sub(r" in \S+nginx.conf:\d+|\S+nginx.conf:\d+:\d+: ", "", line)
    return re.sub(r"\d+", "#", re.sub(r"\"[^\"]*\"", '"..."', line))[:110]


def clipped(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else text[:150] + " ... " + text[-140:]


def show(case: Case) -> None:
    print("\n".join(line for node in case.http + case.servers for line in node.lines()))
    for ask in case.asks:
        show_ask(ask)


def show_ask(ask: Ask) -> None:
    print("  >", ask.method, ask.target, ask.version, ask.fields, ask.body or "")


def show_outcome(name: str, outcome: Outcome) -> None:
    answer = outcome.answer
    text = outcome.failure if answer is None else answer.raw_head.decode("latin-1").strip()
    print(f"--- {name}\n" + text.replace("\r", ""))
    if answer is not None and answer.body:
        print("    content:", clipped(answer.body))
    for seen in outcome.seen:
        print(f"    backend saw: {seen.method} {seen.target} {list(seen.fields)} {seen.body!r}")
    if outcome.line:
        print("    log:", outcome.line.strip())
    last = [line for line in outcome.error_log.splitlines() if "[error]" in line or "[crit" in line]
    for line in last[-2:]:
        print("    error log:", line[:400])
