from pathlib import Path
from typing import Any

import pytest

from flows.line import quick
from flows.line.quick import FOLDER, QuickRunFailed, quick_params, quick_run, quick_samples
from tasks.compression.recipe import parse_recipes
from tasks.compression.records import read_candidate
from tasks.config import load_params, parse_params
from tasks.quiet import NATIVE
from tasks.samples import Dataset, TensorSpec
from tasks.versioning.params_file import read_values

REPOSITORY = Path(__file__).parents[3]


def hear(topic: str, line: str) -> None:
    """Pass over what a stage says."""


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return read_values(REPOSITORY / "params.yaml")


def test_quick_params_have_few_epochs_and_fit(values: Any) -> None:
    params = parse_params(quick_params(values, list(values["recipes"])))
    assert params.training.epochs == params.teachers["strong"].epochs == 1
    steps = [step for recipe in parse_recipes(params.recipes, params.teachers).values() for step in recipe]
    assert all(getattr(step, "epochs", 1) <= 1 or step.technique == "quantize" for step in steps)
    assert params.recipes.keys() == values["recipes"].keys()
    assert values == read_values(REPOSITORY / "params.yaml")


def test_only_teachers_are_trained_that_a_recipe_learns_from(values: Any) -> None:
    assert quick_params(values, ["int8"])["teachers"] == {}
    found = quick_params(values, ["int8", "fast"])
    assert (set(found["teachers"]), set(found["recipes"])) == ({"strong"}, {"int8", "fast"})


def test_a_source_in_the_project_is_found_from_the_folder_of_the_run(values: Any) -> None:
    Path("photos").mkdir()
    values["data"]["source"] = "photos"
    assert quick_params(values, ["int8"])["data"]["source"] == str(Path("photos").absolute())


def test_a_stage_that_fails_is_told_by_its_last_line(values: Any) -> None:
    values["data"]["source"], values["deployment"]["model"] = "nowhere", "own"
    with pytest.raises(QuickRunFailed, match="fingerprint: Expected digits"):
        quick_run(values, ["int8"], hear)


@pytest.mark.parametrize(
    ("shape", "classes", "train", "validation"),
    [
        ((32, 32, 3), 10, 1000, 250),
        ((8, 8, 1), 10, 1000, 250),
        ((77, 214, 3), 4, 64, 64),  # of the least that is kept
        ((77, 214, 3), 100, 400, 100),  # four of each class
        ((64, 64, 3), 10, 250, 64),
    ],
)
def test_of_large_samples_fewer_are_kept(shape: tuple[int, ...], classes: int, train: int, validation: int) -> None:
    spec = TensorSpec(name="image", dtype="uint8", shape=shape, low=0, high=255)
    values: dict[str, Any] = {"inputs": (spec,), "classes": tuple(map(str, range(classes)))}
    dataset = Dataset.model_construct(**values)
    assert quick_samples(dataset) == {"train": train, "validation": validation}


@pytest.mark.slow
def test_a_quick_run_makes_and_judges_candidates_and_leaves_the_project_alone(
    values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values["recipes"] = {"float16": [{"technique": "quantize", "mode": "float16"}]}
    values["teachers"] = {}
    monkeypatch.setattr(quick, "MOST", 200)
    said: list[str] = []
    assert quick_run(values, ["float16"], lambda _, line: said.append(line)) == FOLDER
    assert said
    assert not [line for line in said if line.startswith(NATIVE)]
    assert read_candidate("float16", FOLDER).recipe == "float16"
    assert load_params(FOLDER / "params.yaml").training.epochs == 1
    assert {path.name for path in Path().iterdir()} == {".slimline"}
