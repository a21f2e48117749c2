"""The public door: what it has is pinned here, and a change of it is a change of the version."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import slimline

REPOSITORY = Path(__file__).parents[2]
SIGNATURES = {
    "Client": "store, model, folder, trust, channel='production', keep=1",
    "Client.fetch": "self",
    "Client.predict": "self, files, workload=None",
    "Client.verify": "self",
    "Compressed": "model, record",
    "Compressed.write": "self, path",
    "compress": "model, recipe, data, *, seed=1, batch_size=128, folder=None, say=None",
    "fetch": "store_url, model, channel, to, trust, keep=1",
    "load_trust": "places, revoked=(), unsigned=False",
    "predict": "model_dir, files, trust, workload=None",
}
TYPES = {
    *("Answers", "Augmentation", "ClassFiles", "Classes", "ConstantAnswer", "DataError", "Dataset", "Draft", "Example"),
    *("Exhibit", "ExtraColumn", "Fetched", "Folder", "Interval", "LearnedReader", "LearningReader", "Metric"),
    *("NotInstalled", "Outcome", "OutcomeLearning", "OutcomeMeasuring", "Pair", "Prediction", "RawSample", "Reader"),
    *("RefusedSample", "RowReader", "Rows", "RuleVerdict", "Settings", "SlimlineError", "SourceFile", "Technique"),
    *("TensorSpec", "Trust", "UnusableError", "Workload", "WorkloadLearning", "WorkloadReading"),
}
ALIASES = {"Item", "Payload", "TakeFile"}
PARTS = {  # what a workload and an outcome of one's own must have, and what samples are made of
    "Draft": "changes content digest split_hash",
    "Example": "changes inputs split_hash",
    "LearnedReader": "assets encode inputs tell",
    "LearningReader": "learn read study",
    "Outcome": "classes files learning measuring name outputs target targets",
    "OutcomeLearning": "each_loss each_taught_loss less_is_better loss metric same_answers score",
    "RawSample": "label name payload split",
    "Reader": "inputs read tell",
    "RefusedSample": "name reason",
    "RowReader": "unfold",
    "Rows": "file numbers rows split",
    "SourceFile": "open path read size stream",
    "TensorSpec": "bytes dtype high low name shape",
    "Workload": "augmentation describe first_params learning meaning name noise outcome reading settings thing things",
    "WorkloadLearning": "augment build networks",
    "WorkloadReading": "ask is_meant layout reader take_file",
}
ABSTRACT = {
    "Metric": "constant difference interval value",
    "OutcomeMeasuring": "constants describe_task predict smallest_margin",
    "Technique": "apply",
}


def found(name: str) -> object:
    value: object = slimline
    for part in name.split("."):
        value = getattr(value, part)
    return value


def test_the_public_names_are_these() -> None:
    assert set(slimline.__all__) == {name for name in SIGNATURES if "." not in name} | TYPES | ALIASES
    assert list(slimline.__all__) == sorted(slimline.__all__, key=lambda name: (name[0].islower(), name))
    assert set(slimline.__all__) <= set(dir(slimline))
    assert all(isinstance(found(name), type) for name in TYPES)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", slimline.__version__)


@pytest.mark.parametrize("name", PARTS)
def test_what_a_workload_is_made_of_is_this(name: str) -> None:
    kind = found(name)
    assert isinstance(kind, type)
    parts = {*kind.__annotations__, *vars(kind), *getattr(kind, "model_fields", ())}
    assert sorted(part for part in parts if not part.startswith(("_", "model_"))) == PARTS[name].split()


@pytest.mark.parametrize("name", ABSTRACT)
def test_what_a_class_of_ones_own_has_to_fill_in_is_this(name: str) -> None:
    assert sorted(getattr(found(name), "__abstractmethods__", ())) == ABSTRACT[name].split()


@pytest.mark.parametrize("name", SIGNATURES)
def test_their_parameters_are_these(name: str) -> None:
    function = found(name)
    assert callable(function)
    parameters = inspect.signature(function).parameters.values()
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    assert str(inspect.Signature(bare)) == f"({SIGNATURES[name]})"


@pytest.mark.parametrize("name", [name for name in SIGNATURES if name != "Compressed"])
def test_each_says_what_it_takes_gives_and_raises(name: str) -> None:
    text = inspect.getdoc(found(name)) or ""
    taken = [each for each in SIGNATURES[name].replace("*, ", "").split(", ") if each not in ("self", "unsigned=False")]
    missing = [each for each in taken if f"{each.partition('=')[0]}:" not in text]
    assert not missing
    if name not in {"Client", "Compressed.write"}:
        assert "Returns:" in text
        assert "Raises:" in text


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = slimline.nonsense


def test_importing_it_loads_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import slimline\n"
        "print({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'slimline'}"


def test_each_public_name_is_in_the_reference() -> None:
    page = (REPOSITORY / "docs/reference/api.md").read_text(encoding="utf-8")
    assert {name for name in slimline.__all__ if f"`{name}`" in page} == set(slimline.__all__)
    described = set(re.findall(r"auto\w+:: slimline\.(\w+)", page))
    assert described == set(slimline.__all__)


@pytest.mark.parametrize("name", ["sensors", "ratings"])
def test_workloads_of_ones_own_import_nothing_else(name: str) -> None:
    text = (REPOSITORY / f"tests/integration/{name}.py").read_text(encoding="utf-8")
    imports = re.findall(r"^ *(?:from|import) (\w+)", text, re.MULTILINE)
    assert "slimline" in imports
    assert not {"tasks", "flows", "tests"} & set(imports)


def test_the_docs_of_devices_use_nothing_else() -> None:
    for page in ("docs/how-to/devices.md", "docs/how-to/python.md", "docs/reference/api.md"):
        imports = re.findall(r"^(?:from|import) .*$", (REPOSITORY / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert imports
        assert not [line for line in imports if "tasks" in line or "flows" in line]
