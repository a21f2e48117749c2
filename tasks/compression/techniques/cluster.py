"""Weight clustering (Han, Mao and Dally 2016, Deep Compression, arXiv:1510.00149), through TFMOT."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.compression.layers import kernels, with_layers, without_kernel
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.toolkit import clusterable, toolkit
from tasks.training.saving import copy_model

INITS = {
    "linear": "LINEAR",
    "density": "DENSITY_BASED",
    "kmeans++": "KMEANS_PLUS_PLUS",
}


class Cluster(Retraining, Technique):
    """Let each layer use a few distinct weights only, and train these on.

    .. code-block:: yaml

        - {technique: cluster, clusters: 32, epochs: 2}

    Needs labelled training data. Makes clusters; keeps nothing else. The stored file gets smaller; the loaded one does
    not, nor does the usual runtime get faster.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"clusters"})

    technique: Literal["cluster"]
    clusters: Annotated[int, Field(ge=2, le=256, description="distinct values in each layer")]
    init: Annotated[Literal["linear", "density", "kmeans++"], Field(description="of the centroids")] = "kmeans++"
    epochs: Annotated[int, Field(ge=1, description="epochs of training with clusters")] = 2

    def apply(self, subject: Subject, context: Context) -> Result:
        """Cluster every layer that TFMOT supports and that has more weights than clusters."""
        model, clustering = subject.model, toolkit().clustering.keras
        reasons = dict.fromkeys(without_kernel(model), Reason.UNSUPPORTED) | {
            name: Reason.UNSUPPORTED if not clusterable(model.get_layer(name)) else Reason.TOO_SMALL
            for name, kernel in kernels(model).items()
            if not clusterable(model.get_layer(name)) or kernel.size <= self.clusters
        }
        chosen = {name for name in kernels(model) if name not in reasons}
        settings = {
            "number_of_clusters": self.clusters,
            "cluster_centroids_init": clustering.CentroidInitialization[INITS[self.init]],
        }
        wrapped = with_layers(
            model,
            lambda layer: clustering.cluster_weights(layer, **settings) if layer.name in chosen else layer,
        )
        retrain(wrapped, self, context)
        return Result(
            Subject(copy_model(clustering.strip_clustering(wrapped))),
            changed=tuple(sorted(chosen)),
            skipped=tuple(Skip(layer=name, reason=reason) for name, reason in reasons.items()),
            claims=tuple(Claim(name, "clusters", float(self.clusters)) for name in sorted(chosen)),
        )
