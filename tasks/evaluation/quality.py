"""A model's quality, sample by sample: on the validation split, where candidates are compared and one is chosen.

Nothing here reads the answers to the sealed test split but for a decision that the ledger has on record, and that keeps
none of them.

Samples go through one at a time on one thread, as on a device: what a batch gives may differ in its rounding
(a dynamically quantized model even takes other scales), and a batch saves little on the models this is for.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.compression.records import was_made
from tasks.config import Params
from tasks.errors import EvaluationError
from tasks.evaluation.asking import as_asked, batches, own_reader
from tasks.evaluation.cost import measure_cost
from tasks.evaluation.predictions import (
    KEPT,
    NONE,
    Answers,
    Predictions,
    Split,
    check_pairing,
    joined,
    read_predictions,
    write_predictions,
)
from tasks.evaluation.production import find_absence, released_as, why_misfit
from tasks.evaluation.records import (
    BASELINE,
    PRODUCTION,
    Quality,
    SplitQuality,
    predictions_file,
    quality_file,
)
from tasks.files import sha256
from tasks.litert import LiteRTModel
from tasks.records import write_record
from tasks.samples import Dataset, read_dataset
from tasks.workloads import measuring_of
from tasks.workloads.measuring import OutcomeMeasuring

BATCH = 256  # samples read at a time


def evaluate(params: Params, name: str, path: str) -> None:
    """Measure a model and write its quality and its predictions.

    Args:
        params: all of params.yaml.
        name: of the model: baseline, production or a recipe's.
        path: of its file.

    Raises:
        EvaluationError: the model cannot be loaded, or does not fit the data set.
    """
    dataset, file = read_dataset(), Path(path)
    if absent := missing(name, file, dataset):
        write_predictions(predictions_file(name), Predictions())
        write_record(quality_file(name), absent)
        print(f"{name}: nothing to measure, since {absent.absent}")
        return
    predictions, measuring = predictions_of(file, dataset), measuring_of(dataset)
    if name == PRODUCTION:
        settled = released_as()
    else:
        settled = measuring.settle(predictions.splits["validation"], params.outcome)
    predictions = as_settled(predictions, settled, measuring)
    baseline = None
    if name != BASELINE:
        baseline = read_predictions(predictions_file(BASELINE))
        check_pairing(name, predictions, BASELINE, baseline)
    quality = Quality(
        name=name,
        sha256=sha256(file),
        data=predictions.data,
        settled=settled,
        splits={
            split: judge(answers, baseline.splits[split] if baseline else None, dataset)
            for split, answers in predictions.splits.items()
        },
        cost=measure_cost(file, _assets_bytes(file, dataset)),
    )
    write_predictions(predictions_file(name), predictions)
    write_record(quality_file(name), quality)
    main = measuring.main
    print(f"{name}: validation {main.noun} {quality.splits['validation'].metrics[main.name]:.4f}")


def _assets_bytes(file: Path, dataset: Dataset) -> int:
    reader = own_reader(file, dataset)
    return sum(asset.bytes for asset in dataset.assets) if reader is None else sum(map(len, reader.assets.values()))


def missing(name: str, file: Path, dataset: Dataset) -> Quality | None:
    """Return the record of a model that is not there, or None if it is.

    Args:
        name: ``baseline``, ``production`` or a recipe's name.
        file: of the model.
        dataset: what was prepared.
    """
    if name == PRODUCTION:
        found = find_absence(file, dataset)
        if found is None:
            return None
        return Quality(
            name=name, absent=found.sentence, obstacle=found.obstacle, release=found.release, consent=found.consent
        )
    if name != BASELINE and not was_made(file):
        return Quality(name=name, absent=f"the recipe {name} could not be carried out")
    return None


def predictions_of(
    path: Path, dataset: Dataset, splits: Iterable[Split] = KEPT, chosen: NDArray[np.bool_] | None = None
) -> Predictions:
    """Ask a model about the samples of splits.

    Args:
        path: of the model.
        dataset: what was prepared.
        splits: which of its splits.
        chosen: which samples of each split, ``[n]``; all by default.

    Returns:
        the answers, float32 ``[n, outputs]`` for each split.

    Raises:
        EvaluationError: the model takes other inputs or gives another number of outputs.
    """
    model = LiteRTModel(path)
    asked = as_asked(path, dataset)
    misfit = why_misfit(model, asked)
    if misfit:
        raise EvaluationError(f"Expected {path} to fit the data set. Received: {misfit}. Make the model anew.")
    digest, found, measuring = hashlib.sha256(), {}, measuring_of(dataset)
    beside = dataset if asked is dataset else None  # what is known of this run's samples is not of another's ids
    for split in splits:
        parts: list[Answers] = []
        for number, (prepared, truth, taken, own) in enumerate(batches(path, dataset, split, BATCH)):
            wanted = slice(None) if chosen is None else chosen[number * BATCH : (number + 1) * BATCH]
            digest.update(prepared[wanted].tobytes() + truth[wanted].tobytes())
            parts.append(measuring.reduced(model.predict(taken[wanted]), own[wanted], beside))
        found[split] = joined(parts or [NONE])
    return Predictions(digest.hexdigest(), found)


def as_settled(predictions: Predictions, settled: Sequence[float], measuring: OutcomeMeasuring) -> Predictions:
    """Return predictions as answers are read from them.

    Args:
        predictions: of a model.
        settled: what goes with the model, see :meth:`OutcomeMeasuring.settle`.
        measuring: of the outcome.
    """
    splits = {
        split: Answers(measuring.settled(answers.outputs, settled), answers.targets)
        for split, answers in predictions.splits.items()
    }
    return Predictions(predictions.data, splits)


def judge(answers: Answers, baseline: Answers | None, dataset: Dataset) -> SplitQuality:
    """Measure the quality of one split, by the metrics of the outcome.

    Args:
        answers: the model's.
        baseline: the baseline's on the same samples; None for the baseline itself.
        dataset: what was prepared.

    Returns:
        the metrics, the interval of the first one, and the outcome's details.

    Raises:
        EvaluationError: there are no samples.
    """
    if not len(answers):
        raise EvaluationError(
            "Expected samples in the split that is judged. Received: none. "
            "Raise data.split or add samples to the source."
        )
    measuring = measuring_of(dataset)
    return SplitQuality(
        samples=len(answers),
        metrics=measuring.measure(answers),
        interval=measuring.main.interval(answers),
        details=measuring.details(answers, baseline, dataset),
    )
