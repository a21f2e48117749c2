"""A project with the real stage graph and code, whose stages but the first ones do next to nothing."""

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tasks.versioning.environment import stage_environment

REPOSITORY = Path(__file__).parents[2]
REAL = {"code", "fingerprint", "load"}
STAND_IN = """
import hashlib, sys
from pathlib import Path

at = sys.argv.index("--")
digest = hashlib.sha256(repr(sys.argv[at:]).encode())
for name in sys.argv[1:at]:
    for path in [Path(name)] if Path(name).is_file() else sorted(Path(name).rglob("*")):
        digest.update(path.read_bytes() if path.is_file() else b"")
for name in sys.argv[at + 1:]:
    path = Path(name) if Path(name).suffix else Path(name, "made.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{path} {digest.hexdigest()}")
"""
OWN = {
    "mymodel.py": "from parts import blocks\n\ndef build(shape, classes, dropout):\n    return blocks.WIDTH\n",
    "parts/blocks.py": "WIDTH = 8\n",
    "unused.py": "WIDTH = 9\n",
}
RECIPES = ("int8", "float16")


def make_line(folder: Path, stages: Collection[str] = (), **data: Any) -> Path:
    """The project, with a network of a user's own and two recipes; ``stages`` of dvc.yaml, by default all."""
    parts = [path for path in REPOSITORY.joinpath("tasks").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    for path in parts:
        copy = folder / path.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    for name, text in {**OWN, "stand_in.py": STAND_IN, ".dvcignore": "__pycache__\n.slimline\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    yaml = YAML()
    params = yaml.load(REPOSITORY / "params.yaml")
    params["recipes"] = {name: [{"technique": "quantize", "mode": name}] for name in RECIPES}
    params["teachers"] = {}
    params["training"]["model"] = "mymodel:build"
    params["data"].update(data)
    params["deployment"]["model"] = "own"
    yaml.dump(params, folder / "params.yaml")
    graph = yaml.load(REPOSITORY / "dvc.yaml")
    for name in [name for name in graph["stages"] if stages and name not in stages]:
        del graph["stages"][name]
    steps = {name: stage.get("do", stage) for name, stage in graph["stages"].items()}
    written = {out for stage in steps.values() for out in _outs(stage)}
    folders = {folder for out in written for folder in _above(out)}
    for name, stage in steps.items():
        if name not in REAL:
            stage["deps"] = [
                path for path in stage.get("deps", ()) if path in folders or written & {path, *_above(path)}
            ]
            stage["cmd"] = f"python stand_in.py {' '.join(stage['deps'])} -- {' '.join(_outs(stage))}"
    yaml.dump(graph, folder / "dvc.yaml")
    dvc(folder, "init", "--no-scm", "--quiet")
    return folder


def _outs(stage: Any) -> list[str]:
    outs = [*stage.get("outs", ()), *stage.get("metrics", ())]
    return [str(next(iter(out))) if isinstance(out, dict) else str(out) for out in outs]


def _above(path: str) -> list[str]:
    """The folders that hold a path, but for the project's."""
    return [str(folder) for folder in Path(path).parents][:-1]


def dvc(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    environment = stage_environment({"PYTHONPATH": str(folder), "DVC_NO_ANALYTICS": "1"})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reproduce(folder: Path) -> set[str]:
    """Run `dvc repro`; gives the stages that it ran, or restored from its run cache, but those that always run."""
    lines = dvc(folder, "repro").splitlines()
    ran = {line.split("'")[1] for line in lines if line.startswith("Running stage '") or "is cached" in line}
    return ran - {"code", "fingerprint", "production"}
