"""The decision about the chosen candidate: first the entry in the ledger, then the answers of the sealed samples.

Nothing of it is a DVC stage, since a stage that is restored does nothing: the ledger in the store is what remembers. A
run that is killed anywhere leaves an entry; the next run asks the same question and ends it at the same level.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tasks.config import Params
from tasks.deployment.decisions import ledger, sealed
from tasks.deployment.decisions.entries import Entry
from tasks.deployment.decisions.ledger import Known
from tasks.deployment.decisions.sealed import Hashes
from tasks.deployment.records import MAX_BY
from tasks.deployment.registry import current, read_manifest
from tasks.deployment.releases.channels import actor
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.stores.protocol import Readable
from tasks.errors import DataError, LedgerError
from tasks.evaluation import decision
from tasks.evaluation.question import pose, read_decision
from tasks.evaluation.records import DECISION, GATE, Decision, Outlook
from tasks.evaluation.results import Results, load_results
from tasks.records import read_record, write_record
from tasks.samples import read_hashes, read_validation_hashes
from tasks.spending import two_sided, worth


def settle(params: Params, registry: Registry) -> Decision:
    """Take the decision about what the gate has chosen, or take it over if it was taken.

    Args:
        params: of the project.
        registry: the project's, open.

    Returns:
        the decision, as it is kept.

    Raises:
        WornOut: the sealed samples can decide nothing any more.
        LedgerError: the ledger is not what it should be, or has a PASS that is none here.
        Conflict: somebody else wrote to the ledger first each time.
        StoreError: the store does not keep conditions on writes, or cannot be read or written.
        EvaluationError: a model or a sample was changed since the gate has chosen.
    """
    settings, last = params.deployment, read_decision(params)
    store = registry.store
    if last and (last.store, last.ledger) == (store.url, ledger.folder(settings.model)):
        ledger.expect_entries(ledger.read(store, settings.model), store, [known_as(last)])
        return last
    results, question, hashes = load_results(params), pose(params), read_hashes()
    if results.gate is None:
        raise DataError(f"Expected {GATE}. Received: no such file. Run `slimline run` or `dvc repro` first.")
    terms = sealed.Terms(params.gate.error, decision.ceiling(params), actor()[:MAX_BY], results.gate.chosen)
    known = tuple(known_decisions(registry, params))
    entry, used = sealed.reserve(
        store, settings.model, question, hashes, terms, known, chosen_on=read_validation_hashes()
    )
    if entry.ended is None:
        judgement = decision.decide(results, entry.reserved.question, used, entry.reserved.level)
        entry = ledger.end(store, settings.model, entry.reserved.number, judgement)
    elif entry.ended.outcome == "PASS":
        expect_passes(store, results, entry, used)
    made = _told(store, results, entry, look_ahead(store, results, entry, hashes))
    write_record(DECISION, made)
    return made


def keep_apart(params: Params) -> None:
    """Name the validation samples of a run that is held back beside the ledger: they never are new sealed ones.

    Args:
        params: of the project.

    Raises:
        LedgerError: the ledger is not what it should be.
        Conflict: somebody else wrote to the ledger first each time.
        StoreError: the store cannot be read or written.
    """
    settings = params.deployment
    sealed.name_chosen_on(registry_of(settings).store, settings.model, read_validation_hashes())


def expect_passes(store: Readable, results: Results, entry: Entry, used: NDArray[np.bool_]) -> None:
    """Take a PASS that somebody else has entered once more, at its level, before anything is released by it.

    Verdicts in the ledger are not signed: whoever can write to the store can make a PASS of another one. The same
    models give the same answers to the same samples, so it costs nothing and shows that.

    Args:
        store: that has the ledger.
        results: of the run.
        entry: that has passed.
        used: which samples of the test split it was taken on, ``[n]``.

    Raises:
        LedgerError: it does not pass here.
        EvaluationError: a model or a sample was changed since the gate has chosen.
    """
    line = entry.reserved
    if decision.decide(results, line.question, used, line.level) != "PASS":
        key = ledger.ledger_key(results.params.deployment.model)
        raise LedgerError(
            f"Expected decision {line.number:,} of {key} in {store.url}, which is PASS there, to pass here as well: "
            f"{line.recipe}, with the same models, samples and rules. Received: a rule that is not proven. The ledger "
            f"was changed, or the runtime of this machine rounds otherwise than that of {line.by}: compare the ledger "
            f"with a backup of the store, or release from there."
        )


def _told(store: Readable, results: Results, entry: Entry, outlook: Outlook) -> Decision:
    """Return a decision that has ended as a record, with the sentence that explains it.

    Raises:
        ValueError: it has not ended.
    """
    if entry.ended is None or entry.sha256 is None:
        raise ValueError("Expected a decision that has ended. Received: one that has not.")
    line = entry.reserved
    made = Decision(
        outcome=entry.ended.outcome,
        question=line.question,
        store=store.url,
        ledger=ledger.folder(results.params.deployment.model),
        number=line.number,
        sha256=entry.sha256,
        samples=line.samples,
        turn=entry.turn,
        level=line.level,
        confidence=two_sided(line.level),
        error=line.error,
        outlook=outlook,
        sentence="",
    )
    return made.model_copy(update={"sentence": decision.explain(results, made)})


def look_ahead(store: Readable, results: Results, entry: Entry, hashes: Hashes) -> Outlook:
    """Return what the samples of a decision can still decide after it.

    Args:
        store: that has the ledger.
        results: of the run.
        entry: the decision in the ledger.
        hashes: of the test samples.
    """
    params, line = results.params, entry.reserved
    if not line.set:
        return Outlook(confidence=two_sided(line.level), worth=0, provable=None, restore=0)
    book = ledger.read(store, params.deployment.model)
    level = entry.after.level(line.error, line.ceiling)
    return Outlook(
        confidence=two_sided(level),
        worth=worth(line.samples, level, line.ceiling) if level else 0,
        provable=decision.provable(results, entry.after, line.samples),
        restore=sealed.missing(*sealed.look(store, params.deployment.model, book, hashes)),
    )


def known_as(last: Decision) -> Known:
    """Return the last decision that was taken here as one that the ledger must have.

    Args:
        last: this decision.
    """
    return Known(last.number, last.sha256, str(DECISION))


def known_decisions(registry: Registry, params: Params) -> Iterator[Known]:
    """Yield decisions that the ledger must have: of releases in the project's channels, and the last one taken here.

    Args:
        registry: the project's, open.
        params: of the project.

    Raises:
        Untrusted: nobody whom the project trusts has signed a release in a channel.
        ReleaseError: a release is missing or damaged.
        StoreError: the store cannot be read.
    """
    settings, store = params.deployment, registry.store
    if DECISION.exists():
        last = read_record(DECISION, Decision)
        if (last.store, last.ledger) == (store.url, ledger.folder(settings.model)):
            yield known_as(last)
    for channel in filter(None, (settings.channel, settings.staging)):
        if pointer := current(store, settings.model, channel):
            digest = pointer.manifest_sha256
            manifest = read_manifest(store, settings.model, pointer.version, registry.trust, digest).manifest
            if made := manifest.decision:
                yield Known(made.number, made.sha256, f"release {manifest.version} in {channel}")
