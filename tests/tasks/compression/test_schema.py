import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tasks.compression.schema import params_schema, reference
from tasks.compression.techniques import TECHNIQUES

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema() -> Any:
    found = params_schema()
    Draft202012Validator.check_schema(found)
    return found


@pytest.fixture
def params() -> Any:
    return copy.deepcopy(YAML(typ="safe").load((REPOSITORY / "params.yaml").read_text(encoding="utf-8")))


def test_the_schema_takes_params_yaml(schema: Any, params: Any) -> None:
    json.dumps(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(params)] == []


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("training", "epochs", 0),
        ("training", "epoch", 5),
        ("data", "image", {"height": "tall"}),
        ("training", "augmentation", {"flipp": True}),
        ("recipes", "own", [{"technique": "prune", "sparsity": 2}]),
        ("recipes", "own", [{"technique": "quantize", "mode": "int3"}]),
        ("recipes", "own", [{"technique": "magic"}]),
        ("gate", "rules", [{"metric": "beauty"}]),
        ("gate", "rules", [{"metric": "beauty", "min": 0.5}]),
        ("gate", "rules", [{"metric": "accuracy", "min": 1.5}]),
        ("gate", "objective", "beauty"),
    ],
)
def test_the_schema_refuses_what_params_yaml_may_not_have(
    schema: Any, params: Any, part: str, key: str, value: Any
) -> None:
    params[part][key] = value
    assert not Draft202012Validator(schema).is_valid(params)


def test_the_reference_has_every_key_of_params_yaml(schema: Any, params: Any) -> None:
    keys = {key for key, _, _ in reference(schema)}

    def expect(prefix: str, value: Any) -> None:
        for key, inner in value.items():
            assert f"{prefix}{key}" in keys
            if isinstance(inner, dict):
                expect(f"{prefix}{key}.", inner)

    params.pop("recipes"), params.pop("teachers"), params["gate"].pop("learnt")
    expect("", params)
    assert "teachers.<name>.members" in keys
    assert all(any(key.startswith(f"recipes.<name>.<step> {name}") for key in keys) for name in TECHNIQUES)


def test_limits_and_defaults_are_told(schema: Any) -> None:
    told = {key: kind for key, kind, _ in reference(schema)}
    assert told["training.epochs"] == "integer, 1 or more; 50 by default"
    assert told["training.patience"] == "integer, 1 or more · null; 10 by default"
    assert told["deployment.approval"] == "required · when_inconclusive · none; none by default"
    assert told["deployment.serving"] == "boolean; false by default"
    assert told["gate.rules[latency].versus"] == "a list; [baseline] by default"
    assert told["recipes.<name>.<step> factorize.rank"] == "settings; {by: energy, keep: 0.9} by default"


def kinds_of_rules(found: Any) -> set[str]:
    return {kind["$ref"].rpartition("/")[2] for kind in found["$defs"]["Gate"]["properties"]["rules"]["items"]["oneOf"]}


def test_rules_and_objective_are_those_of_the_outcome(schema: Any) -> None:
    found = params_schema("tests.integration.ratings:Shops")
    assert found["$defs"]["Gate"]["properties"]["objective"]["enum"] == ["bytes", "latency", "rmse", "mae"]
    assert {"AgreementRule", "NegativeFlipsRule"} == kinds_of_rules(schema) - kinds_of_rules(found)
    assert {"QualityRule", "LatencyRule", "BytesRule"} <= kinds_of_rules(found) <= kinds_of_rules(schema)
    assert found["$defs"]["QualityRule"]["properties"]["metric"]["enum"] == ["rmse", "mae"]


def test_the_settings_of_an_outcome_are_those_of_the_workload(schema: Any, params: Any) -> None:
    params["outcome"] = {"weights": {"3": 4.0}, "focal": 2.0, "best": "f1"}
    assert Draft202012Validator(schema).is_valid(params)
    params["outcome"] = {"focus": 2.0}
    assert not Draft202012Validator(schema).is_valid(params)
    params["outcome"] = {"focal": 2.0}
    assert not Draft202012Validator(params_schema("tests.integration.ratings:Shops")).is_valid(params)


def test_every_setting_has_a_meaning(schema: Any) -> None:
    assert [key for key, _, about in reference(schema) if not about] == []


def test_settings_of_each_choice_are_told(schema: Any) -> None:
    keys = {key.removeprefix("recipes.<name>.<step> ") for key, _, _ in reference(schema)}
    assert {"prune_channels.budget.metric", "quantize int8.calibration.percentile", "distill.hints.student"} <= keys
    assert {"factorize.rank[energy].keep", "factorize.rank[loss].tolerance"} <= keys
    assert {"gate.rules[latency].max_ms", "gate.rules[loaded_bytes, …].max"} <= keys
