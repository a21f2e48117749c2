import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.config import BUILT_IN, Params, expect_own_name, load_params, parse_params, secret_variables
from tasks.data_loading import sources
from tasks.errors import ConfigError
from tasks.gate_settings import COSTS
from tasks.workloads.outcomes.classes.metrics import METRICS

REPOSITORY = Path(__file__).parents[2]
METRIC_NAMES = [metric.name for metric in METRICS]
MAIL = {"kind": "mail", "server": "smtp.example.org", "sender": "line@example.org", "to": ["ops@example.org"]}


def least(**parts: Any) -> dict[str, Any]:
    """The fewest keys that make a whole, and the parts given."""
    return {
        "data": {"source": "digits"},
        "recipes": {"int8": [{"technique": "quantize", "mode": "int8"}]},
        "gate": {"rules": [{"metric": "accuracy", "margin": 0.01}]},
        "deployment": {"model": "digits"},
        **parts,
    }


def refusal(**parts: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_params(least(**parts))
    assert str(caught.value).startswith("params.yaml does not fit:\n")
    return str(caught.value)


def test_the_repositorys_params_are_sound_and_name_every_key() -> None:
    params = load_params(REPOSITORY / "params.yaml")
    assert params.data.source == "digits"

    def named(model: Any) -> bool:
        return bool(model.model_fields_set == set(type(model).model_fields))

    parts = [getattr(params, name) for name in Params.model_fields if name not in ("recipes", "teachers")]
    assert all(named(part) for part in (params, *parts, params.data.options, params.data.split))
    assert named(params.training.augmentation)


def test_settings_reach_another_process_as_they_are() -> None:
    params = load_params(REPOSITORY / "params.yaml")
    again = pickle.loads(pickle.dumps(params))
    assert again == params
    assert type(again.data) is type(params.data)
    assert again.data.options == params.data.options


def test_what_is_left_out_has_a_value() -> None:
    params = parse_params(least())
    assert params.training.model == "article_cnn"
    assert params.deployment.store == "file://.slimline/store"
    assert params.gate.objective == "bytes"
    assert params.versioning.commit is False


@pytest.mark.parametrize(
    "rule",
    [
        {"metric": "accuracy", "min": 0.9},
        {"metric": "f1", "min": 0.9, "margin": 0.02, "versus": ["baseline", "production"]},
        {"metric": "recall", "per_class": True, "margin": 0.05, "versus": ["baseline"]},
        {"metric": "negative_flips", "max": 0.02, "versus": ["production"]},
    ],
)
def test_a_rule_is_read_as_it_is_written(rule: dict[str, Any]) -> None:
    (read,) = parse_params(least(gate={"rules": [rule]})).gate.rules
    written = read.model_dump(mode="json")
    assert {name: value for name, value in written.items() if name in rule} == rule
    assert parse_params(least(gate={"rules": [written]})).gate.rules == (read,)


@pytest.mark.parametrize(("written", "read"), [(3, "3"), ("3", "3"), ("3@7", "3@7"), ("a" * 64, "a" * 64)])
def test_a_release_is_named_by_number_generation_or_digest(written: Any, read: str) -> None:
    assert parse_params(least(deployment={"model": "digits", "replaces": written})).deployment.replaces == read


def test_the_built_in_sources_are_those_whose_names_are_taken() -> None:
    assert set(sources.BUILT_IN) == set(BUILT_IN)


@pytest.mark.parametrize(
    ("source", "model", "is_refused"),
    [
        ("digits", "digits", False),
        ("digits", "mine", False),
        ("photos/", "mine", False),
        ("photos/", "digits", True),
        ("photos.zip", "cifar10", True),
        ("digits/", "digits", True),
        ("./digits", "digits", True),
        ("s3://bucket/digits", "digits", True),
        ("cifar10", "digits", True),
        ("digits", "cifar10", True),
    ],
)
def test_only_a_built_in_data_set_has_a_built_ins_name(source: str, model: str, is_refused: bool) -> None:
    params = parse_params(least(data={"source": source}, deployment={"model": model}))
    if not is_refused:
        expect_own_name(params)
        return
    with pytest.raises(ConfigError, match="name your model") as caught:
        expect_own_name(params)
    assert f"Received: deployment.model {model}, data.source {source}." in str(caught.value)


def test_params_are_frozen() -> None:
    params = parse_params(least())
    with pytest.raises(ValidationError, match="frozen"):
        params.training.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"colour": "red"}, "colour: expected no such key. Received: 'red'."),
        ({"training": {"epoch": 3}}, "training.epoch: expected no such key. Received: 3. Remove it or mend its name."),
        ({"training": {"augmentation": {"flop": True}}}, "training.augmentation.flop: expected no such key."),
        ({"data": {"source": "digits", "image": {"depth": 3}}}, "data.image.depth: expected no such key."),
        (
            {"gate": {"rules": [{"metric": "accuracy", "margin": 0.1, "limit": 1}]}},
            "limit: expected no such key. Received: 1.",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(parts: dict[str, Any], words: str) -> None:
    assert words in refusal(**parts)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"training": {"epochs": "many"}}, "training.epochs: input should be a valid integer. Received: 'many'."),
        ({"training": {"epochs": 1.5}}, "training.epochs: input should be a valid integer"),
        ({"training": {"epochs": True}}, "training.epochs: input should be a valid integer. Received: True."),
        ({"training": {"epochs": "3"}}, "training.epochs: input should be a valid integer. Received: '3'."),
        ({"training": {"epochs": 0}}, "training.epochs: input should be greater than or equal to 1. Received: 0."),
        ({"training": {"dropout": 1}}, "training.dropout: input should be less than 1. Received: 1."),
        ({"training": {"schedule": "step"}}, "training.schedule: input should be 'constant' or 'cosine'."),
        (
            {"training": {"augmentation": {"flip": "yes"}}},
            "augmentation.flip: input should be a valid boolean.",
        ),
        ({"training": 3}, "training: input should be a valid dictionary or instance of Training. Received: 3."),
        ({"data": {}}, "data.source: expected a value. Received: nothing. Add the key."),
        ({"data": {"source": 5}}, "data.source: input should be a valid string. Received: 5."),
        ({"data": {"source": "digits", "split": {"validation": 0.5, "test": 0.5}}}, "data.split: expected validation"),
        (
            {"data": {"source": "digits", "image": {"height": 0}}},
            "data.image.height: expected auto or a number of pixels from 1 to 4096. Received: 0.",
        ),
        ({"data": {"source": "digits", "image": {"width": "big"}}}, "data.image.width: expected auto or a number"),
        ({"data": {"source": "digits", "image": {"width": True}}}, "data.image.width: expected auto or a number"),
        (
            {"data": {"source": "digits", "image": {"channels": 2}}},
            "data.image.channels: input should be 1, 3 or 'auto'. Received: 2.",
        ),
        ({"recipes": {}}, "recipes: dictionary should have at least 1 item"),
        (
            {"recipes": {"Int 8": []}},
            "expected up to 63 small letters, digits, '_', '.' and '-', a letter or a digit first. Received: 'Int 8'.",
        ),
        (
            {"deployment": {"model": "m", "store": "ftp://there"}},
            "deployment.store: expected file://folder or s3://bucket/prefix. Received: 'ftp://there'.",
        ),
        ({"recipes": {"baseline": []}}, "expected recipes with names of their own; baseline names something else."),
        ({"recipes": {"int8": {"technique": "quantize"}}}, "recipes.int8: input should be a valid list."),
        (
            {"recipes": {"int8": ["quantize"]}},
            "recipes.int8.0: input should be a valid dictionary.",
        ),
        ({"gate": {"rules": []}}, "gate.rules: expected at least one rule. Received: []."),
        (
            {"gate": {"rules": [{"metric": "speed"}]}},
            f"gate.rules.0.metric: expected one of {', '.join(METRIC_NAMES)}, agreement, negative_flips, "
            f"{', '.join(COSTS)}. Received: 'speed'.",
        ),
        ({"gate": {"rules": [{"margin": 0.1}]}}, "gate.rules.0.metric: expected a value."),
        (
            {"gate": {"objective": "speed", "rules": [{"metric": "f1", "min": 0.9}]}},
            f"gate.objective: expected one of bytes, latency, {', '.join(METRIC_NAMES)}. Received: 'speed'.",
        ),
        (
            {"gate": {"rules": [{"metric": "f1", "max": 0.9}]}},
            "gate.rules.0.max: expected min (a floor) in its place, as more f1 is better.",
        ),
        ({"gate": {"rules": [{"metric": "accuracy", "margin": 0}]}}, "gate.rules.0.margin: input should be greater"),
        (
            {"gate": {"rules": [{"metric": "accuracy"}]}},
            "gate.rules.0: expected margin (to the models in versus) or min",
        ),
        ({"gate": {"rules": [{"metric": "f1", "min": 1.0}]}}, "gate.rules.0.min: input should be less than 1."),
        ({"gate": {"rules": [{"metric": "f1", "min": 0}]}}, "gate.rules.0.min: input should be greater than 0."),
        (
            {"gate": {"rules": [{"metric": "f1", "min": 0.9, "versus": ["production"]}]}},
            "gate.rules.0: expected margin beside versus",
        ),
        (
            {"gate": {"rules": [{"metric": "f1", "margin": 0.1, "per_class": True}]}},
            "gate.rules.0: expected per_class in a rule of its own, of the metric recall",
        ),
        (
            {"gate": {"rules": [{"metric": "recall", "min": 0.1, "per_class": True}]}},
            "gate.rules.0: expected per_class in a rule of its own, of the metric recall",
        ),
        (
            {"gate": {"rules": [{"metric": "accuracy", "min": 0.1, "of": "spam"}]}},
            "gate.rules.0: expected of (one class) in a rule of the metric precision, recall, f1, without per_class",
        ),
        (
            {"gate": {"rules": [{"metric": "recall", "margin": 0.1, "of": "spam", "per_class": True}]}},
            "gate.rules.0: expected of (one class) in a rule of the metric precision, recall, f1, without per_class",
        ),
        ({"gate": {"rules": [{"metric": "negative_flips"}]}}, "gate.rules.0.max: expected a value."),
        ({"gate": {"broken_promises": "ignore", "rules": []}}, "gate.broken_promises: input should be 'refuse' or"),
        ({"deployment": {"model": "digits", "replaces": 0}}, "deployment.replaces: expected a release's version (3)"),
        ({"deployment": {"model": "digits", "replaces": "3@"}}, "deployment.replaces: expected a release's version"),
        ({"deployment": {"model": "digits", "replaces": True}}, "deployment.replaces: expected a release's version"),
        ({"gate": {"rules": [{"metric": "stored_bytes"}]}}, "expected max (bytes) or max_ratio (to the baseline)"),
        ({"deployment": {"model": "digits", "store": "/tmp/store"}}, "deployment.store"),
        ({"deployment": {"model": "../digits"}}, "deployment.model"),
        ({"benchmark": {"rounds": 1}}, "benchmark.rounds: input should be greater than or equal to 10. Received: 1."),
        (
            {"benchmark": {"processes": 1}},
            "benchmark.processes: input should be greater than or equal to 2. Received: 1",
        ),
        (
            {"gate": {"rules": [{"metric": "latency"}]}},
            "expected max_ratio (to versus) or max_ms (milliseconds a sample)",
        ),
        (
            {"notify": {"targets": {"ops": {"kind": "mail", "password": "hunter2"}}}},
            "notify.targets.ops: expected no password here, since params.yaml travels with each release. Put it into a "
            "variable of the environment, and name that as password_env.",
        ),
        (
            {"notify": {"targets": {"chat": {"kind": "slack", "url_env": "https://hooks.example.org/hunter2"}}}},
            "notify.targets.chat.url_env: expected the name of a variable of the environment, as TEAM_CHAT_URL. "
            "Received: a value that is not shown, as it may be a secret.",
        ),
        (
            {"notify": {"targets": {"chat": {"kind": "sms", "key": "hunter2"}}}},
            "'mail', 'slack', 'teams', 'webhook'. Received: a value that is not shown",
        ),
        ({"notify": {"targets": {"chat": "hunter2"}}}, "Received: a value that is not shown"),
        (
            {"notfy": {"targets": {"ops": {"password": "hunter2"}}}},
            "notfy: expected no such key. Received: a value that",
        ),
        (
            {"notify": {"targets": {"chat": {"kind": "slack", "url_env": "A"}}, "released": ["chat", "ops"]}},
            "notify: expected names of targets in released, of which there are: chat; not ops.",
        ),
        ({"notify": {"failed": ["ops"]}}, "notify.failed: expected no such key."),
        (
            {"notify": {"targets": {"ops": {**MAIL, "user": "me"}}}},
            "notify.targets.ops: expected user and password_env, both or neither.",
        ),
        (
            {"notify": {"targets": {"ops": {**MAIL, "user": "me", "password_env": "P", "security": "none"}}}},
            "notify.targets.ops: expected security starttls or tls where there is a login.",
        ),
        (
            {"notify": {"targets": {"ops": {**MAIL, "to": ["a@b.org\nBcc: c@d.org"]}}}},
            "notify.targets.ops.to.0: expected an address of mail, as ops@example.org.",
        ),
        (
            {"versioning": {"git_remote": "origin"}},
            "versioning: expected commit: true where git_remote is named: a commit and a tag are what goes there.",
        ),
        (
            {"versioning": {"commit": True, "git_remote": "--upload-pack=x"}},
            "versioning.git_remote: expected the name of a remote of git, as origin. Received: '--upload-pack=x'.",
        ),
        ({"versioning": {"commit": 1}}, "versioning.commit: input should be a valid boolean. Received: 1."),
        ({"flow": {"parallel": 0}}, "flow.parallel: input should be greater than or equal to 1. Received: 0."),
    ],
)
def test_a_wrong_value_is_refused_with_path_expectation_and_what_was_received(
    parts: dict[str, Any], words: str
) -> None:
    assert words in refusal(**parts)


def test_no_error_shows_what_may_be_a_secret_of_a_target() -> None:
    for targets in (
        {"ops": {"kind": "mail", "password": "hunter2"}},
        {"ops": ["hunter2"]},
        {"hook": {"url": "hunter2"}},
    ):
        assert "hunter2" not in refusal(notify={"targets": targets})
        assert "hunter2" not in refusal(notfy={"targets": targets})


def test_the_variables_with_secrets_are_known_even_of_a_file_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    assert secret_variables(path) == frozenset()
    path.write_text(
        "training: 7\nnotify:\n  targets:\n    ops: {kind: mail, password_env: OPS_PASSWORD}\n"
        "    hook: {kind: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN}\n    odd: [1]\n"
    )
    assert secret_variables(path) == {"OPS_PASSWORD", "HOOK_URL", "HOOK_TOKEN"}
    for text in ("[", "- 1", "notify: 1", "notify: {targets: [1]}"):
        path.write_text(text)
        assert secret_variables(path) == frozenset()


def test_one_mistake_is_one_line_with_the_files_own_path() -> None:
    text = refusal(gate={"rules": [{"metric": "latency", "max_ratio": 1.0}, {"metric": "accuracy", "margin": "small"}]})
    assert text.splitlines()[1:] == ["gate.rules.1.margin: input should be a valid number. Received: 'small'."]
    text = refusal(data={"source": "digits", "image": {"height": 0}})
    assert len(text.splitlines()) == 2


def test_every_problem_is_told_at_once() -> None:
    text = refusal(training={"epochs": 0, "batch": 3}, flow={"parallel": "two"})
    assert len(text.splitlines()) == 4


def test_a_file_that_is_missing_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_params()
    assert f"Expected params.yaml in {tmp_path}. Received: no such file." in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: [", "to be YAML in UTF-8. Received:"),
        ("- data", "to hold a mapping. Received: list."),
        ("", "to hold a mapping. Received: NoneType."),
        ("data: {source: digits}\ndata: {source: cifar10}", "to be YAML in UTF-8. Received:"),
        ("data: {source: digits}\n", "gate: expected a value. Received: nothing."),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(("old", "new"), [("automatic", "none"), ("manual", "required")])
def test_promotion_is_read_as_approval_and_told_of(old: str, new: str) -> None:
    told: list[str] = []
    params = parse_params(least(deployment={"model": "digits", "promotion": old}), say=told.append)
    assert params.deployment.approval == new
    assert told == [
        f"promotion is called approval now. Write approval: {new}; "
        f"the old name is read in this version for the last time."
    ]
    with pytest.raises(ConfigError, match="promotion is the name that it had before"):
        parse_params(least(deployment={"model": "digits", "promotion": old, "approval": new}))


@pytest.mark.parametrize(
    "deployment",
    [
        {"approval": "required", "staging": None},
        {"approval": "when_inconclusive", "staging": None},
        {"promotion": "manual", "staging": None},
        {"approval": "sometimes"},
        {"promotion": "sometimes"},
        {"approval_days": 0},
        {"approval_days": float("nan")},
        {"approval_days": float("inf")},
        {"trust": {"require": {"approvers": {"keys": []}}}},
        {"trust": {"require": {"approvers": {"keys": ["a.pub"], "threshold": 0}}}},
        {"trust": {"require": {"auditors": {"keys": ["a.pub"]}}}},
    ],
)
def test_an_approval_that_cannot_be_is_refused(deployment: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"does not fit:\ndeployment.*Received: "):
        parse_params(least(deployment={"model": "digits", **deployment}))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"focal": -1.0}, "outcome.focal"),
        ({"weights": {"spam": 0.0}}, "outcome.weights"),
        ({"weights": "even"}, "outcome.weights"),
        ({"best": "rmse"}, "outcome.best"),
        ({"thresholds": True}, "outcome.thresholds"),
        ({"focus": 2.0}, "outcome.focus"),
        ("f1", "outcome"),
    ],
)
def test_settings_of_the_outcome_are_checked(outcome: object, words: str) -> None:
    assert words in refusal(outcome=outcome)


def test_the_workload_decides_which_settings_of_an_outcome_there_are() -> None:
    params = parse_params(least(outcome={"weights": {"3": 2.0}, "thresholds": "f1"}))
    assert params.outcome.changed(answering=False) == {"weights": {"3": 2.0}}
    assert params.outcome.changed(answering=True) == {"thresholds": "f1"}
    assert pickle.loads(pickle.dumps(params)) == params
