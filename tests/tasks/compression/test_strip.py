from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File
from tasks.compression.quantization.float_file import run_file
from tasks.compression.strip import strip
from tasks.errors import CompressionError
from tasks.packing.container import pack, unpack
from tasks.packing.recording import read_model, record
from tasks.packing.tree import serialize
from tests.tasks.compression.cases import Made
from tests.tasks.training.material import samples

NAMES = (
    "article_float",
    "article_float16",
    "article_dynamic_int8",
    "article_int8",
    "attention",
    "depthwise",
    "digits_pruned",
    "digits_fixed_batch",
)
RUNTIMES = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.BUILTIN_REF)


def load(flatbuffer: bytes, runtime: OpResolverType) -> Interpreter:
    interpreter = Interpreter(model_content=flatbuffer, experimental_op_resolver_type=runtime)
    interpreter.allocate_tensors()
    return interpreter


def answers(flatbuffer: bytes, runtime: OpResolverType) -> NDArray[np.generic]:
    interpreter, chance = load(flatbuffer, runtime), np.random.default_rng(1)
    (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for _ in range(5):
        interpreter.set_tensor(image["index"], chance.integers(0, 256, image["shape"]).astype(image["dtype"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(logits["index"]))
    return np.stack(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_stripped_model_answers_the_same_on_every_kernel(models: Path, name: str) -> None:
    flatbuffer = (models / f"{name}.tflite").read_bytes()
    stripped, _ = strip(flatbuffer)
    assert len(stripped) < len(flatbuffer)
    for runtime in RUNTIMES:
        assert answers(stripped, runtime).tobytes() == answers(flatbuffer, runtime).tobytes()


@pytest.mark.parametrize("name", ["article_int8", "digits_float"])
def test_nothing_is_left_that_no_kernel_reads(models: Path, name: str) -> None:
    flatbuffer = (models / f"{name}.tflite").read_bytes()
    stripped, (numbers,) = strip(flatbuffer)
    model = read_model(stripped)
    tensors = model.subgraphs[0].tensors
    assert model.description is None
    assert model.metadata is None
    assert all(not tensor.name for tensor in tensors)
    assert all(tensor.quantization is None or tensor.quantization.min is None for tensor in tensors)
    assert len(numbers) - 1 == len(tensors) <= len(read_model(flatbuffer).subgraphs[0].tensors)
    assert len(model.buffers) == 1 + len({tensor.buffer for tensor in tensors} - {0})
    assert b"MLIR" not in stripped
    assert strip(stripped)[0] == stripped == serialize(record(model))


def test_scales_of_biases_are_the_products_that_kernels_count_with(models: Path) -> None:
    plain, _ = strip((models / "article_int8.tflite").read_bytes())
    beside = read_model(plain)
    for bias in _biases(beside):
        bias.quantization.scale = np.nextafter(bias.quantization.scale, np.float32(1))
    nudged = serialize(record(beside))
    again, _ = strip(nudged)
    assert nudged != plain
    assert again == plain
    assert len(pack(again)) < len(pack(nudged))
    for runtime in RUNTIMES:
        assert answers(again, runtime).tobytes() == answers(nudged, runtime).tobytes()


def test_the_scale_of_a_bias_that_is_another_number_stays(models: Path) -> None:
    plain, _ = strip((models / "article_int8.tflite").read_bytes())
    other = read_model(plain)
    for bias in _biases(other):
        bias.quantization.scale = np.asarray(bias.quantization.scale) * np.float32(1 + 2**-20)
    changed = serialize(record(other))
    assert strip(changed)[0] == changed


def _biases(model: Any) -> list[Any]:
    (graph,) = model.subgraphs
    with_bias = [operator.inputs for operator in graph.operators if len(operator.inputs) == 3]
    found = [graph.tensors[inputs[2]] for inputs in with_bias]
    assert found
    return found


def test_signatures_stay_usable(models: Path) -> None:
    flatbuffer = (models / "digits_int8.tflite").read_bytes()
    found = []
    for each in (flatbuffer, strip(flatbuffer)[0]):
        interpreter = Interpreter(model_content=each)
        ((key, signature),) = interpreter.get_signature_list().items()
        runner = interpreter.get_signature_runner(key)
        image = np.full((1, 8, 8, 1), 7, np.uint8)
        found.extend(runner(**{signature["inputs"][0]: image}).values())
    assert len(found) == 2
    assert (found[0] == found[1]).all()


def test_constants_are_found_by_their_new_numbers(models: Path) -> None:
    flatbuffer = (models / "article_int8.tflite").read_bytes()
    stripped, (numbers,) = strip(flatbuffer)
    before, after = File(flatbuffer), File(stripped)
    found = [(before.constant(0, use.tensor), after.constant(0, numbers[use.tensor])) for use in before.uses()]
    assert len(found) >= 4
    for one, other in found:
        assert (one.values == other.values).all()
        assert one.scales == other.scales


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(CompressionError, match="LiteRT flatbuffer"):
        strip(b"not a flatbuffer at all")


def test_scales_of_blocks_stay_where_they_are_found(made: Made, prepared: Path) -> None:
    flatbuffer = made("article", "int4 in blocks")[0]
    stripped, (numbers,) = strip(flatbuffer)
    assert len(stripped) < len(flatbuffer)
    images = samples("test", prepared, 50)[0]
    assert np.array_equal(run_file(stripped, images), run_file(flatbuffer, images))
    before, after = File(flatbuffer), File(stripped)
    blocked = [
        use.tensor
        for use in before.uses()
        if len(use.shape) > 1 and len(before.constant(0, use.tensor).scales) > use.shape[0]
    ]
    assert blocked
    for tensor in blocked:
        one, other = before.constant(0, tensor), after.constant(0, numbers[tensor])
        assert np.array_equal(one.real(), other.real())
        assert other.dtype == "int4"
    assert unpack(pack(stripped), len(stripped)) == stripped
