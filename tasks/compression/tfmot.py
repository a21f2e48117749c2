"""tensorflow-model-optimization (TFMOT), imported when it is first asked for."""

import functools
from typing import Any

from tasks.backend import KerasLayer, tensorflow
from tasks.quiet import hushed


@functools.cache
def tfmot() -> Any:
    """Return tensorflow-model-optimization, imported now (3 CPU seconds beside TensorFlow's own)."""
    tensorflow()
    with hushed():
        import tensorflow_model_optimization as library
    return library


def prunable(layer: KerasLayer) -> bool:
    """Return whether TFMOT prunes this layer's kernel; it passes over depthwise convolutions without a word.

    Args:
        layer: any layer.
    """
    tfmot()
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry

    return bool(PruneRegistry.supports(layer) and hasattr(layer, "kernel"))


def clusterable(layer: KerasLayer) -> bool:
    """Return whether TFMOT clusters this layer's kernel.

    Args:
        layer: any layer.
    """
    tfmot()
    from tensorflow_model_optimization.python.core.clustering.keras.clustering_registry import (
        ClusteringRegistry,
    )

    return bool(ClusteringRegistry.supports(layer) and hasattr(layer, "kernel"))


def clustered(layer: KerasLayer, **settings: Any) -> KerasLayer:
    """Return a layer wrapped for clustering; the public function does not take all settings.

    Args:
        layer: that TFMOT can cluster.
        settings: of the clustering.
    """
    tfmot()
    from tensorflow_model_optimization.python.core.clustering.keras.experimental.cluster import cluster_weights

    wrapped: KerasLayer = cluster_weights(layer, **settings)
    return wrapped
