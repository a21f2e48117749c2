"""Weights of small files by the names of their tensors: in the networks of these tests no two are alike."""

from collections.abc import Iterable

from tasks.compression.flatbuffer import Constant, File


def constants_by_layer(flatbuffer: bytes, layers: Iterable[str]) -> dict[str, Constant]:
    """Kernels of the named layers."""
    file, found = File(flatbuffer), {}
    for use in file.uses():
        if len(use.shape) < 2:
            continue
        name = (file.tensor(use.graph, use.tensor).name or b"").decode()
        parts = {part.removeprefix("quant_") for path in name.split(";") for part in path.split("/")}  # TFMOT's
        for layer in set(layers) & parts:
            found[layer] = file.constant(use.graph, use.tensor, use.outputs)
    return found
