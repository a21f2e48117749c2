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
from tasks.compression.layers import hold_zeros, kernel_of, kernels, kernels_of, oriented, with_layers, without_kernel
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import SPARSITY, Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.tfmot import clusterable, clustered, tfmot
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
        """Cluster every layer that TFMOT supports and that has more weights than clusters, zeros that stay apart."""
        model = subject.network
        skipped = {name: Skip(layer=name, reason=Reason.UNSUPPORTED) for name in without_kernel(model)}
        scaled = scaled_inputs(model)
        before: dict[str, Kernel] = {}
        for name, kernel in kernels(model).items():
            reason = self._reason(model.get_layer(name), kernel)
            if reason is not None:
                skipped[name] = Skip(layer=name, reason=reason)
            elif name in scaled:
                detail = f"the converter multiplies its weights by the factors of {scaled[name]}"
                skipped[name] = Skip(layer=name, reason=Reason.UNSUPPORTED, detail=detail)
            else:
                before[name] = kernel
        if not before:
            return Result(subject, changed=(), skipped=tuple(skipped.values()))
        trained = self._on_grid(model, before, context) if self.levels == "grid" else self._free(model, before, context)
        self._put_right(trained, before, context)
        return Result(
            Subject(trained),
            changed=tuple(sorted(before)),
            skipped=tuple(skipped.values()),
            claims=tuple(Claim(name, "clusters", float(self.clusters)) for name in sorted(before)),
        )

    def _reason(self, layer: KerasLayer, kernel: Kernel) -> Reason | None:
        """Return why a layer is left alone; None where it is not."""
        if not clusterable(layer) or len(kernels_of(layer)) > 1:
            return Reason.UNSUPPORTED
        there = oriented(layer, kernel) != 0 if self.preserve_sparsity else np.ones_like(oriented(layer, kernel))
        inside = tuple(range(kernel.ndim - 1))
        most = there.sum(axis=inside).min() if self._by_channel(kernel) else there.sum()
        return Reason.TOO_SMALL if most <= self.clusters else None

    def _by_channel(self, kernel: Kernel) -> bool:
        return self.per_channel and kernel.ndim > 2

    def _free(self, model: KerasModel, before: dict[str, Kernel], context: Context) -> KerasModel:
        if not self.epochs:
            copy = copy_model(model)
            for name in before:
                self._set_levels(copy.get_layer(name), context.seed)
            return copy
        clustering = tfmot().clustering.keras
        settings = {
            "number_of_clusters": self.clusters,
            "cluster_centroids_init": clustering.CentroidInitialization[INITS[self.init]],
            "preserve_sparsity": self.preserve_sparsity,
            "cluster_per_channel": self.per_channel,
        }

        def change(layer: KerasLayer) -> KerasLayer:
            if layer.name not in before:
                return layer
            if self._suits_tfmot(layer):
                return clustered(layer, **settings)
            self._set_levels(layer, context.seed)
            keep_clusters(layer)
            return layer

        wrapped = with_layers(model, change)
        retrain(wrapped, self, context)
        return copy_model(clustering.strip_clustering(wrapped))

    def _suits_tfmot(self, layer: KerasLayer) -> bool:
        """Return whether TFMOT clusters this kernel as it is asked to: it knows outputs of plain convolutions alone.

        Nor does it cluster what is not trained, or has no more values than there shall be, nor does it take its own
        layers out again where the activation is a layer with weights.
        """
        kernel = kernel_of(layer).numpy()
        by_channel = self._by_channel(kernel)
        bent = isinstance(getattr(layer, "activation", None), keras().layers.Layer)
        plain = not bent and (not by_channel or type(layer) is keras().layers.Conv2D)
        return plain and layer.trainable and distinct(oriented(layer, kernel), by_channel) > self.clusters

    def _set_levels(self, layer: KerasLayer, seed: int) -> None:
        """Let a kernel have its levels by k-means."""
        kernel = kernel_of(layer).numpy()
        by_channel = self._by_channel(kernel)
        levels = to_levels(oriented(layer, kernel), self.clusters, self.init, by_channel, self.preserve_sparsity, seed)
        kernel_of(layer).assign(oriented(layer, levels))

    def _on_grid(self, model: KerasModel, before: dict[str, Kernel], context: Context) -> KerasModel:
        steps = steps_of(self.clusters)
        shares = {name: best_shares(oriented(model.get_layer(name), kernel), steps) for name, kernel in before.items()}
        copy = copy_model(model)
        if self.epochs:

            def change(layer: KerasLayer) -> KerasLayer:
                if layer.name in before:
                    hold_zeros(layer)
                    simulate(layer, steps, shares[layer.name])
                return layer

            trained = with_layers(model, change)
            retrain(trained, self, context)
            copy.set_weights(trained.get_weights())
        for name in before:
            layer = copy.get_layer(name)
            levels = to_grid(oriented(layer, kernel_of(layer).numpy()), steps, shares[name])
            kernel_of(layer).assign(oriented(layer, levels))
        return copy

    def _put_right(self, model: KerasModel, before: dict[str, Kernel], context: Context) -> None:
        for name, kernel in before.items():
            layer = model.get_layer(name)
            old, new = oriented(layer, kernel), oriented(layer, kernel_of(layer).numpy())
            by_channel = self._by_channel(kernel) or self.levels == "grid"
            right, wrong = repair(old, new, self.clusters, by_channel, self.zeros_stay, context.seed)
            if wrong:
                context.say(f"{name}: {' and '.join(wrong)} in clustering, put right without training")
                kernel_of(layer).assign(oriented(layer, right))
