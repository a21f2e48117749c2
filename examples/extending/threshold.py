"""Pruning by a threshold: what is small beside the spread of its layer becomes zero, at once."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from tasks.compression.layers import kernel_of, kernels, without_kernel
from tasks.compression.records import Reason, Skip
from tasks.compression.technique import SPARSITY, Claim, Context, Kind, Result, Subject, Technique
from tasks.learning.saving import copy_model


class Threshold(Technique):
    """Set weights to zero whose magnitude is below so many standard deviations of their layer (Han et al. 2015,
    arXiv:1506.02626, section 3), without training.

    .. code-block:: yaml

        - {technique: threshold, deviations: 0.5}

    Needs nothing; makes zeros, and keeps those there are.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"zeros"})

    technique: Literal["threshold"]
    deviations: Annotated[float, Field(gt=0, le=3, description="standard deviations of a layer's weights")] = 0.5

    def keeps(self) -> frozenset[Kind]:
        """Zeros stay zeros."""
        return SPARSITY

    def apply(self, subject: Subject, context: Context) -> Result:
        """Set small weights to zero, in a copy of the model."""
        model = copy_model(subject.network)
        claims = []
        for name in kernels(model):
            kernel = kernel_of(model.get_layer(name))
            values = kernel.numpy()
            small = np.abs(values) < self.deviations * values.std()
            kernel.assign(np.where(small, 0.0, values))
            claims.append(Claim(name, "zeros", float(small.mean())))
        context.say(f"{np.mean([claim.promised for claim in claims]):.0%} of a layer's weights became zero, on average")
        skipped = tuple(Skip(layer=name, reason=Reason.UNSUPPORTED) for name in without_kernel(model))
        changed = tuple(claim.layer for claim in claims if float(claim.promised) > 0)
        return Result(Subject(model), changed, skipped, tuple(claims))
