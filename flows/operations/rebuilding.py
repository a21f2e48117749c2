"""A release made again from nothing but what its manifest names: commit, dvc.lock, params.yaml, data."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import check_name, check_version
from tasks.errors import ConfigError, VersioningError

if TYPE_CHECKING:
    from tasks.deployment.releases.reproduction import Reproduction
    from tasks.deployment.stores.protocol import Readable
    from tasks.deployment.trust.trusted import Trust

DATA = ("fingerprint", "load")


def reproduce(
    store: "Readable", model: str, version: int, trust: "Trust", folder: Path, say: Callable[[str, str], None]
) -> "Reproduction":
    """Make a release again in the empty ``folder`` and compare the model bit for bit.

    Training and compression run for real: neither DVC's cache nor its run cache is shared with the clone.

    Args:
        store: that has the release.
        model: the model's name.
        version: of the release.
        trust: who may have signed the release.
        folder: gets the release, and a clone of this repository at the release's commit.
        say: gets a topic and a line.

    Returns:
        whether it came out the same, and what differs.

    Raises:
        Untrusted: nobody trusted has signed the release.
        ReleaseError: there is no such release, or it was made outside of git.
        ConfigError: another version of slimline made it, which the project does not carry.
        VersioningError: the commit is not here, or a stage ended with an error.
        StoreError: the store cannot be read.
    """
    from tasks.deployment.releases.reproduction import carried_files, compare, get_release
    from tasks.deployment.releases.tool import expect_tool
    from tasks.litert import cpu_name
    from tasks.versioning.dvc import locked_outputs
    from tasks.versioning.rebuilding import carries_tool, clone_at, put_files, run_again, stages_to_run

    say("release", f"{model} {version} from {store.url}")
    manifest, commit = get_release(store, model, version, trust, folder / "release")
    carried = carried_files(folder / "release")
    say("clone", commit)
    project = clone_at(commit, folder / "clone")
    put_files(project, carried)
    notes = [
        *expect_tool(manifest, carries_tool(project)),
        *get_data(project, say),
        *get_timed(project, manifest.recipe, say),
    ]
    for stage in stages_to_run(project, f"compress@{manifest.recipe}", DATA):
        threads = manifest.threads.get(stage.partition("@")[0])
        run_again(project, stage, lambda line, stage=stage: say(stage, line), threads)  # type: ignore[misc]
    outputs = (
        locked_outputs(carried["dvc.lock"].decode()),
        locked_outputs((project / "dvc.lock").read_text(encoding="utf-8")),
    )
    return compare(manifest, folder / "release", project, outputs, cpu_name(), notes)


def reproduce_in(
    folder: Path | None,
    store: "Readable",
    model: str,
    version: int,
    trust: "Trust",
    say: Callable[[str, str], None],
) -> "Reproduction":
    """Do as :func:`reproduce` does, in an empty folder that is kept or, without one, in one that is removed.

    Args:
        folder: an empty or a new one; None: one that is removed.
        store: that has the release.
        model: the model's name.
        version: of the release.
        trust: who may have signed the release.
        say: gets a topic and a line.

    Returns:
        as :func:`reproduce` gives it.

    Raises:
        ConfigError: the folder is not empty.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="slimline-") as temporary:
            return reproduce(store, model, version, trust, Path(temporary), say)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"Expected {folder} to be empty. Received: something is in it. Name another folder.")
    return reproduce(store, model, version, trust, folder, say)


def parse_release(text: str) -> tuple[str, int]:
    """Return model and version of MODEL@VERSION.

    Args:
        text: that a person gave.

    Raises:
        ConfigError: it is not.
    """
    model, _, version = text.rpartition("@")
    if not model or not re.fullmatch("[0-9]{1,15}", version) or version.strip("0") == "":
        raise ConfigError(f"Expected MODEL@VERSION, as digits@3. Received: {text[:100]!r}.")
    return check_name("a model", model), check_version(int(version))


def get_data(project: Path, say: Callable[[str, str], None]) -> list[str]:
    """Pull the prepared data; where the remote does not give it, prepare it from the source again.

    Args:
        project: its folder in the clone.
        say: gets a topic and a line.

    Returns:
        what is to be said about it.
    """
    from tasks.versioning.dvc import Gone, pull
    from tasks.versioning.rebuilding import lend_source, run_again, stages_to_run

    say("data", "pull it from DVC's remote")
    try:
        pull(project, DATA)
    except VersioningError as error:
        say("data", f"{error} It is read from the source again.")
        lend_source(project)
        for stage in stages_to_run(project, DATA[-1], ()):
            run_again(project, stage, lambda line, stage=stage: say(stage, line))  # type: ignore[misc]
        if isinstance(error, Gone):
            return ["The data is gone from DVC's remote: it was read from the source again."]
        return [f"The data could not be had from DVC's remote: it was read from the source again. {error}"]
    return []


def get_timed(project: Path, recipe: str, say: Callable[[str, str], None]) -> list[str]:
    """Pull the record of how the candidate was made, if its recipe let time decide: the choice is taken over.

    Args:
        project: its folder in the clone.
        recipe: of the release.
        say: gets a topic and a line.

    Returns:
        what is to be said about it.
    """
    from tasks.compression.records import candidate_record, earlier_record
    from tasks.versioning.dvc import pull_file
    from tasks.versioning.rebuilding import time_decides

    if not time_decides(project, recipe):
        return []
    say("timed", "pull what was timed from DVC's remote")
    record, earlier = project / candidate_record(recipe), project / earlier_record(recipe)
    try:
        pull_file(project, candidate_record(recipe))
    except VersioningError as error:
        say("timed", f"{error} It is timed anew.")
        return [f"The choices that time decided could not be had from DVC's remote: they were made anew. {error}"]
    earlier.parent.mkdir(parents=True, exist_ok=True)
    record.replace(earlier)
    return []
