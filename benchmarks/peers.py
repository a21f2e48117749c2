"""Measure what other tools reach on the article's CNN, and candidates with the same settings beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tasks.records import Interval
from tasks.wording import points, points_interval, times

PEERS = Path(__file__).with_name("peers.yaml")
HEAD = ("peer", "its difference", "its bytes", "candidate", "difference, points", "bytes", "of its bytes", "reached")


@dataclass(frozen=True)
class Peer:
    """One row: ``difference`` to the peer's own baseline, as a fraction, where it is known; bytes as stored."""

    name: str
    stored: int
    recipe: Sequence[Mapping[str, Any]]
    difference: float | None


def read_peers() -> dict[str, Peer]:
    """The rows of ``peers.yaml`` by the name of the recipe that stands beside each."""
    rows = YAML(typ="safe").load(PEERS)
    return {
        name: Peer(
            name=row["peer"],
            stored=row["stored"],
            recipe=row["recipe"],
            difference=row["difference"] / 100 if "difference" in row else None,
        )
        for name, row in rows.items()
    }


def beside(peer: Peer, candidate: str, seen: Interval, stored: int) -> tuple[str, ...]:
    """A line of a table with :data:`HEAD`.

    A row is reached with no more bytes, and with a difference that is as good as the peer's or whose 95 % interval
    holds the peer's: one seed of a network that was retrained cannot tell such two apart.
    """
    as_good = peer.difference is None or seen.high >= peer.difference
    return (
        peer.name,
        "" if peer.difference is None else points(peer.difference),
        f"{peer.stored:,}",
        candidate,
        f"{points(seen.value)} ({points_interval(seen)})",
        f"{stored:,}",
        times(stored / peer.stored),
        "yes" if as_good and stored <= peer.stored else "no",
    )
