"""Other intervals for the difference of two models' macro recall, beside the gate's: a Markdown table.

::

    python benchmarks/other_intervals.py --repetitions 1000

Each cell: how often the interval held the truth at 95 %, and half of its width (median). All see the same draws;
those in which a class has no samples are left out.

- Jeffreys: quantiles of the posterior; gains, losses and the rest of a class have a Dirichlet prior of 1/3 each.
- Pooled prior: the same, the prior being one sample in each class, discordant as often as all samples are.
- MOVER, Tango; MOVER, plus two: each class's interval (Tango 1998; Agresti and Min 2005), combined by MOVER (Zou and
  Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008) 1693-1702).
- Bootstrap-t: B. Efron, Nonparametric standard errors and confidence intervals, Canadian Journal of Statistics 9
  (1981) 139-158, with the standard error of the delta method and one pseudo-observation in each class.
"""

import argparse
from collections.abc import Callable
from math import sqrt

import numpy as np

from benchmarks.intervals import Setting
from tasks.statistics import paired_macro, tango
from tasks.statistics.class_counts import Answers, Reals
from tasks.statistics.proportions import critical_value

CLASSES, CONFIDENCE, DRAWS = 10, 0.95, 2_000
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
Bounds = tuple[float, float]
Method = Callable[[Reals, Reals, Reals, np.random.Generator], Bounds]
SETTINGS = (
    Setting(300, CLASSES, "power", 0.9, 0.0),
    Setting(300, CLASSES, "power", 0.9, 0.9),
    Setting(300, CLASSES, "power", 0.99, 0.9),
    Setting(300, CLASSES, "power", 0.9, 1.0, apart=1),
    Setting(2_000, CLASSES, "power", 0.9, 0.9),
    Setting(2_000, CLASSES, "power", 0.99, 0.9),
    Setting(2_000, CLASSES, "geometric", 0.99, 0.9),
    Setting(2_000, CLASSES, "geometric", 0.9, 1.0, apart=1),
)


def jeffreys(samples: Reals, gains: Reals, losses: Reals, rng: np.random.Generator) -> Bounds:
    return posterior(samples, gains, losses, rng, np.full(3, 1 / 3))


def pooled(samples: Reals, gains: Reals, losses: Reals, rng: np.random.Generator) -> Bounds:
    share = (gains.sum() + losses.sum() + 1) / (samples.sum() + 1)
    return posterior(samples, gains, losses, rng, np.array([share / 2, share / 2, 1 - share]))


def posterior(samples: Reals, gains: Reals, losses: Reals, rng: np.random.Generator, prior: Reals) -> Bounds:
    """Quantiles of the mean over the classes of ``(gains - losses) / samples``."""
    cells = np.stack([gains, losses, samples - gains - losses], axis=-1) + prior
    drawn = rng.gamma(cells, size=(DRAWS, *cells.shape))
    low, high = np.quantile(((drawn[..., 0] - drawn[..., 1]) / drawn.sum(axis=-1)).mean(axis=1), TAILS)
    return float(low), float(high)


def mover_tango(samples: Reals, gains: Reals, losses: Reals, rng: np.random.Generator) -> Bounds:
    del rng
    counts = zip(gains, losses, samples, strict=True)
    each = [tango(int(gained), int(lost), int(all_of_it), CONFIDENCE) for gained, lost, all_of_it in counts]
    value = float(np.mean([one.value for one in each]))
    below = sqrt(sum((one.value - one.low) ** 2 for one in each)) / len(each)
    above = sqrt(sum((one.high - one.value) ** 2 for one in each)) / len(each)
    return value - below, value + above


def mover_plus_two(samples: Reals, gains: Reals, losses: Reals, rng: np.random.Generator) -> Bounds:
    del rng
    difference, variance = plus(samples, gains, losses, 2.0, 1.0)
    reach = critical_value(CONFIDENCE) * sqrt(float(variance.sum())) / len(samples)
    return float(difference.mean()) - reach, float(difference.mean()) + reach


def plus(samples: Reals, gains: Reals, losses: Reals, more: float, discordant: Reals | float) -> tuple[Reals, Reals]:
    """Each class's difference and its variance, with so many more samples, and so many of them discordant."""
    total = samples + more
    difference = (gains - losses) / total
    return difference, ((gains + losses + discordant) / total - difference**2) / total


def bootstrap_t(samples: Reals, gains: Reals, losses: Reals, rng: np.random.Generator) -> Bounds:
    cells = np.stack([gains, losses, samples - gains - losses], axis=-1)
    times = rng.multinomial(int(samples.sum()), cells.ravel() / samples.sum(), size=DRAWS)
    drawn = times.reshape(-1, *cells.shape).astype(np.float64)
    size, gained, lost = drawn.sum(axis=-1), drawn[..., 0], drawn[..., 1]
    means = ((gained - lost) / np.maximum(size, 1)).mean(axis=1)
    value = float(((gains - losses) / samples).mean())
    low, high = np.quantile((means - value) / error(size, gained, lost), TAILS)
    reach = float(error(samples[np.newaxis], gains[np.newaxis], losses[np.newaxis])[0])
    return value - float(high) * reach, value - float(low) * reach


def error(samples: Reals, gains: Reals, losses: Reals) -> Reals:
    """The standard error of the mean over the classes (the last axis)."""
    discordant = (gains + losses).sum(axis=-1, keepdims=True) / samples.sum(axis=-1, keepdims=True)
    _, variance = plus(samples, gains, losses, 1.0, discordant)
    return np.asarray(np.sqrt(np.maximum(variance, 1e-12).sum(axis=-1)) / samples.shape[-1])


METHODS: dict[str, Method] = {
    "Jeffreys": jeffreys,
    "pooled prior": pooled,
    "MOVER, Tango": mover_tango,
    "MOVER, plus two": mover_plus_two,
    "bootstrap-t": bootstrap_t,
}


def counts(labels: Answers, mine: Answers, theirs: Answers) -> tuple[Reals, Reals, Reals]:
    """Samples, gains and losses of each class."""
    chosen = (labels >= 0, (mine == labels) & (theirs != labels), (mine != labels) & (theirs == labels))
    samples, gains, losses = (np.bincount(labels[which], minlength=CLASSES).astype(float) for which in chosen)
    return samples, gains, losses


def cells(setting: Setting, repetitions: int) -> list[str]:
    """The figures of the gate's interval and of each of the others."""
    rng = np.random.default_rng(1)
    mine, theirs = setting.truths("recall")
    found: dict[str, list[Bounds]] = {"the gate's": [], **{name: [] for name in METHODS}}
    for labels, first, second in (setting.draw(rng) for _ in range(repetitions)):
        seen = counts(labels, first, second)
        if not seen[0].all():
            continue
        here = paired_macro(labels, first, second, classes=CLASSES, metric="recall", confidence=CONFIDENCE)
        found["the gate's"].append((here.low, here.high))
        for name, method in METHODS.items():
            found[name].append(method(*seen, rng))
    return [cell(np.array(bounds), mine - theirs) for bounds in found.values()]


def cell(bounds: Reals, truth: float) -> str:
    low, high = bounds.T
    return f"{np.mean((low <= truth) & (truth <= high)):.3f}, ±{np.median(high - low) / 2:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1_000)
    options = parser.parse_args()
    head = ("samples", "sizes", "accuracy", "shared", "apart", "the gate's", *METHODS)
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for one in SETTINGS:
        known = (f"{one.samples:,}", one.spread, one.accuracy, one.shared, one.apart or "")
        print(f"| {' | '.join(map(str, (*known, *cells(one, options.repetitions))))} |", flush=True)


if __name__ == "__main__":
    main()
