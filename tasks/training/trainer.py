"""The train stage: from prepared data to the baseline that every candidate is compared with."""

import csv
import io
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from tasks.backend import KerasModel, set_seed, threads, versions
from tasks.code.records import record_of
from tasks.config import Params
from tasks.errors import ConversionError
from tasks.files import write_bytes, write_text
from tasks.learning.building import build_model
from tasks.learning.comparison import check_float32, check_saved, check_split
from tasks.learning.conversion import to_tflite
from tasks.learning.finite import check_finite
from tasks.learning.fitting import Fitted, Plan
from tasks.learning.recorded import recorded_samples
from tasks.learning.records import Comparison
from tasks.learning.saving import check_kept, load_model, save_model, weights_digest
from tasks.learning.solving import train_network
from tasks.records import write_record
from tasks.samples import PREPARED, Dataset, read_dataset
from tasks.training.records import (
    BASELINE_KERAS,
    BASELINE_TFLITE,
    HISTORY,
    TRAINING,
    TrainingReport,
)
from tasks.workloads.protocol import OutcomeSettings

BACKUP = Path(".slimline/backup/baseline")


def train(params: Params) -> None:
    """Train the network that ``params.training`` names; write it, its float LiteRT model and the history.

    Args:
        params: all of params.yaml.

    Raises:
        TrainingError: the network cannot be saved or read again, which is tried before the first epoch, or the training
            ended with weights that are no numbers.
        ConversionError: the LiteRT model or the saved network does not compute what was trained.
    """
    began = time.perf_counter()
    config, dataset, code = params.training, read_dataset(), record_of(params, "train").digest
    _try_out(params, dataset)
    set_seed(config.seed)
    model = build_model(config.model, dataset, config.dropout)
    print(f"{config.model}: {model.count_params():,} parameters, {dataset.splits['train'].samples:,} samples")
    plan = Plan.of(config, config.batch_size, config.seed, code, params.outcome)
    fitted = train_network(config.model, model, plan, backup=BACKUP)
    check_finite(model, "the trained network")
    comparison, metrics = _write(model, dataset, fitted.metric, params.outcome)
    write_text(HISTORY, _history(fitted))
    report = TrainingReport(
        model=config.model,
        parameters=model.count_params(),
        epochs=len(fitted.rows),
        best_epoch=fitted.best_epoch,
        metrics=fitted.metrics,
        weights_sha256=weights_digest(model),
        seconds=round(time.perf_counter() - began, 2),
        versions=versions(),
        threads=threads(),
        conversion=comparison,
        litert_metrics=metrics,
    )
    write_record(TRAINING, report)
    shutil.rmtree(BACKUP, ignore_errors=True)  # with what other plans left behind
    print(f"kept epoch {report.best_epoch}: validation {_tell(report.metrics)}")


def _try_out(params: Params, dataset: Dataset) -> None:
    """Save, read and convert the network as it is before training, so that nobody trains one in vain.

    The network is one of its own, and random numbers begin anew behind it: the training stays what it is.
    """
    config = params.training
    set_seed(config.seed)
    model = build_model(config.model, dataset, config.dropout)
    check_kept(model)
    to_tflite(model, specs=dataset.inputs)


def _write(
    model: KerasModel, dataset: Dataset, metric: str, outcome: OutcomeSettings
) -> tuple[Comparison, dict[str, float]]:
    """Write the network and its file once it is sure that they are the same; gives the file's metric."""
    flatbuffer, recorded = to_tflite(model, specs=dataset.inputs), recorded_samples(dataset.inputs, PREPARED)
    comparison = check_float32(model, flatbuffer, recorded)
    metrics = {metric: check_split(model, flatbuffer, comparison, metric, settings=outcome)}
    save_model(model, BASELINE_KERAS)
    try:
        check_saved(model, load_model(BASELINE_KERAS), recorded, BASELINE_KERAS)
    except ConversionError:
        BASELINE_KERAS.unlink()
        raise
    write_bytes(BASELINE_TFLITE, flatbuffer)
    print(f"{BASELINE_TFLITE}: {comparison.sentence}; validation {_tell(metrics)}")
    return comparison, metrics


def _tell(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metrics.items())


def _history(fitted: Fitted) -> str:
    """The course of the training as CSV, without its seconds: the same training gives the same file."""
    columns = [name for name in fitted.rows[0] if name != "seconds"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *columns])
    writer.writerows([epoch, *(row[name] for name in columns)] for epoch, row in enumerate(fitted.rows, 1))
    return text.getvalue()
