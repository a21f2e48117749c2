from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.changes import check_changes, refusing
from tasks.compression.records import Reason
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Claim, Context, Form, Result, Subject, Technique
from tasks.compression.techniques.convert import Convert
from tasks.compression.techniques.fine_tune import FineTune
from tasks.compression.techniques.prune import Prune
from tasks.errors import UNSUITED, ConfigError, Unsuited
from tasks.learning.conversion import to_tflite
from tasks.learning.saving import copy_model
from tests.tasks.compression.cases import Interrupted, carry_out, context
from tests.tasks.learning.test_causes import traced
from tests.tasks.training.material import tiny as tiny_network

PRUNE = Prune(technique="prune", sparsity=0.5, epochs=0)


def test_only_layers_whose_weights_are_others_are_listed_and_promised() -> None:
    set_seed(1)  # layers are numbered from 1
    before = tiny_network()
    after = copy_model(before)
    kernel, bias = after.get_layer("logits").get_weights()
    after.get_layer("logits").set_weights([kernel, bias + 1])
    claims = (Claim("conv2d", "zeros", 0.5), Claim("logits", "zeros", 0.5))
    result = Result(Subject(after), changed=("conv2d", "logits"), claims=claims)
    checked = check_changes(PRUNE, Subject(before), result)
    assert checked.changed == ("logits",)
    assert [(skip.layer, skip.reason) for skip in checked.skipped] == [("conv2d", Reason.UNCHANGED)]
    assert checked.claims == claims[1:]


def test_a_layer_that_is_there_no_more_has_changed() -> None:
    before = tiny_network()
    layers = keras().layers
    after = keras().Sequential([keras().Input((4,)), layers.Dense(2)])
    result = Result(Subject(after), changed=("conv2d",))
    assert check_changes(PRUNE, Subject(before), result).changed == ("conv2d",)


def test_what_changes_nothing_is_refused_with_the_reason_of_each_layer(prepared: Path) -> None:
    steps = [{"technique": "cluster", "clusters": 256, "epochs": 0}]
    with pytest.raises(Unsuited, match=r"cluster to change a layer.*conv2d: too small to gain any.*Leave the step"):
        carry_out("r", steps, narrow(), prepared)
    with pytest.raises(Unsuited, match=r"none that it could change: each: the technique does not work on this kind"):
        carry_out("r", [{"technique": "prune", "sparsity": 0.5, "epochs": 1}], without_prunable(), prepared)


def narrow() -> Any:
    layers = keras().layers
    return keras().Sequential(
        [
            keras().Input((16, 16, 1)),
            layers.Conv2D(2, 3, activation="relu", name="conv2d"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, name="logits"),
        ]
    )


def without_prunable() -> Any:
    """TFMOT prunes no depthwise convolution."""
    layers = keras().layers
    each = layers.DepthwiseConv2D(16, depth_multiplier=10, name="each")
    return keras().Sequential([keras().Input((16, 16, 1)), layers.Rescaling(1 / 255), each, layers.Flatten()])


def test_layers_that_the_networks_own_measure_leaves_alone_are_recorded(tiny: Any, prepared: Path) -> None:
    steps = [{"technique": "factorize", "convolution": "none", "rank": {"by": "loss", "tolerance": 1e-9}}]
    _, candidate = carry_out("r", steps, tiny, prepared)
    assert candidate.steps[0].changed == ()
    assert {skip.layer: skip.reason for skip in candidate.steps[0].skipped} == {
        "conv2d": Reason.EXCLUDED,
        "logits": Reason.SENSITIVE,
    }
    with pytest.raises(Unsuited, match="factorize to change a layer"):
        carry_out("r", [{**steps[0], "dense": "none"}], tiny, prepared)


def test_what_is_not_trained_is_not_listed_as_trained(tiny: Any, prepared: Path) -> None:
    model = copy_model(tiny)
    model.get_layer("conv2d").trainable = False
    _, candidate = carry_out("r", [{"technique": "fine_tune", "epochs": 1}], model, prepared)
    step = candidate.steps[0]
    assert step.changed == ("logits",)
    assert [(skip.layer, skip.reason) for skip in step.skipped] == [("conv2d", Reason.UNCHANGED)]
    model.trainable = False
    with pytest.raises(Unsuited, match="fine_tune to change a layer"):
        carry_out("r", [{"technique": "fine_tune", "epochs": 1}], model, prepared)


def test_a_conversion_need_not_change_anything_and_a_file_of_fewer_bits_has_changed() -> None:
    model = tiny_network()
    file = to_tflite(model)
    assert check_changes(Convert(), Subject(model), Result(Subject(flatbuffer=file), changed=())).changed == ()
    unnamed = Result(Subject(flatbuffer=file), changed=())
    with pytest.raises(Unsuited, match="a network without a layer that it works on"):
        check_changes(FineTune(technique="fine_tune", epochs=1), Subject(model), unnamed)
    from tasks.compression.quantization.modes import configurations

    small = to_tflite(model, configurations()["float16"])
    result = Result(Subject(flatbuffer=small), changed=())
    assert check_changes(FineTune(technique="fine_tune", epochs=1), Subject(model), result) == result


class Raising(Technique):
    """A technique that does as a test says."""

    gives: ClassVar[Form] = "flatbuffer"
    work: ClassVar[Callable[[], Any]]

    technique: Literal["raising"] = "raising"

    def apply(self, subject: Subject, context: Context) -> Result:
        type(self).work()
        return Result(subject, changed=(), details={"seed": context.seed})


def interrupt() -> None:
    raise Interrupted("by a person")


def full() -> None:
    raise OSError(28, "No space left on device")


def wrong() -> None:
    raise ConfigError("said already")


@pytest.mark.parametrize(
    ("work", "error", "words"),
    [
        (
            lambda: np.linalg.svd(np.full((2, 2), np.nan)),
            Unsuited,
            r"step 1 \(raising\) can work on. Received: LinAlgError at tasks/compression/runner.py:\d+: SVD did not",
        ),
        (lambda: keras().layers.Dense("wide"), Unsuited, r"Received: \w+ at .*Leave the step out, or replace"),
        (lambda: keras().Input((4,)).numpy, Unsuited, "Received: AttributeError"),
        (interrupt, Interrupted, "by a person"),
        (full, OSError, "No space left"),
        (wrong, ConfigError, "said already"),
    ],
)
def test_what_a_library_raises_becomes_a_refusal_and_what_others_raise_stays(
    prepared: Path, tmp_path: Path, work: Callable[[], Any], error: type[Exception], words: str
) -> None:
    Raising.work = staticmethod(work)
    with pytest.raises(error, match=words) as caught:
        run_recipe("r", (Raising(),), tiny_network(), context(prepared), tmp_path)
    assert getattr(caught.value, "exit_code", None) == (
        UNSUITED if error is Unsuited else getattr(error, "exit_code", None)
    )


def test_the_cause_that_keras_puts_last_is_said_and_the_layer_named(prepared: Path, tmp_path: Path) -> None:
    Raising.work = staticmethod(traced)
    with pytest.raises(
        Unsuited, match=r"Received: LookupError at \S+: no room for 2 in layer inside \(Inner\)\. Leave"
    ):
        run_recipe("r", (Raising(),), tiny_network(), context(prepared), tmp_path)


def test_nobody_is_told_to_leave_a_step_out_that_every_recipe_has(
    tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tasks.compression.techniques.convert.to_tflite", lambda *_, **__: np.linalg.inv(np.zeros((2, 2)))
    )
    with pytest.raises(Unsuited, match=r"\(convert\).*Singular matrix\. Replace the layer") as caught:
        carry_out("r", [{"technique": "prune", "sparsity": 0.5, "epochs": 0}], tiny, prepared)
    monkeypatch.setattr("tasks.compression.runner.inline_models", lambda *_: np.linalg.inv(np.zeros((2, 2))))
    with pytest.raises(Unsuited, match=r"that a recipe can work on.*Singular matrix\. Replace the layer") as at_begin:
        carry_out("r", [{"technique": "convert"}], tiny, prepared)
    assert "Leave the step out" not in f"{caught.value}{at_begin.value}"


def test_what_goes_well_passes() -> None:
    with refusing("step"):
        assert np.linalg.det(np.eye(2)) == 1
