"""The commands of CONTRIBUTING.md work as they stand there, in a copy of the project."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pages import carry_out, script_of

REPOSITORY = Path(__file__).parents[1]
PATCHES = sorted((REPOSITORY / "examples/extending").glob("*.patch"))
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, str]:
    """The commands of each section of the page."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sections = {title: script_of(body) for title, body in SECTION.findall(text)}
    return {title: commands for title, commands in sections.items() if commands}


def copy_project(folder: Path) -> Path:
    """The files of the working tree that git knows, or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def test_there_is_a_recipe_for_each_kind_of_thing_to_add() -> None:
    assert {title.removeprefix("Add a ") for title in recipes()} == {
        *("technique", "source", "store"),
        *("metric", "rule", "workload"),
    }


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_patch_of_the_page_fits_the_code_of_today(patch: Path) -> None:
    assert f"git apply {patch.relative_to(REPOSITORY)}" in "".join(recipes().values())
    done = subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("title", recipes())
def test_what_the_page_says_works_as_it_stands_there(tmp_path: Path, title: str) -> None:
    folder = copy_project(tmp_path)
    assert re.search(r"\d+ passed", carry_out(recipes()[title], folder))
