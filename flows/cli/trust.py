"""The trust of a command: what it is told, else what the environment or the project says."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ConfigError

if TYPE_CHECKING:
    from tasks.config import Trusted
    from tasks.deployment.trust.trusted import Trust


def resolve_trust(paths: Sequence[Path], allow_unsigned: bool) -> "Trust":
    """Return the trusted keys for a command: what the project revokes never counts, and what it requires always does.

    Args:
        paths: public keys, or folders of them, that the command was told.
        allow_unsigned: whether any release is taken.

    Raises:
        ConfigError: nothing names any, or what is named is no public key.
    """
    from tasks.deployment.trust.trusted import (
        ANYBODY,
        ENVIRONMENT,
        environment_trust,
        load_trust,
        project_trust,
        with_required,
    )

    if allow_unsigned:
        return ANYBODY
    project = _project(bool(paths) or ENVIRONMENT in os.environ)
    revoked = project.revoked if project else ()
    if told := load_trust(paths, revoked) if paths else environment_trust(revoked):
        return with_required(told, project) if project else told
    if project:
        return project_trust(project)
    raise ConfigError(
        f"Expected trusted keys, with which to check who has signed the release. Received: none. Give --trusted-keys "
        f"with a public key or a folder of them, or set {ENVIRONMENT}; --allow-unsigned does without."
    )


def _project(may_do_without: bool) -> "Trusted | None":
    """Return what params.yaml says, where there is one; a device may have one, and no library to read it."""
    from tasks.config import PARAMS, load_params

    if not PARAMS.exists():
        return None
    try:
        return load_params().deployment.trust
    except ModuleNotFoundError:
        if may_do_without:
            return None
        raise
