"""The stages that have something to do and why, asked once, without Prefect and without TensorFlow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tasks.code.changes import explain_code
from tasks.code.records import foresee_code
from tasks.config import Params
from tasks.data_loading.fingerprint import SOURCE, explain_source, foresee_source
from tasks.data_loading.sources.protocol import SourceListing
from tasks.deployment.releases.production import production_changed
from tasks.deployment.releases.promotion import Registry
from tasks.deployment.releases.release_state import already_released
from tasks.versioning.changes import Foreseen
from tasks.versioning.restoring import restore
from tasks.versioning.stages import Stage, read_stages, reads_stale, stale_stages

PRODUCTION = "production"
NAMED = 2  # stages that differ by their recipe alone; of more, the number is told


@dataclass(frozen=True)
class Survey:
    """The stages in an order in which they can run, and those that may have something to do.

    ``data`` is the digest of what the source lists now.
    """

    stages: Mapping[str, Stage]
    stale: frozenset[str]
    data: str | None = None

    def reasons(self) -> dict[str, tuple[str, ...]]:
        """Return why each stale stage is stale, in the order in which they run."""
        return {name: tuple(self._why(stage)) for name, stage in self.stages.items() if name in self.stale}

    def _why(self, stage: Stage) -> Iterator[str]:
        yield from stage.changed
        if not stage.changed and (before := reads_stale(stage, self.stages, self.stale)):
            yield f"after {', '.join(sorted({need.partition('@')[0] for need in before}))}"
        elif not stage.changed:
            yield "the release in production changed" if stage.name == PRODUCTION else "it always runs"


def survey(params: Params, registry: Registry) -> Survey:
    """Ask which stages have something to do; `dvc repro` would decide the same.

    Args:
        params: of the project.
        registry: the project's, open.

    Returns:
        all stages, those that are stale, and the digest of the data.

    Raises:
        SourceError: the source is missing, empty or unreachable.
        StoreError: the store cannot be read.
        VersioningError: this is no DVC repository, dvc.yaml is wrong, or another DVC command is at work for long.
    """
    foreseen = foresee(params)
    stages = read_stages(foreseen=foreseen)
    stale = stale_stages(stages, {PRODUCTION: False})
    # a model that is released need not be compared with itself; one that is made anew is compared with it
    if stale or already_released(params, registry) is None:
        stale = stale_stages(stages, {PRODUCTION: production_changed(params, registry.store)})
    listed = foreseen.get(SOURCE)
    return Survey(stages, stale, SourceListing.model_validate_json(listed.content).digest if listed else None)


def restore_outputs(params: Params) -> list[str]:
    """Get what another clone has made from DVC's remote, where it would be made just so again.

    Args:
        params: of the project.

    Returns:
        sentences about it.

    Raises:
        SourceError: the source is missing, empty or unreachable.
        VersioningError: this is no DVC repository, or dvc.yaml or dvc.lock is wrong.
    """
    return restore(partial(foresee, params))


def foresee(params: Params) -> dict[Path, Foreseen]:
    """Return the files that the stages `code` and `fingerprint` would write now.

    Args:
        params: of the project.
    """
    code, source = foresee_code(params), foresee_source(params.data)
    return {path: Foreseen(now, partial(explain_code, now)) for path, now in code.items()} | {
        path: Foreseen(now, partial(explain_source, now)) for path, now in source.items()
    }


def told(survey: Survey) -> list[tuple[str, str]]:
    """Return the reasons, one row for all stages that have the same: names and words.

    Args:
        survey: of the stages.
    """
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, reasons in survey.reasons().items():
        rows.setdefault(reasons, []).append(name)
    return [(_listed(names), "; ".join(reasons)) for reasons, names in rows.items()]


def _listed(names: list[str]) -> str:
    """Stage names, those of many recipes counted."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition("@")[0], []).append(name)
    many = {group: f"{group} of {len(each)} recipes" for group, each in groups.items() if len(each) > NAMED}
    return ", ".join(many.get(group) or ", ".join(each) for group, each in groups.items())
