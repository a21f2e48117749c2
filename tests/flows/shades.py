"""A project of images of 2 × 2 pixels in which the line has really come as far as the gate, without any training."""

from pathlib import Path

import numpy as np

from tasks.compression.records import candidate_model, candidate_record
from tasks.config import Params, parse_params
from tasks.deployment.releases.production import production
from tasks.evaluation.gate import gate
from tasks.evaluation.quality import evaluate
from tasks.evaluation.records import BASELINE, BENCHMARK, PRODUCTION, PRODUCTION_TFLITE
from tasks.files import sha256, write_text
from tasks.records import write_record
from tasks.samples import PREPARED, SPLITS, TEST_HASHES, Part, Shard, SplitName
from tasks.tfrecord import Sample, encode, frame
from tasks.training.records import BASELINE_TFLITE, TEACHERS_RECORD, TRAINING, TeachersReport
from tests.tasks.deployment.project import (
    CLASSES,
    RECIPE,
    benchmark,
    candidate,
    dataset,
    training,
    write_model,
)

DIM = 150  # a pixel of a light image that a model with the bias 2 takes for light, one with 2.5 for dark


def shades_params(store: str, **more: object) -> Params:
    accuracy = {"metric": "accuracy", "margin": 0.05, "versus": ["baseline", "production"]}
    rules = [accuracy, {"metric": "stored_bytes", "max": 10**6}]
    values = {
        "data": {"source": "digits"},
        "recipes": {RECIPE: [{"technique": "quantize"}]},
        "gate": {"rules": rules},
        "deployment": {"store": store, "model": "shades"},
        "versioning": {"push": False},
    }
    return parse_params(values | more)


def write_shades(params: Params, bias: float = 2.0, tests: int = 400, dim: int = 40) -> None:
    """Fill the working folder up to the gate's provisional verdict.

    Args:
        bias: of the candidate; above 2.36 it takes dim images for dark.
        tests: images of the test split.
        dim: how many of them are dim; none of validation is, so that only the test split knows.
    """
    parts = {
        split: write_split(split, tests, dim) if split == "test" else write_split(split, 200, 0) for split in SPLITS
    }
    write_record(PREPARED / "dataset.json", dataset().model_copy(update={"splits": parts}))
    write_text(Path("params.yaml"), "data: {source: digits}\n")
    write_text(Path("dvc.lock"), "schema: '2.0'\n")
    production(params)
    write_results(params, bias)


def write_results(params: Params, bias: float, of_baseline: float = 2.0, takes_bytes: bool = False) -> None:
    """Write all that lies between the prepared data and the gate's verdict, with biases in place of training."""
    write_record(TRAINING, training())
    write_record(TEACHERS_RECORD, TeachersReport(teachers={}, threads=5))
    for path, value in ((BASELINE_TFLITE, of_baseline), (candidate_model(RECIPE), bias)):
        write_model(path, bias=np.array([value, -value], np.float32), takes_bytes=takes_bytes)
    write_record(candidate_record(RECIPE), candidate(sha256(candidate_model(RECIPE)), 1.0))
    for name, path in ((BASELINE, BASELINE_TFLITE), (PRODUCTION, PRODUCTION_TFLITE), (RECIPE, candidate_model(RECIPE))):
        evaluate(params, name, str(path))
    made = benchmark(sha256(candidate_model(RECIPE)))
    speed = made.models[RECIPE]
    models = {RECIPE: speed, BASELINE: speed.model_copy(update={"sha256": sha256(BASELINE_TFLITE)})}
    if PRODUCTION_TFLITE.exists():
        models[PRODUCTION] = speed.model_copy(update={"sha256": sha256(PRODUCTION_TFLITE)})
    write_record(BENCHMARK, made.model_copy(update={"models": models}))
    gate(params)


def write_split(split: SplitName, count: int, dim: int) -> Part:
    """Half of the images dark, half light, the last ``dim`` of them dim; each split has images of its own."""
    PREPARED.mkdir(parents=True, exist_ok=True)
    samples = [image(SPLITS.index(split), number, number >= count - dim) for number in range(count)]
    content = b"".join(frame(encode(each)) for each in samples)
    path = PREPARED / f"{split}-00000.tfrecord"
    path.write_bytes(content)
    if split == "test":
        (PREPARED / TEST_HASHES).write_bytes(np.arange(count, dtype="<u8").tobytes())
    shard = Shard(file=path.name, samples=count, bytes=len(content), sha256=sha256(path))
    of_class = {name: sum(each.target == label for each in samples) for label, name in enumerate(CLASSES)}
    return Part(samples=count, per_class=of_class, shards=(shard,))


def image(split: int, number: int, dim: bool) -> Sample:
    """The image of a number."""
    light = dim or number % 2 == 1
    level = DIM if dim else 240 if light else 5
    pixels = bytes([level, level + number // 100, level - split, level + number % 5])
    return Sample({"image": pixels}, int(light), f"{split}/{number}")
