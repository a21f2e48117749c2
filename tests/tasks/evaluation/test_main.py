import os
import re
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from tests.tasks.evaluation.material import params_with

HEAVY = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_evaluation_loads_no_tensorflow() -> None:
    assert (
        run(
            "import sys, pkgutil, importlib, tasks.evaluation as package\n"
            "for module in pkgutil.iter_modules(package.__path__):\n"
            "    importlib.import_module(f'tasks.evaluation.{module.name}')\n"
            f"print([name for name in {HEAVY} if name in sys.modules])"
        )
        == "[]"
    )


def test_reading_results_loads_neither_matplotlib_nor_litert() -> None:
    heavy = (*HEAVY, "matplotlib", "ai_edge_litert")
    assert run(f"import sys, tasks.evaluation.report\nprint([name for name in {heavy} if name in sys.modules])") == "[]"


def test_the_stage_runs_from_the_command_line(project: Path) -> None:
    with Path("params.yaml").open("w") as file:
        YAML().dump(params_with().model_dump(mode="json"), file)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-X", "importtime", "-m", "tasks.evaluation", *words]
        return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)

    done = command("evaluate", "baseline", "models/baseline.tflite")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"baseline: validation accuracy 0\.\d{4}\n", done.stdout)  # and nothing of the test split
    assert not any(line.endswith(f" {name}") for line in done.stderr.splitlines() for name in HEAVY)
    missing = command("gate")
    assert missing.returncode == 1
    assert "error: Expected reports" in missing.stderr.splitlines()[-1]
