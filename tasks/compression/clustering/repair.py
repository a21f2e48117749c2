"""Measure what a clustered layer has to keep, and put right what TFMOT did not keep.

Known of its sparsity-preserving clustering: layers that come out all zero, zeros and clusters that are lost.
"""

import numpy as np

from tasks.arrays import Array
from tasks.compression.clustering.kmeans import to_levels

Kernel = Array


def distinct(kernel: Kernel, per_channel: bool) -> int:
    """Return the number of values that are used: in the layer, or the most in any of its output channels.

    Args:
        kernel: output channels last.
        per_channel: whether each output channel counts by itself.
    """
    if not per_channel:
        return len(np.unique(kernel))
    return max(len(np.unique(channel)) for channel in kernel.reshape(-1, kernel.shape[-1]).T)


def repair(
    before: Kernel, after: Kernel, clusters: int, per_channel: bool, keep_zeros: bool, seed: int
) -> tuple[Kernel, list[str]]:
    """Return the clustered kernel as it should be, and what was wrong with it.

    Args:
        before: the kernel that was to be clustered.
        after: what came of it.
        clusters: most levels.
        per_channel: whether in each output channel instead of in the layer.
        keep_zeros: whether what was zero must be zero.
        seed: of k-means, where levels have to be found anew.
    """
    wrong = []
    if not np.all(np.isfinite(after)) or (np.any(before) and not np.any(after)):
        wrong.append("came out all zero" if np.all(np.isfinite(after)) else "came out not finite")
        after = before
    if keep_zeros and np.any(after[before == 0]):
        wrong.append(f"{np.count_nonzero(after[before == 0])} zeros were lost")
        after = np.where(before == 0, np.zeros_like(after), after)
    if distinct(after, per_channel) > clusters:
        if not wrong:
            wrong.append(f"{distinct(after, per_channel)} values instead of {clusters}")
        after = to_levels(after, clusters, "kmeans++", per_channel, keep_zeros, seed)
    return after, wrong
