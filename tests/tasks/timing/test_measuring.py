import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tasks.errors import EvaluationError
from tasks.samples import Inputs
from tasks.timing import measuring
from tasks.timing.measuring import Plan, time_models
from tasks.timing.worker import Job
from tests.processes import is_gone
from tests.tasks.evaluation.material import digits

PLAN = Plan(processes=2, rounds=5, warmup=1, batch=4)
DIES = """
import os, signal, sys
print("int8", flush=True)
os.kill(os.getpid(), signal.{name})
"""
MEASURES = """
import sys
from pathlib import Path
import numpy as np
from tasks.timing.measuring import Plan, time_models
models = {{"a": Path({model!r})}}
time_models(models, np.zeros((1, 8, 8, 1), np.uint8), Plan(processes=2, rounds=10**9, warmup=0))
"""


def test_each_process_has_as_many_rounds_of_each_model(models: Path) -> None:
    files = {"baseline": models / "digits_float.tflite", "int8": models / "digits_int8.tflite"}
    processes = time_models(files, digits()[0][:8], PLAN)
    assert len(processes) == 2
    for timings in processes:
        assert {name: len(taken) for name, taken in timings.latencies.items()} == {"baseline": 5, "int8": 5}
        assert {name: len(rates) for name, rates in timings.throughputs.items()} == {"baseline": 2, "int8": 2}
        assert timings.batches == {"baseline": 4, "int8": 4}
        assert min(map(min, timings.latencies.values())) > 0


def test_throughput_is_left_out_where_nobody_asks_for_it(models: Path) -> None:
    (timings, _) = time_models({"a": models / "digits_float.tflite"}, digits()[0][:1], Plan(2, 3, 0))
    assert (timings.throughputs, timings.batches) == ({}, {})


def test_no_round_but_the_first_ones_is_begun_when_the_seconds_are_up(models: Path) -> None:
    plan = Plan(processes=2, rounds=10**9, warmup=10**9, batch=4, seconds=1e-6)
    processes = time_models({"a": models / "digits_float.tflite"}, digits()[0][:8], plan)
    assert [len(timings.latencies["a"]) for timings in processes] == [3, 3]


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"TFL3 and no more")
    with pytest.raises(EvaluationError, match=r"Expected .*broken\.tflite to be a model that LiteRT loads"):
        time_models({"broken": tmp_path / "broken.tflite"}, digits()[0][:8], PLAN)


@pytest.mark.parametrize(
    ("name", "why"),
    [("SIGSEGV", "The runtime crashed on this model"), ("SIGKILL", "It was ended from outside; if memory ran out")],
)
def test_a_process_that_dies_is_an_error_with_signal_and_model(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dying.py").write_text(DIES.format(name=name))
    monkeypatch.setattr(measuring, "WORKER", "dying")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EvaluationError, match=rf"to end well\. Received: {name} after it loaded int8\. {why}"):
        time_models({"int8": tmp_path / "any"}, digits()[0][:8], PLAN)


def test_a_process_that_fails_says_what_it_said_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing.py").write_text("raise MemoryError('no room')")
    monkeypatch.setattr(measuring, "WORKER", "failing")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EvaluationError, match=r"Received: code 1 before it loaded a model: MemoryError: no room"):
        time_models({"int8": tmp_path / "any"}, digits()[0][:8], PLAN)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_process_that_times_ends_with_the_one_that_asked(name: str, models: Path, tmp_path: Path) -> None:
    # where the tests run behind a shell, SIGINT is ignored, and so it is in what they start
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    text = heard + MEASURES.format(model=str(models / "digits_float.tflite"))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", text], env=environment, stderr=subprocess.PIPE) as asking:
        children: list[psutil.Process] = []
        while not children or not any(path.read_text() for path in tmp_path.glob("*/said.txt")):
            children = psutil.Process(asking.pid).children()
            assert asking.poll() is None
            os.sched_yield()
        asking.send_signal(signal.Signals[name])
        asking.communicate()
    assert len(children) == 1
    assert is_gone(children[0].pid)


def test_images_reach_the_processes_as_they_are(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def keep(job: Job, folder: Path) -> None:
        seen.update({name: np.load(file) for name, file in job.inputs.items()})

    monkeypatch.setattr(measuring, "_run", keep)
    images = digits()[0][:8]
    time_models({"a": models / "digits_float.tflite"}, images, PLAN)
    assert np.array_equal(seen[""], images)
    time_models({"a": models / "digits_float.tflite"}, Inputs({"file": images, "ids": images[:, 0, 0]}), PLAN)
    assert np.array_equal(seen["file"], images)
    assert np.array_equal(seen["ids"], images[:, 0, 0])
