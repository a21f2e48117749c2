"""A recipe that cannot be made is recorded; what came from outside fails the stage."""

import errno
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.backend import keras
from tasks.compression import supervisor, worker
from tasks.compression.records import (
    NotMade,
    candidate_model,
    candidate_record,
    read_candidate,
    was_made,
    write_not_made,
)
from tasks.compression.refusal import record_refusal
from tasks.compression.supervisor import compress, run_worker
from tasks.config import load_params
from tasks.errors import (
    CompressionError,
    ConfigError,
    ConversionError,
    DataError,
    EvaluationError,
    PackingError,
    PromiseBroken,
    TrainingError,
    Unsuited,
)
from tasks.learning.saving import save_model
from tasks.training.records import BASELINE_KERAS
from tests.tasks.training.material import CLASSES, SHAPE

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")


class ResourceExhaustedError(Exception):
    """TensorFlow's, by its name."""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def raised_from(error: Exception, cause: BaseException) -> Exception:
    """An error as `raise … from None` leaves it while another one is handled."""
    error.__context__, error.__suppress_context__ = cause, True
    return error


@pytest.mark.parametrize(
    "error",
    [
        CompressionError("Expected another network. Received: this."),
        Unsuited("Expected another network. Received: this."),
        PromiseBroken("Expected the baseline as it was. Received: changed weights."),
        ConversionError("Expected the file to compute what its network does. Received: 20 dB."),
        EvaluationError("Expected a model that LiteRT loads. Received: none."),
        PackingError("Expected a flatbuffer. Received: none."),
        TrainingError("Expected a finite loss. Received: nan."),
    ],
)
def test_what_the_network_does_not_allow_is_recorded_with_its_sentence(error: Exception) -> None:
    record_refusal("int8", error)
    assert read_candidate("int8") == NotMade(recipe="int8", not_made=str(error))
    assert not was_made(candidate_model("int8"))


def test_an_error_that_nobody_foresaw_is_recorded_with_its_traceback_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record_refusal("int8", ValueError("axes don't match\n array"))
    record = read_candidate("int8")
    assert isinstance(record, NotMade)
    assert "Received: ValueError: axes don't match array. This is a defect" in record.not_made
    assert "ValueError: axes don't match" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        MemoryError(),
        ResourceExhaustedError("OOM when allocating tensor with shape[512]"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("Cannot allocate memory"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        raised_from(CompressionError("It did not end."), OSError(errno.ENOSPC, "No space left on device")),
        raised_from(EvaluationError("It does not load."), MemoryError()),
        DataError("Expected a shard. Received: none."),
        ConfigError("Expected a layer's name. Received: 'dens'."),
    ],
)
def test_what_came_from_outside_fails_the_stage_and_leaves_nothing(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        record_refusal("int8", error)
    assert caught.value is error
    assert not candidate_record("int8").exists()
    assert not candidate_model("int8").exists()


def test_a_worker_that_meets_a_refusal_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise CompressionError("Expected no gates. Received: one.")

    for name, answer in {
        "run_recipe": refuse,
        "load_model": lambda _: None,
        "find_builder": lambda *_: None,
    }.items():
        monkeypatch.setattr(worker, name, answer)
    worker.work(PARAMS, "int8")
    assert read_candidate("int8") == NotMade(recipe="int8", not_made="Expected no gates. Received: one.")


def test_a_worker_that_meets_a_defect_ends_well_and_one_without_room_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = [OSError(errno.ENOSPC, "No space left on device"), KeyError("dense")]

    def fail(*arguments: Any) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(worker, "work", fail)
    with pytest.raises(OSError, match="No space left"):
        worker.make(PARAMS, "int8")
    assert not candidate_record("int8").exists()
    worker.make(PARAMS, "int8")
    record = read_candidate("int8")
    assert isinstance(record, NotMade)
    assert "KeyError: 'dense'. This is a defect" in record.not_made


def test_a_person_who_interrupts_a_worker_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    for name, answer in {
        "run_recipe": interrupt,
        "load_model": lambda _: None,
        "find_builder": lambda *_: None,
    }.items():
        monkeypatch.setattr(worker, name, answer)
    with pytest.raises(KeyboardInterrupt):
        worker.make(PARAMS, "int8")
    assert not candidate_record("int8").exists()


def supervised(monkeypatch: pytest.MonkeyPatch, *signals: str) -> list[str]:
    """Let each worker in turn die of a signal; an empty one lets it write a file and end well."""
    left = list(signals)
    said: list[str] = []

    def run(command: list[str], name: str, *more: Any) -> None:
        reason = left.pop(0)
        said.append(reason)
        die = f"os.kill(os.getpid(), signal.{reason})" if reason else "print('done')"
        heard = "signal.signal(signal.SIGINT, signal.SIG_DFL)"  # ignored by what a shell starts in the background
        begin = f"import os, signal; {heard}; print('step 1/1: quantize', flush=True)"
        run_worker([sys.executable, "-c", f"{begin}; {die}"], name)

    monkeypatch.setattr(supervisor, "run_worker", run)
    compress(PARAMS, "int8")
    return said


@pytest.mark.parametrize("reason", ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL"])
def test_a_library_that_crashes_twice_is_recorded(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    assert supervised(monkeypatch, reason, reason) == [reason, reason]
    record = read_candidate("int8")
    assert isinstance(record, NotMade)
    assert f"Received: {reason} in step 1/1: quantize: a native crash" in record.not_made


def test_the_stage_says_once_which_settings_have_other_names_now(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "run_worker", lambda *_: None)
    step = {"technique": "quantize", "mode": "int8", "aware": True}
    compress(PARAMS.model_copy(update={"recipes": {"int8": [step]}}), "int8")
    assert capsys.readouterr().out.count("recipes.int8.0.aware is called training now. Write training: qat") == 1


def test_a_library_that_crashes_once_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert supervised(monkeypatch, "SIGSEGV", "") == ["SIGSEGV", ""]
    assert not candidate_record("int8").exists()


@pytest.mark.parametrize("signals", [("SIGKILL",), ("SIGTERM",), ("SIGINT",), ("SIGBUS",), ("SIGSEGV", "SIGKILL")])
def test_a_worker_that_is_ended_from_outside_fails_the_stage(
    monkeypatch: pytest.MonkeyPatch, signals: tuple[str, ...]
) -> None:
    with pytest.raises(CompressionError, match=signals[-1]) as caught:
        supervised(monkeypatch, *signals)
    assert not isinstance(caught.value, Unsuited)
    assert not candidate_record("int8").exists()


def test_a_record_says_whether_there_is_a_candidate() -> None:
    write_not_made("int8", "Why.")
    assert read_candidate("int8") == NotMade(recipe="int8", not_made="Why.")
    candidate_model("int8").write_bytes(b"TFL3")
    with pytest.raises(DataError, match="to hold a Candidate"):
        read_candidate("int8")


def too_small(layers: Any, signal: Any) -> Any:
    return layers.Flatten()(layers.Conv2D(4, 3, strides=2, activation="relu")(signal))


def with_gates(layers: Any, signal: Any) -> Any:
    return layers.GRU(16)(layers.Reshape((16, 16))(signal))


def normalized(layers: Any, signal: Any) -> Any:
    return layers.LayerNormalization()(layers.Dense(16)(layers.Flatten()(signal)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "step", "sentence"),
    [
        (too_small, {"technique": "prune_channels", "budget": {"metric": "macs", "max": 1}}, "Expected a budget"),
        (with_gates, {"technique": "quantize", "mode": "int8"}, r"SIG[A-Z]+ in step 1/1: quantize: a native crash"),
        (normalized, {"technique": "quantize", "mode": "int16x8"}, r"SIG[A-Z]+ in step 1/1: quantize: a native crash"),
    ],
)
def test_the_stage_of_a_recipe_that_cannot_be_made_ends_well(
    build: Any, step: dict[str, Any], sentence: str, prepared: Path, workspace: Path
) -> None:
    yaml = YAML(typ="safe")
    params = yaml.load((Path(__file__).parents[3] / "params.yaml").read_text())
    params["recipes"] = {"odd": [step]}
    yaml.dump(params, workspace / "params.yaml")
    (workspace / "data").mkdir()
    (workspace / "data/prepared").symlink_to(prepared)
    layers, inputs = keras().layers, keras().Input(SHAPE)
    outputs = layers.Dense(CLASSES)(build(layers, layers.Rescaling(1 / 255)(inputs)))
    save_model(keras().Model(inputs, outputs), workspace / BASELINE_KERAS)
    done = subprocess.run(
        [sys.executable, "-m", "tasks.compression", "compress", "odd"],
        cwd=workspace, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "odd: not made. Expected" in done.stdout
    assert "Traceback" not in done.stderr
    record = read_candidate("odd")
    assert isinstance(record, NotMade)
    assert re.search(sentence, record.not_made)
