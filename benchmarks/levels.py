"""Zeros or fewer levels: what a network's kernels lose at which entropy, as a Markdown table.

For a trained network, as `models/baseline.keras`, without any training: the smallest weights of all layers become zero
(each layer's weights divided by their root mean square), the rest is rounded to levels with the best step of each
output channel. Bits are the entropy of the levels of each layer, which entropy coding about reaches; the noise is
measured against the weights as trained, in the same unit.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.compression.quantization.levels import best_scale, round_to_levels
from tasks.learning.saving import load_model

Weights = NDArray[np.float32]


def normalized_kernels(path: Path) -> list[Weights]:
    """The kernels of all layers, each with a root mean square of 1."""
    kernels = [layer.kernel.numpy() for layer in load_model(path).layers if hasattr(layer, "kernel")]
    return [kernel / np.sqrt(np.mean(kernel**2)) for kernel in kernels]


def entropy(levels: NDArray[np.int8]) -> float:
    """Bits of all of a layer's levels together."""
    _, counts = np.unique(levels, return_counts=True)
    return float(-(counts * np.log2(counts / levels.size)).sum())


def lose(kernels: list[Weights], zeros: float, largest: int) -> tuple[float, float]:
    """Bits a weight, and the ratio of signal to noise in decibels, with levels −largest … largest."""
    threshold = np.quantile(np.abs(np.concatenate([kernel.ravel() for kernel in kernels])), zeros) if zeros else -1.0
    bits = noise = 0.0
    for kernel in kernels:
        pruned = np.where(np.abs(kernel) <= threshold, np.float32(0), kernel)
        step = best_scale(pruned, largest, per_channel=True)
        levels = round_to_levels(pruned, step, largest)
        bits += entropy(levels)
        noise += float(((kernel - levels * step) ** 2).sum())
    count = sum(kernel.size for kernel in kernels)
    return bits / count, 10 * float(np.log10(count / noise))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .keras file")
    parser.add_argument("--zeros", nargs="+", type=float, default=[0.0, 0.3, 0.4, 0.5, 0.6], help="fractions")
    parser.add_argument("--levels", nargs="+", type=int, default=[5, 7, 15], help="odd numbers")
    options = parser.parse_args()
    kernels = normalized_kernels(options.model)
    count = sum(kernel.size for kernel in kernels)
    print("| zeros by pruning | levels | bits a weight | KiB | signal to noise |\n|---|---|---|---|---|")
    for zeros in options.zeros:
        for levels in options.levels:
            bits, ratio = lose(kernels, zeros, levels // 2)
            print(f"| {zeros:.0%} | {levels} | {bits:.2f} | {bits * count / 8 / 1024:.1f} | {ratio:.1f} dB |")


if __name__ == "__main__":
    main()
