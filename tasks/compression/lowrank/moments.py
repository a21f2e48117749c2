"""Second moments of a layer's inputs, by which errors of its weights count.

The error ``‖x (W − Ŵ)‖²`` over inputs ``x`` with second moments ``M`` is ``‖R (W − Ŵ)‖²``, where ``R`` is the root of
``M``: the best ``Ŵ`` of a rank is that of ``R W``, taken back by the inverse of ``R`` (Wang et al. 2024,
arXiv:2403.07378).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.learning.pipeline import evaluation_batches

BATCH = 50
RIDGE = 1e-3  # of the mean moment: an input that was never active may be so one day

Matrix = NDArray[np.float64]


def input_moments(model: KerasModel, layers: Mapping[str, KerasLayer], samples: int, folder: Path) -> dict[str, Matrix]:
    """Return the second moments ``[in, in]`` of the inputs of layers over the first training samples.

    In a convolution the channels of all places count alike, in a recurrent layer the inputs of all steps.

    Args:
        model: that the layers are in.
        layers: by any names.
        samples: so many images.
        folder: the prepared data.
    """
    if not layers:
        return {}
    probe = keras().Model(model.inputs, [layer.get_input_at(0) for layer in layers.values()])
    sums = {name: np.zeros((1, 1)) for name in layers}
    for inputs, _ in evaluation_batches("train", BATCH, folder).unbatch().take(samples).batch(BATCH):
        found = probe(inputs, training=False)
        for name, tensor in zip(layers, found if isinstance(found, list) else [found], strict=True):
            rows = np.asarray(tensor, np.float64).reshape(-1, tensor.shape[-1])
            with np.errstate(invalid="ignore", over="ignore"):  # who takes the sums looks whether they are finite
                sums[name] = sums[name] + rows.T @ rows
    return sums


def roots(moments: Matrix) -> tuple[Matrix, Matrix]:
    """Return the symmetric root and its inverse, scaled so that the root's mean square is that of the identity.

    Args:
        moments: ``[in, in]``.
    """
    scale = float(np.trace(moments)) / len(moments) or 1.0
    values, vectors = np.linalg.eigh(moments / scale + RIDGE * np.eye(len(moments)))
    values = np.sqrt(np.maximum(values, RIDGE))
    return vectors * values @ vectors.T, vectors / values @ vectors.T
