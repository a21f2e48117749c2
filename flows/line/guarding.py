"""The guard before training: data that was trained on, that was refused, or that a person has to look at first.

A run that a person started in a terminal goes on whatever the data: that person sees what it says.
"""

import contextlib
from collections.abc import Iterator

from flows.line.concluding import RunResult
from flows.line.naming import name_run
from flows.line.stages import StageFailed
from flows.line.telling import tell
from tasks.causes import Cause
from tasks.config import Params, QualityRule
from tasks.data_loading.fingerprint import SOURCE
from tasks.data_loading.sources.protocol import SourceListing
from tasks.deployment.releases.promotion import Registry
from tasks.errors import UNUSABLE
from tasks.evaluation.beforehand import expect_known_classes
from tasks.records import read_record
from tasks.samples import read_dataset
from tasks.versioning.dvc import remote_urls
from tasks.watching.apart import expect_apart
from tasks.watching.asking import reasons_by_content
from tasks.watching.judging import judge
from tasks.watching.looking import look
from tasks.watching.memory import RUN, note_attempt, note_refused, note_waiting, recall
from tasks.workloads import measuring_of


def end_before_work(params: Params, registry: Registry, cause: Cause) -> RunResult | None:
    """Return the end of a run that must not begin; None where it goes on, which is noted first.

    Args:
        params: of the project.
        registry: the project's, open.
        cause: of the run.

    Raises:
        ConfigError: the source holds what the line itself writes.
        SourceError: the source is missing, empty or unreachable.
        StoreError: the store cannot be read or written.
    """
    tell("cause", f"{cause.kind}: {cause.sentence}")
    if cause.is_attended:
        return None
    expect_apart(params, remote_urls())
    state = look(params.data)
    name_run(params.deployment.model, cause, state.digest)
    memory = recall(registry, state.digest)
    found = judge(params, state, memory)
    if cause.kind == "data" and found.kind in ("Unchanged", "Refused"):
        return RunResult("Nothing to do", found.sentence, None)
    if found.kind == "Refused" and memory.consent and memory.consent.by != RUN:  # else settings may have been mended
        return RunResult("Nothing to do", found.sentence, None)
    if found.kind == "AwaitingConsent":
        return wait_for_person(params, registry, state.digest, found.reasons, found.classes)
    if found.kind != "Unchanged":
        note_attempt(registry, state.digest)
    return None


@contextlib.contextmanager
def refusing_data(registry: Registry) -> Iterator[None]:
    """Note that data is refused where a stage in the block cannot use it: no other run begins on it by itself.

    Args:
        registry: the project's, open.

    Raises:
        StageFailed: the stage ended with an error.
        StoreError: the store cannot be read or written.
    """
    try:
        yield
    except StageFailed as error:
        if error.code == UNUSABLE:
            note_refused(registry, read_record(SOURCE, SourceListing).digest, error.message)
        raise


def end_before_training(params: Params, registry: Registry, cause: Cause) -> RunResult | None:
    """Return the end of a run whose samples, now that they were read, need a person's consent; None where it goes on.

    Args:
        params: of the project.
        registry: the project's, open.
        cause: of the run.

    Raises:
        StoreError: the store cannot be read or written.
    """
    if cause.is_attended:
        return None
    digest, dataset = read_record(SOURCE, SourceListing).digest, read_dataset()
    memory = recall(registry, digest)
    if memory.trained is None:
        return None
    reasons = reasons_by_content(memory.trained, dataset, params.watch.max_shrink)
    if not reasons:
        return None
    approved = memory.consent if memory.consent and memory.consent.verdict == "approved" else None
    if approved and (approved.classes is None or set(approved.classes) == set(dataset.classes)):
        return None
    return wait_for_person(params, registry, digest, reasons, dataset.classes or None)


def expect_rules_fit(params: Params) -> None:
    """Refuse rules of the gate about a class that the data has not, before anything is trained.

    Args:
        params: of the project.

    Raises:
        ConfigError: there is one.
    """
    if any(isinstance(rule, QualityRule) and rule.of is not None for rule in params.gate.rules):
        dataset = read_dataset()
        expect_known_classes(params.gate.rules, measuring_of(dataset), dataset)


def wait_for_person(
    params: Params, registry: Registry, digest: str, reasons: tuple[str, ...], classes: tuple[str, ...] | None
) -> RunResult:
    """Note that data waits for a person.

    Args:
        params: of the project.
        registry: the project's, open.
        digest: of the source's listing.
        reasons: a sentence each.
        classes: of the model that would be made; None where they are not known yet.

    Returns:
        the end of the run.
    """
    note_waiting(registry, digest, reasons, classes)
    command = f"slimline approve {params.deployment.model} --data {digest[:12]} --reason …"
    return RunResult("AwaitingConsent", f"{' '.join(reasons)} A person decides: `{command}`", None, waits=digest)
