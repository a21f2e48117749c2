"""Score how much each weight is needed: by its size, by the loss's gradient, by what it changes, or by chance.

==========  ==========================================  ==============================================================
criterion   score of a weight w                         paper
==========  ==========================================  ==============================================================
magnitude   abs(w)                                      Han et al. 2015, arXiv:1506.02626
taylor      mean over batches of abs(w · dL/dw)         Molchanov et al. 2019, arXiv:1906.10771, for single weights
snip        abs(w · mean dL/dw)                         Lee, Ajanthan and Torr 2019, arXiv:1810.02340
fisher      ½ · w² · mean over samples of (dL/dw)²      LeCun, Denker and Solla 1990 (Optimal Brain Damage), the
                                                        diagonal of the Hessian by that of the empirical Fisher matrix
output      w² · mean over samples of Σ_k (dz_k/dw)²    what the logits z change by when w goes, to second order; the
                                                        sum by random signs (Hutchinson 1990)
random      a number by chance                          the control that every criterion has to beat
==========  ==========================================  ==============================================================

Gradients are those of the model as it is used: without dropout, with BatchNorm's averages. All scores are at least 0.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel, KerasVariable, TfTensor, tensorflow
from tasks.compression.weights import weights
from tasks.learning.pipeline import evaluation_batches
from tasks.workloads import outcome_of
from tasks.workloads.protocol import OutcomeSettings

Criterion = Literal["magnitude", "taylor", "snip", "fisher", "output", "random"]
DATALESS: frozenset[Criterion] = frozenset({"magnitude", "random"})
BATCH = 32

Values = NDArray[np.float64]
Arrays = list[Values]
Value = Callable[[TfTensor, TfTensor], TfTensor]  # of outputs and targets
Gradient = Callable[[TfTensor, TfTensor], Sequence[TfTensor]]


def score_weights(
    model: KerasModel,
    paths: Sequence[str],
    criterion: Criterion,
    samples: int,
    folder: Path,
    seed: int,
    settings: OutcomeSettings | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Score some weights.

    Args:
        model: from raw pixels to logits.
        paths: theirs.
        criterion: see the table above.
        samples: how many of the training samples, the first in stored order, gradients are taken of.
        folder: the prepared data.
        seed: of what is left to chance.
        settings: of the outcome, whose loss it is.

    Returns:
        by path, in the shape of the weight.
    """
    every = weights(model)
    variables = [every[path].variable for path in paths]
    values = [every[path].values().astype(np.float64) for path in paths]
    rng = np.random.default_rng([seed, 0x5C0])
    outcome = outcome_of(folder, settings)

    def mean_loss(outputs: TfTensor, targets: TfTensor) -> TfTensor:
        return tensorflow().reduce_mean(outcome.each_loss(targets, outputs))

    if criterion == "magnitude":
        scores = [np.abs(weight) for weight in values]
    elif criterion == "random":
        scores = [rng.random(weight.shape) for weight in values]
    elif criterion in {"taylor", "snip"}:
        gradient = _compiled(model, variables, mean_loss)
        batches = evaluation_batches("train", BATCH, folder).take(-(-samples // BATCH))
        average = _mean(gradient, batches, np.abs if criterion == "taylor" else np.asarray)
        scores = [np.abs(weight * mean) for weight, mean in zip(values, average, strict=True)]
    else:
        single = evaluation_batches("train", 1, folder).take(samples)
        if criterion == "output":
            gradient = _compiled(model, variables, _signed)
            single = ((sample, _signs(rng, model.output_shape[-1])) for sample, _ in single)
        else:
            gradient = _compiled(model, variables, mean_loss)
        squares = _mean(gradient, single, np.square)
        half = 0.5 if criterion == "fisher" else 1.0
        scores = [half * weight**2 * square for weight, square in zip(values, squares, strict=True)]
    return dict(zip(paths, scores, strict=True))


def _signed(logits: TfTensor, signs: TfTensor) -> TfTensor:
    return tensorflow().reduce_sum(logits * signs)


def _signs(rng: np.random.Generator, classes: int) -> TfTensor:
    return tensorflow().constant(rng.choice([-1.0, 1.0], (1, classes)), tensorflow().float32)


def _compiled(model: KerasModel, variables: Sequence[KerasVariable], value: Value) -> Gradient:
    tf = tensorflow()

    def gradient(samples: TfTensor, against: TfTensor) -> Sequence[TfTensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            result = value(model(samples, training=False), against)
        found = tape.gradient(result, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(each) for each in found]  # of a table there are those of the rows looked up

    compiled: Gradient = tf.function(gradient, autograph=False, reduce_retracing=True)
    return compiled


def _mean(
    gradient: Gradient, batches: Iterable[tuple[TfTensor, TfTensor]], change: Callable[[Values], Values]
) -> Arrays:
    """Mean over batches, each counted by its size, of what ``change`` makes of the gradients."""
    total: Arrays = []
    count = 0
    for samples, against in batches:
        size = int(against.shape[0])
        parts = [size * change(part.numpy().astype(np.float64)) for part in gradient(samples, against)]
        total = [before + part for before, part in zip(total, parts, strict=True)] if total else parts
        count += size
    return [part / count for part in total]
