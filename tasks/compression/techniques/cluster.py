"""Weight clustering, through TFMOT or on a grid."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.compression.clustering.constraint import keep_clusters
from tasks.compression.clustering.grid import best_shares, simulate, steps_of, to_grid
from tasks.compression.clustering.kmeans import to_levels
from tasks.compression.clustering.repair import Kernel, distinct, repair
from tasks.compression.clustering.scaled import scaled_inputs
from tasks.compression.layers import with_layers
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.sparsity.constraint import hold_zeros
from tasks.compression.technique import SPARSITY, Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.tfmot import clusterable, clustered, tfmot
from tasks.compression.weights import Weight, of_layer, weights
from tasks.learning.saving import copy_model

INITS = {
    "linear": "LINEAR",
    "density": "DENSITY_BASED",
    "kmeans++": "KMEANS_PLUS_PLUS",
}


class Cluster(Retraining, Technique):
    """Let each layer use a few distinct weights only, and train these on (Han, Mao and Dally 2016, arXiv:1510.00149).

    ==========  ==============================================================================================
    levels      which weights there may be
    ==========  ==============================================================================================
    free        any ``clusters`` values, in the layer or (``per_channel``) in each output channel, through TFMOT;
                without training by k-means
    grid        evenly spaced ones in each output channel, zero among them: an int8 file then has no more than
                ``clusters`` distinct values in the whole layer
    ==========  ==============================================================================================

    .. code-block:: yaml

        - {technique: cluster, clusters: 32, epochs: 2}
        - {technique: cluster, clusters: 16, epochs: 0}                            # k-means, no training
        - {technique: cluster, clusters: 16, per_channel: true, preserve_sparsity: true}
        - {technique: cluster, clusters: 15, levels: grid, epochs: 3}

    Needs labelled training data, unless ``epochs`` is 0. Makes clusters; keeps zeros with ``preserve_sparsity`` and on
    a grid. The stored file gets smaller; the loaded one does not, nor does the usual runtime get faster.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"clusters"})

    technique: Literal["cluster"]
    clusters: Annotated[int, Field(ge=2, le=256, description="distinct values in each layer, or in each channel")]
    levels: Annotated[Literal["free", "grid"], Field(description="where they may be")] = "free"
    init: Annotated[Literal["linear", "density", "kmeans++"], Field(description="of free levels")] = "kmeans++"
    per_channel: Annotated[bool, Field(description="free levels for each output channel of a convolution")] = False
    preserve_sparsity: Annotated[bool, Field(description="zeros stay zeros")] = False
    epochs: Annotated[int, Field(ge=0, description="epochs of training with clusters; 0: no training")] = 2
    precision: Annotated[Literal["float32"], Field(description="what layers compute in")] = "float32"

    @model_validator(mode="after")
    def _enough_levels(self) -> "Cluster":
        if self.clusters < 3 and (self.preserve_sparsity or self.levels == "grid"):
            raise ValueError("expected 3 clusters or more where zero is one of them (preserve_sparsity, levels: grid)")
        if self.levels == "grid" and self.per_channel:
            raise ValueError("expected per_channel with free levels only: a grid is always that of a channel")
        return self

    def ignored(self) -> frozenset[str]:
        """Return where free levels begin, where there are none."""
        return super().ignored() | (frozenset({"init"}) if self.levels == "grid" else frozenset())

    @property
    def zeros_stay(self) -> bool:
        """Zero is a level, and what is zero stays there."""
        return self.preserve_sparsity or self.levels == "grid"

    def keeps(self) -> frozenset[Kind]:
        """Zeros, where zero is one of the levels."""
        return SPARSITY if self.zeros_stay else frozenset()

    def apply(self, subject: Subject, context: Context) -> Result:
        """Cluster every weight that has more values than clusters, zeros that stay apart."""
        model = subject.network
        every, scaled = weights(model), scaled_inputs(model)
        factors = {path: source for layer, source in scaled.items() for path in of_layer(every, layer)}
        skipped: dict[str, Skip] = {}
        before: dict[str, Kernel] = {}
        for path, weight in every.items():
            skip = self._unfit(weight, factors.get(path))
            if skip is None:
                before[path] = weight.values()
            else:
                skipped[path] = skip
        if not before:
            return Result(subject, changed=(), skipped=tuple(skipped.values()))
        trained = self._on_grid(model, before, context) if self.levels == "grid" else self._free(model, before, context)
        self._put_right(trained, before, context)
        return Result(
            Subject(trained),
            changed=tuple(sorted(before)),
            skipped=tuple(skipped.values()),
            claims=tuple(Claim(path, "clusters", float(self.clusters)) for path in sorted(before)),
        )

    def _unfit(self, weight: Weight, factors: str | None) -> Skip | None:
        """Return why a weight is left alone; None where it is not.

        Args:
            weight: of the network.
            factors: the name of the layer that its inputs are scaled by.
        """
        reason, detail = Reason.UNSUPPORTED, weight.unclear
        if detail:
            pass
        elif weight.channelwise:
            detail = "TFMOT does not cluster it"
        elif self.levels == "grid" and self.epochs and weight.recurrent:
            detail = "rounding to a grid is not simulated step by step; epochs: 0 trains nothing"
        elif self._most(weight) <= self.clusters:
            reason = Reason.TOO_SMALL
        elif factors:
            detail = f"the converter multiplies its weights by the factors of {factors}"
        else:
            return None
        return Skip(layer=weight.path, reason=reason, detail=detail)

    def _most(self, weight: Weight) -> int:
        """Count entries that share levels, of the output channel that has fewest, or of all."""
        values = weight.oriented(weight.values())
        there = values != 0 if self.preserve_sparsity else np.ones_like(values)
        inside = tuple(range(values.ndim - 1))
        return int(there.sum(axis=inside).min() if self._by_channel(weight) else there.sum())

    def _by_channel(self, weight: Weight) -> bool:
        return self.per_channel and weight.has("places")

    def _free(self, model: KerasModel, before: dict[str, Kernel], context: Context) -> KerasModel:
        copy = copy_model(model)
        chosen = {path: weight for path, weight in weights(copy).items() if path in before}
        wrapped = {path for path, weight in chosen.items() if self.epochs and self._suits_tfmot(weight)}
        for path, weight in chosen.items():
            if path not in wrapped:
                self._set_levels(weight, context.seed)
        if not self.epochs:
            return copy
        for path, weight in chosen.items():
            if path not in wrapped:
                keep_clusters(weight.variable)
        clustering = tfmot().clustering.keras
        settings = {
            "number_of_clusters": self.clusters,
            "cluster_centroids_init": clustering.CentroidInitialization[INITS[self.init]],
            "preserve_sparsity": self.preserve_sparsity,
            "cluster_per_channel": self.per_channel,
        }

        def change(layer: KerasLayer) -> KerasLayer:
            return clustered(layer, **settings) if layer.name in wrapped else layer

        changed = with_layers(copy, change)
        retrain(changed, self, context)
        return copy_model(clustering.strip_clustering(changed))

    def _suits_tfmot(self, weight: Weight) -> bool:
        """Return whether TFMOT clusters this kernel as it is asked to; it finds outputs of plain convolutions alone.

        Nor does it cluster what is not trained, or has no more values than there shall be, nor does it take its own
        layers out again where the activation is a layer with weights.
        """
        layer = weight.layer
        if weight.path != layer.name or weight.name != "kernel" or not clusterable(layer):
            return False
        by_channel = self._by_channel(weight)
        bent = isinstance(getattr(layer, "activation", None), keras().layers.Layer)
        plain = not bent and (not by_channel or type(layer) is keras().layers.Conv2D)
        return plain and layer.trainable and distinct(weight.oriented(weight.values()), by_channel) > self.clusters

    def _set_levels(self, weight: Weight, seed: int) -> None:
        """Give a weight its levels by k-means."""
        values, by_channel = weight.oriented(weight.values()), self._by_channel(weight)
        levels = to_levels(values, self.clusters, self.init, by_channel, self.preserve_sparsity, seed)
        weight.assign(weight.restored(levels))

    def _on_grid(self, model: KerasModel, before: dict[str, Kernel], context: Context) -> KerasModel:
        steps, every = steps_of(self.clusters), weights(model)
        shares = {path: best_shares(every[path].oriented(values), steps) for path, values in before.items()}
        copy = copy_model(model)
        if self.epochs:
            trained = copy_model(model)
            training = weights(trained)
            for path in before:
                hold_zeros(training[path].variable)
                simulate(training[path], steps, shares[path])
            retrain(trained, self, context)
            copy.set_weights(trained.get_weights())
        every = weights(copy)
        for path in before:
            weight = every[path]
            weight.assign(weight.restored(to_grid(weight.oriented(weight.values()), steps, shares[path])))
        return copy

    def _put_right(self, model: KerasModel, before: dict[str, Kernel], context: Context) -> None:
        every = weights(model)
        for path, values in before.items():
            weight = every[path]
            old, new = weight.oriented(values), weight.oriented(weight.values())
            by_channel = self._by_channel(weight) or self.levels == "grid"
            right, wrong = repair(old, new, self.clusters, by_channel, self.zeros_stay, context.seed)
            if wrong:
                context.say(f"{path}: {' and '.join(wrong)} in clustering, put right without training")
                weight.assign(weight.restored(right))
