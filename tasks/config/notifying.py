"""The part ``notify`` of params.yaml: who is told of what.

Secrets are never written there: params.yaml travels with each release. A target names the variables of the environment
that hold them.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from tasks.config.names import Name, explain
from tasks.errors import ConfigError
from tasks.settings import Settings, form

EventKind = Literal[
    "run_failed",
    "held_back",
    "approval_wanted",
    "released",
    "rolled_back",
    "data_changed",
    "data_waits",
    "watch_stale",
]
KINDS: tuple[EventKind, ...] = get_args(EventKind)
VARIABLE = form(r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", "the name of a variable of the environment, as TEAM_CHAT_URL")
ADDRESS = form(r"^[!-;=?A-Z\[-~]{1,64}@[A-Za-z0-9.-]{1,253}$", "an address of mail, as ops@example.org")
HOST = form(r"^[A-Za-z0-9.:-]{1,253}$", "the name of a host, as smtp.example.org")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
SECRETS = {"password": "password_env", "url": "url_env", "token": "token_env"}  # what a user may write at first

Variable = Annotated[str, Field(pattern=VARIABLE)]
Address = Annotated[str, Field(pattern=ADDRESS)]
PerHour = Annotated[int, Field(ge=1, le=1000, description="messages an hour; the next one tells of those left out")]


class Target(Settings):
    """Somebody or something that is told."""

    per_hour: PerHour = 20

    variables: ClassVar[tuple[str, ...]] = ()  # settings that name a variable with a secret

    @model_validator(mode="before")
    @classmethod
    def _keep_secrets_out(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and (written := sorted(SECRETS.keys() & values.keys())):
            key = written[0]
            raise ValueError(
                f"expected no {key} here, since params.yaml travels with each release. "
                f"Put it into a variable of the environment, and name that as {SECRETS[key]}"
            )
        return values

    def secrets(self) -> Iterator[str]:
        """Yield the names of the variables with this target's secrets."""
        yield from filter(None, (getattr(self, name) for name in self.variables))


class MailTarget(Target):
    """People who get a mail."""

    kind: Literal["mail"]
    server: Annotated[str, Field(pattern=HOST, description="the SMTP server")]
    port: Annotated[
        int | None, Field(ge=1, le=65535, description="null: 587 for starttls, 465 for tls, 25 for none")
    ] = None
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(description="starttls · tls from the first byte · none, without a login; certificates are checked"),
    ] = "starttls"
    sender: Annotated[Address, Field(description="whom the mail is from")]
    to: Annotated[tuple[Address, ...], Field(strict=False, min_length=1, max_length=50, description="who gets it")]
    user: Annotated[str | None, Field(min_length=1, max_length=200, description="null: no login")] = None
    password_env: Annotated[Variable | None, Field(description="the variable that holds the password")] = None

    variables: ClassVar[tuple[str, ...]] = ("password_env",)

    @model_validator(mode="after")
    def _log_in_out_of_sight(self) -> "MailTarget":
        if (self.user is None) != (self.password_env is None):
            raise ValueError("expected user and password_env, both or neither")
        if self.user is not None and self.security == "none":
            raise ValueError("expected security starttls or tls where there is a login")
        return self

    def at_port(self) -> int:
        """Return the port, the usual one where none is set."""
        return self.port or PORTS[self.security]


class ChatTarget(Target):
    """A channel of Slack or Teams, by its incoming webhook."""

    kind: Annotated[Literal["slack", "teams"], Field(description="a channel there, by its incoming webhook")]
    url_env: Annotated[Variable, Field(description="the variable that holds the webhook's address")]

    variables: ClassVar[tuple[str, ...]] = ("url_env",)


class WebhookTarget(Target):
    """Any receiver of JSON over HTTP."""

    kind: Literal["webhook"]
    url_env: Annotated[Variable, Field(description="the variable that holds the address")]
    token_env: Annotated[
        Variable | None, Field(description="the variable that holds a token, which is sent as Authorization: Bearer")
    ] = None

    variables: ClassVar[tuple[str, ...]] = ("url_env", "token_env")


AnyTarget = Annotated[MailTarget | ChatTarget | WebhookTarget, Field(discriminator="kind")]
Names = Annotated[tuple[Name, ...], Field(strict=False)]


def _told(about: str) -> Any:
    return Field(description=f"names of the targets that are told {about}", strict=False)


class Notify(Settings):
    """The people and programs that are told of what happens to the line."""

    targets: Annotated[dict[Name, AnyTarget], Field(description="by name: mail, slack, teams or webhook")] = Field(
        default_factory=dict
    )
    run_failed: Annotated[Names, _told("that a run failed, after its last retry")] = ()
    held_back: Annotated[Names, _told("that a run ended without a release, and why")] = ()
    approval_wanted: Annotated[Names, _told("that a release waits for a person")] = ()
    released: Annotated[Names, _told("that a channel points to a release")] = ()
    rolled_back: Annotated[Names, _told("that a channel points to the release before")] = ()
    data_changed: Annotated[Names, _told("that the source has other data")] = ()
    data_waits: Annotated[Names, _told("that new data wait for a person before they are trained on")] = ()
    watch_stale: Annotated[Names, _told("that nobody has looked at the source for long")] = ()

    @model_validator(mode="after")
    def _tell_who_is_there(self) -> "Notify":
        for kind in KINDS:
            if unknown := [name for name in self.told_of(kind) if name not in self.targets]:
                known = ", ".join(self.targets) or "none"
                raise ValueError(f"expected names of targets in {kind}, of which there are: {known}; not {unknown[0]}")
        return self

    @field_validator(*KINDS)
    @classmethod
    def _tell_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names))

    def told_of(self, kind: EventKind) -> tuple[str, ...]:
        """Return the names of the targets that are told of a kind of event.

        Args:
            kind: of the event.
        """
        names: tuple[str, ...] = getattr(self, kind)
        return names


def load_notify(path: Path) -> tuple[str, Notify]:
    """Return the model's name and who is told, whatever else is wrong in params.yaml: of that, too, people are told.

    Args:
        path: of params.yaml.

    Returns:
        an empty name, and nobody, where the file has none of it.

    Raises:
        ConfigError: this part does not fit.
    """
    values = _values(path)
    deployment, notify = values.get("deployment"), values.get("notify")
    model = deployment.get("model") if isinstance(deployment, Mapping) else None
    try:
        return model if isinstance(model, str) else "", Notify.model_validate(notify or {})
    except ValidationError as error:
        raise ConfigError(f"{path} does not fit:\n{explain(error, ('notify',))}") from None


def secret_variables(path: Path) -> frozenset[str]:
    """Return the names of variables that hold secrets of targets, which no stage and no server needs.

    Args:
        path: of params.yaml; one that cannot be read names none.
    """
    notify = _values(path).get("notify")
    targets = notify.get("targets") if isinstance(notify, Mapping) else None
    found = targets.values() if isinstance(targets, Mapping) else ()
    return frozenset(
        value
        for target in found
        if isinstance(target, Mapping)
        for key, value in target.items()
        if key in SECRETS.values() and isinstance(value, str)
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine.

    Args:
        host: a name, or an address without brackets.
    """
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _values(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
    return values if isinstance(values, Mapping) else {}
