"""A recipe that cannot be made of a network: the stage says so in a record, and the line goes on with the others.

Only what another try would give again is recorded so. What came from outside (a full disk, no memory left, a signal, a
person) fails the stage, and the next run tries again.
"""

import traceback
from collections.abc import Callable, Iterator

from tasks.compression.records import write_not_made
from tasks.errors import (
    CompressionError,
    ConversionError,
    EvaluationError,
    PackingError,
    SlimlineError,
    TrainingError,
    Unsuited,
)
from tasks.learning.causes import cause_of, layer_of

OF_THE_NETWORK = (CompressionError, ConversionError, EvaluationError, PackingError, TrainingError)
FROM_OUTSIDE = (OSError, MemoryError)
TROUBLE = (  # TensorFlow's errors about the machine, and how libraries word them; lower case
    "resourceexhausted",
    "unavailableerror",
    "abortederror",
    "cancellederror",
    "no space left",
    "disk quota exceeded",
    "bad_alloc",
    "out of memory",
    "cannot allocate memory",
    "too many open files",
)


def record_refusal(name: str, error: Exception) -> None:
    """Record why a recipe could not be made, or raise the error again if that is not its meaning.

    Args:
        name: of the recipe.
        error: that ended it.

    Raises:
        Exception: the error itself, where another try may end otherwise or a person has to do something.
    """
    if comes_from_outside(error) or (isinstance(error, SlimlineError) and not isinstance(error, OF_THE_NETWORK)):
        raise error
    if not isinstance(error, SlimlineError):
        traceback.print_exception(error)
    leave(name, say_why(name, error))


def comes_from_outside(error: BaseException) -> bool:
    """Return whether another try may do better: the machine was in trouble, not the network.

    Args:
        error: with its causes.
    """
    for each in _causes(error):
        words = f"{type(each).__name__} {each}".lower()
        if isinstance(each, FROM_OUTSIDE) or any(trouble in words for trouble in TROUBLE):
            return True
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def say_why(name: str, error: Exception) -> str:
    """Return the reason why a recipe could not be made, as a sentence.

    Args:
        name: of the recipe.
        error: that ended it.
    """
    if isinstance(error, SlimlineError):
        return str(error)
    what, layer = ": ".join(cause_of(error)), layer_of(error)
    return (
        f"Expected recipe {name} to be carried out. Received: {what}{f' in layer {layer}' if layer else ''}. "
        f"This is a defect of slimline or of a library that it uses; the traceback is in the log. Take another recipe."
    )


def try_twice(run: Callable[[], None], name: str) -> None:
    """Let a worker carry a recipe out; one that dies in a library, or hangs, does so twice before that is recorded.

    Args:
        run: starts the worker and waits for it; it goes on where an earlier one ended.
        name: of the recipe.
    """
    try:
        run()
    except Unsuited as first:
        print(f"{first} It is tried once more.", flush=True)
        try:
            run()
        except Unsuited as again:
            leave(name, str(again))


def leave(name: str, reason: str) -> None:
    """Write the record of a recipe that could not be made, and say so.

    Args:
        name: of the recipe.
        reason: a sentence.
    """
    write_not_made(name, reason)
    print(f"{name}: not made. {reason}", flush=True)
