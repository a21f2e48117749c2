"""The extras of the installation, and the sentence for who uses a part of slimline that is not installed.

The base fetches, verifies and unpacks a release. ``predict`` asks it, ``s3`` reads stores at ``s3://``, ``line`` is
everything but ``sentencepiece``, by which texts may be cut.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

from tasks.errors import NotInstalled

Extra = Literal["predict", "s3", "line", "sentencepiece"]
MODULES: dict[Extra, tuple[str, ...]] = {  # by which an extra is known to be there
    "predict": ("ai_edge_litert", "PIL"),
    "s3": ("boto3",),
    "line": ("cyclopts", "ruamel", "tensorflow", "prefect", "dvc"),
    "sentencepiece": ("sentencepiece",),
}
OURS = frozenset({"flows", "tasks", "slimline"})


def missing(extra: Extra) -> str | None:
    """Return the first module of an extra that is not installed; None where all are. Nothing is imported.

    Args:
        extra: as ``pip install 'slimline[extra]'`` names it.
    """
    return next((name for name in MODULES[extra] if not _is_there(name)), None)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def not_installed(extra: Extra, purpose: str, module: str) -> NotInstalled:
    """Return the error that names the extra which ``purpose`` needs.

    Args:
        extra: as ``pip install 'slimline[extra]'`` names it.
        purpose: what needs it, for a person.
        module: the library that is missing.
    """
    return NotInstalled(
        f"Expected slimline[{extra}], which {purpose} needs. Received: an installation without {module}. "
        f"Install it with `pip install 'slimline[{extra}]'`.",
        name=module,
    )


@contextmanager
def needing(extra: Extra, purpose: str) -> Iterator[None]:
    """Yield to a block, and turn a library that it misses into the sentence that names the extra.

    Args:
        extra: the one that has the libraries of the block.
        purpose: what needs them, for a person.

    Raises:
        NotInstalled: a library is missing, and the extra is not all there.
    """
    try:
        yield
    except NotInstalled:
        raise
    except ModuleNotFoundError as error:
        top = (error.name or "").partition(".")[0]
        if top in OURS or missing(extra) is None:  # a defect of slimline, or of a module of the user's own
            raise
        raise not_installed(extra, purpose, top) from None
