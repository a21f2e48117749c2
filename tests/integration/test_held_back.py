"""Runs that release nothing, as a user meets them: nothing learnt, another task, a recipe that cannot be made."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.integration.test_line import BIN, HELD_BACK, make_project, run

IMPOSSIBLE = "recipes.impossible=[{technique: prune_channels, budget: {metric: macs, max: 1}}]"
QUICK = ("training.epochs=1", "recipes.dynamic_int8=[{technique: convert}]")


def write_noise(path: Path, samples: int = 4_000) -> None:
    """Random images with random labels of two classes."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (samples, 16, 16), dtype=np.uint8)
    np.savez(path, x=images, y=rng.integers(0, 2, samples))


def write_shades(path: Path, classes: int, samples: int = 1_500) -> None:
    """Images of as many shades as there are classes, none of them equal."""
    rng = np.random.default_rng(classes)
    labels = np.arange(samples) % classes
    images = (labels[:, np.newaxis, np.newaxis] * (200 // classes) + rng.integers(0, 50, (samples, 16, 16))).astype(
        np.uint8
    )
    np.savez(path, x=images, y=labels)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("held_back"))
    write_noise(folder / "noise.npz")
    for classes in (2, 3):
        write_shades(folder / f"shades{classes}.npz", classes)
    return folder


def line(folder: Path, *settings: str, code: int = 0) -> str:
    sets = [part for setting in settings for part in ("--set", setting)]
    done = run([BIN / "slimline", "run", *sets], folder, code)
    return done.stdout + done.stderr


@pytest.mark.slow
def test_random_labels_are_held_back(project: Path) -> None:
    said = line(project, "data.source=noise.npz", "deployment.model=noise", *QUICK, code=HELD_BACK)
    assert "Nothing shows that the baseline has learnt the task" in said
    assert "Held back: nothing was deployed" in said
    assert json.loads(run([BIN / "slimline", "releases", "--json"], project).stdout) == []


@pytest.mark.slow
def test_data_of_ones_own_does_not_take_a_built_ins_name(project: Path) -> None:
    before = (project / "params.yaml").read_text()
    said = line(project, "data.source=shades2.npz", "deployment.model=digits", code=2)
    assert "name your model" in said
    assert "Running stage" not in said
    assert (project / "params.yaml").read_text() == before
    (project / "params.yaml").write_text(before.replace("model: noise", "model: digits"))
    done = run([BIN / "dvc", "repro"], project, code=255)
    assert "name your model" in done.stderr
    assert "Running stage 'load'" not in done.stdout + done.stderr
    (project / "params.yaml").write_text(before)


@pytest.mark.slow
def test_another_task_takes_a_releases_place_by_a_consent_that_is_spent(project: Path) -> None:
    said = line(project, "data.source=shades2.npz", "deployment.model=shades", "training.epochs=5", IMPOSSIBLE)
    assert "Released: shades 1 is production" in said
    assert "impossible could not be made." in said  # and did not stop the others
    said = line(project, "data.source=shades3.npz", code=HELD_BACK)
    assert "Release 1 of shades in production cannot be compared with: the release in production knows other" in said
    assert "deployment.replaces: 1" in said
    assert "Released: shades 2 is production" in line(project, "deployment.replaces=1")
    (newest, first) = json.loads(run([BIN / "slimline", "audit", "--json"], project).stdout)
    assert (newest["version"], newest["replaces"], first["version"]) == (2, 1, 1)
    run([BIN / "slimline", "rollback", "--reason", "a test"], project)
    said = line(project, "training.seed=2", code=HELD_BACK)
    assert "counts no more, since release 2 has taken its place" in said
    assert "Released: shades 3 is production" in line(project, "deployment.replaces=1@3")


@pytest.mark.slow
def test_a_person_does_not_promote_another_task_without_saying_so(project: Path) -> None:
    promote: list[str | Path] = [BIN / "slimline", "promote", "1", "--channel", "staging", "--reason", "a test"]
    done = run([*promote, "--replaces", "2"], project, code=1)
    assert "another task: it knows other classes (0, 1; before: 0, 1, 2)" in done.stderr
    run([*promote, "--replaces", "3"], project)
