"""Time an image in int8 by the widths of the article's network, with and without width_to_depth: a table.

All networks have random weights, which do not matter for the time, and take turns at one thread.
"""

import argparse
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import keras, set_seed
from tasks.compression.channels.latency import as_timed
from tasks.compression.technique import Context, Subject
from tasks.compression.techniques.width_to_depth import WidthToDepth
from tasks.learning.conversion import to_tflite
from tasks.timing.runner import Runner, undisturbed
from tasks.workloads.image.networks import BUILDERS

SHAPE, CLASSES = (32, 32, 3), 10


def network(first: int, second: int, units: int) -> Any:
    """The article's network with other widths."""
    widths = iter((first, second, units))

    def narrowed(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name.startswith("conv"):
            config["filters"] = next(widths)
        elif layer.name == "dense":
            config["units"] = next(widths)
        return layer.__class__.from_config(config)

    return keras().models.clone_model(BUILDERS["article_cnn"](SHAPE, CLASSES, 0.0), clone_function=narrowed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", nargs="+", type=int, default=[8, 12, 16, 32], help="channels, first convolution")
    parser.add_argument("--second", nargs="+", type=int, default=[32, 40, 48, 64], help="channels, second convolution")
    parser.add_argument("--units", type=int, default=64, help="of the dense layer")
    parser.add_argument("--rounds", type=int, default=400)
    options = parser.parse_args()
    set_seed(1)
    images = np.random.default_rng(1).integers(0, 256, (64, *SHAPE), np.uint8)
    files: dict[tuple[object, ...], bytes] = {("float",): to_tflite(network(32, 64, 64))}
    technique = WidthToDepth(technique="width_to_depth")
    for widths in itertools.product(options.first, options.second):
        model = network(*widths, options.units)
        files[*widths, "as it is"] = as_timed(model, "int8", images)
        wide = technique.apply(Subject(model), Context(1, 128)).subject.network
        files[*widths, "width_to_depth"] = as_timed(wide, "int8", images)
    times: dict[tuple[object, ...], list[float]] = {name: [] for name in files}
    with tempfile.TemporaryDirectory() as folder, undisturbed():
        runners = {}
        for number, (name, flatbuffer) in enumerate(files.items()):
            path = Path(folder) / f"{number}.tflite"
            path.write_bytes(flatbuffer)
            runners[name] = Runner(path, 1)
            runners[name].settle(images)
        for turn in range(options.rounds):
            for name, runner in runners.items():
                times[name].append(runner.time(images[turn % len(images)][np.newaxis]) / 1000)
    median = {name: float(np.median(taken)) for name, taken in times.items()}
    whole = median["float",]
    print(f"float, 32 and 64 channels: {whole:.1f} µs\n\n| channels | µs | × float | width_to_depth: µs | × float |")
    print("|---|---|---|---|---|")
    for widths in itertools.product(options.first, options.second):
        unchanged, joined = (median[*widths, form] for form in ("as it is", "width_to_depth"))
        cells = (f"{unchanged:.1f}", f"{whole / unchanged:.2f}", f"{joined:.1f}", f"{whole / joined:.2f}")
        print(f"| {widths[0]}, {widths[1]} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
