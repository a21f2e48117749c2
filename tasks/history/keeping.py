"""Runs' records in the store: written once at a run's end, read back the newest first."""

import secrets

from tasks.causes import Cause
from tasks.data_loading.fingerprint import SOURCE
from tasks.data_loading.sources.protocol import SourceListing
from tasks.deployment.records import Release
from tasks.deployment.registry import Odd, decode, encode, now
from tasks.deployment.stores.protocol import Store
from tasks.errors import NotFound, ReleaseError, StoreError, StoreUnavailable
from tasks.evaluation.records import BASELINE
from tasks.evaluation.results import Results
from tasks.history.records import DecisionTaken, RunRecord
from tasks.records import read_record
from tasks.text import storable

SUFFIX = ".json"


def runs_folder(model: str) -> str:
    """Return the key under which the records of a model's runs lie.

    Args:
        model: the model's name.
    """
    return f"models/{model}/runs"


def record_of(results: Results, ending: str, cause: Cause, release: Release | None) -> RunRecord | None:
    """Return what a finished run came to; None where the gate has chosen nothing.

    Args:
        results: of the stages, with the gate's verdict.
        ending: of the run.
        cause: of the run.
        release: that a channel points to, or that waits in staging.

    Raises:
        DataError: what was listed is not here.
        EvaluationError: the chosen candidate has no cost.
    """
    gate, decision, main = results.gate, results.decision, results.measuring.main
    if gate is None:
        return None
    quality, before = (results.qualities[name].splits["validation"] for name in (gate.chosen, BASELINE))
    cost, speed = results.cost(gate.chosen), results.speed(gate.chosen)
    return RunRecord(
        at=now(),
        ending=ending,
        cause=storable(cause.sentence),
        data=read_record(SOURCE, SourceListing).digest,
        recipe=gate.chosen,
        model_sha256=gate.model_sha256,
        outcome=gate.outcome,
        metric=main.name,
        interval=quality.interval,
        metrics=quality.metrics,
        baseline=before.metrics[main.name],
        stored_bytes=cost.stored_bytes,
        loaded_bytes=cost.loaded_bytes,
        latency_us=speed.median_us,
        latency_ratio=speed.latency_ratio,
        decision=DecisionTaken(number=decision.number, provable=decision.outlook.provable) if decision else None,
        release=release.version if release else None,
        manifest_sha256=release.manifest_sha256 if release else None,
    )


def note_run(store: Store, model: str, record: RunRecord) -> bool:
    """Write a run's record, unless the last one says the same: a night without news leaves no line.

    Args:
        store: of the releases.
        model: its name.
        record: of the run.

    Returns:
        whether it is news.

    Raises:
        StoreError: the store cannot be read or written.
    """
    last, _ = read_runs(store, model, 1)
    if last and last[0].is_as(record):
        return False
    moment = "".join(char for char in record.at if char.isdigit())[:14]
    store.put(f"{runs_folder(model)}/{moment}-{secrets.token_hex(4)}{SUFFIX}", encode(record))
    return True


def read_runs(store: Store, model: str, most: int) -> tuple[list[RunRecord], tuple[Odd, ...]]:
    """Return the records of the last runs, the newest first, and what is none.

    Args:
        store: of the releases.
        model: its name.
        most: records that are read.

    Raises:
        StoreError: the store cannot be listed, or does not answer.
    """
    keys = sorted((entry.key for entry in store.list(runs_folder(model))), reverse=True)[:most]
    records, odd = [], []
    for key in keys:
        try:
            records.append(decode(store.get(key).content, RunRecord, "it"))
        except NotFound:
            continue
        except StoreUnavailable:
            raise
        except (StoreError, ReleaseError) as error:
            odd.append(Odd(key, str(error)))
    return sorted(records, key=lambda record: record.at, reverse=True), tuple(odd)
