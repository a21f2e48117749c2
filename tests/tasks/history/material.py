"""Runs' records made up to order."""

from pathlib import Path

from tasks.data_loading.fingerprint import SOURCE
from tasks.data_loading.sources.protocol import SourceListing
from tasks.deployment.records import Release
from tasks.history.records import DecisionTaken, RunRecord
from tasks.records import Interval, write_record

DIGEST = "ab" * 32


def run_record(day: int = 1, **changes: object) -> RunRecord:
    made = RunRecord(
        at=f"2026-01-{day:02}T03:00:00+00:00",
        ending="Held back",
        cause="its time has come",
        data=DIGEST,
        recipe="int8",
        model_sha256="c" * 64,
        outcome="INCONCLUSIVE",
        metric="accuracy",
        interval=Interval(value=0.98, low=0.97, high=0.99),
        metrics={"accuracy": 0.98, "recall": 0.9},
        baseline=0.985,
        stored_bytes=12_000,
        loaded_bytes=24_000,
        latency_us=40.0,
        latency_ratio=Interval(value=0.5, low=0.4, high=0.6),
        decision=DecisionTaken(number=1, provable=29),
        release=None,
        manifest_sha256=None,
    )
    return made.model_copy(update=changes)


def release(version: int, digest: str, day: int = 1) -> Release:
    return Release(
        model="shades",
        version=version,
        created=f"2026-01-{day:02}T02:00:00+00:00",
        recipe="int8",
        stored_bytes=11_000,
        loaded_bytes=22_000,
        metrics={"accuracy": 0.975},
        channels=("production",),
        manifest_sha256=digest,
    )


def write_listing(digest: str = DIGEST) -> None:
    Path(SOURCE).parent.mkdir(parents=True, exist_ok=True)
    write_record(SOURCE, SourceListing(kind="folder", location="photos", digest=digest, files=3))
