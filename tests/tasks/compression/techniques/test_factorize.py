from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.lowrank.svd import Svd
from tasks.compression.promises import measure
from tasks.compression.records import Reason
from tasks.compression.replacement import Replacement
from tasks.compression.technique import Result, Subject
from tasks.compression.techniques.factorize import Factorize
from tasks.compression.weights import values as kernels
from tasks.errors import CompressionError, Unsuited
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.compression.cases import carry_out, context, scores
from tests.tasks.compression.lowrank import planted
from tests.tasks.compression.zoo.handmade import embedded, recurrent
from tests.tasks.training.material import answers, depthwise, samples, transposed

INT8 = {"technique": "quantize", "mode": "int8", "calibration": 100}


def factorize(model: Any, prepared: Path, **settings: Any) -> Result:
    technique = Factorize.model_validate({"technique": "factorize", **settings})
    before = weights_digest(model)
    result = technique.apply(Subject(model), context(prepared))
    assert weights_digest(model) == before
    return result


@pytest.fixture
def low(article: Any) -> Any:
    """The article's network with a dense layer of rank 5 and a convolution of ranks 8 and 12 over its channels."""
    model = copy_model(article)
    dense, convolution = model.get_layer("dense"), model.get_layer("conv2d_1")
    weak = 0.01
    dense.set_weights([weak * planted.matrix(256, 64, 5), dense.get_weights()[1]])
    convolution.set_weights([weak * planted.tucker(convolution.kernel.shape, (8, 12)), convolution.get_weights()[1]])
    return model


@pytest.mark.parametrize("rule", [{"by": "energy", "keep": 0.999999}, {"by": "vbmf"}])
def test_planted_ranks_are_found_and_the_outputs_stay(low: Any, prepared: Path, rule: dict[str, Any]) -> None:
    if rule["by"] == "vbmf":
        for name in ("dense", "conv2d_1"):
            kernel, bias = low.get_layer(name).get_weights()
            noise = np.random.default_rng(2).normal(size=kernel.shape) * kernel.std() * 0.01
            low.get_layer(name).set_weights([kernel + noise, bias])
    result = factorize(low, prepared, rank=rule, exclude=["conv2d", "logits"])
    model = result.subject.network
    assert result.changed == ("conv2d_1", "dense")
    assert {claim.layer: claim.promised for claim in result.claims} == {
        "conv2d_1_in": 8,
        "conv2d_1_core": 12,
        "dense_in": 5,
    }
    assert {name: kernel.shape for name, kernel in kernels(model).items() if "_in" in name or "_core" in name} == {
        "conv2d_1_in": (1, 1, 32, 8),
        "conv2d_1_core": (3, 3, 8, 12),
        "dense_in": (256, 5),
    }
    convolution, dense = result.details["layers that became factors"]
    assert (convolution["rank"], dense["rank"], dense["full_rank"]) == ("8 × 12", "5", "64")
    assert (dense["weights"], dense["weights_before"]) == (5 * (256 + 64), 256 * 64)
    noise = 0.01 if rule["by"] == "vbmf" else 0.0
    assert (dense["signal_to_noise_db"] == pytest.approx(40, abs=1.5)) == bool(noise)  # what the noise is
    assert dense["signal_to_noise_db"] > 35
    images, _ = samples("test", prepared, 100)
    expected = answers(low, images)
    near = 1e-5 if rule["by"] == "energy" else 0.05
    assert np.abs(answers(model, images) - expected).max() < near * np.abs(expected).max()


def test_a_rank_that_would_make_the_layer_bigger_is_skipped_with_the_numbers(article: Any, prepared: Path) -> None:
    result = factorize(article, prepared, rank={"by": "fixed", "rank": 10}, convolution="none")
    assert result.changed == ("dense",)
    skips = {skip.layer: skip for skip in result.skipped}
    assert skips["logits"].reason == Reason.WOULD_GROW
    assert skips["logits"].detail.startswith("rank 10: 740 weights instead of 640, 740 multiplications instead of 640")
    assert skips["conv2d"].reason == Reason.EXCLUDED
    whole = factorize(article, prepared, rank={"by": "energy", "keep": 1.0})
    assert {skip.reason for skip in whole.skipped if skip.layer in kernels(article)} == {Reason.WOULD_GROW}
    assert whole.changed == ()


def test_a_layer_that_no_rank_makes_smaller_is_not_called_sensitive(article: Any, prepared: Path) -> None:
    """Low rank plus sparse keeps nearly all weights of a layer as small as this one."""
    rule = {"by": "loss", "tolerance": 0.5, "samples": 100, "evaluations": 5}
    names = [name for name in kernels(article) if name != "logits"]
    result = factorize(article, prepared, dense="robust_pca", convolution="none", rank=rule, exclude=names)
    (skip,) = [skip for skip in result.skipped if skip.layer == "logits"]
    assert skip.reason == Reason.WOULD_GROW
    assert "instead of 640" in skip.detail


def test_what_counts_by_the_activations_answers_better(article: Any, prepared: Path) -> None:
    images, labels = samples("test", prepared)
    cross_entropy = keras().losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss(calibration: int) -> float:
        model = factorize(article, prepared, rank={"by": "ratio", "ratio": 0.25}, calibration=calibration)
        return float(cross_entropy(labels, answers(model.subject.network, images)))

    assert loss(300) < 0.8 * loss(0)


def test_a_ratio_that_no_ranks_reach_is_refused(article: Any, prepared: Path) -> None:
    with pytest.raises(CompressionError, match=r"cost 0.001 of their parameters\. Received: layers that cost 0\.\d+"):
        factorize(article, prepared, rank={"by": "ratio", "ratio": 0.001})


@pytest.mark.parametrize("of", ["parameters", "macs"])
@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_the_layers_together_cost_the_ratio_asked_for(article: Any, prepared: Path, of: str, ratio: float) -> None:
    result = factorize(article, prepared, rank={"by": "ratio", "ratio": ratio, "of": of})

    def cost(model: Any) -> int:
        places = {name: np.prod(model.get_layer(name).output_shape[1:-1], dtype=int) for name in kernels(model)}
        return sum(k.size * (places[name] if of == "macs" else 1) for name, k in kernels(model).items())

    assert 0.85 * ratio < cost(result.subject.network) / cost(article) <= ratio


METHODS: dict[str, dict[str, Any]] = {
    "tucker": {"convolution": "tucker", "rank": {"by": "fixed", "rank": 8}},
    "cp": {"convolution": "cp", "rank": {"by": "fixed", "rank": 30}},
    "spatial": {"convolution": "spatial", "rank": {"by": "fixed", "rank": 12}},
    "svd": {"convolution": "svd", "rank": {"by": "fixed", "rank": 8}},
    "robust_pca": {"convolution": "robust_pca", "density": 0.1, "rank": {"by": "fixed", "rank": 6}},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_converter_takes_what_comes_out(residual: Any, prepared: Path, tmp_path: Path, method: str) -> None:
    settings = {"exclude": ["conv2d", "logits"], **METHODS[method]}
    model = factorize(residual, prepared, **settings).subject.network
    flatbuffer, candidate = carry_out("int8", [{"technique": "factorize", **settings}, INT8], residual, prepared)
    first, last = candidate.steps
    assert first.changed == ("conv2d_1",)
    assert all(promise.holds for promise in last.promises)
    factors = {name for name in kernels(model) if name.startswith("conv2d_1_")}
    assert {promise.layer for promise in last.promises if promise.promise == "dtype"} >= factors
    simulated = answers(model, samples("test", prepared)[0]).argmax(axis=1)
    assert np.mean(scores(flatbuffer, prepared, tmp_path).argmax(axis=1) == simulated) > 0.95


def test_low_rank_plus_sparse_makes_zeros_and_says_that_the_loaded_file_grows(low: Any, prepared: Path) -> None:
    kernel, bias = low.get_layer("dense").get_weights()
    spikes = planted.sparse(kernel.shape, 0.03, 10 * float(kernel.std()))
    low.get_layer("dense").set_weights([kernel + spikes, bias])
    said: list[str] = []
    technique = Factorize.model_validate(
        {"technique": "factorize", "dense": "robust_pca", "convolution": "none", "exclude": ["logits"]}
        | {"rank": {"by": "energy", "keep": 0.9999}}
    )
    result = technique.apply(Subject(low), context(prepared, say=said.append))
    claims = {(claim.layer, claim.kind): claim.promised for claim in result.claims}
    assert claims["dense_in", "rank"] == 5
    assert claims["dense_sparse", "zeros"] == pytest.approx(np.mean(spikes == 0))
    after = kernels(result.subject.network)
    assert np.allclose(after["dense_sparse"], spikes, atol=1e-3 * np.abs(spikes).max())
    assert f"{256 * 64 + 5 * 320:,} loaded" in said[0]
    assert technique.promises() == {"rank", "zeros"}
    images, _ = samples("test", prepared, 50)
    assert np.allclose(answers(result.subject.network, images), answers(low, images), rtol=1e-3, atol=1e-3)


def test_strides_that_a_decomposition_cannot_have_are_named(prepared: Path) -> None:
    layers = keras().layers
    stack = [layers.Conv2D(8, 3, strides=(2, 1), name="uneven"), layers.Flatten(), layers.Dense(10, name="logits")]
    model = keras().Sequential([keras().Input((16, 16, 1)), *stack])
    skip = factorize(model, prepared, convolution="cp", exclude=["logits"]).skipped[0]
    assert (skip.layer, skip.reason, skip.detail) == ("uneven", Reason.UNSUPPORTED, "strides of (2, 1)")


def test_a_loss_that_may_hardly_rise_leaves_less_out_than_one_that_may(article: Any, prepared: Path) -> None:
    sizes = {}
    for tolerance in (0.001, 0.5):
        rule = {"by": "loss", "tolerance": tolerance, "samples": 200, "evaluations": 40}
        model = factorize(article, prepared, rank=rule).subject.network
        sizes[tolerance] = model.count_params()
        images, labels = samples("validation", prepared, 200)
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        assert float(loss(labels, answers(model, images))) <= (1 + tolerance) * 1.0001 * float(
            loss(labels, answers(article, images))
        )
    assert sizes[0.5] < sizes[0.001] <= article.count_params()


def test_layers_that_cannot_be_factorized_are_named(prepared: Path) -> None:
    result = factorize(depthwise(), prepared, rank={"by": "fixed", "rank": 2})
    assert result.changed == ("convolution", "logits")
    assert {skip.layer: skip.reason for skip in result.skipped} == {
        "channelwise": Reason.UNSUPPORTED,
        "inner/deep": Reason.UNSUPPORTED,
    }


def test_a_layer_to_exclude_that_is_not_there_is_refused(article: Any, prepared: Path) -> None:
    with pytest.raises(CompressionError, match=r"conv2d, .*logits\. Received: 'dens'\. Correct"):
        factorize(article, prepared, exclude=["dens"])


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([{"technique": "fine_tune", "epochs": 1}, INT8], id="fine_tune"),
        *(
            pytest.param(steps, id=str(steps[0]["technique"]), marks=pytest.mark.slow)
            for steps in (
                [{"technique": "prune", "sparsity": 0.5, "epochs": 1}, INT8],
                [{"technique": "cluster", "clusters": 8, "epochs": 1}, INT8],
                [{"technique": "quantize", "mode": "int8", "training": "qat", "epochs": 1, "calibration": 100}],
            )
        ),
    ],
)
def test_what_comes_after_takes_the_factors_and_keeps_the_ranks(
    residual: Any, prepared: Path, steps: list[dict[str, Any]]
) -> None:
    first = {"technique": "factorize", "rank": {"by": "fixed", "rank": 3}}
    _, candidate = carry_out("chain", [first, *steps], residual, prepared)
    ranks = {(promise.layer, promise.measured) for promise in candidate.steps[-1].promises if promise.promise == "rank"}
    assert ranks == {("conv2d_core", 3), ("conv2d_1_in", 3), ("conv2d_1_core", 3), ("logits_in", 3)}
    for step in candidate.steps:
        assert all(promise.holds for promise in step.promises)


def test_what_was_promised_of_a_layer_holds_for_its_last_factor(residual: Any, prepared: Path) -> None:
    steps = [
        {"technique": "prune_channels", "layers": {"conv2d_1": 10}},
        {"technique": "factorize", "rank": {"by": "fixed", "rank": 3}},
    ]
    _, candidate = carry_out("chain", steps, residual, prepared)
    channels = {promise.layer: promise for promise in candidate.steps[-1].promises if promise.promise == "channels"}
    assert channels["conv2d_1_out"].measured == 10
    assert all(promise.holds for promise in candidate.steps[-1].promises)


@pytest.mark.parametrize("convolution", ["tucker", "cp"])
def test_channels_of_factors_can_be_removed(residual: Any, prepared: Path, convolution: str) -> None:
    steps: list[dict[str, Any]] = [
        {"technique": "factorize", "convolution": convolution, "rank": {"by": "ratio", "ratio": 0.6}},
        {"technique": "prune_channels", "budget": {"metric": "parameters", "max_ratio": 0.8}, "minimum": 1},
        INT8,
    ]
    _, candidate = carry_out("chain", steps, residual, prepared)
    assert all(promise.holds for promise in candidate.steps[-1].promises)
    assert {"rank", "channels"} <= {promise.promise for promise in candidate.steps[-1].promises}


def spoiled(model: Any, value: float) -> Any:
    copy = copy_model(model)
    kernel, bias = copy.get_layer("conv2d_1").get_weights()
    kernel[0, 0, 0, 0] = value
    copy.get_layer("conv2d_1").set_weights([kernel, bias])
    return copy


@pytest.mark.parametrize(("value", "convolution"), [(np.nan, "tucker"), (np.inf, "cp"), (np.nan, "robust_pca")])
def test_a_layer_with_a_weight_that_is_no_number_is_refused_by_name(
    article: Any, prepared: Path, value: float, convolution: str
) -> None:
    settings = {"convolution": convolution, "calibration": 0, "rank": {"by": "fixed", "rank": 2}}
    with pytest.raises(Unsuited, match=r"finite weights of layer conv2d_1\. Received: some that are not"):
        factorize(spoiled(article, value), prepared, **settings)
    settings |= {"calibration": 16}
    with pytest.raises(Unsuited, match=r"finite (weights|inputs for training samples) of layer \w+\. Received"):
        factorize(spoiled(article, value), prepared, **settings)


def test_ranks_are_not_chosen_by_a_loss_that_is_no_number(article: Any, prepared: Path) -> None:
    model = copy_model(article)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias * np.nan])
    with pytest.raises(Unsuited, match=r"finite validation loss .* Received: nan"):
        factorize(model, prepared, calibration=0, convolution="none", rank={"by": "loss", "evaluations": 3})


@pytest.mark.parametrize(
    "convolution", ["tucker", "cp", *(pytest.param(each, marks=pytest.mark.slow) for each in ("spatial", "svd"))]
)
def test_kernels_of_zeros_and_of_one_channel_are_no_obstacle(prepared: Path, convolution: str) -> None:
    model = transposed()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    rules = [{"by": "energy"}, {"by": "vbmf"}, {"by": "ratio", "ratio": 0.9}]
    for rule in rules:
        result = factorize(model, prepared, convolution=convolution, calibration=16, rank=rule)
        assert all(np.all(np.isfinite(weight)) for weight in result.subject.network.get_weights())


def test_without_a_layer_that_it_works_on_nothing_is_measured(prepared: Path) -> None:
    result = factorize(transposed(), prepared, dense="none", convolution="none", rank={"by": "loss"})
    assert (result.changed, result.measured) == ((), False)
    assert {skip.reason for skip in result.skipped} == {Reason.EXCLUDED}


def test_factors_that_do_not_multiply_to_the_kernel_are_not_taken(
    low: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Svd.replace

    def wrong(self: Svd, layer: Any, ranks: Any) -> Replacement:
        found = right(self, layer, ranks)
        return found if layer.name != "dense" else Replacement(found.chains, found.widths, (keras().layers.Softmax(),))

    monkeypatch.setattr(Svd, "replace", wrong)
    result = factorize(low, prepared, rank={"by": "fixed", "rank": 5}, convolution="svd", calibration=0)
    assert "conv2d_1" in result.changed
    assert "dense" not in result.changed
    assert {skip.layer: skip.detail for skip in result.skipped}["dense"].startswith("its outputs would agree to")
    assert result.subject.network.get_layer("dense").kernel.shape == (256, 64)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_an_input_kernel_of_planted_rank_becomes_two_and_the_outputs_stay(prepared: Path, kind: str) -> None:
    model = recurrent(kind)
    cell = model.get_layer("rnn").cell
    cell.kernel.assign(0.1 * planted.matrix(16, cell.kernel.shape[1], 3))
    result = factorize(model, prepared, rank={"by": "energy", "keep": 0.999999}, exclude=["hidden", "logits"])
    assert result.changed == ("rnn/kernel",)
    after = kernels(result.subject.network)
    assert after["rnn_in"].shape == (16, 3)
    product = after["rnn_in"] @ after["rnn_out/kernel"]
    assert np.allclose(product, cell.kernel.numpy(), atol=1e-4 * np.abs(product).max())
    assert np.array_equal(after["rnn_out/recurrent_kernel"], cell.recurrent_kernel.numpy())
    images, _ = samples("test", prepared, 20)
    assert np.allclose(answers(result.subject.network, images), answers(model, images), atol=1e-3)
    assert {skip.layer for skip in result.skipped if "two matrices" in skip.sentence} == {"rnn/recurrent_kernel"}
    assert all(promise.holds for promise in measure(result.claims, result.subject))


def test_a_table_becomes_a_narrower_one_and_a_dense_layer(prepared: Path) -> None:
    model = embedded()
    table = planted.matrix(256, 4, 2)
    model.get_layer("table").embeddings.assign(table)
    step = {"technique": "factorize", "rank": {"by": "fixed", "rank": 2}, "exclude": ["along", "logits"]}
    file, candidate = carry_out("r", [step], model, prepared)
    (first, *_) = candidate.steps
    assert first.changed == ("table",)
    shapes = {state.layer: state.shape for state in first.layers}
    assert (shapes["table_in"], shapes["table_out"]) == ((2, 256), (4, 2))
    assert all(promise.holds for promise in candidate.steps[-1].promises)
    assert candidate.steps[-1].promises
    assert candidate.comparison is not None
    assert file
