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
    search = _Search(candidates, measure, saving)
    if not math.isfinite(search.now):
        raise Unsuited(
            f"Expected a finite validation loss to choose ranks by. Received: {search.now}. Train the network anew, "
            f"with a lower learning rate, or choose ranks by energy."
        )
    allowed, measured = search.now * (1 + tolerance), 1
    while (name := search.next_layer()) is not None and measured < most:
        search.measure_step(name, allowed)
        measured += 1
    return search.choice


class _Search:
    """The choice until now, and the next step down of each layer that has one left."""

    def __init__(
        self,
        candidates: Mapping[str, Sequence[Ranks]],
        measure: Callable[[Choice], float],
        saving: Callable[[str, Ranks | None, Ranks], int],
    ) -> None:
        self.choice: Choice = dict.fromkeys(candidates)
        self.now = measure(self.choice)
        self._measure, self._saving = measure, saving
        self._left = {name: list(ranks) for name, ranks in candidates.items() if ranks}
        self._steps: dict[str, _Step] = {}
        self._taken = 0

    def next_layer(self) -> str | None:
        """Take the best step for as long as its measurement holds; return the layer that is to be measured next."""
        while self._left:
            for name in self._left:
                if name not in self._steps:
                    return name
            best = min(self._steps.values(), key=self._price)
            if best.taken != self._taken:
                return best.layer
            self._take(best)
        return None

    def measure_step(self, name: str, allowed: float) -> None:
        """Measure a layer's next step, and leave the layer as it is from now on where the loss would be too high."""
        ranks = self._left[name][0]
        loss = self._measure({**self.choice, name: ranks})
        if loss <= allowed:
            self._steps[name] = _Step(name, ranks, loss, self._taken)
        else:  # a lower rank would cost more; what is no number is too much
            self._steps.pop(name, None)
            del self._left[name]

    def _take(self, step: _Step) -> None:
        self.choice[step.layer], self.now = step.ranks, step.loss
        self._taken += 1
        del self._steps[step.layer], self._left[step.layer][0]
        if not self._left[step.layer]:
            del self._left[step.layer]

    def _price(self, step: _Step) -> float:
        """Return the rise of the loss for each weight saved; where it falls, what saves most comes first."""
        saved = self._saving(step.layer, self.choice[step.layer], step.ranks)
        rise = step.loss - self.now
        return rise / saved if rise > 0 else rise * saved
