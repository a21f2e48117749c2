from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.comparing import FLOAT, SIMULATED
from tasks.compression.records import Candidate
from tasks.compression.technique import Result, Subject
from tasks.compression.techniques.convert import Convert
from tasks.compression.techniques.prune import Prune
from tasks.errors import CompressionError, ConversionError
from tasks.learning.conversion import to_tflite
from tasks.learning.records import Comparison
from tasks.learning.saving import copy_model
from tests.tasks.compression.cases import Made, carry_out
from tests.tasks.training import odd_networks

CONVERT: list[dict[str, Any]] = [{"technique": "convert"}]
PRUNE: list[dict[str, Any]] = [{"technique": "prune", "sparsity": 0.5, "epochs": 0}]


def last(candidate: Candidate) -> Comparison:
    """The last step's comparison."""
    comparison = candidate.steps[-1].comparison
    assert comparison is not None
    return comparison


def test_a_float_file_is_its_network(made: Made) -> None:
    found = last(made("tiny", "convert")[1])
    assert (found.of, found.samples, found.noise, found.agreement) == (FLOAT, 64, 0, 1.0)
    assert found.signal_to_noise_db >= (found.needed_db or 0) == 110


def test_a_float16_file_is_its_network_with_rounded_weights(made: Made) -> None:
    found = last(made("tiny", "float16")[1])
    assert (found.rounded_db or 0) >= 110
    assert 50 < found.signal_to_noise_db < 110


@pytest.mark.parametrize(
    ("case", "of", "least"), [("int8", FLOAT, 25), ("int4", FLOAT, 10), ("aware int8", SIMULATED, 25)]
)
def test_what_rounding_leaves_is_recorded(case: str, of: str, least: float, made: Made) -> None:
    _, candidate = made("tiny", case)
    found = last(candidate)
    assert (found.of, found.needed_db) == (of, None)
    assert found.signal_to_noise_db > least
    assert (found.signal_to_noise_db < 100) == (of == FLOAT)
    assert found.agreement is not None
    assert 0.7 < found.agreement <= 1
    assert candidate.comparison == found


def test_a_packed_file_answers_as_the_one_before_it(made: Made) -> None:
    _, candidate = made("tiny", "pack")
    assert last(candidate).signal_to_noise_db == 200
    assert candidate.comparison == candidate.steps[0].comparison


def test_a_file_that_is_not_its_network_ends_the_recipe(
    tiny: Any, residual: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = to_tflite(residual)
    monkeypatch.setattr(Convert, "apply", lambda *_: Result(Subject(flatbuffer=other), changed=()))
    with pytest.raises(ConversionError, match=r"what the network before this step gives, to 110 dB.*Received: "):
        carry_out("wrong", CONVERT, tiny, prepared)


def test_a_baseline_with_a_weight_that_is_no_number_is_refused_before_any_step(tiny: Any, prepared: Path) -> None:
    spoilt = copy_model(tiny)
    kernel, bias = spoilt.get_layer("logits").get_weights()
    kernel[3, 4] = np.nan
    spoilt.get_layer("logits").set_weights([kernel, bias])
    said: list[str] = []
    with pytest.raises(CompressionError, match=r"weights of the baseline\. Received: NaN in layer logits"):
        carry_out("spoilt", PRUNE, spoilt, prepared, say=said.append)
    assert said == []


def test_a_step_that_leaves_a_weight_that_is_no_number_ends_the_recipe(
    tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = copy_model(tiny)
    spoilt.set_weights([np.full_like(weight, np.inf) for weight in tiny.get_weights()])
    monkeypatch.setattr(Prune, "apply", lambda *_: Result(Subject(spoilt), changed=()))
    with pytest.raises(CompressionError, match=r"the network after prune\. Received: infinite values in layer conv2d"):
        carry_out("spoilt", PRUNE, tiny, prepared)


def test_rewrites_are_in_the_steps_record(prepared: Path) -> None:
    layers = keras().layers
    model = odd_networks.stack(
        layers.SeparableConv2D(4, 3, name="parted", activation="softmax"), layers.Conv2D(2, 3, name="second")
    )
    _, candidate = carry_out("noted", [*PRUNE, *CONVERT], model, prepared)
    rows = [
        (row["rewrite"], row["layer"], row["taken"]) for step in candidate.steps for row in step.details["rewrites"]
    ]
    assert rows == [("separable as two", "parted", "yes"), ("scaling into the first kernel", "parted_depthwise", "no")]


@pytest.mark.parametrize("build", [odd_networks.with_operations, odd_networks.called_twice, odd_networks.standardized])
def test_networks_beyond_layers_in_a_row_are_converted_right(build: Any, prepared: Path) -> None:
    _, candidate = carry_out("odd", CONVERT, build(), prepared)
    assert last(candidate).signal_to_noise_db >= 120
