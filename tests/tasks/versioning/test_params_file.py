from pathlib import Path

import pytest

from tasks.config import load_params
from tasks.errors import ConfigError
from tasks.versioning.params_file import set_params

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_bytes((REPOSITORY / "params.yaml").read_bytes())
    return path


def test_only_the_changed_line_differs_and_comments_stay(params_file: Path) -> None:
    before = params_file.read_text().splitlines()
    set_params(["training.epochs=7"], params_file)
    after = params_file.read_text().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("  epochs: 50", "  epochs: 7")
    ]


def test_values_are_typed_as_yaml(params_file: Path) -> None:
    set_params(
        ["data.source=s3://bucket/images", "versioning.commit=true", "training.dropout=0.25", "training.patience=3"],
        params_file,
    )
    params = load_params(params_file)
    assert params.data.source == "s3://bucket/images"
    assert params.versioning.commit is True
    assert params.training.dropout == 0.25
    assert params.training.patience == 3


def test_steps_of_a_recipe_are_reached_by_their_place(params_file: Path) -> None:
    set_params(["recipes.pruned_int8.0.sparsity=0.5", "gate.rules.0.margin=0.05"], params_file)
    params = load_params(params_file)
    assert params.recipes["pruned_int8"][0]["sparsity"] == 0.5
    assert params.gate.rules[0].model_dump()["margin"] == 0.05


def test_what_a_tilde_precedes_is_removed_and_what_it_shared_stays(params_file: Path) -> None:
    before = load_params(params_file)
    set_params(["~recipes.fast", "~recipes.int8", "~gate.rules.2"], params_file)
    after = load_params(params_file)
    assert {*before.recipes} - {*after.recipes} == {"fast", "int8"}
    assert after.recipes["tiny"] == before.recipes["tiny"]  # the step that fast had named first
    assert len(after.gate.rules) == len(before.gate.rules) - 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.epochs", "expected key=value"),
        ("~", "expected key=value"),
        ("~recipes.none", "'none'"),
        ("~gate.rules.9", "'9'"),
        ("~training.seed.more", "above it"),
        ("training.epoch=3", "training.epoch: expected no such key"),
        ("training.epochs=many", "training.epochs"),
        ("trainings.epochs=3", "trainings"),
        ("training.epochs.more=3", "above it"),
        ("gate.rules.9.margin=0.1", "'9'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(params_file: Path, change: str, words: str) -> None:
    before = params_file.read_bytes()
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        set_params(["training.seed=9", change], params_file)
    assert params_file.read_bytes() == before


@pytest.mark.parametrize("change", ["data.source=\udcff", "\udcff=1", "~\udcff"])
def test_what_is_no_utf_8_is_refused_before_anything_is_written(params_file: Path, change: str) -> None:
    before = params_file.read_bytes()
    with pytest.raises(ConfigError, match="expected text in UTF-8"):
        set_params([change], params_file)
    assert params_file.read_bytes() == before


@pytest.mark.parametrize("content", [b"data: \xff\n", b"data: [\n", b"data: \x00\n"])
def test_a_file_that_is_no_yaml_in_utf_8_says_so(params_file: Path, content: bytes) -> None:
    params_file.write_bytes(content)
    for work in (lambda: set_params(["training.epochs=3"], params_file), lambda: load_params(params_file)):
        with pytest.raises(ConfigError, match=r"to be YAML in UTF-8\. Received: "):
            work()
