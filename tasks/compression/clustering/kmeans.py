"""Few levels for a layer's weights without training: k-means (Lloyd 1982; Arthur and Vassilvitskii 2007)."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tasks.arrays import Array

Kernel = Array
INITS = ("linear", "density", "kmeans++")


def to_levels(kernel: Kernel, clusters: int, init: str, per_channel: bool, keep_zeros: bool, seed: int) -> Kernel:
    """Return the kernel with each weight at the nearest of its levels.

    Args:
        kernel: output channels last.
        clusters: levels of the layer or, if ``per_channel``, of each output channel.
        init: how levels begin: evenly spaced, at even quantiles, or by k-means++.
        per_channel: give each output channel levels of its own.
        keep_zeros: weights that are zero stay so, and one level is zero where there are such; others may become zero
            only where zero is nearest.
        seed: of k-means++.
    """
    with threadpool_limits(1):
        if not per_channel:
            return _cluster(kernel, clusters, init, keep_zeros, seed)
        channels = [_cluster(kernel[..., c], clusters, init, keep_zeros, seed) for c in range(kernel.shape[-1])]
    return np.stack(channels, axis=-1)


def _cluster(values: Kernel, clusters: int, init: str, keep_zeros: bool, seed: int) -> Kernel:
    there = values != 0 if keep_zeros else np.ones(values.shape, bool)
    count = clusters - (not there.all())
    result = values.copy()
    if len(np.unique(values[there])) > count:
        result[there] = _lloyd(values[there], count, init, seed)
    return result


def _lloyd(values: Array, clusters: int, init: str, seed: int) -> Array:
    from sklearn.cluster import KMeans

    points = values.reshape(-1, 1).astype(np.float64)
    begin: Any = "k-means++"
    if init == "linear":
        begin = np.linspace(points.min(), points.max(), clusters).reshape(-1, 1)
    if init == "density":
        shares = (np.arange(clusters) + 0.5) / clusters
        begin = np.unique(np.quantile(points, shares)).reshape(-1, 1)
        if len(begin) < clusters:  # many weights are equal, and so are quantiles: take those of distinct values
            begin = np.quantile(np.unique(points), shares).reshape(-1, 1)
    found = KMeans(clusters, init=begin, n_init=1, random_state=seed).fit(points)
    return np.asarray(found.cluster_centers_[found.labels_, 0], values.dtype)
