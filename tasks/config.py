"""params.yaml as frozen, typed models: unknown keys and wrong types are refused with the path of the key.

The recipes stay plain mappings here; :mod:`tasks.compression.recipe` turns them into techniques, since a technique
is defined, with its own config, in one file there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)

from tasks.errors import ConfigError
from tasks.extras import needing
from tasks.gate_settings import AgreementRule as AgreementRule  # noqa: PLC0414 - one door to all of params.yaml
from tasks.gate_settings import BytesRule as BytesRule  # noqa: PLC0414
from tasks.gate_settings import Gate
from tasks.gate_settings import LatencyRule as LatencyRule  # noqa: PLC0414
from tasks.gate_settings import NegativeFlipsRule as NegativeFlipsRule  # noqa: PLC0414
from tasks.gate_settings import QualityRule as QualityRule  # noqa: PLC0414
from tasks.gate_settings import Rule as Rule  # noqa: PLC0414
from tasks.gate_settings import Sealed as Sealed  # noqa: PLC0414
from tasks.gate_settings import Versus as Versus  # noqa: PLC0414
from tasks.settings import Fraction, telling_renames
from tasks.settings import Settings as Settings  # noqa: PLC0414
from tasks.workloads import find_workload, measuring_for
from tasks.workloads.protocol import Augmentation

PARAMS = Path("params.yaml")
KEY_ID = r"^[0-9a-f]{64}$"
NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
MAX_VERSION = 10**15 - 1  # the number of a release
DEFAULT_WORKLOAD = "image"
BUILT_IN = ("digits", "cifar10")  # sources that come with slimline; their names are also those of their models

Name = Annotated[str, Field(pattern=NAME)]


class Split(Settings):
    """Fractions of the samples kept for choosing (validation) and for deciding (test)."""

    validation: Annotated[float, Field(gt=0, lt=1, description="fraction that candidates are chosen on")] = 0.1
    test: Annotated[float, Field(gt=0, lt=1, description="fraction that stays sealed, for decisions")] = 0.1

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> "Split":
        if self.validation + self.test >= 1:
            raise ValueError("expected validation + test below 1, so that samples are left to train on")
        return self


class Data(Settings):
    """The source of samples, and what is made of them.

    What the workload asks for stands in a part that is called as the workload is (``image:``), see :attr:`options`.
    """

    source: Annotated[
        str,
        Field(
            min_length=1,
            description="digits · cifar10 · a folder of class folders · a .tar, .zip or .npz file · s3://… · https://…",
        ),
    ]
    workload: Annotated[str, Field(description="image · package.module:Class of your own")] = DEFAULT_WORKLOAD
    split: Split = Split()
    max_refused: Annotated[Fraction, Field(description="fraction of unusable samples that still lets a run go on")] = (
        0.01
    )
    shard_bytes: Annotated[
        int, Field(ge=1 << 16, description="size at which a TFRecord file is closed and the next one begun")
    ] = 64 << 20

    @property
    def options(self) -> Settings:
        """Return what the workload asks for."""
        workload = find_workload(self.workload)
        options: Settings | None = getattr(self, workload.name, None)
        return workload.settings() if options is None else options

    def __reduce__(self) -> tuple[Any, ...]:
        """Let pickle ask :func:`data_of` for the class, which is made of the workload and is in no module."""
        return _empty, (self.workload,), self.__getstate__()


@cache
def data_of(workload: str) -> type[Data]:
    """Return the part ``data`` of params.yaml for a workload, with the workload's own part in it.

    Raises:
        ConfigError: there is no such workload.
    """
    found = find_workload(workload)
    part: Any = {found.name: (found.settings, found.settings())}
    made: type[Data] = create_model("Data", __base__=Data, __doc__=Data.__doc__, **part)
    return made


def _empty(workload: str) -> Data:
    made = data_of(workload)
    return made.__new__(made)


def _with_options(values: Any, handler: ValidatorFunctionWrapHandler) -> Data:
    if not isinstance(values, Mapping):
        return handler(values)  # type: ignore[no-any-return]  # says that a mapping is expected
    workload = values.get("workload", DEFAULT_WORKLOAD)
    return data_of(workload if isinstance(workload, str) else DEFAULT_WORKLOAD).model_validate(values)


def _of_workload(values: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Augmentation:
    if isinstance(values, Augmentation):
        return values
    if values == {}:
        return Augmentation()
    kind = (info.context or {}).get("augmentation") or find_workload(DEFAULT_WORKLOAD).augmentation
    checked: Augmentation = kind.model_validate(values)
    return checked


# which random changes there are is the workload's
OfWorkload = Annotated[SerializeAsAny[Augmentation], WrapValidator(_of_workload)]


Precision = Literal["float32", "mixed_bfloat16"]  # what layers compute in; weights are float32


class Network(Settings):
    """A network and how it is trained."""

    model: Annotated[
        str,
        Field(
            min_length=1,
            description="a network of the workload (of images article_cnn · resnet8 · mobilenet_small · vgg_small) · "
            "package.module:function of your own",
        ),
    ] = "article_cnn"
    epochs: Annotated[int, Field(ge=1, description="of training, at most")] = 50
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.001
    schedule: Annotated[
        Literal["constant", "cosine"], Field(description="of the learning rate; cosine falls to zero over the epochs")
    ] = "constant"
    precision: Annotated[
        Precision, Field(description="mixed_bfloat16: layers compute in 16 bits, weights stay float32")
    ] = "float32"
    dropout: Annotated[float, Field(ge=0, lt=1, description="rate of the dropout before the last layer")] = 0.0
    augmentation: OfWorkload = Augmentation()
    patience: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Field(description="epochs without a better one on validation, after which training stops; null: never early"),
    ] = 10


class Training(Network):
    """The baseline's network and training."""

    seed: Annotated[int, Field(ge=0, lt=2**31, description="of all random choices of a run")] = 1
    batch_size: Annotated[int, Field(ge=1, description="samples a step of training, of all trainings")] = 128


class TeacherNetwork(Network):
    """A network, or several that differ by their seed, that small ones may learn from."""

    members: Annotated[int, Field(ge=1, le=16, description="networks whose mean answer counts")] = 1


class Benchmark(Settings):
    """The measurement of latency and throughput."""

    processes: Annotated[int, Field(ge=2, description="in which all models are measured; each counts once")] = 8
    rounds: Annotated[int, Field(ge=10, description="interleaved rounds over all models, in each process")] = 25
    warmup: Annotated[int, Field(ge=0, description="rounds before the clock counts, in each process")] = 5
    batch: Annotated[int, Field(ge=1, description="samples at once when throughput is measured")] = 32
    seconds: Annotated[float, Field(gt=0, description="for the rounds of all processes together")] = 120.0


class Trusted(Settings):
    """Keys and rules of trust: whose releases are taken."""

    public_keys: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(strict=False, description="files and folders of public keys; local: the one in .slimline/keys"),
    ] = ("local",)
    revoked: Annotated[
        tuple[Annotated[str, Field(pattern=KEY_ID)], ...],
        Field(strict=False, description="ids of keys that do not count any more"),
    ] = ()
    allow_unsigned: Annotated[bool, Field(description="true: a release is taken whoever has signed it, or nobody")] = (
        False
    )


class Retention(Settings):
    """The releases that stay in the store; what a channel points to and what is pinned always does."""

    keep: Annotated[int, Field(ge=1, description="the newest releases")] = 10
    orphan_hours: Annotated[float, Field(ge=1, description="after which an upload that never ended is removed")] = 24.0


class Smoke(Settings):
    """Samples that a release is asked about before a channel moves to it, and that travel with it."""

    samples: Annotated[int, Field(ge=1, le=64, description="how many")] = 8
    of: Annotated[
        Literal["noise", "validation"],
        Field(description="noise: nobody's data; validation: samples of that split, which then travel with releases"),
    ] = "noise"


CONSENT = re.compile(r"[1-9][0-9]{0,18}(@[1-9][0-9]{0,18})?|[0-9a-f]{64}")


def _check_consent(value: Any) -> Any:
    if (type(value) is int and value >= 1) or (isinstance(value, str) and CONSENT.fullmatch(value)):
        return str(value)
    raise ValueError(
        "expected a release's version (3), as of a generation of its channel (3@7), or its manifest's SHA-256"
    )


Consent = Annotated[str, BeforeValidator(_check_consent)]  # which release of another task may be replaced


class Deployment(Settings):
    """The store of releases, who signs them and whose are taken."""

    store: Annotated[
        str, Field(pattern=r"^(file|s3)://.+", description="where releases go: file://folder · s3://bucket/prefix")
    ] = "file://.slimline/store"
    model: Annotated[Name, Field(description="the name under which it is released")]
    channel: Annotated[Name, Field(description="what devices follow, and what candidates are compared with")] = (
        "production"
    )
    staging: Annotated[
        Name | None, Field(description="the channel that a release reaches first; null: straight to the channel")
    ] = "staging"
    promotion: Annotated[
        Literal["automatic", "manual"], Field(description="manual: a run ends in staging, and a person promotes")
    ] = "automatic"
    smoke: Smoke = Smoke()
    signing_key: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        Field(description="file of a private key; local: one that the first run makes; null: releases are not signed"),
    ] = "local"
    trust: Trusted = Trusted()
    retention: Retention = Retention()
    serving: Annotated[bool, Field(description="true: TensorFlow Serving gets the baseline, too")] = False
    replaces: Annotated[
        Consent | None, Field(description="release of another task in the channel that may be replaced, once; as 3")
    ] = None

    @model_validator(mode="after")
    def _keep_channels_apart(self) -> "Deployment":
        if self.staging == self.channel:
            raise ValueError("expected staging and channel to be two channels")
        if self.promotion == "manual" and self.staging is None:
            raise ValueError("expected a staging channel where promotion is manual: there a release waits")
        return self

    def target(self, named: str | None = None) -> str:
        """Return the channel that was named, else the one of params.yaml.

        Raises:
            ConfigError: the name is none.
        """
        return self.channel if named is None else check_name("a channel", named)


class Versioning(Settings):
    """The versions that are kept after a release."""

    commit: Annotated[bool, Field(description="true: dvc.lock and params.yaml are committed after a release")] = False
    push: Annotated[bool, Field(description="data and models are pushed to DVC's remote after a release")] = True


class Flow(Settings):
    """The line's parallelism."""

    parallel: Annotated[int, Field(ge=1, description="candidates made and evaluated at the same time")] = 2


class Params(Settings):
    """All of params.yaml."""

    data: Annotated[SerializeAsAny[Data], WrapValidator(_with_options)]
    training: Training = Training()
    teachers: Annotated[
        dict[Name, TeacherNetwork], Field(description="networks beside the baseline that candidates may learn from")
    ] = Field(default_factory=dict)
    recipes: Annotated[dict[Name, list[dict[str, Any]]], Field(min_length=1)]
    benchmark: Benchmark = Benchmark()
    gate: Gate
    deployment: Deployment
    versioning: Versioning = Versioning()
    flow: Flow = Flow()

    @model_validator(mode="after")
    def _keep_names_apart(self) -> "Params":
        taken = {"baseline", "production"} & set(self.recipes)
        if taken:
            raise ValueError(f"expected recipes with names of their own; {sorted(taken)[0]} names something else")
        taken = {"baseline", "none"} & set(self.teachers)
        if taken:
            raise ValueError(f"expected teachers with names of their own; {sorted(taken)[0]} names something else")
        return self


def explain(error: ValidationError, prefix: Sequence[str | int] = ()) -> str:
    """Each problem of a pydantic error on a line: the key's path, what was expected, what was received."""
    lines = []
    for problem in error.errors(include_url=False):
        # after a place in a list pydantic puts the kind of rule it tried, which is no key of the file
        loc = [part for before, part in pairwise((None, *problem["loc"])) if not isinstance(before, int)]
        key = ".".join(str(part) for part in (*prefix, *loc)) or "the file"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: expected no such key. Received: {problem['input']!r}. Remove it or mend its name.")
        elif problem["type"] == "missing":
            lines.append(f"{key}: expected a value. Received: nothing. Add the key.")
        else:
            lines.append(f"{key}: {message[0].lower()}{message[1:]}. Received: {problem['input']!r}.")
    return "\n".join(lines)


def context_of(workload: Any) -> dict[str, Any]:
    """Return what the parts of params.yaml are checked with, of which the workload decides.

    Raises:
        ConfigError: there is no such workload.
    """
    if not isinstance(workload, str):
        return {}
    return {"augmentation": find_workload(workload).augmentation}


def parse_params(
    values: Mapping[str, Any],
    where: str = str(PARAMS),
    say: Callable[[str], None] | None = None,
    measured: bool = True,
) -> Params:
    """Check the values of params.yaml.

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


def parse_deployment(values: Mapping[str, Any]) -> Deployment:
    """Check where releases go, as the command line says it.

    Raises:
        ConfigError: a name or the store's address is none.
    """
    try:
        return Deployment.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"The command line does not fit:\n{explain(error, ('deployment',))}") from None


def check_name(what: str, text: str) -> str:
    """Give a name back that params.yaml would take, wherever it comes from.

    Raises:
        ConfigError: it is none.
    """
    if re.fullmatch(NAME, text):
        return text
    raise ConfigError(
        f"Expected the name of {what}: up to 63 small letters, digits, '_', '.' and '-', a letter or a digit first. "
        f"Received: {text[:100]!r}."
    )


def check_version(number: int) -> int:
    """Give the number of a release back, wherever it comes from.

    Raises:
        ConfigError: it is none.
    """
    if 1 <= number <= MAX_VERSION:
        return number
    raise ConfigError(
        f"Expected the number of a release, 1 or more. Received: "
        f"{number if abs(number) <= MAX_VERSION else 'a number of more than 15 digits'}. `slimline releases` lists all."
    )


def check_digest(text: str) -> str:
    """Give a SHA-256 back, wherever it comes from.

    Raises:
        ConfigError: it is none.
    """
    if re.fullmatch(KEY_ID, text):
        return text
    raise ConfigError(f"Expected a SHA-256, 64 digits and small letters from a to f. Received: {text[:100]!r}.")


def load_params(path: Path = PARAMS, say: Callable[[str], None] | None = None, measured: bool = True) -> Params:
    """Read and check params.yaml; see :func:`parse_params`.

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
