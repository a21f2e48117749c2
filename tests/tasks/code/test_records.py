import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import grimp
import pytest

from tasks.code.closure import Reader
from tasks.code.records import (
    CodeRecord,
    code_record,
    foresee_code,
    models_of,
    record_of,
    workload_parts,
    write_code,
)
from tasks.code.works import ALWAYS_RUN, WORKS, works_of
from tasks.config import Params, load_params, parse_params

REPOSITORY = Path(__file__).parents[3]
DIGESTED = sorted(WORKS.keys() - ALWAYS_RUN)
APART = {"compress": "tasks.compression.worker"}  # what a work starts in a process of its own
IMPORT_ALL = """
import importlib, json, sys
loaded = {}
for work, names in json.loads(sys.argv[1]).items():
    for name in [name for name in sys.modules if name.split(".")[0] == "tasks"]:
        del sys.modules[name]
    for name in names:
        importlib.import_module(name)
    loaded[work] = sorted(name for name in sys.modules if name.split(".")[0] == "tasks")
print(json.dumps(loaded))
"""


def params(**more: Any) -> Params:
    return parse_params({**load_params(REPOSITORY / "params.yaml").model_dump(), **more})


def modules(record: CodeRecord) -> set[str]:
    files = [path for path in record.modules if path.endswith(".py")]
    return {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in files}


@pytest.fixture(scope="module")
def records() -> dict[str, CodeRecord]:
    """All of them, without any network of a user's own."""
    params = load_params(REPOSITORY / "params.yaml")
    reader = Reader(REPOSITORY)
    return {work: code_record(work, models_of(params, work), reader) for work in DIGESTED}


@pytest.fixture(scope="module")
def imports() -> Any:
    """The imports of each module, found by another program than ours."""
    return grimp.build_graph("tasks", exclude_type_checking_imports=True, cache_dir=None)


@pytest.mark.parametrize("work", DIGESTED)
def test_a_work_depends_on_exactly_what_it_can_reach(work: str, imports: Any, records: dict[str, CodeRecord]) -> None:
    known = imports.modules
    reached: set[str] = set()
    waiting = [f"{WORKS[work].package}.__main__", WORKS[work].module, *([APART[work]] if work in APART else [])]
    waiting += [part.partition(":")[0] for part in workload_parts(load_params(REPOSITORY / "params.yaml"), work)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += imports.find_modules_directly_imported_by(name)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    assert reached <= known
    assert modules(records[work]) == reached


def test_to_import_all_of_it_loads_nothing_else_of_the_project(records: dict[str, CodeRecord]) -> None:
    expected = {work: sorted(modules(record)) for work, record in records.items()}
    command = [sys.executable, "-c", IMPORT_ALL, json.dumps(expected)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == expected


def test_each_work_is_where_it_is_said_to_be() -> None:
    packages = {work.package for work in WORKS.values()}
    for package in packages:
        assert (REPOSITORY / package.replace(".", "/") / "__main__.py").exists()
        for entry in works_of(package).values():
            module, _, function = entry.partition(":")
            assert f"def {function}(" in (REPOSITORY / f"{module.replace('.', '/')}.py").read_text()


def test_only_the_libraries_that_a_work_imports_count(records: dict[str, CodeRecord]) -> None:
    assert not records["evaluate"].libraries.keys() & {"tensorflow", "tf_keras", "tensorly", "pydantic", "boto3"}
    assert records["train"].libraries.keys() >= {"tensorflow", "tf_keras", "numpy"}
    assert records["compress"].libraries.keys() >= {
        "ai-edge-litert",
        "ai-edge-quantizer",
        "tensorflow-model-optimization",
        "tensorly",
    }
    assert records["load"].libraries.keys() >= {"pillow", "scikit-learn"}


def test_what_only_the_gate_runs_makes_no_candidate_stale(records: dict[str, CodeRecord]) -> None:
    gate, others = records["gate"], [records[work] for work in ("compress", "evaluate", "benchmark")]
    assert "tasks/evaluation/report.py" in gate.modules
    assert not any("tasks/evaluation/report.py" in record.modules for record in others)


def test_the_gate_depends_on_the_templates_of_its_report_and_nothing_else_does(records: dict[str, CodeRecord]) -> None:
    templates = {work: {path for path in of.modules if not path.endswith(".py")} for work, of in records.items()}
    own = (REPOSITORY / "tasks/evaluation/templates").iterdir()
    shared = (REPOSITORY / "tasks/templates").iterdir()
    outcome = (REPOSITORY / "tasks/workloads/outcomes/classes/templates").iterdir()
    assert templates["gate"] == {path.relative_to(REPOSITORY).as_posix() for path in (*own, *shared, *outcome)}
    assert not any(found for work, found in templates.items() if work != "gate")


def test_the_modules_of_networks_of_ones_own_count_where_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"mymodel": "import shared", "teacher": "", "shared": ""}.items():
        Path(f"{name}.py").write_text(text)
    mine = params(training={"model": "mymodel:build"}, teachers={"strong": {"model": "teacher:build"}, "weak": {}})
    reader = Reader()
    own = {
        work: sorted(
            path for path in code_record(work, models_of(mine, work), reader).modules if not path.startswith("tasks/")
        )
        for work in DIGESTED
    }
    assert own == {
        **{work: [] for work in DIGESTED},
        "train": ["mymodel.py", "shared.py"],
        "export": ["mymodel.py", "shared.py"],
        "teach": ["teacher.py"],
        "compress": ["mymodel.py", "shared.py", "teacher.py"],
    }


def test_the_stage_writes_one_file_for_each_work_and_the_same_bytes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "code"
    folder.mkdir(parents=True)
    (folder / "of_an_earlier_version.json").touch()
    write_code(params())
    written = {path.relative_to(tmp_path): path.read_bytes() for path in folder.iterdir()}
    assert written == foresee_code(params())
    assert {path.stem for path in written} == set(DIGESTED)
    for content in written.values():
        assert CodeRecord.model_validate_json(content).content() == content


def test_where_the_project_lies_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for folder in (tmp_path / "one", tmp_path / "two" / "three"):
        folder.mkdir(parents=True)
        (folder / "mymodel.py").write_text("x = 1")
        monkeypatch.chdir(folder)
        made.append(code_record("train", ["mymodel:build"]).digest)
    assert made[0] == made[1]


def test_another_version_of_a_library_makes_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    before = code_record("train", (), reader).digest
    monkeypatch.setattr("tasks.code.libraries.version", lambda _: "99.0")
    assert code_record("train", (), reader).digest != before


def test_settings_of_the_outcome_make_those_works_stale_that_they_concern_and_no_other() -> None:
    reader = Reader()
    before = {work: record_of(params(), work, reader) for work in DIGESTED}
    for settings, concerned in (
        ({"weights": "balanced", "focal": 2.0}, {"train", "teach", "compress"}),
        ({"best": "f1"}, {"train", "teach", "compress"}),
        ({"thresholds": "f1"}, {"evaluate"}),
        ({"weights": "none", "focal": 0.0, "best": "accuracy", "thresholds": "none"}, set()),
    ):
        after = {work: record_of(params(outcome=settings), work, reader) for work in DIGESTED}
        assert {work for work in DIGESTED if after[work].content() != before[work].content()} == concerned
