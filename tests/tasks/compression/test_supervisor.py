import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.compression.supervisor import ALIVE, PATIENCE, compress, patience, run_worker
from tasks.config import load_params
from tasks.errors import UNSUITED, CompressionError, ConfigError, Unsuited

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")
WAITS = """
import threading
from tasks.processes import end_with_parent
end_with_parent()
print("step 1/1: wait", flush=True)
threading.Event().wait()
"""
SUPERVISES = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what they start in the background ignore it
from tasks.compression.supervisor import run_worker
run_worker([sys.executable, "-c", {WAITS!r}], "r")
"""
CRASHES_THE_CONVERTER = """
import numpy as np
from tasks.compression.technique import Context
from tasks.compression.quantization.modes import configurations
from tasks.backend import keras
from tasks.learning.conversion import convert
from tasks.samples import Inputs
layers = keras().layers
model = keras().Sequential([keras().Input((8, 4), batch_size=1), layers.GRU(8), layers.Dense(2)])
print("step 1/1: quantize", flush=True)
images = lambda: iter(Inputs({"image": np.random.rand(10, 8, 4).astype("float32")}))
convert(model, configurations(images)["int8"], float_input=True)
"""


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def dies_of(name: str) -> list[str]:
    return script(
        "import os, signal; print('step 1/3: prune'); print('epoch 1/2'); print('step 2/3: quantize', flush=True);"
        f"os.kill(os.getpid(), signal.{name})"
    )


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("SIGSEGV", "a native crash, most likely of the LiteRT converter"),
        ("SIGABRT", "a native crash, most likely of the LiteRT converter"),
        ("SIGKILL", "killed from outside, most likely since memory ran out"),
        ("SIGTERM", "ended from outside"),
    ],
)
def test_a_worker_that_is_killed_becomes_an_error_with_signal_step_and_cause(name: str, cause: str) -> None:
    with pytest.raises(CompressionError) as caught:
        run_worker(dies_of(name), "pruned")
    assert f"Expected recipe pruned to end. Received: {name} in step 2/3: quantize: {cause}" in str(caught.value)


@pytest.mark.parametrize(("name", "unsuited"), [("SIGSEGV", True), ("SIGABRT", True), ("SIGKILL", False)])
def test_a_crash_is_the_networks_and_other_recipes_go_on_but_a_kill_from_outside_is_not(
    name: str, unsuited: bool
) -> None:
    with pytest.raises(CompressionError) as caught:
        run_worker(dies_of(name), "pruned")
    assert (caught.value.exit_code == UNSUITED) == isinstance(caught.value, Unsuited) == unsuited


def test_a_worker_that_comes_no_further_is_ended_with_a_sentence() -> None:
    hangs = script("import threading; print('step 2/3: quantize', flush=True); threading.Event().wait()")
    # on a busy machine it may not even have begun
    with pytest.raises(Unsuited, match=r"no progress for 0\.05 minutes in (step 2/3: quantize|start)\. Leave .*"):
        run_worker(hangs, "r", 3.0)


def test_signs_of_life_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run_worker(script(f"print('step 1/1: prune'); print({ALIVE!r}); print('done')"), "r", 600.0)
    assert capsys.readouterr().out == "step 1/1: prune\ndone\n"


@pytest.mark.parametrize(("told", "seconds"), [(None, 600.0), ("2.5", 150.0), ("0", None)])
def test_how_long_a_worker_may_be_silent_can_be_told(
    monkeypatch: pytest.MonkeyPatch, told: str | None, seconds: float | None
) -> None:
    monkeypatch.delenv(PATIENCE, raising=False)
    if told is not None:
        monkeypatch.setenv(PATIENCE, told)
    assert patience() == seconds


@pytest.mark.parametrize("told", ["-1", "soon", "nan", "inf"])
def test_a_patience_that_is_no_time_is_refused(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv(PATIENCE, told)
    with pytest.raises(ConfigError, match=rf"number of minutes.*Received: '{told}'"):
        patience()


def test_a_worker_that_dies_before_its_first_step_says_so() -> None:
    with pytest.raises(CompressionError, match="SIGSEGV in start"):
        run_worker(script("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), "r")


@pytest.mark.slow
def test_a_crash_of_the_converter_becomes_an_error() -> None:
    with pytest.raises(CompressionError, match=r"SIG[A-Z]+ in step 1/1: quantize"):
        run_worker(script(CRASHES_THE_CONVERTER), "r")


def test_a_worker_that_says_why_keeps_its_code() -> None:
    with pytest.raises(SystemExit) as caught:
        run_worker(script("import sys; print('error: …', file=sys.stderr); sys.exit(2)"), "r")
    assert caught.value.code == 2


def test_what_a_worker_says_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    run_worker(script("print('step 1/1: prune'); print('epoch 1/1')"), "r")
    assert capsys.readouterr().out == "step 1/1: prune\nepoch 1/1\n"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_worker_ends_with_its_supervisor(name: str) -> None:
    with subprocess.Popen(script(SUPERVISES), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "step 1/1: wait\n"
        supervisor.send_signal(signal.Signals[name])
        try:
            # standard error is shared with the worker: it ends when both have
            supervisor.communicate(timeout=60)
        finally:
            supervisor.kill()
    assert supervisor.returncode == -signal.Signals[name]


def test_a_recipe_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Expected one of the recipes .*pruned_int8.* Received: 'nope'"):
        compress(PARAMS, "nope")


def test_a_senseless_recipe_is_refused_before_work_starts(capfd: pytest.CaptureFixture[str]) -> None:
    senseless = [{"technique": "quantize", "mode": "int8"}, {"technique": "prune", "sparsity": 0.5}]
    with pytest.raises(ConfigError, match=r"recipes\.senseless\.1"):
        compress(PARAMS.model_copy(update={"recipes": {"senseless": senseless}}), "senseless")
    assert capfd.readouterr().out == ""
