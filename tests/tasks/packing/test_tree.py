from pathlib import Path

import numpy as np
import pytest

from tasks.errors import PackingError
from tasks.litert import LiteRTModel
from tasks.packing.recording import read_model, record
from tasks.packing.tree import Node, Scalar, Table, Tables, Text, Vector, serialize

NAMES = ("article_float", "article_float16", "article_dynamic_int8", "article_int8", "digits_int8", "depthwise")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_laid_out_anew_is_the_same_model(models: Path, tmp_path: Path, name: str) -> None:
    path, again = models / f"{name}.tflite", tmp_path / "again.tflite"
    tree = record(read_model(path.read_bytes()))
    again.write_bytes(serialize(tree))
    assert record(read_model(again.read_bytes())) == tree
    assert serialize(record(read_model(again.read_bytes()))) == again.read_bytes()
    assert again.stat().st_size <= path.stat().st_size
    before, after = LiteRTModel(path), LiteRTModel(again)
    images = np.random.default_rng(1).integers(0, 256, (3, *next(iter(before.inputs.values())).shape[1:]), np.uint8)
    assert (before.predict(images) == after.predict(images)).all()


def test_equal_vectors_are_stored_once_and_bytes_begin_where_kernels_load_from() -> None:
    data = Vector(1, bytes(range(100)))
    nodes: dict[int, Node] = {
        0: Scalar(1, 7),
        1: data,
        2: Tables([Table({0: data}), Table({3: Scalar(8, 9)})]),
        3: Text(b"name"),
    }
    content = serialize(Table(nodes))
    assert content.count(bytes(range(100))) == 1
    assert content.index(bytes(range(100))) % 16 == 0
    assert content.index((9).to_bytes(8, "little")) % 8 == 0
    assert content[4:8] == b"TFL3"


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(PackingError, match="LiteRT flatbuffer"):
        read_model(b"not a flatbuffer at all")
