"""The part ``data`` of params.yaml, with the part of the workload in it."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import Field, ValidatorFunctionWrapHandler, create_model, model_validator

from tasks.settings import Fraction, Settings
from tasks.workloads import DEFAULT_WORKLOAD, WORKLOADS, find_workload

BUILT_IN = (
    "digits",
    "cifar10",
    "docstrings",
    "planted",
)  # sources that come with slimline; their names are also those of their models


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
            description="digits · cifar10 · docstrings · a folder · a .tar, .zip or .npz file · a table · s3://… · https://…",
        ),
    ]
    workload: Annotated[str, Field(description=f"{' · '.join(WORKLOADS)} · package.module:Class of your own")] = (
        DEFAULT_WORKLOAD
    )
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

    Args:
        workload: as ``data.workload`` names it.

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


def with_options(values: Any, handler: ValidatorFunctionWrapHandler) -> Data:
    """Return the part ``data`` with the settings of the workload that it names.

    Args:
        values: of the part.
        handler: pydantic's, which refuses what is no mapping.
    """
    if not isinstance(values, Mapping):
        return handler(values)  # type: ignore[no-any-return]  # says that a mapping is expected
    workload = values.get("workload", DEFAULT_WORKLOAD)
    return data_of(workload if isinstance(workload, str) else DEFAULT_WORKLOAD).model_validate(values)
