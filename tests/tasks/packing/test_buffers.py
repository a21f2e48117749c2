import tracemalloc

import numpy as np
import pytest

from tasks.errors import PackingError
from tasks.packing import buffers, schema
from tasks.packing.buffers import Buffers
from tasks.packing.rans import Decoder, Encoder
from tasks.packing.schema import BITS, Constant
from tasks.packing.sections import Sections
from tasks.packing.symbols import Symbols
from tasks.packing.tree import Table, Vector

SMALL: list[tuple[int, ...]] = [(2,), (6, 10), (1, 3, 3, 4), (8, 1, 1, 2)]
CASES = [(kind, shape, 600_000) for kind in BITS for shape in SMALL] + [(kind, (2, 1100), 0) for kind in BITS]


def code(constant: Constant | None, content: bytes) -> tuple[int, int]:
    """Bytes of the decisions and of the sections that it is coded to; it comes back."""
    encoder, sections = Encoder(), Sections()
    made = Buffers(encoder, Symbols(encoder), sections, decoding=False)
    assert made.code(constant, len(content), content) == content
    stream = encoder.finish(3)
    decoder, back = Decoder(stream, 10_000_000), Sections(bytes(sections.content), decoding=True)
    read = Buffers(decoder, Symbols(decoder), back, decoding=True)
    assert read.code(constant, len(content), b"") == content
    assert decoder.finish() == 3
    back.finish()
    return len(stream), len(sections.content)


@pytest.mark.parametrize(("kind", "shape", "patience"), CASES)
def test_constants_of_every_type_and_shape_come_back(
    monkeypatch: pytest.MonkeyPatch, kind: int, shape: tuple[int, ...], patience: int
) -> None:
    monkeypatch.setattr(buffers, "PATIENCE", patience)
    chance = np.random.default_rng(1)
    constant = Constant(kind, shape, chance.bytes(4 * shape[0]))
    content = np.frombuffer(chance.bytes(constant.bytes), np.uint8).copy()
    content[chance.random(len(content)) < 0.7] = 0
    assert sum(code(constant, content.tobytes())) < 1.2 * len(content) + 40


def test_what_no_tensor_names_or_is_of_another_size_comes_back() -> None:
    noise = np.random.default_rng(2).bytes(3000)
    for content in (b"", b"\0", noise[:100], noise):
        code(None, content)
        code(Constant(schema.INT8, (5, 5), b""), content)
        code(Constant(99, (len(content),), b""), content)


def test_biases_take_little_more_than_their_digits() -> None:
    biases = np.rint(np.random.default_rng(1).normal(0, 1000, 128)).astype("<i4")
    assert sum(code(Constant(schema.INT32, (128,), b""), biases.tobytes())) < 128 * 12.5 / 8 + 20


def test_a_small_stream_does_not_ask_for_gigabytes() -> None:
    encoder = Encoder()
    symbols = Symbols(encoder)
    symbols.number([("way", schema.INT8)], buffers.NARROW)  # which a buffer of this size is never coded as
    symbols.number([("stride")], 0)
    decoder = Decoder(encoder.finish(3), 10_000_000)
    read = Buffers(decoder, Symbols(decoder), Sections(decoding=True), decoding=True)
    tracemalloc.start()
    with pytest.raises(PackingError, match=r"up to 600,000 numbers that are coded one by one\. Received: one of 1,0"):
        read.code(Constant(schema.INT8, (1, 1 << 30), b""), 1 << 30, b"")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_what_was_decoded_counts_towards_the_numbers_coded_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "PATIENCE", 3000)
    constant, content = Constant(schema.INT8, (2, 1024), b""), bytes(2048)
    encoder, sections = Encoder(), Sections()
    made = Buffers(encoder, Symbols(encoder), sections, decoding=False)
    made.code(constant, len(content), content)
    assert not sections.content
    made.code(constant, len(content), content)  # 952 are left of 3000
    assert sections.content
    decoder = Decoder(encoder.finish(3), 10_000_000)
    read = Buffers(decoder, Symbols(decoder), Sections(bytes(sections.content), decoding=True), decoding=True)
    assert [read.code(constant, 2048, b"") for _ in range(2)] == [content, content]
    assert decoder.finish() == 3


def test_a_tensor_of_countless_axes_is_refused() -> None:
    shape = Vector(4, np.full(17, 2, "<i4").tobytes())
    with pytest.raises(PackingError, match=r"up to 16 axes\. Received: one of 17"):
        schema.constant_of(Table({schema.SHAPE: shape}))
