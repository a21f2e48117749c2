"""Steps that recipes share, and steps that a killed recipe had finished."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compression.recipe import parse_recipe
from tasks.compression.step_store import StepStore
from tasks.learning.identity import network_digest
from tasks.learning.saving import load_model
from tasks.locking import locked, locked_if_free
from tests.tasks.compression.cases import Steps, carry_out, context

FIRST: Steps = [{"technique": "prune", "sparsity": 0.5, "epochs": 1, "ramp": "constant"}]
INT8: Steps = [*FIRST, {"technique": "quantize", "mode": "int8", "calibration": 100}]
FLOAT16: Steps = [*FIRST, {"technique": "quantize", "mode": "float16"}]


@pytest.fixture
def store(prepared: Path, tmp_path: Path) -> StepStore:
    return StepStore(tmp_path, "baseline", context(prepared))


def test_recipes_that_begin_alike_share_the_work_and_give_the_bytes_of_each_alone(
    tiny: Any, prepared: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    carry_out("int8", INT8, tiny, prepared, tmp_path / "both", say=lines.append)
    assert "was done before" not in lines
    after, record = carry_out("float16", FLOAT16, tiny, prepared, tmp_path / "both", say=lines.append)
    assert lines.count("was done before") == 1
    alone, own = carry_out("float16", FLOAT16, tiny, prepared, tmp_path / "alone")
    assert after == alone
    assert [step.promises for step in record.steps] == [step.promises for step in own.steps]
    assert [step.layers for step in record.steps] == [step.layers for step in own.steps]


def test_a_step_is_another_one_with_other_settings_seed_or_baseline(prepared: Path, tmp_path: Path) -> None:
    recipe = parse_recipe("int8", INT8)
    other = parse_recipe("int8", [{**INT8[0], "sparsity": 0.6}, *INT8[1:]])
    stores = [
        StepStore(tmp_path, "baseline", context(prepared)),
        StepStore(tmp_path, "another", context(prepared)),
        StepStore(tmp_path, "baseline", context(prepared, seed=6)),
        StepStore(tmp_path, "baseline", context(prepared, batch_size=32)),
        StepStore(tmp_path, "baseline", context(prepared, precisions={"baseline": "mixed_bfloat16"})),
        StepStore(tmp_path, "baseline", context(prepared, code="another")),
    ]
    digests = [each.digest(steps) for each in stores for steps in (recipe[:1], recipe, other[:1], other)]
    assert len(set(digests)) == len(digests)
    nobody_asks = context(prepared, precisions={"strong": "mixed_bfloat16"})
    assert StepStore(tmp_path, "baseline", nobody_asks).digest(recipe) == stores[0].digest(recipe)


def test_two_networks_with_the_same_weights_share_no_step(tiny: Any, prepared: Path, tmp_path: Path) -> None:
    config = tiny.get_config()
    (convolution,) = [layer for layer in config["layers"] if layer["class_name"] == "Conv2D"]
    convolution["config"]["activation"] = "tanh"
    other: Any = type(tiny).from_config(config)
    other.set_weights(tiny.get_weights())
    steps: Steps = [{"technique": "prune", "sparsity": 0.5, "epochs": 0}, {"technique": "convert"}]
    files = [carry_out("r", steps, each, prepared, tmp_path / "both")[0] for each in (tiny, other)]
    assert files[1] == carry_out("r", steps, other, prepared, tmp_path / "alone")[0] != files[0]


def test_what_recipes_begin_with_is_kept_and_their_ends_are_not(store: StepStore, tmp_path: Path) -> None:
    int8, float16 = parse_recipe("int8", INT8), parse_recipe("float16", FLOAT16)
    begun, int8_done, at_work = store.digest(int8[:1]), store.digest(int8), store.digest(float16)
    for digest in (begun, int8_done, at_work):
        with store.alone(digest) as backup:
            backup.mkdir(parents=True)
    with locked(tmp_path / f"{at_work}.lock"):
        store.keep_only([int8, float16])
        assert {path.stem for path in tmp_path.iterdir()} == {begun, at_work}
    store.keep_only([int8])
    assert {path.stem for path in tmp_path.iterdir()} == {begun}
    store.keep_only([int8[1:]])
    assert not list(tmp_path.iterdir())


def test_what_a_kill_left_without_a_lock_or_without_a_model_is_no_step(store: StepStore, tmp_path: Path) -> None:
    recipe = parse_recipe("int8", INT8)
    digest = store.digest(recipe)
    (tmp_path / digest).mkdir()
    (tmp_path / digest / "done.json").write_text("{}")
    assert not store.has(digest)
    (tmp_path / digest / "model.tflite").touch()
    assert store.has(digest)
    store.keep_only([])
    assert not list(tmp_path.iterdir())


def test_nobody_begins_a_step_while_it_is_forgotten(
    store: StepStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = store.digest(parse_recipe("int8", INT8))
    (tmp_path / digest).mkdir()
    seen: list[bool] = []

    def look(path: Path, **_: Any) -> None:
        with locked_if_free(tmp_path / f"{digest}.lock") as free:
            seen.append(free)
        path.rmdir()

    monkeypatch.setattr(shutil, "rmtree", look)
    store.keep_only([])
    assert seen == [False]


def test_a_recipe_whose_end_was_changed_begins_where_it_changed(tiny: Any, prepared: Path, tmp_path: Path) -> None:
    carry_out("mine", INT8, tiny, prepared, tmp_path)
    StepStore(tmp_path, network_digest(tiny), context(prepared)).keep_only([parse_recipe("mine", INT8)])
    lines: list[str] = []
    carry_out("mine", FLOAT16, tiny, prepared, tmp_path, say=lines.append)
    assert lines[:3] == ["step 1/2: prune", "was done before", "step 2/2: quantize"]
    assert lines.count("was done before") == 1


def test_after_each_step_every_layer_is_measured(tiny: Any, prepared: Path, tmp_path: Path) -> None:
    _, candidate = carry_out("int8", INT8, tiny, prepared, tmp_path)
    pruned, quantized = ({layer.layer: layer for layer in step.layers} for step in candidate.steps)
    assert set(pruned) == set(quantized) == {"conv2d", "logits"}
    kernel = tiny.get_layer("logits").kernel.numpy()
    assert pruned["logits"].bytes == kernel.nbytes == 4 * quantized["logits"].bytes
    assert (pruned["logits"].dtype, quantized["logits"].dtype) == ("float32", "int8")
    assert pruned["logits"].shape == kernel.shape[::-1]
    assert pruned["logits"].zeros == pytest.approx(0.5, abs=0.01)
    assert quantized["logits"].zeros >= pruned["logits"].zeros
    channels = pruned_channels(tmp_path)
    assert pruned["conv2d"].distinct == max(len(np.unique(channel)) for channel in channels) < 9
    assert quantized["conv2d"].distinct <= pruned["conv2d"].distinct
    assert pruned["logits"].rank == 10
    assert pruned["logits"].distortion is not None
    assert pruned["logits"].distortion > 0.01
    for layer in quantized.values():  # 8 bits: some 40 dB, also where the input's scaling was folded in
        assert layer.distortion is not None
        assert 0 < layer.distortion < 1e-3


def pruned_channels(folder: Path) -> list[Any]:
    """The first layer's filters after the first step, read from the file that the step left."""
    (path,) = folder.glob("*/model.keras")
    return list(np.moveaxis(load_model(path).get_layer("conv2d").kernel.numpy(), -1, 0))
