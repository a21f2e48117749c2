"""Choose the range of a layer's fifteen 4-bit levels by what it leaves of the answers.

From the least to the greatest weight (``minmax``) is exact at both ends and coarse between them. Narrower ranges clip
the few large weights and are finer for all others: ``octav`` clips each output where the expected squared error is
least (Sakr et al. 2022, arXiv:2206.06501), ``mse`` where it is least for weights that are normally distributed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from tasks.arrays import Array
from tasks.compression.quantization.float_file import EXACT, Arrays, FloatFile, run_file
from tasks.compression.quantization.int4 import WeightRange, is_blocked, quantize_weights, widths_of
from tasks.distortion import sqnr
from tasks.samples import Inputs

WATCHED = 64  # samples that the answers are compared on


@dataclass(frozen=True)
class Ranges:
    """The choice by path, the weights as they are then, and the decibels that each range leaves of the logits."""

    chosen: dict[str, WeightRange]
    rounded: dict[str, Arrays]
    logits_db: dict[str, dict[str, float]]

    def details(self) -> dict[str, Any]:
        """Return the details for the candidate's record."""
        return {path: {"range": over, "logits_db": self.logits_db.get(path, {})} for path, over in self.chosen.items()}


def choose_ranges(
    file: FloatFile, samples: Inputs | Array, block: int | None = None, allowed: Sequence[WeightRange] = ()
) -> Ranges:
    """Choose the range of each layer that can have 4 bits, one after another.

    Each is tried with the layers before it rounded as chosen and those behind it in float, and the one that leaves most
    of the logits stays.

    Args:
        file: the float model.
        samples: of the training split; some dozens do.
        block: see :func:`tasks.compression.quantization.int4.quantize_weights`.
        allowed: ranges to choose from, all where none are named.

    Returns:
        the range of each layer, its weights as rounded so, and what was measured.
    """
    paths = [path for path in file.weights if 4 in widths_of(file, path)]
    able = {path: _able(file, path, block, allowed or get_args(WeightRange)) for path in paths}
    tried = {
        over: _rounded(file, [path for path in paths if over in able[path]], block, over)
        for over in get_args(WeightRange)
    }
    samples = samples[:: -(-len(samples) // WATCHED)]
    right = run_file(file.flatbuffer, samples)
    chosen: dict[str, WeightRange] = {}
    rounded: dict[str, Arrays] = {}
    table: dict[str, dict[str, float]] = {}
    for path, ranges in able.items():
        if len(ranges) > 1:
            table[path] = {
                over: round(sqnr(right, run_file(file.replaced(rounded | {path: tried[over][path]}), samples)), 2)
                for over in ranges
            }
        chosen[path] = max(ranges, key=lambda over: table.get(path, {}).get(over, 0.0))
        rounded[path] = tried[chosen[path]][path]
    return Ranges(chosen, rounded, table)


def _able(file: FloatFile, path: str, block: int | None, allowed: Sequence[WeightRange]) -> list[WeightRange]:
    """Ranges that there are for a layer: ``mse`` knows no blocks, and ``octav`` is that of least error for tables."""
    if file.kind(path) in EXACT:
        return [over for over in allowed if over != "mse"] or ["octav"]
    return [over for over in allowed if over != "mse" or not is_blocked(file, path, block)] or ["minmax"]


def _rounded(file: FloatFile, paths: Sequence[str], block: int | None, over: WeightRange) -> dict[str, Arrays]:
    """The weights as ai-edge-quantizer stores them with one range."""
    if not paths:
        return {}
    stored = file.stored(quantize_weights(file, dict.fromkeys(paths, 4), block, dict.fromkeys(paths, over)))
    return {path: tuple(constant.real() for constant in stored[path]) for path in paths}
