"""Workloads by the names that params.yaml has for them."""

import importlib
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ConfigError
from tasks.gate_settings import COSTS, OBJECTIVES
from tasks.samples import PREPARED, Dataset, read_dataset
from tasks.workloads.protocol import (
    Augmentation,
    ConfiguredLearning,
    Outcome,
    OutcomeLearning,
    OutcomeSettings,
    Workload,
    WorkloadLearning,
    WorkloadReading,
)

if TYPE_CHECKING:
    from tasks.workloads.measuring import Blocks, Exhibits, OutcomeMeasuring  # no code of stages that measure nothing

# The class in the module ``workload`` of the folder of that name; the first one is the default. One that differs from
# another in its outcome alone lies in a folder of that, and has the same settings: ``text/next_token``.
WORKLOADS = {
    "image": "Image",
    "text": "Text",
    "text/next_token": "NextTokenText",
    "ratings": "Ratings",
    "stars": "Stars",
}
DEFAULT_WORKLOAD = next(iter(WORKLOADS))
OWN = re.compile(r"\w+(\.\w+)*:\w+")  # package.module:name


def target_of(name: str) -> str:
    """Return where the workload that ``data.workload`` names is: ``package.module:Class``.

    Args:
        name: as params.yaml has it.

    Raises:
        ConfigError: it is neither slimline's nor of that form.
    """
    if name in WORKLOADS:
        return f"{__name__}.{name.replace('/', '.')}.workload:{WORKLOADS[name]}"
    if OWN.fullmatch(name):
        return name
    raise ConfigError(
        f"data.workload: expected one of {', '.join(WORKLOADS)} or package.module:Class. Received: {name[:100]!r}."
    )


@cache
def find_workload(name: str) -> Workload:
    """Return the workload that ``data.workload`` names: one of slimline's, or ``package.module:Class`` of one's own.

    Args:
        name: as params.yaml has it.

    Raises:
        ConfigError: there is none of that name, or it is not what a workload is.
    """
    module, _, attribute = target_of(name).partition(":")
    if name not in WORKLOADS and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # at the end, so that nothing of the project's hides a library
    workload: Workload = _made(f"{module}:{attribute}")
    missing = [part for part in PARTS if not hasattr(workload, part)]
    if missing:
        raise ConfigError(
            f"data.workload: expected {name} to be a workload, as tasks.workloads.protocol describes it. "
            f"Received: a class without {', '.join(missing)}."
        )
    if not isinstance(workload.meaning, Mapping):
        raise ConfigError(
            f"data.workload: expected {name} to say what its inputs mean, by their names. "
            f"Received: {type(workload.meaning).__name__}. Let `meaning` be a mapping."
        )
    lacking = [part for part in OUTCOME_PARTS if not hasattr(workload.outcome, part)]
    if lacking:
        raise ConfigError(
            f"data.workload: expected the outcome of {name} to be one, as tasks.workloads.protocol describes it. "
            f"Received: one without {', '.join(lacking)}."
        )
    return workload


def _parts(protocol: type) -> list[str]:
    return sorted({*protocol.__annotations__, *(part for part in vars(protocol) if not part.startswith("_"))})


PARTS, OUTCOME_PARTS = _parts(Workload), _parts(Outcome)


def reading_of(name: str) -> WorkloadReading:
    """Return how a workload reads samples.

    Args:
        name: of the workload, as ``data.workload`` has it.
    """
    return _made(find_workload(name).reading)  # type: ignore[no-any-return]


def learning_of(name: str) -> WorkloadLearning:
    """Return what training needs of a workload; imports TensorFlow.

    Args:
        name: of the workload, as ``data.workload`` has it.
    """
    return _made(find_workload(name).learning)  # type: ignore[no-any-return]


def augmentation_for(workload: str, given: Augmentation) -> Augmentation:
    """Return an augmentation as the workload understands it; where nothing was said of it, the workload's own.

    Args:
        workload: as ``data.workload`` names it.
        given: as params.yaml has it.
    """
    return find_workload(workload).augmentation() if type(given) is Augmentation else given


def outcome_of(folder: Path = PREPARED, settings: OutcomeSettings | None = None) -> OutcomeLearning:
    """Return what training needs of the outcome of prepared data; imports TensorFlow.

    Every loss and every metric that a training, a criterion or a search looks at is that of this.

    Args:
        folder: of the prepared data.
        settings: ``outcome`` of params.yaml; None: as they are by themselves.

    Raises:
        ConfigError: the settings do not fit the data.
    """
    dataset = read_dataset(folder)
    made = outcome_for(dataset.workload)
    if settings is None or not settings.changed(answering=False) or not isinstance(made, ConfiguredLearning):
        return made
    return made.configured(settings, dataset)


def settings_for(workload: str) -> type[OutcomeSettings]:
    """Return the class of the settings that the outcome of a workload has.

    Args:
        workload: as ``data.workload`` names it.
    """
    return getattr(find_workload(workload).outcome, "settings", OutcomeSettings)


def outcome_for(workload: str) -> OutcomeLearning:
    """Return what training needs of the outcome of a workload; imports TensorFlow.

    Args:
        workload: as ``data.workload`` names it.
    """
    return _made(find_workload(workload).outcome.learning)  # type: ignore[no-any-return]


def files_of(outcome: str) -> frozenset[str]:
    """Return the files that a release must have beside its model, by the name of its outcome alone.

    No code of a user's own runs for that: of an outcome that is not slimline's nothing is known, and nothing needed.

    Args:
        outcome: as a release's manifest names it.
    """
    from tasks.workloads.outcomes import OUTCOMES

    return next((known.files for known in OUTCOMES if known.name == outcome), frozenset())


def measuring_of(dataset: Dataset) -> "OutcomeMeasuring":
    """Return what is measured of the outcome of prepared data; imports no TensorFlow.

    Args:
        dataset: what was prepared.
    """
    return measuring_for(dataset.workload)


def measuring_for(workload: str) -> "OutcomeMeasuring":
    """Return what is measured of the outcome of a workload.

    Args:
        workload: as ``data.workload`` names it.

    Raises:
        ConfigError: it measures nothing, or names a metric twice or as a rule that every outcome has.
    """
    made: OutcomeMeasuring = _made(find_workload(workload).outcome.measuring)
    names = [metric.name for metric in getattr(made, "metrics", ())]
    taken = {*COSTS, *OBJECTIVES, *getattr(made, "rules", ())}
    if not names or len(set(names)) < len(names) or taken & set(names):
        raise ConfigError(
            f"data.workload: expected the outcome of {workload} to have metrics, each with a name of its own and none "
            f"of {', '.join(sorted(taken))}. Received: {', '.join(names) or 'none'}."
        )
    return made


def blocks_for(workload: str) -> "Blocks | None":
    """Return the function that makes the blocks of the report that only this outcome has; None where it has none.

    Args:
        workload: as ``data.workload`` names it.
    """
    target = measuring_for(workload).blocks
    return None if target is None else _found(target)


def exhibits_for(workload: str) -> "Exhibits | None":
    """Return the function that makes what the operator's page shows of this outcome alone; None where it has none.

    Args:
        workload: as ``data.workload`` names it.
    """
    target = measuring_for(workload).exhibits
    return None if target is None else _found(target)


@cache
def _made(target: str) -> Any:
    try:
        return _found(target)()
    except ConfigError:
        raise
    except Exception as error:  # a user's own class may raise anything
        raise _unusable(target, error) from error


def _found(target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a user's own module may raise anything
        raise _unusable(target, error) from error


def _unusable(target: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"data.workload: expected an importable class that takes nothing. Received: {target!r} ({error}). "
        f"Put the module in the project's folder or install it, and mend what it raises."
    )
