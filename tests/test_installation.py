"""The wheel in environments that hold what an extra names and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from tasks.deployment.releases.publishing import publish
from tasks.deployment.trust.keys import LOCAL_KEY, public_path
from tasks.versioning.project import FILES
from tests.tasks.deployment.project import params_for, write_project
from tests.web import serving

REPOSITORY = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST = 120_000_000  # bytes of the base install, with what Python compiles
API = """
import json, sys, slimline
trust = slimline.load_trust("key.pub")
fetched = slimline.fetch(sys.argv[1], "shades", "production", "device", trust)
try:
    said = slimline.predict("device", ["light.png"], trust)[0].label
except slimline.NotInstalled as error:
    said = str(error)
print(json.dumps([fetched.version, said]))
"""


def needed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """The distributions that requirements lead to, as they are installed here."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        if (each.marker is None or each.marker.evaluate({"extra": ""})) and name not in found:
            found[name] = distribution(name)
            waiting.extend(map(Requirement, found[name].requires or ()))
    return found


def files_of(found: Iterable[Distribution]) -> Iterator[tuple[Path, Path]]:
    """The files of distributions in the folder of packages, compiled ones too: where they lie, and their names."""
    for each in found:
        for file in each.files or ():
            path = Path(str(each.locate_file(file)))
            if ".." not in file.parts and path.is_file():
                yield path, Path(file)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


def environment(folder: Path, wheel: Path, requirements: Iterable[str]) -> Path:
    """A virtual environment with the wheel and, linked from here, what the requirements lead to; its programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for path, name in files_of(needed(requirements).values()):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).symlink_to(path)
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--offline", "--no-deps", "--python", str(folder / "bin/python")]
    subprocess.run([uv, "pip", "install", *options, str(wheel)], check=True, capture_output=True)
    return folder / "bin"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a store with a release; the key and an image lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    write_project(params, packed=True)
    publish(params)
    (tmp_path / "empty").mkdir()
    shutil.copy(public_path(LOCAL_KEY), "empty/key.pub")
    Image.new("L", (4, 4), 250).save("empty/light.png")
    monkeypatch.chdir(tmp_path / "empty")
    with serving(tmp_path / "store") as web:
        yield web.url


def run(
    *command: str | Path, folder: Path = Path(), more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SLIMLINE", "VIRTUAL"))
    }
    env = {**clean, **(more or {})}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)


def fetches_and_says_what_the_rest_needs(programs: Path, url: str) -> None:
    """Do all that the base install does."""
    fetch = ("fetch", "shades", "--store", url, "--trusted-keys", "key.pub", "--to", "device")
    done = run(programs / "slimline", *fetch)
    assert (done.returncode, done.stdout) == (0, "shades 1 is now in device/1\n"), done.stderr
    done = run(programs / "slimline", "verify", "--model", "device", "--trusted-keys", "key.pub", "--json")
    assert json.loads(done.stdout)["version"] == 1
    done = run(programs / "python", "-c", API, url)
    assert done.returncode == 0, done.stderr
    version, said = json.loads(done.stdout)
    assert version == 1
    assert "pip install 'slimline[predict]'" in said
    for arguments, extra in [
        (("predict", "light.png", "--model", "device", "--trusted-keys", "key.pub"), "predict"),
        (("run",), "line"),
        (("releases", "--json"), "line"),
        (("fetch", "shades", "--store", "s3://a/b", "--to", "other", "--allow-unsigned"), "s3"),
    ]:
        done = run(programs / "slimline", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert done.stderr.startswith(f"error: Expected slimline[{extra}], which ")
        assert done.stderr.count("\n") == 1
    done = run(programs / "python", "-c", "import slimline; slimline.compress")
    assert "slimline[line], which slimline.compress needs" in done.stderr


def answers(programs: Path, url: str) -> None:
    """Do all that the extra ``predict`` does."""
    done = run(programs / "python", "-c", API, url)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1, "light"]
    done = run(programs / "slimline", "predict", "light.png", "--model", "device", "--trusted-keys", "key.pub")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("light.png\tlight\t")


def test_the_wheel_has_the_files_of_a_project_and_is_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name, source in FILES.items():
            content = archive.read(f"tasks/versioning/template/{source}")
            assert content == (REPOSITORY / "tasks/versioning/template" / source).read_bytes(), name
        assert {"slimline/py.typed", "tasks/py.typed"} <= set(archive.namelist())


def test_pages_are_made_with_the_templates_in_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    names = [path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tasks").rglob("*.j2")]
    code = "import sys, tasks.html as pages; [pages.environment().get_template(name) for name in sys.argv[1:]]"
    made = "print(pages.__file__, len(pages.environment().get_template('tasks/templates/page.css').render()) > 1000)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{code}\n{made}", *names],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.stdout) == ("", f"{tmp_path}/tasks/html.py True\n")


def test_the_base_install_fetches_and_says_what_the_rest_needs(wheel: Path, release: str, tmp_path: Path) -> None:
    programs = environment(tmp_path / "venv", wheel, PROJECT["dependencies"])
    fetches_and_says_what_the_rest_needs(programs, release)


def test_the_extra_predict_answers(wheel: Path, release: str, tmp_path: Path) -> None:
    extra = PROJECT["optional-dependencies"]["predict"]
    answers(environment(tmp_path / "venv", wheel, [*PROJECT["dependencies"], *extra]), release)


def test_the_base_install_is_small_and_has_nothing_of_the_line(wheel: Path) -> None:
    found = needed(PROJECT["dependencies"])
    assert not found.keys() & {"tensorflow", "prefect", "dvc", "boto3", "cyclopts"}
    size = sum(path.stat().st_size for path, _ in files_of(found.values()))
    assert size + 4 * wheel.stat().st_size < MOST


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "check"), [("", fetches_and_says_what_the_rest_needs), ("[predict]", answers)], ids=["base", "predict"]
)
def test_pip_installs_it_into_an_empty_environment(
    wheel: Path, release: str, tmp_path: Path, extra: str, check: Any
) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    before = _bytes(packages)
    done = run(tmp_path / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}{extra}")
    assert done.returncode == 0, done.stderr
    print(f"slimline{extra}: {(_bytes(packages) - before) / 1e6:.0f} MB installed")
    if not extra:
        assert _bytes(packages) - before < MOST
    check(tmp_path / "venv/bin", release)


@pytest.mark.slow
def test_a_new_project_of_the_whole_install_ends_with_a_release(wheel: Path, tmp_path: Path) -> None:
    """Of packages that uv has in its cache it makes links, so that 3 GB are not written anew."""
    programs, uv = tmp_path / "venv/bin", Path(sys.executable).with_name("uv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    options = ["--quiet", "--python", str(programs / "python")]
    done = run(uv, "pip", "install", *options, f"slimline[line] @ {wheel.as_uri()}")
    assert done.returncode == 0, done.stderr
    somebody = [f"GIT_{role}_{key}" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")]
    more = {
        **dict.fromkeys(somebody, "somebody@example.com"),
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    done = run("slimline", "new", "demo", folder=tmp_path, more=more)
    assert "cd demo && slimline run" in done.stdout, done.stderr
    done = run("slimline", "run", folder=tmp_path / "demo", more=more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Released: demo 1 is production in file://.slimline/store" in done.stdout
    device = ("--store", "file://demo/.slimline/store", "--trusted-keys", "demo/.slimline/keys", "--to", "device")
    done = run("slimline", "fetch", "demo", *device, folder=tmp_path, more=more)
    assert done.stdout == "demo 1 is now in device/1\n", done.stderr


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
