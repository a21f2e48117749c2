"""Ranks by measured validation loss: always the step that saves most for what it costs, as long as the loss allows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.compression.lowrank.decomposition import Ranks
from tasks.errors import Unsuited

Choice = dict[str, Ranks | None]  # by the name of the layer; None: as it is


@dataclass(frozen=True)
class _Step:
    """A layer's next step down, and the loss with it when ``taken`` steps had been taken."""

    layer: str
    ranks: Ranks
    loss: float
    taken: int


def descend(
    candidates: Mapping[str, Sequence[Ranks]],
    measure: Callable[[Choice], float],
    saving: Callable[[str, Ranks | None, Ranks], int],
    tolerance: float,
    most: int,
) -> Choice:
    """Lower the ranks of one layer at a time, by one of its candidates.

    What was measured before another step was taken is measured again only when its turn comes: what a layer's step
    costs seldom gets less when other layers are cut too, so an old measurement is an optimistic one.

    Args:
        candidates: ranks to be tried by the name of the layer, from the highest to the lowest.
        measure: the loss at a choice.
        saving: what a layer's step from one choice to another saves.
        tolerance: fraction by which the loss may rise.
        most: how often may be measured.

    Returns:
        the last choice that was taken; its loss was measured and allowed.

    Raises:
        Unsuited: the loss with all layers as they are is no number.
    """
    choice: Choice = dict.fromkeys(candidates)
    left = {name: list(ranks) for name, ranks in candidates.items() if ranks}
    now = measure(choice)
    if not math.isfinite(now):
        raise Unsuited(
            f"Expected a finite validation loss to choose ranks by. Received: {now}. Train the network anew, with a "
            f"lower learning rate, or choose ranks by energy."
        )
    allowed, measured, taken = now * (1 + tolerance), 1, 0
    steps: dict[str, _Step] = {}
    while left:
        name = next((name for name in left if name not in steps), "")
        if not name:
            best = min(
                steps.values(), key=lambda step: _price(step, now, saving(step.layer, choice[step.layer], step.ranks))
            )
            if best.taken == taken:
                choice[best.layer], now, taken = best.ranks, best.loss, taken + 1
                del steps[best.layer], left[best.layer][0]
                left = {name: ranks for name, ranks in left.items() if ranks}
                continue
            name = best.layer
        if measured == most:
            break
        ranks = left[name][0]
        steps[name] = _Step(name, ranks, measure({**choice, name: ranks}), taken)
        measured += 1
        if not steps[name].loss <= allowed:  # a lower rank would cost more; what is no number is too much
            del steps[name], left[name]
    return choice


def _price(step: _Step, now: float, saved: int) -> float:
    """Rise of the loss for each weight saved; where it falls, what saves most comes first."""
    rise = step.loss - now
    return rise / saved if rise > 0 else rise * saved
