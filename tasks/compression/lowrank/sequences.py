"""Truncated singular value decomposition of what works on sequences: input kernels of recurrent layers, and tables.

As Prabhavalkar et al. 2016 (arXiv:1603.08042) do with recurrent layers, and Lan et al. 2020 (ALBERT, arXiv:1909.11942)
with embeddings. Recurrent kernels stay whole, since no layer of Keras has two in their place.
"""

from typing import Any

import numpy as np

from tasks.backend import KerasLayer, keras
from tasks.compression.lowrank.decomposition import Matrix, Positions, Ranks
from tasks.compression.lowrank.svd import Svd
from tasks.compression.quantization.tables import levels_of
from tasks.compression.replacement import Factor, Replacement


class RecurrentSvd(Svd):
    """A dense layer before the recurrent one, which takes as many inputs as the rank."""

    @classmethod
    def unsuited(cls, layer: KerasLayer) -> str:
        """States that another layer gives would go through the dense layer."""
        several = any(len(node.keras_inputs) != 1 for node in layer._inbound_nodes)
        return "another layer gives its states" if several else ""

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """The recurrent layer keeps its recurrent kernel and its biases."""
        first, second = (factor.astype(np.float32) for factor in self._factors(ranks))
        begin = keras().layers.Dense(
            ranks[0], use_bias=False, name=f"{layer.name}_in", trainable=layer.trainable, dtype=layer.dtype
        )
        end = _renamed(layer, "out", kernel_constraint=None)
        chain = (Factor(begin, (first,)), Factor(end, (second, *layer.get_weights()[1:])))
        return Replacement((chain,), {str(begin.name): ranks[0]})


class TableSvd(Svd):
    """A table of rows as short as the rank, and a dense layer behind it.

    The columns of the table are as large as their singular values. Turned by an orthogonal matrix, which the dense
    layer turns back, they are alike, so that a row loses less in few bits: that is taken where it is so.
    """

    def _factors(self, ranks: Ranks) -> tuple[Matrix, Matrix]:
        plain = super()._factors(ranks)
        turn = np.linalg.qr(np.random.default_rng(ranks[0]).normal(size=(ranks[0], ranks[0])))[0]
        turned = plain[0] @ turn, turn.T @ plain[1]
        return min((plain, turned), key=lambda factors: _lost(*factors))

    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """Rows are looked up; the dense layer alone multiplies."""
        return ranks[0] * int(self.kernel.shape[-1]) * positions.after

    def macs_whole(self, positions: Positions) -> int:  # noqa: ARG002
        """None."""
        return 0

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """The table keeps its mask of zeros."""
        first, second = (factor.astype(np.float32) for factor in self._factors(ranks))
        begin = _renamed(layer, "in", output_dim=ranks[0], embeddings_constraint=None)
        end = keras().layers.Dense(
            second.shape[1], use_bias=False, name=f"{layer.name}_out", trainable=layer.trainable, dtype=layer.dtype
        )
        return Replacement(((Factor(begin, (first,)), Factor(end, (second,))),), {str(begin.name): ranks[0]})


def _lost(table: Matrix, dense: Matrix) -> float:
    """The squared error of the product, of all weights together, where the table's rows are rounded to 4 bits."""
    rounded = levels_of(table.astype(np.float32), 4, "row").real()
    return float(np.square((rounded - table) @ dense).sum())


def _renamed(layer: KerasLayer, ending: str, **changes: Any) -> KerasLayer:
    config = layer.get_config()
    config.pop("batch_input_shape", None)
    return layer.__class__.from_config({**config, "name": f"{layer.name}_{ending}", **changes})
