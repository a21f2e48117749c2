"""Pruning by a threshold: what is small beside the spread of its layer becomes zero, at once."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from tasks.compression.records import Reason, Skip
from tasks.compression.technique import SPARSITY, Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.weights import weights
from tasks.learning.saving import copy_model


class Threshold(Technique):
    """Set weights to zero whose magnitude is below so many standard deviations of their layer, without training.

    Source: Han et al. 2015, arXiv:1506.02626, section 3.

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
        every = weights(model)
        skipped = {
            path: Skip(layer=path, reason=Reason.UNSUPPORTED, detail=weight.unclear)
            for path, weight in every.items()
            if weight.unclear
        }
        claims = []
        for path in (path for path in every if path not in skipped):
            values = every[path].values()
            small = np.abs(values) < self.deviations * values.std()
            every[path].assign(np.where(small, 0.0, values))
            claims.append(Claim(path, "zeros", float(small.mean())))
        context.say(
            f"{np.mean([claim.promised for claim in claims]):.0%} of a weight's numbers became zero, on average"
        )
        changed = tuple(claim.layer for claim in claims if float(claim.promised) > 0)
        return Result(Subject(model), changed, tuple(skipped.values()), tuple(claims))
