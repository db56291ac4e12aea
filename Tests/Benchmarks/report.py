"""Collects samples, prints medians and ratios, and knows which goals are met."""

from statistics import median

from scenarios import ALL


class Report:
    def __init__(self):
        self.samples = {}
        self.titles = {}
        self.goals = {}
        self.memory = {}
        self.verdicts = []

    def add(self, scenario, proxy, number, sample):
        self.titles[scenario.name] = scenario.title
        self.goals[scenario.name] = scenario.goals
        self.samples.setdefault((scenario.name, proxy), {})[number] = sample

    def add_memory(self, title, proxy, bytes_each, goal):
        self.memory.setdefault(title, {})[proxy] = bytes_each
        if goal is not None:
            met = bytes_each <= goal
            self.verdicts.append((met, f"{title}: {bytes_each:,.0f}, goal at most {goal:,}"))

    def ratio(self, scenario, proxy, other, what):
        """The median over the rounds of one proxy's figure divided by another's."""
        own = self.samples.get((scenario, proxy), {})
        theirs = self.samples.get((scenario, other), {})
        ratios = [
            getattr(own[number], what) / getattr(theirs[number], what)
            for number in own
            if number in theirs and getattr(theirs[number], what)
        ]
        return median(ratios) if ratios else None

    def median(self, scenario, proxy, what):
        return median(getattr(sample, what) for sample in self.samples[scenario, proxy].values())

    def print(self):
        for scenario, title in self.titles.items():
            print(f"\n{title}")
            self.print_scenario(scenario)
        for title, figures in self.memory.items():
            print(f"\n{title}")
            for proxy, figure in figures.items():
                print(f"  {proxy:17}{figure:10,.0f}")
        verdicts = self.ratio_verdicts() + self.verdicts
        if verdicts:
            print("\nGoals")
            for met, text in verdicts:
                print(f"  {'met   ' if met else 'MISSED'}  {text}")

    def print_scenario(self, scenario):
        print(
            f"  {'':17}{'CPU us':>9}{'x nginx':>9}{'x haproxy':>11}{'req/s':>10}"
            f"{'p50 us':>9}{'p99 us':>9}{'RSS MB':>8}"
        )
        for proxy in ALL:
            if (scenario, proxy) not in self.samples:
                continue
            ratios = [self.ratio(scenario, proxy, other, "cpu") for other in ("nginx", "haproxy")]
            to_nginx, to_haproxy = (f"{value:.2f}" if value else "" for value in ratios)
            print(
                f"  {proxy:17}{self.median(scenario, proxy, 'cpu'):9.1f}{to_nginx:>9}"
                f"{to_haproxy:>11}{self.median(scenario, proxy, 'rate'):10,.0f}"
                f"{self.median(scenario, proxy, 'p50'):9.0f}"
                f"{self.median(scenario, proxy, 'p99'):9.0f}"
                f"{self.median(scenario, proxy, 'memory') / 1e6:8.1f}"
            )

    def ratio_verdicts(self):
        verdicts = []
        for scenario, goals in self.goals.items():
            for (what, other), highest in goals.items():
                ratio = self.ratio(scenario, "waybill", other, what)
                text = f"{self.titles[scenario]}: {what} {ratio:.2f} x {other}, goal {highest:.2f}"
                verdicts.append((ratio <= highest, text))
        return verdicts

    def goals_are_met(self):
        return all(met for met, _ in self.ratio_verdicts() + self.verdicts)
