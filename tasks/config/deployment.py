"""The part ``deployment`` of params.yaml."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from tasks.config.names import KEY_ID, Name, check_name, explain
from tasks.errors import ConfigError
from tasks.settings import Renamed, Settings, form
from tasks.stores import STORES, written

STORE = form(rf"^({'|'.join(STORES)})://.+", written(STORES.values()))


class Role(Settings):
    """Keys that sign in a role, and how many of them must."""

    threshold: Annotated[int, Field(ge=1, le=16, description="how many of the keys must have signed")] = 1
    keys: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(strict=False, min_length=1, description="files and folders of public keys"),
    ]


class RequiredRoles(Settings):
    """Roles that must have signed a release before a channel beside staging, or a device, takes it."""

    approvers: Annotated[
        Role | None, Field(description="people who sign that they approve; null: no signature of theirs is asked for")
    ] = None


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
    require: RequiredRoles = RequiredRoles()


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


Approval = Literal["required", "when_inconclusive", "none"]


class Deployment(Settings):
    """The store of releases, who signs them and whose are taken."""

    renamed: ClassVar[Mapping[str, Renamed]] = {
        "promotion": Renamed("approval", {"automatic": "none", "manual": "required"})
    }

    store: Annotated[str, Field(pattern=STORE, description=f"where releases go: {written(STORES.values())}")] = (
        "file://.slimline/store"
    )
    model: Annotated[Name, Field(description="the name under which it is released")]
    channel: Annotated[Name, Field(description="what devices follow, and what candidates are compared with")] = (
        "production"
    )
    staging: Annotated[
        Name | None, Field(description="the channel that a release reaches first; null: straight to the channel")
    ] = "staging"
    approval: Annotated[
        Approval,
        Field(
            description="required: each release waits in staging for a person; when_inconclusive: what the gate could "
            "not decide waits, what passed does not; none: nothing waits"
        ),
    ] = "none"
    approval_days: Annotated[
        float, Field(gt=0, le=3650, description="how long a release waits; then it counts as rejected")
    ] = 3.0
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
        if self.approval != "none" and self.staging is None:
            raise ValueError(f"expected a staging channel where approval is {self.approval}: there a release waits")
        return self

    def target(self, named: str | None = None) -> str:
        """Return the channel that was named, else the one of params.yaml.

        Args:
            named: on the command line.

        Raises:
            ConfigError: the name is none.
        """
        return self.channel if named is None else check_name("a channel", named)


def parse_deployment(values: Mapping[str, Any]) -> Deployment:
    """Return where releases go, as the command line says it.

    Args:
        values: of the part ``deployment``.

    Raises:
        ConfigError: a name or the store's address is none.
    """
    try:
        return Deployment.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"The command line does not fit:\n{explain(error, ('deployment',))}") from None
