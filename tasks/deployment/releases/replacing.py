"""Keep a release from being replaced by one for another task, unless a person has named the release that goes.

A release's task is what a device must know to use it: its classes in their order and the inputs it takes. A consent
names the release that may be replaced, by its version (``3``) or its manifest's SHA-256, and is spent when another
release has taken its place: for a release that comes back to the channel it is said anew, with the channel's
generation (``3@7``).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.deployment.records import LABELS, SIGNATURE, Pointer
from tasks.deployment.registry import Sealed, read_manifest, release_key
from tasks.deployment.releases.channels import trail
from tasks.deployment.stores.protocol import Readable
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import NotFound, ReleaseError
from tasks.evaluation.records import Consent
from tasks.workloads import unnamed

MOST_NAMED = 20  # classes in a sentence


@dataclass(frozen=True)
class ReleaseTask:
    """The task of a release: its workload, outcome and classes, and the inputs of a sample.

    ``shapes``, ``dtypes``: by the name of the input; an only one goes by no name, as it had none in old releases.
    """

    workload: str
    outcome: str
    classes: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]


def read_task(store: Readable, release: Sealed) -> ReleaseTask:
    """Read the task of a release.

    Args:
        store: that has the release.
        release: whose task is asked for.

    Returns:
        classes, inputs, workload and outcome.

    Raises:
        ReleaseError: it does not say it, or what it says is not what its manifest names.
        StoreError: it cannot be read.
    """
    try:
        outcome, signature = release.manifest.outcome, json.loads(_read(store, release, SIGNATURE))
        classes = json.loads(_read(store, release, LABELS)) if LABELS in release.manifest.files else ()
        inputs = signature["inputs"] if "inputs" in signature else {"": signature["input"]}  # of before
        taken = inputs if len(inputs) > 1 else {"": next(iter(inputs.values()))}
        return ReleaseTask(
            workload_of(signature),
            outcome,
            tuple(map(str, classes)),
            {name: tuple(map(int, each["shape"][1:])) for name, each in taken.items()},
            {name: str(each["dtype"]) for name, each in taken.items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ReleaseError(
            f"Expected {LABELS} and {SIGNATURE} of release {release.manifest.version} of {release.manifest.model} to "
            f"say what it is for. Received: {error!r}."
        ) from None


def workload_of(signature: Mapping[str, Any]) -> str:
    """Return the workload that a release's signature names; see :mod:`tasks.workloads.unnamed`.

    Args:
        signature: as ``signature.json`` has it.
    """
    return str(signature.get("workload", unnamed.WORKLOAD))


def _read(store: Readable, release: Sealed, name: str) -> bytes:
    manifest = release.manifest
    try:
        content = store.get(release_key(manifest.model, manifest.version, name)).content
    except NotFound as error:
        raise ReleaseError(str(error)) from None
    expected = manifest.files.get(name)
    if expected is None or hashlib.sha256(content).hexdigest() != expected.sha256:
        raise ReleaseError(
            f"Expected {name} of release {manifest.version} of {manifest.model} as its manifest has it. "
            f"Received: another content."
        )
    return content


def find_consent(store: Readable, model: str, channel: str, pointer: Pointer, named: str) -> Consent:
    """Judge whether a consent counts for the release that a channel points to.

    Args:
        store: that has the channel's trail.
        model: the model's name.
        channel: its name.
        pointer: where it points to.
        named: what ``deployment.replaces`` or ``--replaces`` says.

    Returns:
        whether it counts, and the sentence that says why.

    Raises:
        ReleaseError: the channel's trail is not whole.
        StoreError: it cannot be read.
    """
    said = f"deployment.replaces: {named}"
    version, _, generation = named.partition("@")
    if generation:
        matches = (version, generation) == (str(pointer.version), str(pointer.generation))
    else:
        matches = version in (str(pointer.version), pointer.manifest_sha256)
    if not matches:
        now = f"release {pointer.version}, since generation {pointer.generation}"
        return Consent(counts=False, sentence=f"{said} does not name what is in {channel} now: {now}.")
    left = next((move for move in trail(store, model, channel) if move.previous == pointer.version), None)
    if left and not generation:
        return Consent(
            counts=False,
            sentence=(
                f"{said} counts no more, since release {left.version} has taken its place at {left.moved_at}. To "
                f"replace it again, name the generation, too: {pointer.version}@{pointer.generation}."
            ),
        )
    return Consent(counts=True, sentence=f"{said} lets this model take its place, once.")


def expect_same_task(
    store: Readable,
    model: str,
    pointer: Pointer | None,
    channel: str,
    release: Sealed,
    allowed: Callable[[Pointer], bool],
) -> int | None:
    """Refuse to move a channel to a release of another task.

    Args:
        store: that has both releases.
        model: the model's name.
        pointer: where the channel points to.
        channel: its name.
        release: where the channel is to point.
        allowed: whether a consent names the release that the channel points to.

    Returns:
        the release of another task that a consent lets it replace, None where it does not take such a consent.

    Raises:
        ReleaseError: the channel's release is for another task, or does not say for which, and no consent names it.
        StoreError: the store cannot be read.
    """
    if pointer is None or pointer.manifest_sha256 == release.sha256:
        return None
    mine = read_task(store, release)
    try:
        # whose release it is does not matter here: nothing of it is used
        theirs = read_task(store, read_manifest(store, model, pointer.version, ANYBODY, pointer.manifest_sha256))
        reason = describe_difference(theirs, mine)
    except ReleaseError as error:
        reason = f"it does not say what it is for. {error}"
    if reason is None:
        return None
    if allowed(pointer):
        return pointer.version
    version = release.manifest.version
    raise ReleaseError(
        f"Expected release {version} of {model} to be for the task of release {pointer.version}, to which {channel} "
        f"points. Received: another task: {reason} What is for another task does not update it. Either give the model "
        f"a name of its own (deployment.model), or let it take that release's place, once (deployment.replaces: "
        f"{pointer.version}, or `slimline promote --replaces {pointer.version}`). The channel stays as it is."
    )


def describe_difference(theirs: ReleaseTask, mine: ReleaseTask) -> str | None:
    """Describe how the task of a new release differs from that of the one before; None if it does not.

    Args:
        theirs: the task of the release before.
        mine: that of the new one.

    Returns:
        a clause for a sentence about the new release.
    """
    for what in ("workload", "outcome"):
        if (before := getattr(theirs, what)) != (now := getattr(mine, what)):
            return f"its {what} is {now}, before: {before}."
    if theirs.classes != mine.classes:
        if sorted(theirs.classes) == sorted(mine.classes):
            return f"it knows the same classes in another order ({_names(mine)}; before: {_names(theirs)})."
        return f"it knows other classes ({_names(mine)}; before: {_names(theirs)})."
    if theirs.shapes != mine.shapes:
        return f"it takes samples of {_tell(mine.shapes)}, before: {_tell(theirs.shapes)}."
    if theirs.dtypes != mine.dtypes:
        return f"it takes samples as {_tell(mine.dtypes)}, before: {_tell(theirs.dtypes)}."
    return None


def _tell(inputs: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}".strip() for name, value in sorted(inputs.items()))


def _names(task: ReleaseTask) -> str:
    more = f" and {len(task.classes) - MOST_NAMED} more" if len(task.classes) > MOST_NAMED else ""
    return ", ".join(task.classes[:MOST_NAMED]) + more
