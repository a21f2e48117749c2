"""A release of the real line, made again from its commit, its lock and its data."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_line import BIN, make_project, run

DIFFERS = 4
QUICK = ("training.epochs=3", "gate.rules.0.margin=0.9")
SEED = "    set_seed(config.seed)\n"


def reproduce(folder: Path, release: str, code: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(run([BIN / "slimline", "reproduce", release, "--json"], folder, code).stdout)
    return made


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    run(["git", *who, *arguments], folder)


@pytest.mark.slow
def test_a_release_is_made_again_bit_for_bit_unless_its_code_is_lost(tmp_path: Path) -> None:
    from tasks.versioning.params_file import set_params

    folder = make_project(tmp_path)
    set_params(QUICK, folder / "params.yaml")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Begin")
    trainer = folder / "tasks" / "training" / "trainer.py"
    code = trainer.read_text()
    assert SEED in code
    trainer.write_text(code.replace(SEED, "    set_seed(config.seed + 1)\n"))
    run([BIN / "slimline", "run"], folder)
    trainer.write_text(code)

    lost = reproduce(folder, "digits@1", DIFFERS)
    assert not lost["identical"]
    assert "the baseline differs already" in lost["sentence"]
    (difference,) = lost["differences"]
    assert difference.startswith("The code: it was made with changes that are not in commit")

    run([BIN / "slimline", "run"], folder, TF_NUM_INTRAOP_THREADS="3")  # as on a machine with three processors
    made = reproduce(folder, "digits@2")
    assert made["identical"]
    assert made["released_sha256"] == made["rebuilt_sha256"]
    assert all(output["released"] == output["rebuilt"] for output in made["outputs"])
    assert made["differences"] == []
