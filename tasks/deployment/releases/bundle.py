"""The files of a release, made from what the stages left: the same records give the same bytes."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.config import LOCK, PARAMS, Params
from tasks.deployment.records import (
    APPROVERS,
    LABELS,
    MANIFEST,
    MAX_FILE,
    MODEL,
    PACKED,
    SAMPLES,
    SIGNATURE,
    File,
)
from tasks.deployment.releases.chosen import ChosenCandidate, check_model
from tasks.deployment.releases.model_card import model_card
from tasks.deployment.releases.samples import record
from tasks.drift.profiling import profile_prepared
from tasks.drift.records import PROFILE
from tasks.errors import ReleaseError
from tasks.evaluation.asking import own_assets_of, own_reader
from tasks.evaluation.records import BASELINE, DECISION, GATE
from tasks.files import sha256, to_json
from tasks.litert import LiteRTModel
from tasks.packing.pack_cache import packed
from tasks.records import write_record
from tasks.samples import Dataset, read_dataset
from tasks.workloads import find_workload, measuring_of

NAMES = {MANIFEST, APPROVERS, MODEL, *(path.name for path in (DECISION, PROFILE, GATE, PARAMS, LOCK))}  # not for assets


@dataclass(frozen=True)
class Bundle:
    """A release's files in ``folder``, the manifest excepted; ``assets`` are those that questions are read with."""

    folder: Path
    files: dict[str, File]
    unpacked: File
    assets: tuple[str, ...] = ()


def bundle(params: Params, chosen: ChosenCandidate, folder: Path) -> Bundle:
    """Make the files of a release in the empty ``folder``.

    Args:
        params: of the project.
        chosen: the candidate and its records.
        folder: where the files go.

    Returns:
        the files by their names, with size and SHA-256 of each.

    Raises:
        ReleaseError: the model is not the one that passed the gate, or dvc.lock is missing.
    """
    model = folder / MODEL
    shutil.copyfile(chosen.model, model)  # so that what is checked is what is packed
    unpacked = file_record(model)
    check_model(chosen.model, unpacked.sha256, chosen.gate)
    loaded = LiteRTModel(model)
    (folder / PACKED).write_bytes(packed(model.read_bytes()))
    model.unlink()
    if not LOCK.exists():
        raise ReleaseError(
            f"Expected {LOCK}, which names the data and the stages behind a release. Received: no such file. "
            f"Run the stages through `slimline run` or `dvc repro`."
        )
    classes = chosen.dataset.classes
    for name, text in {
        **({LABELS: labels(classes)} if classes else {}),
        SIGNATURE: to_json(describe_signature(loaded, chosen.dataset, chosen.quality.settled)),
        SAMPLES: to_json(record(loaded, params.deployment.smoke, chosen.dataset, chosen.model).model_dump(mode="json")),
        "metrics.json": to_json(metrics(chosen)),
        "model_card.md": model_card(params, chosen),
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    assets = own_assets_of(chosen.model)
    for name, content in assets.items():
        if (folder / name).exists() or name in NAMES:
            raise ReleaseError(
                f"Expected what the workload learned to have names of its own. Received: {name}, which is a file of "
                f"every release. Rename it in the workload's reader."
            )
        (folder / name).write_bytes(content)
    present = [path for path in (DECISION if chosen.decision else None, PROFILE if PROFILE.exists() else None) if path]
    for path in (GATE, PARAMS, LOCK, *present):
        shutil.copyfile(path, folder / path.name)
    reader = own_reader(chosen.model, read_dataset())
    if reader and PROFILE in present:  # drift is seen by the release's own vocabulary
        write_record(folder / PROFILE.name, profile_prepared(reader=reader))
    files = {path.name: file_record(path) for path in sorted(folder.iterdir())}
    return Bundle(folder, files, unpacked, tuple(assets))


def file_record(path: Path) -> File:
    """Return a file's size and SHA-256.

    Args:
        path: of the file.

    Raises:
        ReleaseError: it is larger than a release's file may be.
    """
    if (size := path.stat().st_size) > MAX_FILE:
        raise ReleaseError(
            f"Expected {path} to have at most {MAX_FILE:,} bytes, as a release's file. Received: {size:,}."
        )
    return File(bytes=size, sha256=sha256(path))


def labels(classes: tuple[str, ...]) -> str:
    """Return the names of the classes as JSON, in the order of the model's outputs.

    Args:
        classes: their names, in that order.
    """
    return to_json(list(classes))


def describe_signature(model: LiteRTModel, dataset: Dataset, settled: Sequence[float] = ()) -> dict[str, Any]:
    """Return what a device must know to feed the model and to read its answer, without slimline.

    Args:
        model: the released one, open.
        dataset: what it was trained on.
        settled: what was chosen on validation by which outputs become answers, as thresholds.
    """
    state = {"state": "set all variables back before each sample (reset_all_variables)"} if model.stateful else {}
    workload, measuring = find_workload(dataset.workload), measuring_of(dataset)
    return state | {
        "format": 2,
        "workload": dataset.workload,
        "outcome": workload.outcome.name,
        "inputs": {
            spec.name: {
                **asdict(model.tensor_of(spec.name)),
                "values": {"dtype": spec.dtype, "low": spec.low, "high": spec.high},
                "meaning": workload.meaning.get(spec.name, ""),
            }
            for spec in dataset.inputs
        },
        **({"assets": [asset.name for asset in dataset.assets]} if dataset.assets else {}),
        "outputs": {model.output.name: asdict(model.output)},
        "encode": "scale 0: the value as a number of the input's dtype; "
        "otherwise round(value / scale) + zero_point, clipped to the dtype",
        "decode": f"scale 0: the output is the {measuring.output}; otherwise (output - zero_point) * scale",
        "answer": measuring.answer,
        **({"settled": {"numbers": list(settled), "meaning": measuring.settling}} if settled else {}),
    }


def metrics(chosen: ChosenCandidate) -> dict[str, Any]:
    """Return quality, cost and speed of the released model and of the baseline, as values of JSON.

    Args:
        chosen: the candidate and its records.
    """

    def speed(name: str) -> dict[str, Any]:
        return chosen.benchmark.models[name].model_dump(mode="json", exclude={"rounds_us"})

    return {
        "chosen": {**chosen.quality.model_dump(mode="json"), "speed": speed(chosen.gate.chosen)},
        "baseline": {**chosen.baseline.model_dump(mode="json"), "speed": speed(BASELINE)},
        "benchmark": chosen.benchmark.model_dump(mode="json", exclude={"models"}),
    }
