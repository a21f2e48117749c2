"""Ask a fetched release about files."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tasks.arrays import Array
from tasks.deployment.device.client import release_folder
from tasks.deployment.device.downloading import verify
from tasks.deployment.records import LABELS, MODEL, SIGNATURE
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ConfigError, DataError, ReleaseError
from tasks.extras import needing
from tasks.litert import LiteRTModel
from tasks.samples import Inputs, Specs, TensorSpec, out_of_range
from tasks.workloads import WORKLOADS, find_workload, measuring_for, reading_of, unnamed
from tasks.workloads.answering import Completes, NamesAnswers
from tasks.workloads.measuring import Prediction as Prediction  # noqa: PLC0414 - what is given back

FORMATS = (1, 2)  # of a release's signature


@needing("predict", "asking a model")
def predict(
    model_dir: str | Path, files: Sequence[str | Path], trust: Trust, workload: str | None = None
) -> list[Prediction]:
    """Ask a fetched release.

    Args:
        model_dir: the folder given to :func:`tasks.deployment.device.client.fetch`, or one of the versions in it.
        files: questions, as the release's workload reads them. Images are files, and brought to the model's size and
            channels. Of texts a path is a text file, and a string is the text itself.
        trust: who may have signed the release.
        workload: of a user's own, as ``package.module:Class``; a release only names it, and does not decide what runs.

    Returns:
        an answer for each question, in their order.

    Raises:
        NotInstalled: LiteRT or Pillow is not there; ``slimline[predict]`` has both.
        Untrusted: nobody trusted has signed the release.
        ReleaseError: the release is missing or damaged.
        DataError: a question cannot be read as a sample.
    """
    answer = asker(model_dir, trust, workload)
    return [answer(file) for file in files]


@needing("predict", "asking a model")
def asker(model_dir: str | Path, trust: Trust, workload: str | None = None) -> Callable[[str | Path], Prediction]:
    """Load a fetched release, and return what answers one question.

    Args:
        model_dir: see :func:`predict`.
        trust: who may have signed the release.
        workload: see :func:`predict`.

    Returns:
        a function of a question, which raises DataError where it cannot be read as a sample; then others may be asked.

    Raises:
        NotInstalled: LiteRT or Pillow is not there; ``slimline[predict]`` has both.
        Untrusted: nobody trusted has signed the release.
        ReleaseError: the release is missing or damaged.
    """
    folder = release_folder(Path(model_dir))
    manifest = verify(folder, trust).manifest
    assets = {name: (folder / name).read_bytes() for name in manifest.assets}
    model = LiteRTModel(folder / MODEL)
    labels: Sequence[str] = json.loads((folder / LABELS).read_bytes()) if (folder / LABELS).exists() else []
    name, inputs = how_to_ask(folder, model, workload)
    if missing := sorted(each for each in find_workload(name).outcome.files if not (folder / each).exists()):
        raise ReleaseError(
            f"Expected {', '.join(missing)} in {folder}, without which the answer cannot be read. "
            f"Received: none. Do not use this release, publish again."
        )
    if manifest.settled and model.output.shape[-1] != len(manifest.settled):
        raise ReleaseError(
            f"Expected a threshold for each of the {model.output.shape[-1]} outputs of the model in {folder}. "
            f"Received: {len(manifest.settled)}. Do not use this release, publish again."
        )
    if labels and model.output.shape[-1] != len(labels):
        raise ReleaseError(
            f"Expected a label for each of the {model.output.shape[-1]} outputs of the model in {folder}. "
            f"Received: {len(labels)} labels. Do not use this release, publish again."
        )
    reading, measuring = reading_of(name), measuring_for(name)

    def answer(question: str | Path) -> Prediction:
        asked = reading.ask(question, inputs, assets)
        if isinstance(reading, Completes):
            output, names = reading.completed(
                lambda more: model.predict(_question(question, more, inputs))[0], asked, assets
            )
            return measuring.predict(str(question), output, names)
        output, names = model.predict(_question(question, asked, inputs))[0], labels
        if isinstance(reading, NamesAnswers):
            output, names = reading.answered(output, asked, assets)
        return measuring.predict(str(question), measuring.settled(output, manifest.settled), names)

    return answer


def _question(question: str | Path, asked: Mapping[str, Array], inputs: Specs) -> Inputs:
    """Return one sample as a batch.

    Raises:
        DataError: a value is not in the range of its input.
        ConfigError: the workload gives no arrays by name.
    """
    if not isinstance(asked, Mapping):
        raise ConfigError(
            f"data.workload: expected arrays by the names of inputs of a question. Received: {type(asked).__name__}. "
            f"Let `ask` give a mapping."
        )
    for spec in inputs:
        if spec.name in asked and (reason := out_of_range(spec, asked[spec.name])):
            raise DataError(f"Expected {str(question)[:200]!r} to hold {spec.name} in their range. Received: {reason}.")
    return Inputs({name: array[None] for name, array in asked.items()})


def how_to_ask(folder: Path, model: LiteRTModel, own: str | None = None) -> tuple[str, Specs]:
    """Return the workload by which questions are read for a release, and what its inputs are.

    A release of before signatures named a workload takes what :mod:`tasks.workloads.unnamed` says.

    Args:
        folder: of the release.
        model: of the release, loaded.
        own: the workload of a user's own that may be run.

    Raises:
        ReleaseError: it is of a workload that is not here, or does not say what it takes.
    """
    try:
        signature = json.loads((folder / SIGNATURE).read_bytes())
        name = _permitted(str(signature.get("workload", unnamed.WORKLOAD)), own)
        reading_of(name)
        _check_format(signature, find_workload(name).outcome.name)
        inputs = tuple(
            TensorSpec(name=name, shape=tuple(taken["shape"][1:]), **taken["values"])
            for name, taken in signature.get("inputs", {}).items()
        )
    except (ConfigError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            f"Expected {folder / SIGNATURE} to name a workload that may be run, and its inputs. Received: {error}. "
            f"Name a workload of your own (`slimline predict --workload package.module:Class`), or update slimline."
        ) from None
    return name, inputs or unnamed.specs(next(iter(model.inputs.values())).shape[1:])


def _check_format(signature: Mapping[str, object], outcome: str) -> None:
    """Refuse a signature of a format or an outcome that is not known here; of before there were formats it has none."""
    if (format_ := signature.get("format", FORMATS[0])) not in FORMATS or isinstance(format_, bool):
        raise ConfigError(f"the format {str(format_)[:100]!r}, which is not one of {', '.join(map(str, FORMATS))}")
    if format_ == FORMATS[-1] and not signature.get("inputs"):
        raise ConfigError("no inputs")
    if (named := signature.get("outcome", outcome)) != outcome:
        raise ConfigError(f"the outcome {str(named)[:100]!r}, which is not the workload's {outcome}")


def _permitted(workload: str, own: str | None) -> str:
    if workload in {*WORKLOADS, own}:
        return workload
    raise ConfigError(f"the workload {workload[:100]!r}, which is not one of {', '.join(WORKLOADS)}")
