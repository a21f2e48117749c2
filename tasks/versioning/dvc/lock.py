"""The lock file of DVC, and the digests in it."""

import hashlib
from typing import Any

from tasks.errors import VersioningError


def content_digest(content: bytes) -> str:
    """Return the digest by which DVC knows a content.

    Args:
        content: of a file.
    """
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def locked_outputs(lock: str) -> dict[str, str]:
    """Read the digest of each output, by path.

    Args:
        lock: the content of a dvc.lock.

    Returns:
        MD5 of each output in hexadecimal digits, by its path in the project.

    Raises:
        VersioningError: it is not one.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        stages: dict[str, Any] = YAML(typ="safe").load(lock)["stages"]
        outputs = [out for stage in stages.values() for out in stage.get("outs", ())]
        return {str(out["path"]): str(out["md5"]) for out in outputs if "md5" in out}
    except (YAMLError, KeyError, TypeError, AttributeError) as error:
        raise VersioningError(
            f"Expected a dvc.lock with the outputs of the stages. Received: {error!r}. The release was not made by DVC."
        ) from None
