"""All of params.yaml, and its reading.

The recipes stay plain mappings here; :mod:`tasks.compression.recipe` turns them into techniques, since a technique
is defined, with its own config, in one file there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from tasks.config.data import BUILT_IN, Data, with_options
from tasks.config.deployment import Deployment
from tasks.config.drift import Drift
from tasks.config.names import Name, explain
from tasks.config.notifying import Notify
from tasks.config.training import TeacherNetwork, Training
from tasks.config.watching import Watch
from tasks.errors import ConfigError
from tasks.extras import needing
from tasks.gate_settings import Gate
from tasks.settings import Settings, form, telling_renames
from tasks.workloads import DEFAULT_WORKLOAD, find_workload, measuring_for, settings_for
from tasks.workloads.protocol import OutcomeSettings

PARAMS = Path("params.yaml")
LOCK = Path("dvc.lock")
CARRIED = (PARAMS.name, LOCK.name)  # files of a project that every release of it has
REMOTE = form(r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}$", "the name of a remote of git, as origin")


class Benchmark(Settings):
    """The measurement of latency and throughput."""

    processes: Annotated[int, Field(ge=2, description="in which all models are measured; each counts once")] = 8
    rounds: Annotated[int, Field(ge=10, description="interleaved rounds over all models, in each process")] = 25
    warmup: Annotated[int, Field(ge=0, description="rounds before the clock counts, in each process")] = 5
    batch: Annotated[int, Field(ge=1, description="samples at once when throughput is measured")] = 32
    seconds: Annotated[float, Field(gt=0, description="for the rounds of all processes together")] = 120.0


class Versioning(Settings):
    """The versions that are kept after a release."""

    commit: Annotated[
        bool, Field(description="true: dvc.lock and params.yaml are committed after a release, which is tagged")
    ] = False
    push: Annotated[bool, Field(description="data and models are pushed to DVC's remote after a release")] = True
    git_remote: Annotated[
        Annotated[str, Field(pattern=REMOTE)] | None,
        Field(description="git's remote that gets the commit and the tag of a release, as origin; null: none does"),
    ] = None

    @model_validator(mode="after")
    def _push_what_is_committed(self) -> "Versioning":
        if self.git_remote and not self.commit:
            raise ValueError("expected commit: true where git_remote is named: a commit and a tag are what goes there")
        return self


class Flow(Settings):
    """The line's parallelism."""

    parallel: Annotated[int, Field(ge=1, description="candidates made and evaluated at the same time")] = 2


def _of_outcome(values: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> OutcomeSettings:
    if isinstance(values, OutcomeSettings):
        return values
    checked: OutcomeSettings = ((info.context or {}).get("settings") or OutcomeSettings).model_validate(values)
    return checked


class Params(Settings):
    """All of params.yaml."""

    data: Annotated[SerializeAsAny[Data], WrapValidator(with_options)]
    training: Training = Training()
    outcome: Annotated[SerializeAsAny[OutcomeSettings], WrapValidator(_of_outcome)] = OutcomeSettings()
    teachers: Annotated[
        dict[Name, TeacherNetwork], Field(description="networks beside the baseline that candidates may learn from")
    ] = Field(default_factory=dict)
    recipes: Annotated[dict[Name, list[dict[str, Any]]], Field(min_length=1)]
    benchmark: Benchmark = Benchmark()
    gate: Gate
    deployment: Deployment
    watch: Watch = Watch()
    drift: Drift = Drift()
    versioning: Versioning = Versioning()
    flow: Flow = Flow()
    notify: Notify = Notify()

    @model_validator(mode="after")
    def _keep_names_apart(self) -> "Params":
        taken = {"baseline", "production"} & set(self.recipes)
        if taken:
            raise ValueError(f"expected recipes with names of their own; {sorted(taken)[0]} names something else")
        taken = {"baseline", "none"} & set(self.teachers)
        if taken:
            raise ValueError(f"expected teachers with names of their own; {sorted(taken)[0]} names something else")
        return self


def context_of(workload: Any) -> dict[str, Any]:
    """Return what the parts of params.yaml are checked with, of which the workload decides.

    Args:
        workload: as ``data.workload`` names it; what is no text has no context.

    Raises:
        ConfigError: there is no such workload.
    """
    if not isinstance(workload, str):
        return {}
    return {"augmentation": find_workload(workload).augmentation, "settings": settings_for(workload)}


def parse_params(
    values: Mapping[str, Any],
    where: str = str(PARAMS),
    say: Callable[[str], None] | None = None,
    measured: bool = True,
) -> Params:
    """Return the settings that the values of params.yaml are.

    Args:
        values: as the file has them.
        where: the file's name, for errors.
        say: is told of keys that have another name now.
        measured: whether the gate's metrics are looked up in the outcome: a stage that measures nothing does not depend
            on the code of that.

    Raises:
        ConfigError: a key is unknown or missing, or a value has the wrong type or range.
    """
    data = values.get("data")
    workload = data.get("workload", DEFAULT_WORKLOAD) if isinstance(data, Mapping) else DEFAULT_WORKLOAD
    try:
        with telling_renames(say):
            context = context_of(workload)
            if measured and isinstance(workload, str):
                context["outcome"] = measuring_for(workload)
            return Params.model_validate(values, context=context)
    except ValidationError as error:
        raise ConfigError(f"{where} does not fit:\n{explain(error)}") from None


def expect_own_name(params: Params) -> None:
    """Refuse to give data of one's own the name of a data set that comes with slimline.

    Args:
        params: all of params.yaml.

    Raises:
        ConfigError: ``deployment.model`` is a built-in's name and ``data.source`` is not that built-in.
    """
    source, model = params.data.source, params.deployment.model
    if model in BUILT_IN and source != model:
        raise ConfigError(
            f"Expected deployment.model to be a name of your own: {model} is the built-in data set's, and data.source "
            f"is another. Received: deployment.model {model}, data.source {source}. So name your model, as in "
            f"`slimline run --set deployment.model=NAME`; what is released as {model} stays as it is."
        )


def load_params(path: Path = PARAMS, say: Callable[[str], None] | None = None, measured: bool = True) -> Params:
    """Return the settings of a params.yaml, checked as :func:`parse_params` does.

    Args:
        path: of the file.
        say: is told of keys that have another name now.
        measured: see :func:`parse_params`.

    Raises:
        ConfigError: the file is missing, is not YAML or does not fit.
        NotInstalled: the installation is the base alone, which reads no YAML.
    """
    with needing("line", str(path)):
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"Expected {path} in {Path.cwd()}. Received: no such file. Run slimline in the folder of your project."
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"Expected {path} to be YAML in UTF-8. Received: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"Expected {path} to hold a mapping. Received: {type(values).__name__}.")
    return parse_params(values, str(path), say, measured)
