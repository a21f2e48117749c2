"""The code that each stage runs, as a small file that DVC takes for one of its inputs.

``data/code/<work>.json`` names every module that the work's imports lead to with the digest of its code, and the
libraries that decide about the result with their versions. The stage ``code`` writes all of them; it is cheap and runs
each time, as ``fingerprint`` does.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from tasks.code.closure import Reader
from tasks.code.works import ALWAYS_RUN, WORKS
from tasks.config import Params
from tasks.files import to_json, write_bytes
from tasks.records import Record
from tasks.workloads import find_workload, measuring_for, target_of

FOLDER = Path("data/code")


class CodeRecord(Record):
    """The code that a work runs.

    ``python``: 3.x, without the patch version, which decides about no result. ``modules``: digest of the code by path;
    ``libraries``: version by name. ``settings``: those of the outcome that the work depends on, where they are not as
    by themselves.
    """

    python: str
    modules: dict[str, str]
    libraries: dict[str, str]
    settings: dict[str, Any] = Field(default_factory=dict, exclude_if=lambda value: not value)

    def content(self) -> bytes:
        """Return the file, the same bytes for the same code."""
        return to_json(self.model_dump(mode="json")).encode()

    @property
    def digest(self) -> str:
        """One digest of all of it."""
        return hashlib.sha256(self.content()).hexdigest()


def code_record(
    work: str, models: Iterable[str] = (), reader: Reader | None = None, settings: Mapping[str, Any] | None = None
) -> CodeRecord:
    """Return what a work runs now.

    Args:
        work: its name.
        models: the workload and the networks that it builds, as ``package.module:name``; other names count nothing.
        reader: of the project; by default of the one in the working folder.
        settings: see :func:`settings_of`.
    """
    own = [model.partition(":")[0] for model in models if ":" in model]
    closure = (reader or Reader()).closure([f"{WORKS[work].package}.__main__", WORKS[work].module, *own])
    python = "{}.{}".format(*sys.version_info)
    return CodeRecord(
        python=python, modules=closure.modules, libraries=closure.libraries, settings=dict(settings or {})
    )


def record_of(params: Params, work: str, reader: Reader | None = None) -> CodeRecord:
    """Return what a work runs now, of all that params.yaml names.

    Args:
        params: all of params.yaml.
        work: its name.
        reader: see :func:`code_record`.
    """
    return code_record(work, models_of(params, work), reader, settings_of(params, work))


def settings_of(params: Params, work: str) -> dict[str, Any]:
    """Return the settings of the outcome that a work depends on, as far as they change anything.

    They stand here, and not among the params of stages: so every graph of stages knows of them, and what they do not
    concern stays as it is.

    Args:
        params: all of params.yaml.
        work: its name.
    """
    known, outcome = WORKS[work], params.outcome
    return {
        **(outcome.changed(answering=False) if known.learns else {}),
        **(outcome.changed(answering=True) if known.answers else {}),
    }


def workload_parts(params: Params, work: str) -> list[str]:
    """Return those parts of the workload that a work runs, as ``package.module:Class``.

    Args:
        params: all of params.yaml.
        work: its name.
    """
    networks, workload = WORKS[work].networks, find_workload(params.data.workload)
    outcome = workload.outcome
    parts: dict[str | None, object] = {
        workload.reading: WORKS[work].reads,
        workload.learning: networks,
        outcome.learning: networks,
        outcome.measuring: WORKS[work].measures,
    }
    if WORKS[work].reports:
        parts[measuring_for(params.data.workload).blocks] = True
    return [target_of(params.data.workload), *(part for part, used in parts.items() if used and part)]


def models_of(params: Params, work: str) -> list[str]:
    """Return what params.yaml names for a work to run: the parts of the workload, and the networks that it builds.

    Args:
        params: all of params.yaml.
        work: its name.
    """
    networks = WORKS[work].networks
    return [
        *workload_parts(params, work),
        *([params.training.model] if "training" in networks else []),
        *([network.model for network in params.teachers.values()] if "teachers" in networks else []),
        *(_students(params) if "students" in networks else []),
    ]


def _students(params: Params) -> list[str]:
    """The networks that steps of recipes teach; what is no step at all is said by who reads recipes."""
    steps = [step for recipe in params.recipes.values() for step in recipe if isinstance(step, Mapping)]
    students = [step["student"] for step in steps if isinstance(step.get("student"), Mapping)]
    return sorted({str(student["model"]) for student in students if student.get("model")})


def foresee_code(params: Params, root: Path = Path()) -> dict[Path, bytes]:
    """Return the files that the stage ``code`` would write now, by their paths.

    Args:
        params: all of params.yaml.
        root: the project's folder.
    """
    reader = Reader(root)
    works = sorted(WORKS.keys() - ALWAYS_RUN)
    files = {FOLDER / f"{work}.json": record_of(params, work, reader).content() for work in works}
    reader.keep()
    return files


def write_code(params: Params) -> None:
    """Write what each work runs to ``data/code``: the stage ``code``.

    Args:
        params: all of params.yaml.

    Raises:
        ConfigError: the workload cannot be imported.
    """
    files = foresee_code(params)
    for path, content in files.items():
        write_bytes(path, content)
    for path in FOLDER.iterdir():
        if path not in files:
            path.unlink()
    print(f"code of {len(files)} stages")
