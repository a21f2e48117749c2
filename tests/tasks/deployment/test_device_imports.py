"""What a device has to have installed: the client is run where nothing else can be imported."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from tasks.config import Params
from tasks.deployment.releases.publishing import publish
from tasks.deployment.trust.keys import LOCAL_KEY, public_path
from tests.tasks.deployment.stores.web import serving

REPOSITORY = Path(__file__).parents[3]
MODULES = {"ai-edge-litert": "ai_edge_litert", "pillow": "PIL"}  # whose distribution has another name
BELOW = {  # what those bring along
    "annotated_types", "pydantic_core", "typing_extensions", "typing_inspection", "cffi", "_cffi_backend", "pycparser",
    "flatbuffers", "tqdm", "attr", "attrs", "docstring_parser", "rich", "rich_rst", "docutils", "pygments",
    "markdown_it", "mdurl",
}  # fmt: skip
ALONE = """
import json, sys
allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"flows", "tasks"}


class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"a device has no {name}", name=name)


sys.meta_path.insert(0, Nothing())
"""
CLIENT = """
from pathlib import Path

from tasks.deployment.device.client import fetch
from tasks.deployment.device.prediction import predict
from tasks.deployment.trust.trusted import load_trust

trust = load_trust([Path("key.pub")])
fetched = fetch(sys.argv[2], "shades", "production", Path("device"), trust)
(answer,) = predict(Path("device"), [Path("light.png")], trust)
print(json.dumps([fetched.version, answer.label]))
"""
COMMANDS = """
from flows.cli.app import app

for arguments in (["fetch", "shades", "--to", "device", "--store", sys.argv[2], "--channel", "production"],
                  ["predict", "light.png", "--model", "device"]):
    try:
        app([*arguments, "--trusted-keys", "key.pub"])
    except SystemExit as ended:
        assert not ended.code, ended
"""


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """What a web server can serve."""
    return f"file://{tmp_path / 'store'}"


def on_a_device(code: str, project: Params, tmp_path: Path) -> str:
    """What ``code`` prints where only the group `device` of pyproject.toml can be imported."""
    publish(project)
    Image.new("L", (4, 4), 250).save("light.png")
    Path("key.pub").write_bytes(public_path(LOCAL_KEY).read_bytes())
    group = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["device"]
    names = {name.partition("~")[0].partition("=")[0] for name in group}
    assert not names & {"tensorflow", "prefect", "dvc", "boto3"}
    allowed = ",".join({MODULES.get(name, name) for name in names} | BELOW)
    with serving(tmp_path / "store") as web:
        command = [sys.executable, "-c", ALONE + code, allowed, web.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_client_needs_what_the_group_device_lists_and_no_more(project: Params, tmp_path: Path) -> None:
    assert json.loads(on_a_device(CLIENT, project, tmp_path)) == [1, "light"]


def test_the_commands_of_a_device_need_no_more_either(project: Params, tmp_path: Path) -> None:
    said = on_a_device(COMMANDS, project, tmp_path)
    assert "shades 1 is now in device/1" in said
    assert "light.png\tlight\t" in said
