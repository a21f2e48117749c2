"""What a device has to have installed: the client is run where nothing else can be imported."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from tasks.config import Params
from tasks.deployment.keys import LOCAL_KEY, public_path
from tasks.deployment.publishing import publish
from tests.tasks.deployment.stores.web import serving

REPOSITORY = Path(__file__).parents[3]
MODULES = {"ai-edge-litert": "ai_edge_litert", "pillow": "PIL"}  # whose distribution has another name
BELOW = {  # what those bring along
    "annotated_types", "pydantic_core", "typing_extensions", "typing_inspection", "cffi", "_cffi_backend", "pycparser",
    "flatbuffers", "tqdm",
}  # fmt: skip
DEVICE = """
import json, sys
allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"tasks"}


class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"a device has no {name}", name=name)


sys.meta_path.insert(0, Nothing())
from pathlib import Path

from tasks.deployment.client import fetch
from tasks.deployment.prediction import predict
from tasks.deployment.trust import load_trust

trust = load_trust([Path("key.pub")])
fetched = fetch(sys.argv[2], "shades", "production", Path("device"), trust)
(answer,) = predict(Path("device"), [Path("light.png")], trust)
print(json.dumps([fetched.version, answer.label]))
"""


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """What a web server can serve."""
    return f"file://{tmp_path / 'store'}"


def test_a_device_needs_what_the_group_device_lists_and_no_more(project: Params, tmp_path: Path) -> None:
    publish(project)
    Image.new("L", (4, 4), 250).save("light.png")
    Path("key.pub").write_bytes(public_path(LOCAL_KEY).read_bytes())
    group = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["device"]
    names = {name.partition("~")[0].partition("=")[0] for name in group}
    allowed = {MODULES.get(name, name) for name in names} | BELOW
    with serving(tmp_path / "store") as web:
        done = subprocess.run(
            [sys.executable, "-c", DEVICE, ",".join(allowed), web.url], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1, "light"]


COMMAND = """
import sys
from flows.cli import app
for arguments in (["fetch", "shades", "--to", "device", "--store", sys.argv[1], "--channel", "production"],
                  ["predict", "light.png", "--model", "device"]):
    try:
        app([*arguments, "--trusted-keys", "key.pub"])
    except SystemExit as ended:
        assert not ended.code, ended
heavy = {"tensorflow", "tf_keras", "prefect", "dvc", "boto3", "scipy", "matplotlib"}
print("loaded:", *heavy & set(sys.modules), sep="", file=sys.stderr)
"""


def test_the_commands_of_a_device_load_nothing_heavy(project: Params, tmp_path: Path) -> None:
    publish(project)
    Image.new("L", (4, 4), 250).save("light.png")
    Path("key.pub").write_bytes(public_path(LOCAL_KEY).read_bytes())
    with serving(tmp_path / "store") as web:
        done = subprocess.run([sys.executable, "-c", COMMAND, web.url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "shades 1 is now in device/1" in done.stdout
    assert "light" in done.stdout
    assert done.stderr.splitlines()[-1] == "loaded:"
