"""Every technique in every mode, as steps of params.yaml, and how a test carries them out."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.compression.quantization.calibration import Calibration, SampleStream, calibration_set
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Context
from tasks.litert import LiteRTModel, Scores
from tests.tasks.training.material import samples

Steps = list[dict[str, Any]]
Made = Callable[[str, str], tuple[bytes, Candidate]]  # by the names of a network's fixture and of a case

CASES: dict[str, Steps] = {
    "prune": [{"technique": "prune", "sparsity": 0.8, "epochs": 2}],
    "prune n:m": [{"technique": "prune", "pattern": "2:4", "epochs": 10}],
    "prune at once": [{"technique": "prune", "sparsity": 0.5, "ramp": "constant", "epochs": 2}],
    "prune by gradient": [
        {"technique": "prune", "sparsity": 0.7, "criterion": "taylor", "allocation": "global", "rounds": 2, "epochs": 2}
    ],
    "half the channels": [
        {
            "technique": "prune_channels",
            "budget": {"metric": "channels", "max_ratio": 0.5, "max": None, "timed_as": "float32"},
        },
        {"technique": "fine_tune", "epochs": 2},
    ],
    "factorize": [
        {"technique": "factorize", "rank": {"by": "fixed", "rank": 7}},
        {"technique": "fine_tune", "epochs": 2},
    ],
    "channels by taylor": [
        {
            "technique": "prune_channels",
            "criterion": "taylor",
            "budget": {"metric": "macs", "max_ratio": 0.4, "max": None, "timed_as": "float32"},
            "allocation": "global",
            "rounds": 2,
            "samples": 128,
        },
        {"technique": "fine_tune", "epochs": 2},
    ],
    "columns": [{"technique": "width_to_depth"}],
    "cluster linear": [{"technique": "cluster", "clusters": 16, "init": "linear", "epochs": 2}],
    "cluster density": [{"technique": "cluster", "clusters": 16, "init": "density", "epochs": 2}],
    "cluster kmeans++": [{"technique": "cluster", "clusters": 16, "init": "kmeans++", "epochs": 2}],
    "cluster grid": [{"technique": "cluster", "clusters": 15, "levels": "grid", "epochs": 2}],
    "fine_tune": [{"technique": "fine_tune", "epochs": 2, "augmentation": {"shift": 0.1}}],
    "distill": [
        {
            "technique": "distill",
            "epochs": 2,
            "hints": {"student": "penultimate", "teacher": "penultimate", "epochs": 2, "learning_rate": 0.001},
            "distillation": {"teacher": "baseline", "temperature": 2.0, "weight": 0.5},
        }
    ],
    "convert": [{"technique": "convert"}],
    "dynamic_int8": [{"technique": "quantize", "mode": "dynamic_int8"}],
    "float16": [{"technique": "quantize", "mode": "float16"}],
    "int8": [{"technique": "quantize", "mode": "int8", "calibration": 200}],
    "int8 by layer": [
        {
            "technique": "quantize",
            "mode": "int8",
            "calibration": 200,
            "granularity": "per_tensor",
            "bias_correction": True,
        }
    ],
    "int16x8": [{"technique": "quantize", "mode": "int16x8", "calibration": 200}],
    "pack": [{"technique": "quantize", "mode": "int8", "calibration": 200}, {"technique": "pack"}],
    "aware int8": [{"technique": "quantize", "mode": "int8", "training": "qat", "epochs": 2, "calibration": 200}],
    "int8 by percentile": [
        {
            "technique": "quantize",
            "mode": "int8",
            "calibration": {"samples": 100, "ranges": "percentile", "percentile": 99.9, "balanced": True, "seed": 3},
        }
    ],
    "int4": [{"technique": "quantize", "mode": "int4"}],
    "int4 with bias_correction": [{"technique": "quantize", "mode": "int4", "bias_correction": True}],
    "int4 in blocks": [{"technique": "quantize", "mode": "int4", "block": 32}],
    "mixed": [{"technique": "quantize", "mode": "mixed", "max_drop": 0.004}],
    "aware int4": [
        {
            "technique": "quantize",
            "mode": "int8",
            "training": "qat",
            "epochs": 2,
            "weight_bits": 4,
            "weight_storage": "int4",
        }
    ],
    "aware int8 levels": [{"technique": "quantize", "mode": "int8", "training": "qat", "epochs": 2, "weight_bits": 4}],
}
TRAINS = (
    "half the channels",
    "factorize",
    "channels by taylor",
    "prune",
    "prune n:m",
    "prune at once",
    "prune by gradient",
    "cluster linear",
    "cluster density",
    "cluster kmeans++",
    "cluster grid",
    "fine_tune",
    "distill",
    "aware int8",
    "aware int4",
    "aware int8 levels",
)

OF_SEQUENCES: dict[str, Steps] = {  # no image has them: they have tests of their own
    "prune_vocabulary": [{"technique": "prune_vocabulary", "rows": 100}],
    "unroll": [{"technique": "unroll"}],
}
KINDS = {  # of what a technique promises, for those that promise anything
    "width_to_depth": "zeros",
    "prune": "zeros",
    "prune_channels": "channels",
    "factorize": "rank",
    "cluster": "clusters",
    "quantize": "dtype",
}
LONGER = {"article": 2, "residual": 2, "resnet": 4}  # times as many epochs: these have more to put right than `tiny`
WIDER = {"resnet": 4}  # times the rank


class Interrupted(Exception):
    """Something ended the recipe."""


def steps_for(network: str, case: str) -> Steps:
    """A case's steps, with the epochs and the rank that a network of that size needs to answer again."""
    longer, wider = LONGER.get(network, 1), WIDER.get(network, 1)

    def scaled(step: dict[str, Any]) -> dict[str, Any]:
        more: dict[str, Any] = {"epochs": longer * step["epochs"]} if "epochs" in step else {}
        if step.get("rank", {}).get("by") == "fixed":
            more["rank"] = {**step["rank"], "rank": wider * step["rank"]["rank"]}
        return {**step, **more}

    return [scaled(step) for step in CASES[case]]


def calibration_samples(count: int, context: Context) -> SampleStream:
    """The first training samples in stored order."""
    return calibration_set(Calibration(samples=count), context).samples()


def context(prepared: Path, **more: Any) -> Context:
    """The context of a recipe, seeded."""
    return Context(**{"seed": 5, "batch_size": 64, "prepared": prepared, "say": lambda _: None, **more})


def carry_out(
    name: str, steps: Steps, model: Any, prepared: Path, folder: Path | None = None, **more: Any
) -> tuple[bytes, Candidate]:
    """Run a recipe in this process; ``folder`` keeps its finished steps."""
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        return run_recipe(name, parse_recipe(name, steps), model, context(prepared, **more), place)


def interrupt_in_second_epoch(line: str) -> None:
    """Ends a recipe when the state after its first epoch is on disk."""
    if line.startswith("epoch 2/"):
        raise Interrupted


def scores(flatbuffer: bytes, prepared: Path, folder: Path) -> Scores:
    """Logits for the test split."""
    path = folder / "model.tflite"
    path.write_bytes(flatbuffer)
    return LiteRTModel(path).predict(samples("test", prepared)[0])


def accuracy(logits: Scores, prepared: Path) -> float:
    """Share of right answers on the test split."""
    return float((logits.argmax(axis=1) == samples("test", prepared)[1]).mean())
