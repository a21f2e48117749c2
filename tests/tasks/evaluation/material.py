"""Samples, records and results made up to order for the tests of evaluation."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from tasks.compression.records import Candidate, LatencyTrial, LayerState, Promise, Reason, Skip, Step
from tasks.config import Params, parse_params
from tasks.evaluation.predictions import Answers, Predictions, Split
from tasks.evaluation.quality import judge
from tasks.evaluation.records import (
    BASELINE,
    PRODUCTION,
    BenchmarkReport,
    Cost,
    Decision,
    Outlook,
    Quality,
    Question,
    Speed,
)
from tasks.evaluation.results import Results
from tasks.files import sha256
from tasks.records import Interval, write_record
from tasks.samples import SPLITS, TEST_HASHES, Dataset, Part, Refusal, Shard
from tasks.tfrecord import Sample, encode, frame
from tasks.timing.intervals import ratio
from tasks.training.records import TrainingReport
from tasks.workloads.image.reading import ImageReader

COUNTS = {"train": 40, "validation": 150, "test": 300}
CLASSES = tuple(str(digit) for digit in range(10))
RECIPES = {"int8": "digits_int8", "pruned_int8": "digits_pruned", "untrained": "digits_untrained"}


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """scikit-learn's digits: uint8 ``[1797, 8, 8, 1]`` and their classes."""
    data = load_digits()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return images, data.target.astype(np.int64)


def params_with(**changes: Any) -> Params:
    """Small params with some parts replaced."""
    values: dict[str, Any] = {
        "data": {"source": "digits"},
        "recipes": {name: [{"technique": "quantize"}] for name in RECIPES},
        "benchmark": {"processes": 2, "rounds": 10, "warmup": 1, "batch": 8},
        "gate": {
            "rules": [
                {"metric": "accuracy", "margin": 0.05, "versus": ["baseline", "production"]},
                {"metric": "stored_bytes", "max_ratio": 1.0},
            ]
        },
        "deployment": {"model": "digits"},
    }
    return parse_params(values | changes)


def write_prepared(folder: Path) -> Dataset:
    """Digits as the load stage leaves them: the last of them, which no model was trained on."""
    images, labels = digits()
    folder.mkdir(parents=True)
    parts, start = {}, 1000
    for split in SPLITS:
        chosen = range(start, start + COUNTS[split])
        start += COUNTS[split]
        content = b"".join(
            frame(encode(Sample(images[i].tobytes(), int(labels[i]), f"digits/{i}"), "image")) for i in chosen
        )
        path = folder / f"{split}-00000.tfrecord"
        path.write_bytes(content)
        shard = Shard(file=path.name, samples=len(chosen), bytes=len(content), sha256=sha256(path))
        per_class = {name: int(np.sum(labels[chosen] == int(name))) for name in CLASSES}
        parts[split] = Part(samples=len(chosen), per_class=per_class, shards=(shard,))
    (folder / TEST_HASHES).write_bytes(np.arange(COUNTS["test"], dtype="<u8").tobytes())
    dataset = made_up_dataset(parts)
    write_record(folder / "dataset.json", dataset)
    return dataset


def dataset_of(classes: Iterable[str]) -> Dataset:
    """A data set of a thousand samples in each split, with other classes."""
    names = tuple(classes)
    part = Part(samples=1000, per_class=dict.fromkeys(names, 1000 // len(names)), shards=())
    return made_up_dataset(dict.fromkeys(SPLITS, part)).model_copy(update={"classes": names})


def made_up_dataset(parts: Mapping[Any, Part]) -> Dataset:
    return Dataset(
        workload="image",
        source_digest="d" * 64,
        classes=CLASSES,
        inputs=ImageReader(8, 8, 1).inputs,
        splits=dict(parts),
        read=sum(COUNTS.values()) + 3,
        refused_samples=2,
        refused=(Refusal(file="3/<torn>.png", reason="the file ends early"), Refusal(file="x", reason="no image")),
        kept_out_samples=1,
        kept_out=(Refusal(file="digits/7", reason="equal to digits/1200 in test"),),
        notes=("Images are 8 × 8 and grey.",),
    )


LAYER = LayerState(
    layer="conv2d", dtype="int8", shape=(8, 3, 3, 1), bytes=72, zeros=0.25, distinct=9, rank=8, distortion=1e-4
)


def made_up_candidate(recipe: str, digest: str) -> Candidate:
    step = Step(
        technique="quantize",
        config={"technique": "quantize", "mode": "int8", "calibration": 500},
        seconds=1.5,
        changed=("conv2d",),
        skipped=(Skip(layer="dense", reason=Reason.TOO_SMALL),),
        promises=(Promise(layer="conv2d", promise="dtype", promised="int8", measured="int8", holds=True),),
        layers=(LAYER,),
        trials=(LatencyTrial(macs=123_456, microseconds=20.5, ratio=0.31, upper=0.33, fits=True),),
        details={
            "calibration": {"split": "train", "samples": 500, "per_class": {"zero": 3}},
            "ranges": {"conv2d": [0.0, 6.5]},
            "sensitivity": [{"layer": "conv2d", "bits": 8, "logits_db": 41.25}],
        },
    )
    return Candidate(
        recipe=recipe,
        steps=(step,),
        bytes=1,
        sha256=digest,
        baseline_weights_sha256="b" * 64,
        seconds=2.0,
        versions={"tensorflow": "2.21.0"},
    )


def made_up_training() -> TrainingReport:
    return TrainingReport(
        model="article_cnn",
        parameters=810,
        epochs=3,
        best_epoch=2,
        metrics={"accuracy": 0.9},
        weights_sha256="b" * 64,
        seconds=3.0,
        versions={"tensorflow": "2.21.0"},
    )


def made_up_decision() -> Decision:
    return Decision(
        outcome="PASS",
        question=Question(candidate="c" * 64, samples="d" * 64, rules=("{}",), opponents={BASELINE: "b" * 64}),
        store="file://store",
        ledger="ledgers/digits",
        number=7,
        sha256="e" * 64,
        samples=542,
        turn=7,
        level=0.0105,
        confidence=0.979,
        error=0.05,
        outlook=Outlook(confidence=0.98, worth=412, provable=29, restore=542),
        sentence="PASS: pruned_int8 may be released.",
    )


def answers(right: int, samples: int, shift: int = 0) -> Answers:
    """Right for ``right`` of the samples, beginning at the place ``shift``; else the next class."""
    labels = np.arange(samples) % len(CLASSES)
    wrong = (np.arange(samples) - shift) % samples >= right
    scores = np.eye(len(CLASSES), dtype=np.float32)[(labels + wrong) % len(CLASSES)]
    return Answers(scores, labels.astype(np.int64))


def made_up_speed(name: str, median: float, baseline: float, spread: float) -> Speed:
    """A model that takes ``median`` µs in the middle of its processes, which go the other way than the baseline's."""
    wave = np.linspace(-spread, spread, 51)[:, np.newaxis] + np.zeros(3)
    mine, theirs = median * np.exp(wave if name == BASELINE else -wave), baseline * np.exp(wave)
    return Speed(
        sha256="",
        median_us=median,
        p95_us=median * (1 + spread),
        samples_per_second=1e6 / median,
        latency_ratio=ratio(mine.tolist(), theirs.tolist()),
        throughput_ratio=Interval(value=baseline / median, low=baseline / median, high=baseline / median),
        batch=8,
        rounds_us=tuple(map(tuple, mine.tolist())),
    )


Fare = tuple[int, int, int, float]  # right on validation, right on test, stored bytes, latency in µs


def make_results(
    rules: list[dict[str, Any]], fares: Mapping[str, Fare], objective: str = "bytes", spread: float = 0.01
) -> Results:
    """Results to order: a fare for each model, 1,000 samples a split; production is absent if it has none."""
    recipes = [name for name in fares if name not in {BASELINE, PRODUCTION}]
    params = params_with(recipes={name: [] for name in recipes}, gate={"objective": objective, "rules": rules})
    dataset, predictions, qualities, speeds = dataset_of(CLASSES), {}, {}, {}
    for name, (validation, test, stored, latency) in fares.items():
        splits: dict[Split, Answers] = {"validation": answers(validation, 1000), "test": answers(test, 1000)}
        predictions[name] = Predictions("same", splits)
        qualities[name] = Quality(
            name=name,
            sha256=name,
            data="same",
            splits={
                split: judge(of, None if name == BASELINE else predictions[BASELINE].splits[split], dataset)
                for split, of in splits.items()
            },
            cost=Cost(
                loaded_bytes=2 * stored, stored_bytes=stored, zstd_bytes=stored, parameters=100, nonzero=90, macs=1000
            ),
        )
        speeds[name] = made_up_speed(name, latency, fares[BASELINE][3], spread)
    if PRODUCTION not in fares:
        predictions[PRODUCTION] = Predictions()
        qualities[PRODUCTION] = Quality(name=PRODUCTION, absent="no release is in production yet")
    return Results(
        params=params,
        dataset=dataset,
        training=made_up_training(),
        history={"epoch": (1, 2), "loss": (2, 1), "validation_loss": (2, 1.5), "accuracy": (0.1, 0.2)},
        candidates={name: made_up_candidate(name, name) for name in recipes},
        qualities=qualities,
        predictions=predictions,
        benchmark=BenchmarkReport(
            cpu="a processor",
            runtime="ai-edge-litert",
            threads=1,
            rounds=3,
            measured_rounds=(3,) * 51,
            seconds=60,
            batch=8,
            models=speeds,
        ),
    )
