"""The ledger's promise, simulated: false releases over 100 nights on one sealed split, and what power is left.

    python benchmarks/ledger.py [--runs 2000] [--seed 1]

The built-in default: 542 test samples, a margin of 3 points, proofs at 97.5 % on one side. A world has 2,000 *regions*
of equal probability; each test sample falls into one. A model is the set of regions in which it is wrong and the
baseline is right, and the other way round: so a retrainer can aim at what it has learned of the sealed samples, and at
nothing else.

Retrainers, each of whom sees what is shown and adapts. A PASS of a model that is truly at −margin or below is false:

- ``nightly``: another model at the margin each night, of its own errors;
- ``alike``: the same, half of the errors are those of the night before;
- ``climber``: adds errors to the last model that passed, and takes them back when it does not (hill climbing);
- ``prober``: sends harmless models that pass every other time, gives each region a vote (the majority attack of A. Blum
  and M. Hardt, The Ladder, ICML 2015), then sends models at the margin that err where the votes say that nobody looks;
- ``quick prober``: the same with five probes, while the levels are high;
- ``reader``: as the prober with 60 probes that pass each time, and reads their figures where these are shown.

Policies: ``naive`` takes each decision at the rules' own confidence; ``even`` gives each of 100 decisions the same part
of the error; ``ledger`` is :mod:`tasks.spending`. ``+ figures``: those of decisions that pass are shown.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from tasks.spending import ErrorBudget, two_sided
from tasks.statistics import tango

SAMPLES, MARGIN, ERROR, CEILING, NIGHTS = 542, 0.03, 0.05, 0.025, 100
REGIONS = 2_000
DISCORDANT = 0.05  # of the samples: where exactly one of the two models is right
LOST = round(REGIONS * (DISCORDANT + MARGIN) / 2)
WON = round(REGIONS * (DISCORDANT - MARGIN) / 2)
AT_MARGIN = round(REGIONS * MARGIN)

Policy = Literal["naive", "even", "ledger"]
Regions = NDArray[np.int64]
Sight = tuple[bool, int | None]  # whether a decision passed, and how many samples were lost where that is shown
Night = tuple[Regions, Regions]  # regions lost and won


@cache
def passes(better: int, worse: int, level: float, samples: int = SAMPLES, margin: float = MARGIN) -> bool:
    """Tell whether the gate's rule about accuracy passes."""
    return tango(better, worse, samples, two_sided(level)).low > -margin


@dataclass
class Gate:
    """Decisions on one sealed split, one after the other."""

    policy: Policy
    budget: ErrorBudget = field(default_factory=ErrorBudget)

    @property
    def level(self) -> float:
        """Of the next decision."""
        if self.policy == "ledger":
            return self.budget.level(ERROR, CEILING)
        return CEILING if self.policy == "naive" else ERROR / NIGHTS

    def decide(self, better: int, worse: int) -> bool:
        """Tell whether it passes."""
        level, offer = self.level, self.budget.offer
        passed = level > 0 and passes(better, worse, level)
        self.budget = self.budget.reserve()
        if passed:
            self.budget = self.budget.after_pass(offer)
        return passed


@dataclass
class World:
    """One sealed split: how many of its samples fall into each region. Only the gate reads it."""

    counts: Regions

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "World":
        """Another split of the same kind."""
        return cls(rng.multinomial(SAMPLES, np.full(REGIONS, 1 / REGIONS)))

    def seen(self, regions: Regions) -> int:
        """The number of samples in these regions."""
        return int(self.counts[regions].sum())


class Retrainer:
    """Proposes a model each night and is told what is shown of it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def propose(self, level: float, /) -> Night:
        """Regions lost and regions won, by the level of the decision to come."""
        raise NotImplementedError

    def see(self, sight: Sight) -> None:
        """The part of the night's decision that is shown."""

    def some(self, count: int) -> Regions:
        """So many regions at random."""
        return self.rng.permutation(REGIONS)[:count]


class Nightly(Retrainer):
    """Another model at the margin each night; ``kept`` of its errors are those of the night before."""

    kept = 0.0

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.order = rng.permutation(REGIONS)

    def propose(self, _: float) -> Night:
        """See :meth:`Retrainer.propose`."""
        used, free = self.order[: LOST + WON], self.rng.permutation(self.order[LOST + WON :])
        stays = np.arange(LOST + WON) % 100 < 100 * self.kept
        fresh = np.where(stays, used, free[: LOST + WON])
        self.order = np.concatenate([fresh, np.setdiff1d(self.order, fresh)])
        return fresh[:LOST], fresh[LOST:]


class Alike(Nightly):
    """Half of a model's errors stay from night to night."""

    kept = 0.5


class Climber(Retrainer):
    """Adds errors to what has passed."""

    STEP = 10  # regions

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.lost = self.some(self.STEP)

    def propose(self, _: float) -> Night:
        """See :meth:`Retrainer.propose`."""
        more = np.setdiff1d(self.some(self.STEP + len(self.lost)), self.lost)[: self.STEP]
        self.tried = np.concatenate([self.lost, more])
        return self.tried, more[:0]

    def see(self, sight: Sight) -> None:
        """See :meth:`Retrainer.see`."""
        if sight[0]:
            self.lost = self.tried


class Prober(Retrainer):
    """Votes on regions by harmless models, then errs where nobody looks."""

    PROBES = 30

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.votes, self.night = np.zeros(REGIONS), 0

    def propose(self, level: float) -> Night:
        """See :meth:`Retrainer.propose`."""
        self.night += 1
        if self.night <= self.PROBES:
            self.tried, won = self.probe(level)
            return self.tried, won
        self.tried = np.lexsort((self.rng.random(REGIONS), -self.votes))[:AT_MARGIN]
        return self.tried, self.tried[:0]

    def probe(self, level: float) -> Night:
        """Errors so many that the model passes about every other time, and fewer than the margin allows."""
        most = next((lost for lost in range(40, -1, -1) if level and passes(0, lost, level)), 0)
        lost = self.some(min(AT_MARGIN - 1, max(1, round((most + 0.67) * REGIONS / SAMPLES))))
        return lost, lost[:0]

    def see(self, sight: Sight) -> None:
        """See :meth:`Retrainer.see`."""
        self.votes[self.tried] += 1 if sight[0] else -1


class QuickProber(Prober):
    """Votes on regions for five nights only, while the levels are high."""

    PROBES = 5


class Reader(Prober):
    """Reads how many samples a harmless model has lost: one that is truly better and errs in one block of regions."""

    PROBES = 60

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        order = rng.permutation(REGIONS)
        self.won, self.blocks = order[:200], iter(np.array_split(order[200:], self.PROBES))

    def probe(self, level: float) -> Night:
        """The next block of regions."""
        del level  # passes at any
        return next(self.blocks), self.won

    def see(self, sight: Sight) -> None:
        """See :meth:`Retrainer.see`."""
        if sight[1] is None:
            super().see(sight)
        else:
            self.votes[self.tried] = REGIONS - sight[1]


RETRAINERS: dict[str, type[Retrainer]] = {
    "nightly": Nightly,
    "alike": Alike,
    "climber": Climber,
    "prober": Prober,
    "quick prober": QuickProber,
    "reader": Reader,
}


def first_false_pass(policy: Policy, kind: type[Retrainer], shown: bool, rng: np.random.Generator) -> int:
    """The night of the first false PASS, counted from 1; more than ``NIGHTS`` if there was none."""
    world, gate, retrainer = World.draw(rng), Gate(policy), kind(rng)
    for night in range(NIGHTS):
        lost, won = retrainer.propose(gate.level)
        worse = world.seen(lost)
        passed = gate.decide(world.seen(won), worse)
        if passed and len(lost) - len(won) >= AT_MARGIN:
            return night + 1
        retrainer.see((passed, worse if passed and shown else None))
    return NIGHTS + 1


def false_rates(
    policy: Policy,
    kind: type[Retrainer],
    shown: bool,
    runs: int,
    seed: int = 1,
    nights: Sequence[int] = (7, 30, NIGHTS),
) -> list[float]:
    """The share of sealed splits with at least one false PASS up to each of ``nights``."""
    rng = np.random.default_rng(seed)
    first = np.array([first_false_pass(policy, kind, shown, rng) for _ in range(runs)])
    return [float(np.mean(first <= night)) for night in nights]


def levels(passing: bool, nights: int = NIGHTS) -> list[float]:
    """The ledger's levels where each decision before has passed, or none has."""
    found, budget = [], ErrorBudget()
    for _ in range(nights):
        found.append(budget.level(ERROR, CEILING))
        offer, budget = budget.offer, budget.reserve()
        if passing:
            budget = budget.after_pass(offer)
    return found


def power(
    level: float, discordant: float, difference: float = 0.0, samples: int = SAMPLES, margin: float = MARGIN
) -> float:
    """The exact probability that a model passes.

    Args:
        level: of the decision.
        discordant: the fraction of samples on which exactly one of the two is right.
        difference: by how much it is truly better than the baseline; at −margin the result is the rule's own error.
        samples: of the test split.
        margin: of the rule.
    """
    gains, losses = (discordant + difference) / 2, (discordant - difference) / 2
    most = int(samples * max(gains, losses) + 8 * np.sqrt(samples * discordant) + 8)
    better, total = np.arange(most), 0.0
    for worse in range(most):
        lowest = next((each for each in range(most) if passes(each, worse, level, samples, margin)), most)
        some = better[lowest:]
        same = samples - worse - some
        ways = gammaln(samples + 1) - gammaln(some + 1) - gammaln(worse + 1) - gammaln(same + 1)
        log = ways + xlogy(some, gains) + xlogy(worse, losses) + same * np.log1p(-discordant)
        total += float(np.exp(log).sum())
    return total


CASES: tuple[tuple[Policy, str, bool], ...] = (
    ("naive", "nightly", True),
    ("naive", "alike", True),
    ("naive", "climber", True),
    ("naive", "prober", False),
    ("naive", "reader", True),
    ("even", "nightly", False),
    ("even", "prober", False),
    ("even", "reader", True),
    ("ledger", "nightly", False),
    ("ledger", "alike", False),
    ("ledger", "climber", False),
    ("ledger", "prober", False),
    ("ledger", "quick prober", False),
    ("ledger", "reader", False),
    ("ledger", "reader", True),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000, help="sealed splits for each line")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"At least one false PASS, {options.runs:,} sealed splits each\n")
    print("| policy | retrainer | 7 nights | 30 nights | 100 nights |\n|---|---|---:|---:|---:|")
    for policy, name, shown in CASES:
        rates = false_rates(policy, RETRAINERS[name], shown, options.runs, options.seed)
        cells = " | ".join(f"{rate:.1%}" for rate in rates)
        print(f"| {policy}{' + figures' if shown else ''} | {name} | {cells} |", flush=True)
    print("\nPower for a model as good as the baseline\n")
    print("| decision | before it | level | 1 % differ | 2 % differ | 4 % differ |\n|---|---|---:|---:|---:|---:|")
    rows = [(night, passing, levels(passing)[night - 1]) for night in (1, 7, 30) for passing in (False, True)]
    named = [(str(night), "all passed" if passing else "none passed", level) for night, passing, level in rows]
    for night, before, level in [*named[1:], ("any", "even split", ERROR / NIGHTS)]:
        cells = " | ".join(f"{power(level, discordant):.1%}" for discordant in (0.01, 0.02, 0.04))
        print(f"| {night} | {before} | {level:.6f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
