"""The work behind each name of a stage on the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Networks = Literal["training", "teachers", "students"]  # parts of params.yaml that may name a module of a user's own


@dataclass(frozen=True)
class Work:
    """A function that a stage calls, as ``package.module:function``, and whose networks it builds.

    ``reads``: whether it reads samples out of a source. ``measures``: whether it measures what models answer.
    ``reports``: whether it writes a report of it. ``learns``: whether it lets networks learn, ``answers``: whether it
    settles how a model answers; each depends on the settings of the outcome that are about it.
    """

    entry: str
    networks: tuple[Networks, ...] = ()
    reads: bool = False
    measures: bool = False
    reports: bool = False
    learns: bool = False
    answers: bool = False

    @property
    def package(self) -> str:
        """The stage's package, whose ``__main__`` runs it."""
        return ".".join(self.entry.split(".")[:2])

    @property
    def module(self) -> str:
        """The module of the function."""
        return self.entry.partition(":")[0]


WORKS: Mapping[str, Work] = {
    "code": Work("tasks.code.records:write_code", measures=True),
    "fingerprint": Work("tasks.data_loading.fingerprint:fingerprint"),
    "load": Work("tasks.data_loading.load:load", reads=True),
    "train": Work("tasks.training.trainer:train", ("training",), learns=True),
    "export": Work("tasks.training.serving:export", ("training",)),
    "teach": Work("tasks.training.teachers:teach", ("teachers",), learns=True),
    "compress": Work("tasks.compression.supervisor:compress", ("training", "teachers", "students"), learns=True),
    "production": Work("tasks.deployment.releases.production:production"),
    "drift": Work("tasks.drift.stage:drift"),
    "evaluate": Work("tasks.evaluation.quality:evaluate", measures=True, answers=True),
    "benchmark": Work("tasks.evaluation.benchmark:benchmark"),
    "gate": Work("tasks.evaluation.gate:gate", measures=True, reports=True),
}
ALWAYS_RUN = frozenset({"code", "fingerprint", "production"})  # nothing is to be known of their code


def works_of(package: str) -> dict[str, str]:
    """Return the works of a stage's package: the entry by the name.

    Args:
        package: as ``tasks.training``.
    """
    return {name: work.entry for name, work in WORKS.items() if work.package == package}


def measuring_works() -> frozenset[str]:
    """Return the names of the works that measure what models answer."""
    return frozenset(name for name, work in WORKS.items() if work.measures)
