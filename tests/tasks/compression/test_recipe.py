from pathlib import Path
from typing import Any

import pytest

from tasks.compression.recipe import parse_recipe, parse_recipes
from tasks.compression.techniques import TECHNIQUES
from tasks.config import load_params
from tasks.errors import ConfigError
from tests.tasks.compression.orders import PAGE, REASONS, TABLE, table

PRUNE = {"technique": "prune", "sparsity": 0.5}
CLUSTER = {"technique": "cluster", "clusters": 8}
FINE_TUNE = {"technique": "fine_tune", "epochs": 1}
INT8 = {"technique": "quantize", "mode": "int8"}
AWARE = {"technique": "quantize", "mode": "int8", "training": "qat"}
CONVERT = {"technique": "convert"}


def test_every_recipe_of_the_repository_is_one() -> None:
    params = load_params(Path(__file__).parents[3] / "params.yaml")
    recipes = parse_recipes(params.recipes, params.teachers)
    assert {
        "float16",
        "int8",
        "pruned_int8",
        "clustered_int8",
        "control",
        "control_taught",
        "fast",
        "balanced",
        "tiny",
    } <= set(recipes)
    assert recipes["balanced"][:2] == recipes["tiny"][:2]  # work that is shared
    small = ["prune_channels", "fine_tune", "factorize", "prune", "fine_tune", "quantize", "pack"]
    assert [step.technique for step in recipes["tiny"]] == small
    assert [step.technique for step in recipes["fast"]] == ["prune_channels", "fine_tune", "width_to_depth", "quantize"]
    assert all(recipe[-1].gives != "keras" for recipe in recipes.values())
    assert recipes["control_taught"][0] == recipes["fast"][1] == recipes["tiny"][1]  # the same training


@pytest.mark.parametrize(
    ("steps", "techniques"),
    [
        ([], ["convert"]),
        ([PRUNE], ["prune", "convert"]),
        ([PRUNE, FINE_TUNE], ["prune", "fine_tune", "convert"]),
        ([PRUNE, CONVERT], ["prune", "convert"]),
        ([PRUNE, INT8], ["prune", "quantize"]),
        ([FINE_TUNE, CLUSTER, INT8], ["fine_tune", "cluster", "quantize"]),
        ([PRUNE, {**CLUSTER, "preserve_sparsity": True}, INT8], ["prune", "cluster", "quantize"]),
        ([PRUNE, {**CLUSTER, "levels": "grid"}, INT8], ["prune", "cluster", "quantize"]),
        (
            [PRUNE, {**PRUNE, "sparsity": 0.8}, FINE_TUNE, FINE_TUNE],
            ["prune", "prune", "fine_tune", "fine_tune", "convert"],
        ),
        ([{**PRUNE, "allocation": "global"}, PRUNE], ["prune", "prune", "convert"]),
        ([FINE_TUNE, AWARE], ["fine_tune", "quantize"]),
        ([PRUNE, FINE_TUNE, AWARE], ["prune", "fine_tune", "quantize"]),
        ([CLUSTER, AWARE], ["cluster", "quantize"]),
    ],
)
def test_a_sensible_chain_ends_in_a_deployable_form(steps: list[dict[str, Any]], techniques: list[str]) -> None:
    assert [step.technique for step in parse_recipe("r", steps)] == techniques


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            {**INT8, "aware": True},
            AWARE,
            "recipes.r.0.aware is called training now. Write training: qat; the old name is read in this version for "
            "the last time.",
        ),
        ({**INT8, "aware": False}, INT8, "Write training: none;"),
        ({**INT8, "step": "layer"}, {**INT8, "granularity": "per_tensor"}, "Write granularity: per_tensor;"),
        ({**INT8, "step": "channel"}, INT8, "recipes.r.0.step is called granularity now."),
        ({**PRUNE, "budget": "layer"}, PRUNE, "Write allocation: uniform;"),
        (
            {**PRUNE, "budget": "global"},
            {**PRUNE, "allocation": "global"},
            "recipes.r.0.budget is called allocation now",
        ),
    ],
)
def test_a_setting_is_read_by_the_name_that_it_had_and_told_of(
    old: dict[str, Any], new: dict[str, Any], sentence: str
) -> None:
    told: list[str] = []
    assert parse_recipe("r", [old], say=told.append) == parse_recipe("r", [new], say=told.append)
    assert len(told) == 1
    assert sentence in told[0]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (
            [CLUSTER, FINE_TUNE],
            "recipes.r.1: expected a technique that keeps the few distinct values that cluster makes. "
            "Received: fine_tune, which does not. Put it before cluster or leave one of them out.",
        ),
        (
            [PRUNE, CLUSTER],
            "recipes.r.1: expected a technique that keeps the zeros that prune makes. Received: cluster",
        ),
        (
            [CLUSTER, PRUNE],
            "recipes.r.1: expected a technique that keeps the few distinct values that cluster makes. Received: prune",
        ),
        (
            [{"technique": "prune", "pattern": "2:4"}, {"technique": "width_to_depth"}],
            "recipes.r.1: expected a technique that keeps the n:m pattern of zeros that prune makes. "
            "Received: width_to_depth, which does not. Leave one of them out.",
        ),
        (
            [{"technique": "factorize", "dense": "robust_pca"}, CLUSTER],
            "recipes.r.1: expected a technique that keeps the zeros that factorize makes. Received: cluster",
        ),
        (
            [INT8, PRUNE],
            "recipes.r.1: expected a technique that takes a flatbuffer model, which is what quantize gives. "
            "Received: prune, which takes a keras model. Put it before quantize or leave it out.",
        ),
        ([{"technique": "prune", "pattern": "2:4"}] * 2, "finds as many zeros there as it would make"),
        (
            [{"technique": "width_to_depth"}, AWARE],
            "the copies of a kernel would no longer be alike",
        ),
        ([INT8, CLUSTER], "Received: cluster, which takes a keras model"),
        ([INT8, FINE_TUNE], "Received: fine_tune, which takes a keras model"),
        ([INT8, INT8], "Received: quantize, which takes a keras model"),
        ([CONVERT, INT8], "which is what convert gives"),
        ([PRUNE, INT8, CONVERT], "recipes.r.2: expected a technique that takes a flatbuffer model"),
    ],
)
def test_a_senseless_chain_is_refused_with_step_and_reason(steps: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_recipe("r", steps)
    assert words in str(caught.value)


def test_the_orders_in_the_docs_are_those_that_are_refused() -> None:
    assert TABLE.findall(PAGE.read_text(encoding="utf-8")) == [table()]
    cells = {cell.strip() for line in table().splitlines()[2:] for cell in line.split("|")[2:-1]}
    assert cells == {"yes", *REASONS}


def test_a_second_pruning_has_to_make_more_zeros() -> None:
    assert len(parse_recipe("r", [PRUNE, {**PRUNE, "sparsity": 0.9}])) == 3
    assert len(parse_recipe("r", [PRUNE, {**PRUNE, "pattern": "4x1"}])) == 3
    with pytest.raises(ConfigError, match=r"recipes\.r\.2: expected a technique that makes sense after prune"):
        parse_recipe("r", [PRUNE, FINE_TUNE, {**PRUNE, "sparsity": 0.1}])


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            {"technique": "shrink"},
            f"recipes.r.1.technique: expected one of {', '.join(TECHNIQUES)}. Received: ",
        ),
        ({"technique": "shrink"}, "Received: 'shrink'."),
        (
            {"sparsity": 0.5},
            f"recipes.r.1.technique: expected one of {', '.join(TECHNIQUES)}. Received: ",
        ),
        ({"technique": ["prune"]}, "Received: ['prune']."),
        ({**PRUNE, "sparsity": 1.5}, "recipes.r.1.sparsity: input should be less than 1. Received: 1.5."),
        ({**PRUNE, "sparsity": "much"}, "recipes.r.1.sparsity: input should be a valid number. Received: 'much'."),
        (
            {"technique": "prune"},
            "recipes.r.1: expected sparsity, the fraction of zeros. Received: {'technique': 'prune'}.",
        ),
        ({"technique": "cluster"}, "recipes.r.1.clusters: expected a value. Received: nothing."),
        ({**PRUNE, "sparsity": 0.0, "ramp": "linear"}, "recipes.r.1.sparsity: input should be greater than 0."),
        ({**PRUNE, "sparsity": 0.0, "ramp": "linear"}, "recipes.r.1.ramp: input should be 'polynomial' or"),
        ({**CLUSTER, "clusters": 1}, "recipes.r.1.clusters: input should be greater than or equal to 2."),
        ({**CLUSTER, "init": "random"}, "recipes.r.1.init: input should be 'linear', 'density' or 'kmeans++'."),
        ({"technique": "quantize"}, "recipes.r.1.mode: expected a value. Received: nothing."),
        ({**INT8, "mode": ["int8"]}, "recipes.r.1.mode: input should be 'dynamic_int8', 'float16', 'int8', 'int16x8',"),
        ({**INT8, "mode": "int5"}, "recipes.r.1.mode: input should be 'dynamic_int8', 'float16', 'int8', 'int16x8',"),
        ({**INT8, "calibration": 0}, "recipes.r.1: expected calibration on at least one sample"),
        (
            {**INT8, "mode": "int16x8", "calibration": {"ranges": "mse"}},
            "recipes.r.1: expected ranges: minmax but in mode int8 with training: none",
        ),
        ({**AWARE, "calibration": {"ranges": "mse"}}, "recipes.r.1: expected ranges: minmax but in mode int8"),
        (
            {**INT8, "block": 32},
            "recipes.r.1.block: expected mode int4 with block, which mode int8 does not read. Received: 32.",
        ),
        ({**INT8, "mode": "mixed", "max_drop": 0.1, "block": 32}, "recipes.r.1.block: expected mode int4 with block"),
        ({**INT8, "mode": "mixed"}, "recipes.r.1: expected one of max_bytes, max_ratio and max_drop in mode mixed"),
        (
            {**INT8, "mode": "mixed", "max_drop": 0.1, "max_bytes": 9},
            "recipes.r.1: expected one of max_bytes, max_ratio and",
        ),
        (
            {**INT8, "max_bytes": 9},
            "recipes.r.1.max_bytes: expected mode mixed with max_bytes, which mode int8 does not",
        ),
        ({**INT8, "max_byte": 9}, "recipes.r.1.max_byte: expected no such key. Received: 9."),
        (
            {**AWARE, "mode": "float16"},
            "recipes.r.1.training: expected mode int8 with training, which mode float16 does not read",
        ),
        ({**INT8, "mode": "float16", "aware": True}, "recipes.r.1.aware: expected mode int8 with aware, which mode"),
        ({**AWARE, "aware": True}, "recipes.r.1: expected training alone: aware is the name that it had before"),
        ({**INT8, "aware": 1}, "recipes.r.1.training: input should be 'none' or 'qat'. Received: 1."),
        ({**INT8, "epochs": 5}, "recipes.r.1: expected no epochs here: quantize as it is set makes no use of it"),
        ({**AWARE, "granularity": "per_tensor"}, "recipes.r.1: expected no granularity here"),
        ({**AWARE, "bias_correction": True}, "recipes.r.1: expected no bias_correction here"),
        (
            {**INT8, "mode": "int16x8", "bias_correction": True},
            "recipes.r.1.bias_correction: expected mode int8 or int4 with bias_correction, which mode int16x8 does not",
        ),
        ({**INT8, "mode": "int16x8", "granularity": "per_tensor"}, "recipes.r.1.granularity: expected mode int8 with"),
        (
            {**INT8, "mode": "float16", "calibration": 9},
            "recipes.r.1.calibration: expected mode int8, int16x8, int4 or mixed with calibration, which mode float16",
        ),
        (
            {**PRUNE, "epochs": 0, "learning_rate": 0.1},
            "recipes.r.1: expected no learning_rate here: prune as it is set",
        ),
        ({**PRUNE, "criterion": "taylor", "ramp": "constant"}, "recipes.r.1: expected no ramp here: prune"),
        ({**PRUNE, "samples": 9}, "recipes.r.1: expected no samples here: prune"),
        ({**CLUSTER, "levels": "grid", "init": "linear"}, "recipes.r.1: expected no init here: cluster"),
        ({**CLUSTER, "epochs": 0, "schedule": "cosine"}, "recipes.r.1: expected no schedule here: cluster"),
        (
            {**INT8, "calibration": {"percentile": 99.0}},
            "recipes.r.1: expected no percentile in calibration but with ranges: percentile",
        ),
        ({**INT8, "validation": 9}, "recipes.r.1.validation: expected mode mixed with validation"),
        ({**INT8, "weight_bits": 4}, "recipes.r.1: expected training: qat with weight_bits"),
        ({**AWARE, "weight_bits": 1}, "recipes.r.1.weight_bits: input should be greater than or equal to 2."),
        (
            {"technique": "distill", "epochs": 1, "hints": {"epochs": 1}, "distillation": {"teacher": "baseline+big"}},
            "recipes.r.1: expected one teacher with hints",
        ),
        ({**FINE_TUNE, "augmentation": {"flop": True}}, "recipes.r.1.augmentation.flop: expected no such key."),
        ({**FINE_TUNE, "epochs": True}, "recipes.r.1.epochs: input should be a valid integer. Received: True."),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(step: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_recipe("r", [FINE_TUNE, step])
    assert words in str(caught.value)


def test_the_form_of_a_pattern_is_told_in_words() -> None:
    steps: list[dict[str, Any]] = [{"technique": "prune", "pattern": "2to4", "sparsity": 0.5}]
    with pytest.raises(ConfigError, match=r"recipes\.r\.0\.pattern: expected single, n:m as in 2:4, or blocks"):
        parse_recipe("r", steps)
