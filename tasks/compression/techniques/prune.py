"""Unstructured pruning: by magnitude through TFMOT, by other criteria and over all layers with masks of its own."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from tasks.backend import KerasModel
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining
from tasks.compression.sparsity.criteria import DATALESS, Criterion
from tasks.compression.sparsity.patterns import PATTERN, Pattern, parse_pattern
from tasks.compression.sparsity.ramped import by_tfmot, prune_by_ramp
from tasks.compression.sparsity.rounds import Rounds, prune_in_rounds
from tasks.compression.technique import SPARSITY, Allocation, Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.weights import Weight, weights
from tasks.settings import Renamed


class Prune(Retraining, Technique):
    """Set the weights that are needed least to zero, and train the others on.

    By magnitude, layer by layer, in one round of training, TFMOT does the work while training goes on: a
    ``polynomial`` ramp raises the sparsity along a cubic curve (Zhu and Gupta 2017, arXiv:1710.01878), ``constant``
    prunes at once. Any other criterion (see :mod:`tasks.compression.sparsity.criteria`), ``global`` allocation or
    several ``rounds`` use masks of the technique's own: each round scores, prunes and trains for ``epochs``, the
    sparsity on the same curve.

    .. code-block:: yaml

        - {technique: prune, sparsity: 0.8, epochs: 4}
        - {technique: prune, sparsity: 0.8, criterion: taylor, allocation: global, rounds: 4, epochs: 2}
        - {technique: prune, sparsity: 0.8, epochs: 0}                   # at once, no training
        - {technique: prune, pattern: "2:4", epochs: 4}                  # 2 of 4 consecutive inputs stay
        - {technique: prune, sparsity: 0.5, pattern: 4x1, epochs: 4}     # blocks of 4 inputs by 1 output

    Needs labelled training data, but by magnitude or chance with ``epochs: 0``. Makes zeros, in an n:m pattern if
    asked for, and keeps those there are. The stored file gets smaller; the loaded one does not, nor does the usual
    runtime get faster.
    """

    makes: ClassVar[frozenset[Kind]] = SPARSITY
    renamed: ClassVar[Mapping[str, Renamed]] = {
        "budget": Renamed("allocation", {"layer": "uniform", "global": "global"})
    }

    technique: Literal["prune"]
    sparsity: Annotated[
        float | None, Field(gt=0, lt=1, description="fraction of zeros in each pruned layer, or in all; not with n:m")
    ] = None
    criterion: Annotated[Criterion, Field(description="by which a weight is needed")] = "magnitude"
    pattern: Annotated[str, Field(pattern=PATTERN, description="single · n:m · blocks of inputs x outputs")] = "single"
    allocation: Annotated[
        Allocation, Field(description="uniform: the sparsity is that of each layer; global: of all together")
    ] = "uniform"
    rounds: Annotated[int, Field(ge=1, le=50, description="times of pruning, with training after each")] = 1
    samples: Annotated[int, Field(ge=1, description="training samples that gradients are taken of")] = 512
    ramp: Annotated[Literal["polynomial", "constant"], Field(description="how TFMOT reaches the sparsity")] = (
        "polynomial"
    )
    epochs: Annotated[int, Field(ge=0, description="of training while pruning, in each round; 0: no training")] = 4
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.001

    @model_validator(mode="after")
    def _fits(self) -> "Prune":
        pattern = parse_pattern(self.pattern)
        if pattern.kind == "n:m":
            if self.sparsity is not None or self.allocation == "global" or self.rounds > 1:
                raise ValueError("expected neither sparsity nor global allocation nor rounds with an n:m pattern")
            if pattern.n >= pattern.m:
                raise ValueError(f"expected fewer weights to stay than there are in a group of {pattern.m}")
        elif self.sparsity is None:
            raise ValueError("expected sparsity, the fraction of zeros")
        if self._ramped and self.precision != "float32":
            raise ValueError(
                "expected precision: float32 where TFMOT prunes, without criterion, global allocation and rounds"
            )
        return self

    def ignored(self) -> frozenset[str]:
        """Return how TFMOT ramps, where it does not; samples of criteria that look at none."""
        ramp = frozenset() if self._ramped else frozenset({"ramp"})
        return super().ignored() | ramp | (frozenset({"samples"}) if self.criterion in DATALESS else frozenset())

    def promises(self) -> frozenset[Kind]:
        """A pattern where there is one of n:m."""
        return self.makes if parse_pattern(self.pattern).kind == "n:m" else self.makes - {"pattern"}

    def keeps(self) -> frozenset[Kind]:
        """The zeros there are stay, and count."""
        return SPARSITY

    def apply(self, subject: Subject, context: Context) -> Result:
        """Prune every weight that the pattern fits, and that TFMOT supports where it does the work."""
        model, pattern = subject.network, parse_pattern(self.pattern)
        every = weights(model)
        skipped = {path: skip for path, weight in every.items() if (skip := self._unfit(weight, pattern))}
        chosen = [path for path in every if path not in skipped]
        if not chosen:
            return Result(subject, changed=(), skipped=tuple(skipped.values()))
        if self._ramped:
            pruned = prune_by_ramp(model, chosen, self.fraction, self.ramp, pattern, self, context)
        else:
            rounds = Rounds(self.criterion, self.fraction, pattern, self.allocation, self.rounds, self.samples)
            pruned = prune_in_rounds(model, chosen, rounds, self, context)
        return Result(
            Subject(pruned),
            changed=tuple(sorted(chosen)),
            skipped=tuple(skipped.values()),
            claims=self._claims(chosen, pruned, pattern),
        )

    @property
    def fraction(self) -> float:
        """Fraction of zeros that is asked for."""
        pattern = parse_pattern(self.pattern)
        return self.sparsity if self.sparsity is not None else 1 - pattern.n / pattern.m

    @property
    def _ramped(self) -> bool:
        return self.criterion == "magnitude" and self.allocation == "uniform" and self.rounds == 1 and self.epochs > 0

    def _unfit(self, weight: Weight, pattern: Pattern) -> Skip | None:
        """Return why a weight is left alone."""
        inputs = weight.orientation.shape[-2]
        detail = weight.unclear
        if detail:
            pass
        elif not weight.values().any():
            detail = "all its weights are zero"
        elif pattern.kind != "single" and weight.has("rows"):
            detail = "it is a table, of which rows are looked up and not summed"
        elif self._ramped and weight.channelwise:
            detail = "TFMOT does not prune it"
        elif self._ramped and pattern.kind == "block" and by_tfmot(weight) and weight.has("places"):
            detail = "TFMOT prunes blocks of dense layers only"
        elif pattern.kind == "n:m" and weight.channelwise:
            detail = "each output has one input channel"
        elif pattern.kind == "n:m" and inputs <= pattern.n:
            detail = f"of {inputs} input channels {pattern.n} in {pattern.m} are all"
        return Skip(layer=weight.path, reason=Reason.UNSUPPORTED, detail=detail) if detail else None

    def _claims(self, chosen: Sequence[str], pruned: KerasModel, pattern: Pattern) -> tuple[Claim, ...]:
        """The zeros asked for, one fewer at most since TFMOT rounds; where layers share them, those there are."""
        every = weights(pruned)
        claims = []
        for path in chosen:
            size = every[path].values().size
            if self.sparsity is None or pattern.kind != "single" or self.allocation == "global":
                promised = every[path].sparsity()
            else:
                promised = max(0.0, np.floor(size * self.sparsity - 1) / size)
            claims.append(Claim(path, "zeros", float(promised)))
            if pattern.kind == "n:m":
                claims.append(Claim(path, "pattern", self.pattern))
        return tuple(claims)
