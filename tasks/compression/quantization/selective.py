"""Selective precision: which layers go down to 8 and 4 bits, and which stay above, by what that costs the answers.

Each layer is rounded alone, with all others float, and the loss on the validation split is taken (as HAWQ does with a
bound from the Hessian in its place, Dong et al. 2019, arXiv:1905.03696). From 16 bits everywhere, the layer that loses
least for each byte saved goes down first, until the file fits the budget or the answers suffer. Among those that lose
nothing, as many do down to 8 bits, it is the one that adds least noise to the logits.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.compression.quantization.float_file import EXACT, Arrays, FloatFile, run_file
from tasks.compression.quantization.int4 import Bits, widths_of
from tasks.compression.quantization.levels import largest_level
from tasks.compression.quantization.tables import TableBits
from tasks.distortion import sqnr
from tasks.errors import CompressionError
from tasks.samples import Inputs
from tasks.workloads.protocol import OutcomeLearning

LOWER: dict[Bits, Bits] = {16: 8, 8: 4, 4: 2}
SCALE_BYTES = 4  # a float32 for each output
LEAST = 1e-9  # loss that counts as none


@dataclass(frozen=True)
class Score:
    """Quality on the validation samples."""

    loss: float  # mean
    metric: float  # of the outcome


@dataclass(frozen=True)
class Sensitivity:
    """A layer rounded alone: its bytes, what is left of its weights and of the logits (decibels), and the quality."""

    layer: str
    bits: Bits
    bytes: int
    weights_db: float
    logits_db: float
    loss: float
    metric: float


@dataclass(frozen=True)
class Judged:
    """Samples that widths are chosen on: inputs, their targets ``[n]``, and the outcome that judges."""

    inputs: Inputs | Array
    targets: Array
    outcome: OutcomeLearning

    def score(self, outputs: NDArray[np.float32]) -> Score:
        """Return the quality of a model's outputs."""
        return Score(*self.outcome.score(self.targets, outputs))

    def drop(self, base: Score, flatbuffer: bytes) -> float:
        """Return by how much the metric of a file is worse.

        Args:
            base: quality of the float file.
            flatbuffer: of the other file.
        """
        metric = self.score(run_file(flatbuffer, self.inputs)).metric
        return metric - base.metric if self.outcome.less_is_better else base.metric - metric


@dataclass(frozen=True)
class Chosen:
    """The choice and its reasons: bits by layer, the table, and the file."""

    bits: dict[str, Bits]
    flatbuffer: bytes
    table: tuple[Sensitivity, ...]
    score: Score
    limit: str
    metric: str  # what it is called

    def details(self) -> dict[str, Any]:
        """Return the details for the candidate's record."""
        return {
            "bits": self.bits,
            "validation": self._named(self.score),
            "limit": self.limit,
            "sensitivity": [self._named(row) for row in self.table],
        }

    def _named(self, row: Score | Sensitivity) -> dict[str, Any]:
        return {self.metric if key == "metric" else key: value for key, value in asdict(row).items()}


@dataclass(frozen=True)
class SearchLimit:
    """The limit that the file must keep; one of the two."""

    max_bytes: int | None = None
    max_drop: float | None = None  # of the outcome's metric on validation


def round_weights(weights: NDArray[np.float32], bits: Bits, axis: int = 0) -> NDArray[np.float32]:
    """Return weights as stored: symmetric levels with the range of each output, or float16.

    Args:
        weights: of any shape.
        bits: of each weight.
        axis: of the outputs.
    """
    if bits == 16:
        return weights.astype(np.float16).astype(np.float32)
    others = tuple(place for place in range(weights.ndim) if place != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    step = np.maximum(largest, np.finfo(np.float32).tiny) / largest_level(bits)
    return np.asarray(np.rint(weights / step) * step, np.float32)


def sensitivities(
    file: FloatFile, judged: Judged, narrow: Mapping[str, Arrays] | None = None
) -> tuple[Score, tuple[Sensitivity, ...]]:
    """Return the float file's quality, and each layer's sensitivity at each width.

    ``narrow`` has weights as 4 bits will store them, by layer, where that is not from the least to the greatest.

    Args:
        file: the float model.
        judged: samples of the validation split.
        narrow: weights as 4 bits will store them, by layer, where that is not from the least to the greatest.
    """
    right = run_file(file.flatbuffer, judged.inputs)
    rows = []
    for name, weights in file.weights.items():
        for bits in (width for width in widths_of(file, name) if width < 32):
            rounded, size = _rounded(file, name, bits)
            if bits == 4 and narrow is not None:
                rounded = narrow.get(name, rounded)
            logits = run_file(file.replaced({name: rounded}), judged.inputs)
            quality = judged.score(logits)
            rows.append(
                Sensitivity(
                    layer=name,
                    bits=bits,
                    bytes=size,
                    weights_db=round(sqnr(_flat(weights), _flat(rounded)), 2),
                    logits_db=round(sqnr(right, logits), 2),
                    loss=round(quality.loss, 6),
                    metric=round(quality.metric, 6),
                )
            )
    return judged.score(right), tuple(rows)


def _rounded(file: FloatFile, name: str, bits: Bits) -> tuple[Arrays, int]:
    """A layer's weights as stored, and their bytes."""
    weights = file.weights[name]
    if file.kind(name) in EXACT and bits < 16:
        tables = file.as_levels(name, cast("TableBits", bits))
        return tuple(table.real() for table in tables), sum(table.bytes() for table in tables)
    pairs = [(values, part.outputs) for values, part in zip(weights, file.parts[name], strict=True)]
    rounded = tuple(round_weights(values, bits, axis) for values, axis in pairs)
    return rounded, sum(_bytes(values, bits, axis) for values, axis in pairs)


def _flat(arrays: Arrays) -> NDArray[np.float32]:
    return np.concatenate([values.reshape(-1) for values in arrays])


def _bytes(weights: NDArray[np.float32], bits: Bits, axis: int) -> int:
    return weights.size * bits // 8 + (0 if bits == 16 else SCALE_BYTES * weights.shape[axis])


def moves(table: tuple[Sensitivity, ...]) -> Iterator[Sensitivity]:
    """Yield layers going down one width after the other, what loses least for each byte saved first.

    Args:
        table: of all layers at all widths.
    """
    rows = {(row.layer, row.bits): row for row in table}
    now: dict[str, Bits] = {row.layer: 16 for row in table}
    while True:
        steps = [
            (_price(rows[layer, bits], rows[layer, LOWER[bits]]), layer, LOWER[bits])
            for layer, bits in now.items()
            if (layer, LOWER.get(bits)) in rows
        ]
        if not steps:
            return
        _, layer, lower = min(steps)
        now[layer] = lower
        yield rows[layer, lower]


def _price(before: Sensitivity, after: Sensitivity) -> tuple[float, float]:
    """Loss and noise (energy beside that of the logits) for each byte."""
    saved = max(before.bytes - after.bytes, 1)
    lost, noise = after.loss - before.loss, _energy(after.logits_db) - _energy(before.logits_db)
    return (lost if lost > LEAST else 0.0) / saved, noise / saved


def _energy(decibels: float) -> float:
    return float(10 ** (-decibels / 10))


def choose(
    file: FloatFile,
    judged: Judged,
    budget: SearchLimit,
    build: Callable[[Mapping[str, Bits]], bytes],
    narrow: Mapping[str, Arrays] | None = None,
) -> Chosen:
    """Lower the layers' widths as far as the budget asks or allows.

    Args:
        file: the float model.
        judged: samples of the validation split.
        budget: the most bytes, for which no more precision is given up than must be; or the largest drop of the
            outcome's metric, for which all is given up that may be.
        build: makes the file of some widths.
        narrow: see :func:`sensitivities`.

    Returns:
        the widths, the file, and what was measured on the way.

    Raises:
        CompressionError: no widths fit the budget.
    """
    base, table = sensitivities(file, judged, narrow)
    bits: dict[str, Bits] = {path: widths_of(file, path)[0] for path in file.weights}
    flatbuffer = build(bits)
    fixed: set[str] = set()
    for move in moves(table):
        if budget.max_bytes is not None and len(flatbuffer) <= budget.max_bytes:
            break
        if move.layer in fixed:
            continue
        tried = bits | {move.layer: move.bits}
        made = build(tried)
        if budget.max_drop is not None and judged.drop(base, made) > budget.max_drop:
            fixed.add(move.layer)
        else:
            bits, flatbuffer = tried, made
    if budget.max_bytes is not None and len(flatbuffer) > budget.max_bytes:
        raise CompressionError(
            f"Expected a file of at most {budget.max_bytes:,} bytes. Received: {len(flatbuffer):,} with all weights in "
            f"as few bits as they may have. Raise the budget, or remove channels first (prune_channels)."
        )
    limit = f"{budget.max_bytes:,} bytes" if budget.max_bytes is not None else f"a drop of {budget.max_drop}"
    score, metric = judged.score(run_file(flatbuffer, judged.inputs)), str(judged.outcome.metric().name)
    return Chosen(bits, flatbuffer, table, score, limit, metric)
