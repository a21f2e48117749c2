"""A workload of a user's own, named in params.yaml, from files to answers of a fetched release."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.integration.test_line import BIN, RECIPES, make_project, run

SETTINGS = (
    "data.source=readings",
    "data.workload=sensors:Sensors",
    "training.model=sensors:network",
    "training.epochs=20",
    "deployment.model=sensors",
    "deployment.smoke.of=validation",
)

INT8 = """recipes:
  int8:
    - {technique: quantize, mode: int8, calibration: 100}
"""


def write_readings(folder: Path, count: int) -> None:
    """Slow and fast waves, as an 8-bit sensor reads them."""
    rng = np.random.default_rng(1)
    for name, period in (("slow", 16), ("fast", 5)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            wave = np.sin(np.arange(40) * 2 * np.pi / period + rng.uniform(0, 6)) * 90 + rng.normal(0, 12, 40) + 128
            text = ",".join(map(str, np.clip(wave, 0, 255).astype(int)))
            (folder / name / f"{number}.csv").write_text(text)


@pytest.mark.slow
def test_readings_of_a_sensor_become_a_release_that_answers(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    shutil.copy(Path(__file__).with_name("sensors.py"), folder)
    write_readings(folder / "readings", 400)
    (folder / "readings/fast/damaged.csv").write_text("one,two")
    text = (folder / "params.yaml").read_text()
    start, end = text.index("  image:"), text.index("  split:")
    augmentation = text[text.index("  augmentation:") : text.index("  patience:")]
    text = text[:start] + "  sensors: {length: 32}\n" + text[end:]
    text = text.replace(augmentation, "  augmentation: {shift: 2}\n").replace(RECIPES, INT8)
    (folder / "params.yaml").write_text(text)
    stages = (folder / "dvc.yaml").read_text()
    (folder / "dvc.yaml").write_text(stages.replace("data.image", "data.sensors"))
    command: list[str | Path] = [BIN / "slimline", "run"]
    for setting in SETTINGS:
        command += ["--set", setting]
    run(command, folder)
    dataset = json.loads((folder / "data/prepared/dataset.json").read_text())
    assert (dataset["workload"], dataset["classes"]) == ("sensors:Sensors", ["fast", "slow"])
    assert dataset["refused_samples"] == 1
    assert "800 windows were cut to 32 readings." in dataset["notes"]

    device = folder / "device"
    run([BIN / "slimline", "fetch", "sensors", "--to", str(device)], folder)
    asked = [str(folder / "readings/fast/0.csv"), str(folder / "readings/slow/0.csv")]
    refused = run([BIN / "slimline", "predict", *asked, "--model", str(device)], folder, code=1)
    assert "Name a workload of your own" in refused.stderr
    told = ["--workload", "sensors:Sensors", "--json"]
    answers = json.loads(run([BIN / "slimline", "predict", *asked, "--model", str(device), *told], folder).stdout)
    assert [answer["label"] for answer in answers] == ["fast", "slow"]
