"""Unstructured pruning by magnitude (Zhu and Gupta 2017, arXiv:1710.01878), through TFMOT."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tasks.compression.layers import hold_zeros, kernel_of, kernels, with_layers, without_kernel
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.toolkit import prunable, toolkit
from tasks.data_loading.dataset import read_dataset
from tasks.training.pipeline import steps_per_epoch
from tasks.training.saving import copy_model

RAMP = 0.7  # share of the steps after which a polynomial schedule has reached the final sparsity
UPDATES = 20  # times the masks are chosen anew within the ramp


class Prune(Retraining, Technique):
    """Set the smallest weights of each layer to zero while training goes on.

    ``polynomial`` raises the sparsity along the cubic curve of the paper, ``constant`` prunes at once.

    .. code-block:: yaml

        - {technique: prune, sparsity: 0.8, epochs: 4}

    Needs labelled training data. Makes zeros and keeps those there are. The stored file gets smaller; the loaded one
    does not, nor does the usual runtime get faster.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"zeros"})

    technique: Literal["prune"]
    sparsity: Annotated[float, Field(gt=0, lt=1, description="fraction of zeros in each pruned layer")]
    ramp: Annotated[Literal["polynomial", "constant"], Field(description="how the sparsity is reached")] = "polynomial"
    epochs: Annotated[int, Field(ge=1, description="epochs of training while pruning")] = 4
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.001

    def keeps(self) -> frozenset[Kind]:
        """The zeros there are stay, and count."""
        return frozenset({"zeros"})

    def apply(self, subject: Subject, context: Context) -> Result:
        """Prune every layer that TFMOT supports and that has a kernel."""
        model = subject.model
        chosen = {name for name in kernels(model) if prunable(model.get_layer(name))}
        steps = steps_per_epoch(read_dataset(context.prepared), context.batch_size) * self.epochs

        def change(layer: Any) -> Any:
            if layer.name not in chosen:
                return layer
            hold_zeros(layer)
            present = float(np.mean(kernel_of(layer).numpy() == 0))
            return toolkit().sparsity.keras.prune_low_magnitude(layer, self._schedule(steps, present))

        wrapped = with_layers(model, change)
        retrain(wrapped, self, context, [toolkit().sparsity.keras.UpdatePruningStep()], keep_best=False)
        return Result(
            Subject(copy_model(toolkit().sparsity.keras.strip_pruning(wrapped))),
            changed=tuple(sorted(chosen)),
            skipped=tuple(
                Skip(layer=name, reason=Reason.UNSUPPORTED)
                for name in (*kernels(model), *without_kernel(model))
                if name not in chosen
            ),
            claims=tuple(self._claim(name, kernel) for name, kernel in kernels(model).items() if name in chosen),
        )

    def _schedule(self, steps: int, present: float) -> Any:
        """The schedule of a layer that has a sparsity of ``present``, which it does not fall below."""
        schedules = toolkit().sparsity.keras
        final = max(self.sparsity, present)
        ramp = max(1, int(steps * RAMP))
        frequency = max(1, ramp // UPDATES)
        if self.ramp == "constant":
            return schedules.ConstantSparsity(final, begin_step=0, end_step=steps, frequency=frequency)
        return schedules.PolynomialDecay(present, final, begin_step=0, end_step=ramp, frequency=frequency)

    def _claim(self, name: str, kernel: Any) -> Claim:
        """The zeros asked for, one fewer at most: TFMOT rounds the number of weights that stay."""
        return Claim(name, "zeros", float(np.floor(kernel.size * self.sparsity - 1) / kernel.size))
