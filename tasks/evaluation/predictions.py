"""A model's answers to all samples, kept so that two models can be compared sample by sample.

Only answers about the validation split are kept. Those about the sealed test split live in memory, for one decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EvaluationError
from tasks.files import whole_file
from tasks.workloads.metric import Answers as Answers  # noqa: PLC0414 - what is kept

Split = Literal["validation", "test"]
KEPT: tuple[Split, ...] = ("validation",)
FORMAT = 1  # of the file

NONE = Answers(np.zeros((0, 0), np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True)
class Predictions:
    """A model's answers on the splits. ``data`` is the digest of the samples; empty if the model is absent."""

    data: str = ""
    splits: Mapping[Split, Answers] = field(default_factory=lambda: dict.fromkeys(KEPT, NONE))


def joined(parts: Sequence[Answers]) -> Answers:
    """Return the answers of several batches, one behind the other.

    Args:
        parts: at least one.
    """
    return Answers(
        *(np.concatenate(arrays) for arrays in zip(*((each.outputs, each.targets) for each in parts), strict=True))
    )


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write what is kept as an ``.npz`` whose bytes depend on its content alone (NumPy dates its entries 1980).

    Args:
        path: of the ``.npz``.
        predictions: of which the validation split is kept.
    """
    arrays: dict[str, NDArray[Any]] = {"format": np.array(FORMAT), "data": np.array(predictions.data)}
    for split in KEPT:
        answers = predictions.splits[split]
        arrays[f"{split}_outputs"] = answers.outputs.astype(np.float32)
        arrays[f"{split}_targets"] = answers.targets
    with whole_file(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def read_predictions(path: Path) -> Predictions:
    """Read what :func:`write_predictions` has kept.

    Args:
        path: of the ``.npz``.

    Returns:
        the answers to the validation split.

    Raises:
        EvaluationError: the file is missing or does not hold predictions.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            _check_format(int(arrays["format"]))
            splits = {split: Answers(arrays[f"{split}_outputs"], arrays[f"{split}_targets"]) for split in KEPT}
            return Predictions(str(arrays["data"]), splits)
    except FileNotFoundError:
        received = "no such file"
    except (ValueError, TypeError, KeyError, OSError, BadZipFile) as error:
        received = str(error)
    raise EvaluationError(
        f"Expected {path} to hold a model's predictions. Received: {received}. "
        f"Remove it and run `slimline run` or `dvc repro` again."
    )


def _check_format(written: int) -> None:
    if written != FORMAT:
        raise ValueError(f"the format {written}, not {FORMAT}")


def check_pairing(name: str, predictions: Predictions, other_name: str, other: Predictions) -> None:
    """Refuse to compare two models that were not asked about the same samples.

    Args:
        name: of one model.
        predictions: its answers.
        other_name: of the other model.
        other: the answers of that.

    Raises:
        EvaluationError: their predictions are about other samples.
    """
    if predictions.data != other.data:
        raise EvaluationError(
            f"Expected {name} and {other_name} to be measured on the same samples. Received: samples "
            f"{predictions.data[:12]}… and {other.data[:12]}…. Run `slimline run` or `dvc repro` again."
        )
