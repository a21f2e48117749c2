"""Orders of techniques that make no sense, though forms and promises would let them pass.

What follows from forms (``quantize`` gives what no training takes) and promises (``cluster`` fills zeros) is each
technique's own to say; :func:`tasks.compression.recipe.parse_recipe` checks all three before work starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.compression.technique import Technique


def _always(earlier: Any, later: Any) -> bool:  # noqa: ARG001
    return True


def _no_more_zeros(earlier: Any, later: Any) -> bool:
    """Return whether the zeros that a pruning would make are there; zeros of all layers together may spare some."""
    spares = earlier.allocation == "global" and later.allocation == "uniform"
    return later.pattern == earlier.pattern and not spares and later.fraction <= earlier.fraction


@dataclass(frozen=True)
class Refused:
    """An order that is refused: the names of the techniques, why, and with which settings."""

    earlier: str
    later: frozenset[str]
    why: str
    when: Callable[[Any, Any], bool] = _always


def _trains(earlier: Any, later: Any) -> bool:  # noqa: ARG001
    return bool(later.trains)


COPIES = "the copies of a kernel would no longer be alike; put width_to_depth right before quantize, without training"
ONCE = "the first one has done it"
POLICY = (
    Refused(
        earlier="width_to_depth",
        later=frozenset({"prune", "fine_tune", "distill", "width_to_depth"}),
        why=COPIES,
    ),
    Refused(earlier="width_to_depth", later=frozenset({"quantize"}), why=COPIES, when=_trains),
    Refused(
        earlier="prune",
        later=frozenset({"prune"}),
        why="it finds as many zeros there as it would make; ask it for more, or leave it out",
        when=_no_more_zeros,
    ),
    Refused(
        earlier="prune_vocabulary", later=frozenset({"prune_vocabulary"}), why=f"{ONCE}; ask for as many ids there"
    ),
    Refused(earlier="unroll", later=frozenset({"unroll"}), why=ONCE),
)


def refusal(earlier: Technique, later: Technique) -> str | None:
    """Return why ``later`` makes no sense anywhere behind ``earlier``; None where it does.

    Args:
        earlier: a step of a recipe.
        later: a step somewhere behind it.
    """
    for row in POLICY:
        if earlier.technique == row.earlier and later.technique in row.later and row.when(earlier, later):
            return row.why
    return None
