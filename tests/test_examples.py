"""The examples do what their READMEs say, command by command."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import carry_out, environment_of, script_of
from tests.servers import ANYBODY

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


def test_the_list_of_examples_is_complete() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert {name for name in NAMES if f"({name}/README.md)" in text} == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_goes_as_it_says(name: str, tmp_path: Path, s3_endpoint: str) -> None:
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name)
    more = {**ANYBODY, "AWS_ENDPOINT_URL": s3_endpoint, "AWS_CONFIG_FILE": "/dev/null"}
    script = script_of((folder / "README.md").read_text(encoding="utf-8"))
    if "s3://releases" in script:
        make_bucket = "import boto3; boto3.client('s3').create_bucket(Bucket='releases')"
        subprocess.run([sys.executable, "-c", make_bucket], env=environment_of(folder, more), check=True)
    carry_out(script, folder, more)
