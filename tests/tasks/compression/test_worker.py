"""The compress stage in processes of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.code.records import code_record, models_of
from tasks.compression import worker
from tasks.compression.records import Candidate, candidate_model, candidate_record, earlier_record
from tasks.config import TeacherNetwork, load_params
from tasks.learning.saving import save_model, weights_digest
from tasks.records import read_record, write_record
from tasks.training.records import BASELINE_KERAS
from tests.tasks.compression.cases import Steps, carry_out

REPOSITORY = Path(__file__).parents[3]
STEPS: Steps = [
    {"technique": "prune", "sparsity": 0.8, "epochs": 3},
    {"technique": "quantize", "mode": "int8", "calibration": 100},
]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tasks.compression", *arguments]


@pytest.fixture
def project(article: Any, prepared: Path, tmp_path: Path) -> Path:
    yaml = YAML(typ="safe")
    params = yaml.load((REPOSITORY / "params.yaml").read_text())
    params["recipes"] = {"pruned": STEPS}
    params["training"] |= {"seed": 5, "batch_size": 64}
    yaml.dump(params, tmp_path / "params.yaml")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/prepared").symlink_to(prepared)
    save_model(article, tmp_path / BASELINE_KERAS)
    return tmp_path


class Asked(Exception):
    """The settings that a worker asked for."""


def test_a_worker_knows_in_what_teachers_compute_and_the_record_of_what_is_made_again(
    project: Path, article: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*arguments: Any) -> None:
        raise Asked(*arguments)

    monkeypatch.chdir(project)
    monkeypatch.setattr(worker, "run_recipe", ask)
    params = load_params()
    teachers = {"deep": TeacherNetwork(precision="mixed_bfloat16"), "wide": TeacherNetwork()}
    params = params.model_copy(update={"teachers": teachers})
    with pytest.raises(Asked) as asked:
        worker.work(params, "pruned")
    *_, context, _, earlier = asked.value.args
    assert context.precisions == {"baseline": "float32", "deep": "mixed_bfloat16", "wide": "float32"}
    assert earlier is None
    assert context.code == code_record("compress", models_of(params, "compress")).digest
    assert context.outcome == params.outcome
    _, candidate = carry_out("pruned", STEPS[1:], article, prepared)
    write_record(earlier_record("pruned"), candidate)
    with pytest.raises(Asked) as asked:
        worker.work(params, "pruned")
    assert asked.value.args[-1] == candidate


@pytest.mark.slow
def test_a_killed_compression_leaves_no_process_and_run_again_ends_with_the_same_bytes(
    project: Path, article: Any, prepared: Path
) -> None:
    with subprocess.Popen(
        command("compress", "pruned"), cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if line.startswith("epoch 2/3"):  # while another one is to come
                killed.kill()
                break
        killed.communicate(timeout=120)  # ends when the worker, which shares standard error, has ended too
    assert killed.returncode == -9
    assert not (project / candidate_model("pruned")).exists()
    again = subprocess.run(command("compress", "pruned"), cwd=project, capture_output=True, text=True, check=True)
    assert "goes on after epoch" in again.stdout
    # a worker asks teachers by the seed of params.yaml
    expected, told = carry_out("pruned", STEPS, article, prepared, teacher_seed=5)
    assert (project / candidate_model("pruned")).read_bytes() == expected
    record = read_record(project / candidate_record("pruned"), Candidate)
    assert record.sha256 == told.sha256
    assert record.baseline_weights_sha256 == weights_digest(article)
    assert [step.promises for step in record.steps] == [step.promises for step in told.steps]
    (begun,) = (project / ".slimline/steps").glob("*.lock")
    assert {path.name for path in begun.with_suffix("").iterdir()} == {"done.json", "model.keras"}


def test_a_recipe_that_is_not_there_ends_with_2_and_says_which_there_are(project: Path) -> None:
    done = subprocess.run(command("compress", "nope"), cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: Expected one of the recipes pruned. Received: 'nope'.\n"
