from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.compression.promises import measure
from tasks.compression.records import Reason
from tasks.compression.technique import Subject
from tasks.compression.techniques.fine_tune import FineTune
from tasks.compression.techniques.prune import Prune
from tasks.compression.techniques.quantize import Quantize
from tasks.compression.weights import values as kernels
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.compression.cases import carry_out, context
from tests.tasks.compression.zoo.handmade import attention, dead, embedded, recurrent, separable_rows, subclassed
from tests.tasks.training.material import depthwise, samples, transposed


def prune(model: Any, prepared: Path, **settings: Any) -> Any:
    technique = Prune.model_validate({"technique": "prune", "epochs": 1, **settings})
    before = weights_digest(model)
    result = technique.apply(Subject(model), context(prepared, batch_size=256))
    assert weights_digest(model) == before
    return result


def of(criterion: str, samples: int) -> dict[str, int]:
    """The samples that a criterion looks at, if it looks at any."""
    return {} if criterion == "magnitude" else {"samples": samples}


@pytest.mark.parametrize("ramp", ["constant", "polynomial"])
def test_without_learning_exactly_the_smallest_weights_go(tiny: Any, prepared: Path, ramp: str) -> None:
    result = prune(tiny, prepared, sparsity=0.6, learning_rate=1e-12, ramp=ramp)
    after = kernels(result.subject.network)
    assert set(result.changed) == set(after)
    for name, before in kernels(tiny).items():
        size = np.abs(before).ravel()
        stay = round(before.size * 0.4)
        smallest = np.sort(size)[::-1][stay - 1]
        assert np.count_nonzero(after[name]) == stay
        assert np.array_equal(after[name].ravel() == 0, size < smallest)
        assert np.allclose(after[name].ravel()[size >= smallest], before.ravel()[size >= smallest], atol=1e-6)


@pytest.mark.parametrize("allocation", ["uniform", "global"])
def test_without_epochs_weights_go_at_once_and_the_others_stay(tiny: Any, prepared: Path, allocation: str) -> None:
    after = kernels(prune(tiny, prepared, sparsity=0.6, epochs=0, allocation=allocation).subject.network)
    before = kernels(tiny)
    zeros = {name: float(np.mean(kernel == 0)) for name, kernel in after.items()}
    if allocation == "uniform":
        assert zeros == pytest.approx(dict.fromkeys(zeros, 0.6), abs=0.01)
    for name, kernel in before.items():
        stay = after[name] != 0
        assert np.array_equal(after[name][stay], kernel[stay])
        assert np.abs(kernel[stay]).min() >= np.abs(kernel[~stay]).max()


def test_a_layer_pruned_again_keeps_the_zeros_it_has(tiny: Any, prepared: Path) -> None:
    model = copy_model(tiny)
    rng = np.random.default_rng(1)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel * (rng.random(kernel.shape) > 0.9), bias])
    before = kernels(model)
    after = kernels(prune(model, prepared, sparsity=0.5, learning_rate=0.01).subject.network)
    assert np.mean(before["logits"] == 0) > 0.85
    assert np.all(after["logits"][before["logits"] == 0] == 0)
    assert not np.array_equal(after["logits"], before["logits"])
    assert 0.49 < np.mean(after["conv2d"] == 0) < 0.51


def test_what_tfmot_passes_over_is_named(prepared: Path) -> None:
    model = depthwise()
    before = kernels(model)
    result = prune(model, prepared, sparsity=0.5, learning_rate=1e-12)
    assert set(result.changed) == {"convolution", "inner/deep", "logits"}
    assert {skip.layer: skip.reason for skip in result.skipped} == {"channelwise": Reason.UNSUPPORTED}
    assert np.allclose(kernels(result.subject.network)["channelwise"], before["channelwise"], atol=1e-6)
    assert {claim.layer for claim in result.claims} == {"convolution", "inner/deep", "logits"}


GRADIENT_CRITERIA = ("taylor", "snip", "fisher", "output")


def with_useless_large_weights(tiny: Any) -> Any:
    """Half of the convolution's channels are always off; the weights behind them are the largest."""
    model = copy_model(tiny)
    kernel, bias = model.get_layer("conv2d").get_weights()
    bias[:8] = -1000.0
    model.get_layer("conv2d").set_weights([kernel, bias])
    dense, more = model.get_layer("logits").get_weights()
    dense.reshape(7, 7, 16, 10)[:, :, :8] = 3.0
    model.get_layer("logits").set_weights([dense, more])
    return model


@pytest.mark.parametrize("criterion", ["magnitude", *GRADIENT_CRITERIA])
def test_large_weights_that_change_nothing_go_by_gradient_and_sensitivity_but_stay_by_magnitude(
    tiny: Any, prepared: Path, criterion: str
) -> None:
    model = with_useless_large_weights(tiny)
    # more than the useless half, since some places of the images are black in all
    settings = {"sparsity": 0.7, "criterion": criterion, "learning_rate": 1e-12, **of(criterion, 128)}
    after = kernels(prune(model, prepared, **settings).subject.network)["logits"].reshape(7, 7, 16, 10)
    useless, needed = after[:, :, :8], after[:, :, 8:]
    if criterion == "magnitude":
        assert np.all(useless != 0)
        assert np.all(needed == 0)
    else:
        assert np.all(useless == 0)
        assert np.mean(needed != 0) == pytest.approx(0.6, abs=0.001)


def test_global_allocation_spares_the_layer_with_large_weights(tiny: Any, prepared: Path) -> None:
    model = copy_model(tiny)
    kernel, bias = model.get_layer("conv2d").get_weights()
    model.get_layer("conv2d").set_weights([np.where(kernel < 0, kernel - 5, kernel + 5), bias])
    result = prune(model, prepared, sparsity=0.7, allocation="global", learning_rate=1e-12)
    after = kernels(result.subject.network)
    assert np.all(after["conv2d"] != 0)
    zeros = sum(np.sum(kernel == 0) for kernel in after.values())
    assert zeros == round(0.7 * sum(kernel.size for kernel in after.values()))
    assert {claim.layer: claim.promised for claim in result.claims} == {
        name: np.mean(kernel == 0) for name, kernel in after.items()
    }


def test_rounds_reach_the_sparsity_step_by_step_and_train_between(tiny: Any, prepared: Path) -> None:
    lines: list[str] = []
    technique = Prune.model_validate(
        {"technique": "prune", "sparsity": 0.8, "rounds": 3, "epochs": 1, "learning_rate": 0.01}
    )
    result = technique.apply(Subject(tiny), context(prepared, batch_size=256, say=lines.append))
    assert [line for line in lines if line.startswith("round")] == [
        "round 1/3: sparsity 0.563",
        "round 2/3: sparsity 0.770",
        "round 3/3: sparsity 0.800",
    ]
    assert sum(line.startswith("epoch 1/1") for line in lines) == 3
    for name, kernel in kernels(result.subject.network).items():
        assert np.sum(kernel != 0) == round(0.2 * kernel.size)
        assert not np.allclose(kernel[kernel != 0], kernels(tiny)[name][kernel != 0], atol=1e-3)


@pytest.mark.parametrize("criterion", ["magnitude", "fisher"])
def test_of_four_consecutive_inputs_two_stay(article: Any, prepared: Path, criterion: str) -> None:
    settings = {"pattern": "2:4", "criterion": criterion, "learning_rate": 1e-12, **of(criterion, 32)}
    result = prune(article, prepared, **settings)
    after = kernels(result.subject.network)
    assert set(result.changed) == {"conv2d_1", "dense", "logits"}
    for name in result.changed:
        groups = np.moveaxis(after[name], -2, -1).reshape(-1, 4)
        assert np.all(np.count_nonzero(groups, axis=1) == 2)
        if criterion == "magnitude":
            before = np.abs(np.moveaxis(kernels(article)[name], -2, -1)).reshape(-1, 4)
            assert np.array_equal(np.argsort(before, axis=1)[:, 2:].sum(axis=1), ((groups != 0) * range(4)).sum(axis=1))
    assert np.all(after["conv2d"] != 0)
    (skip,) = result.skipped
    assert skip.sentence == f"{Reason.UNSUPPORTED} (of 1 input channels 2 in 4 are all)"
    assert {(claim.kind, claim.promised) for claim in result.claims} == {("zeros", 0.5), ("pattern", "2:4")}
    trained = FineTune.model_validate({"technique": "fine_tune", "epochs": 1, "learning_rate": 0.01})
    int8 = Quantize.read({"technique": "quantize", "mode": "int8", "calibration": 50})
    later = int8.apply(trained.apply(result.subject, context(prepared)).subject, context(prepared)).subject
    assert all(promise.holds for promise in measure(result.claims, later))


@pytest.mark.parametrize("criterion", ["magnitude", "output"])
def test_blocks_go_as_a_whole(tiny: Any, prepared: Path, criterion: str) -> None:
    ramp = {"ramp": "constant"} if criterion == "magnitude" else {}
    settings = {"sparsity": 0.5, "pattern": "4x2", "criterion": criterion, "learning_rate": 1e-12, **ramp}
    settings |= of(criterion, 32)
    result = prune(tiny, prepared, **settings)
    zeros = kernels(result.subject.network)["logits"] == 0
    blocks = zeros.reshape(196, 4, 5, 2).mean(axis=(1, 3))
    assert set(blocks.ravel()) == {0.0, 1.0}
    assert blocks.mean() == 0.5
    skipped = {skip.layer: skip.detail for skip in result.skipped}
    assert skipped == ({"conv2d": "TFMOT prunes blocks of dense layers only"} if criterion == "magnitude" else {})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "expected sparsity"),
        ({"pattern": "2:4", "sparsity": 0.5}, "expected neither sparsity nor global allocation nor rounds"),
        ({"pattern": "2:4", "allocation": "global"}, "expected neither sparsity nor global allocation nor rounds"),
        ({"pattern": "4:4"}, "expected fewer weights to stay than there are in a group of 4"),
        ({"pattern": "2to4", "sparsity": 0.5}, "should match pattern"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Prune.model_validate({"technique": "prune", **settings})


@pytest.mark.parametrize("epochs", [0, 1])
def test_in_each_layer_the_pattern_lies_along_the_inputs_of_an_output(prepared: Path, epochs: int) -> None:
    result = prune(transposed(), prepared, pattern="2:4", epochs=epochs)
    assert set(result.changed) == {"up", "along", "logits"}
    after = kernels(result.subject.network)
    up = np.moveaxis(after["up"], -2, 0)  # [outputs, rows, columns, inputs]
    assert np.count_nonzero(up.reshape(6, -1, 2, 4), axis=-1).max() == 2
    assert np.count_nonzero(after["along"], axis=1).max() == 4  # of 6 inputs: 2 of 4 and both of the last 2
    assert all(promise.holds for promise in measure(result.claims, result.subject))
    assert {claim.promised for claim in result.claims if claim.kind == "pattern"} == {"2:4"}


def test_blocks_of_a_transposed_convolution_are_inputs_by_outputs(prepared: Path) -> None:
    result = prune(transposed(), prepared, pattern="4x1", sparsity=0.5, epochs=0)
    up = np.moveaxis(kernels(result.subject.network)["up"], -2, 0).reshape(6, -1, 4) != 0
    assert np.array_equal(up.any(axis=-1), up.all(axis=-1))


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"epochs": 1}, {"epochs": 0, "pattern": "2:4", "sparsity": None}])
def test_of_separable_convolutions_along_an_axis_both_kernels_are_pruned_or_said_to_stay(
    prepared: Path, settings: dict[str, Any]
) -> None:
    steps = [{"technique": "prune", "sparsity": 0.5, **settings}]
    file, candidate = carry_out("r", steps, separable_rows(), prepared)
    step = candidate.steps[0]
    ramped = settings["epochs"] > 0
    pattern = "pattern" in settings
    depthwise = {"first_depthwise", "second/depthwise_kernel"}
    assert set(step.changed) - depthwise == {"first", "second/pointwise_kernel", "logits"}
    assert set(step.changed) & depthwise == (set() if ramped or pattern else depthwise)
    assert {skip.layer for skip in step.skipped} == depthwise - set(step.changed)
    assert all(promise.holds for promise in candidate.steps[-1].promises)
    zeros = {state.layer: state.zeros for state in step.layers}
    assert zeros["first"] == pytest.approx(0.5, abs=0.02)
    assert file


def test_a_convolution_that_does_more_with_its_kernel_is_left_alone(prepared: Path) -> None:
    result = prune(subclassed(), prepared, sparsity=0.5, epochs=0)
    assert set(result.changed) == {"plain", "logits"}
    (skip,) = result.skipped
    assert skip.layer == "standardized"
    assert "a kind of layer of your own" in skip.sentence


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"epochs": 1}, {"epochs": 1, "criterion": "taylor"}])
def test_a_layer_of_zeros_is_left_alone_and_named(prepared: Path, settings: dict[str, Any]) -> None:
    result = prune(dead(), prepared, sparsity=0.5, **settings)
    assert set(result.changed) == {"alive", "dead", "behind", "logits"}
    assert [skip.sentence for skip in result.skipped if skip.layer == "zeros"] == [
        "the technique does not work on this kind of layer (all its weights are zero)"
    ]
    assert all(promise.holds for promise in measure(result.claims, result.subject))


SEQUENCES: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "LSTM": (lambda: recurrent("LSTM"), {"rnn/kernel", "rnn/recurrent_kernel"}),
    "GRU": (lambda: recurrent("GRU"), {"rnn/kernel", "rnn/recurrent_kernel"}),
    "Embedding": (embedded, {"table"}),
    "attention": (attention, {f"heads/{name}" for name in ("query", "key", "value", "attention_output")}),
}


@pytest.mark.parametrize("network", SEQUENCES)
def test_the_smallest_weights_of_other_layers_go_as_those_of_dense_ones_do(prepared: Path, network: str) -> None:
    build, paths = SEQUENCES[network]
    model = build()
    result = prune(model, prepared, sparsity=0.75, epochs=0)
    before, after = kernels(model), kernels(result.subject.network)
    assert paths <= set(result.changed)
    for path in paths:
        stays = np.abs(before[path]) > np.sort(np.abs(before[path]), axis=None)[round(0.75 * before[path].size) - 1]
        assert np.array_equal(after[path], before[path] * stays)
    assert all(promise.holds for promise in measure(result.claims, result.subject))


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("LSTM", {"sparsity": 0.75}),
        ("Embedding", {"sparsity": 0.75}),
        pytest.param("LSTM", {"sparsity": 0.75, "ramp": "constant"}, marks=pytest.mark.slow),
        pytest.param("attention", {"sparsity": 0.75}, marks=pytest.mark.slow),
        pytest.param("attention", {"sparsity": 0.5, "criterion": "taylor", "samples": 64}, marks=pytest.mark.slow),
        pytest.param("GRU", {"sparsity": 0.5, "pattern": "4x1"}, marks=pytest.mark.slow),
    ],
)
def test_zeros_of_other_layers_come_and_stay_while_the_rest_is_trained(
    prepared: Path, network: str, settings: dict[str, Any]
) -> None:
    build, paths = SEQUENCES[network]
    model = build()
    result = prune(model, prepared, epochs=2, learning_rate=0.01, **settings)
    before, after = kernels(model), kernels(result.subject.network)
    assert paths <= set(result.changed)
    for path in paths:
        assert np.mean(after[path] == 0) == pytest.approx(settings["sparsity"], abs=0.01)
        left = after[path] != 0
        assert not np.allclose(after[path][left], before[path][left], atol=1e-3)
    assert all(promise.holds for promise in measure(result.claims, result.subject))


@pytest.mark.parametrize("criterion", ["taylor", "fisher"])
def test_a_row_that_no_pixel_looks_up_goes_by_gradient(prepared: Path, criterion: str) -> None:
    model = embedded()
    table = model.get_layer("table").embeddings
    table.assign(np.where(np.arange(256)[:, None] % 16 == 3, 5.0, table.numpy()))  # large, and hardly looked up
    result = prune(model, prepared, sparsity=0.5, epochs=0, **of(criterion, 64), criterion=criterion)
    after = kernels(result.subject.network)["table"]
    seen = np.unique(samples("train", prepared)[0])
    unseen = np.setdiff1d(np.arange(256), seen)
    assert len(unseen) > 100
    assert np.mean(after[unseen] == 0) > 0.5
    assert np.mean(after[seen] == 0) < np.mean(after[unseen] == 0)


@pytest.mark.parametrize("epochs", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_of_four_inputs_of_a_gate_two_stay(prepared: Path, epochs: int) -> None:
    result = prune(recurrent("LSTM"), prepared, pattern="2:4", epochs=epochs)
    after = kernels(result.subject.network)
    for path in ("rnn/kernel", "rnn/recurrent_kernel"):
        assert np.all(np.count_nonzero(after[path].reshape(4, 4, 64), axis=1) == 2)
    table = prune(embedded(), prepared, pattern="2:4", epochs=epochs)
    assert [skip.sentence for skip in table.skipped if skip.layer == "table"] == [
        "the technique does not work on this kind of layer (it is a table, of which rows are looked up and not summed)"
    ]


def test_heads_that_read_together_are_inputs_one_behind_the_other(prepared: Path) -> None:
    result = prune(attention(), prepared, pattern="2:4", epochs=0)
    output = kernels(result.subject.network)["heads/attention_output"].reshape(4, 4, 16)
    assert np.all(np.count_nonzero(output, axis=1) == 2)
    query = kernels(result.subject.network)["heads/query"].reshape(4, 4, 16)
    assert np.all(np.count_nonzero(query, axis=1) == 2)
    assert all(promise.holds for promise in measure(result.claims, result.subject))


def test_blocks_of_a_depthwise_kernel_are_places_of_one_channel(prepared: Path) -> None:
    model = depthwise()
    result = prune(model, prepared, pattern="3x1", sparsity=0.5, epochs=0)
    rows = kernels(result.subject.network)["channelwise"].reshape(3, 3, 12) != 0
    assert np.array_equal(rows.any(axis=1), rows.all(axis=1))
