"""The answer of a person to data that waits: a part of ``slimline approve`` and ``slimline reject``."""

from typing import TYPE_CHECKING

from flows.terminal import tell

if TYPE_CHECKING:
    from tasks.deployment.releases.data_consents import Verdict


def answer_data(model: str, digest: str, verdict: "Verdict", reason: str, store: str | None = None) -> None:
    """Enter what a person says of data that waits.

    Args:
        model: the name under which it is released.
        digest: of the data, or its first eight digits or more.
        verdict: approved, or refused.
        reason: for the record.
        store: the store's URL; by default the one of params.yaml.

    Raises:
        ConfigError: nothing waits, or something else does.
        StoreError: the store cannot be read or written.
    """
    from flows.cli.release import deployment
    from tasks.deployment.releases.channels import Why, actor
    from tasks.deployment.releases.promotion import registry_of
    from tasks.watching.memory import answer

    registry = registry_of(deployment(store, model))
    tell(answer(registry, digest, verdict, Why(reason, actor())).describe(model))
