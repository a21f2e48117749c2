import numpy as np
import pytest

from tasks.errors import PackingError
from tasks.packing import sections as sections_module
from tasks.packing.sections import Sections
from tasks.packing.vectorized import ContextKind, Layout, turns_for

COUNT = 30_000


def material(zeros: float, seed: int = 1) -> bytes:
    chance = np.random.default_rng(seed)
    values = np.rint(chance.laplace(0, 18, COUNT)).clip(-127, 127).astype(np.int8)
    values[chance.random(COUNT) < zeros] = 0
    return values.tobytes()


def entropy(content: bytes) -> float:
    """Bytes that independent bytes take if nothing is known but how often each one is."""
    counts = np.bincount(np.frombuffer(content, np.uint8))
    counts = counts[counts > 0]
    return float(-(counts * np.log2(counts / counts.sum())).sum() / 8)


def code(content: bytes, layout: Layout) -> bytes:
    """Code it, see that it comes back, and return the bytes."""
    count = len(content) // layout.size
    sections = Sections()
    sections.code(count, content, layout)
    back = Sections(bytes(sections.content), decoding=True)
    assert back.code(count, b"", layout) == content
    back.finish()
    return bytes(sections.content)


@pytest.mark.parametrize("zeros", [0.0, 0.85])
def test_independent_numbers_take_little_more_than_their_entropy(zeros: float) -> None:
    content = material(zeros)
    assert len(code(content, Layout(1, (16, 300)))) < 1.03 * entropy(content) + 200


def test_floats_take_less_than_their_bytes() -> None:
    values = np.random.default_rng(1).normal(0, 0.05, 4_000)
    half, single = values.astype(np.float16).tobytes(), values.astype(np.float32).tobytes()
    assert len(code(half, Layout(2, (16, 300)))) < 0.87 * len(half)
    assert len(code(single, Layout(4, (16, 300)))) < 0.88 * len(single)


def test_few_different_floats_take_as_much_as_their_numbers() -> None:
    chance = np.random.default_rng(1)
    levels = chance.normal(0, 1, 16).astype(np.float32)
    content = chance.choice(levels, 8_000).tobytes()
    assert len(code(content, Layout(4, (1, 1)))) < 8_000 * 4 / 8 * 1.1 + 150


def test_noise_is_stored_as_it_is() -> None:
    content = np.random.default_rng(1).bytes(4_000)
    assert len(code(content, Layout(1, (1, 1)))) == len(content) + 4


@pytest.mark.parametrize("count", [1, 2, 1023, 2049])
def test_any_number_of_elements_comes_back(count: int) -> None:
    code(material(0.9)[:count], Layout(1, (3, 10**6)))


def test_what_is_cut_off_or_too_long_is_refused() -> None:
    content = code(material(0.85), Layout(1, (16, 300)))
    for size in (0, 3, 4, 100, len(content) - 1):
        with pytest.raises(PackingError):
            Sections(content[:size], decoding=True).code(COUNT, b"", Layout(1, (16, 300)))
    longer = Sections(content + b"\0", decoding=True)
    longer.code(COUNT, b"", Layout(1, (16, 300)))
    with pytest.raises(PackingError, match="more bytes"):
        longer.finish()


def test_parts_take_no_longer_than_a_whole_file_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts cost as many turns as large ones, and a hostile file may have a great many."""
    layout, content = Layout(1, (16, 300)), material(0.85)
    monkeypatch.setattr(sections_module, "TURNS", 3 * turns_for(COUNT, 1))
    sections = Sections()
    for _ in range(4):
        sections.code(COUNT, content, layout)
    assert len(sections.content) > 3 * len(code(content, layout)) + COUNT  # the last one as it is
    back = Sections(bytes(sections.content), decoding=True)
    assert [back.code(COUNT, b"", layout) for _ in range(4)] == [content] * 4
    monkeypatch.setattr(sections_module, "TURNS", 3 * turns_for(COUNT, 1) - 1)
    hostile = Sections(bytes(sections.content), decoding=True)
    hostile.code(COUNT, b"", layout)
    hostile.code(COUNT, b"", layout)
    with pytest.raises(PackingError, match="a minute or two"):
        hostile.code(COUNT, b"", layout)


def test_rows_of_few_levels_take_as_much_as_their_numbers() -> None:
    """A kernel as clustering leaves it: 16 levels a row, which are the same where the scale is."""
    chance = np.random.default_rng(1)
    sets = [chance.choice(np.arange(-127, 128), 16, replace=False) for _ in range(4)]
    levels = np.arange(20, dtype=np.int32) % 4
    content = np.concatenate([chance.choice(sets[level], 800) for level in levels]).astype(np.int8).tobytes()
    told = len(code(content, Layout(1, (1, 1), levels, 800)))
    assert told < len(content) * 4 / 8 * 1.12 + 150
    assert told < 0.9 * len(code(content, Layout(1, (1, 1))))


def test_rows_of_one_scale_take_as_much_as_if_each_spread_were_known() -> None:
    """A dense layer's outputs differ in spread, and one scale serves them all."""
    spreads = np.geomspace(4, 32, 40)
    rows = np.rint(np.random.default_rng(1).normal(0, spreads[:, None], (40, 1500))).clip(-127, 127).astype(np.int8)
    known = 1500 / 8 * float(np.log2(spreads * np.sqrt(2 * np.pi * np.e)).sum())  # entropy of rounded normals
    told = len(code(rows.tobytes(), Layout(1, (1, 1500), np.zeros(40, np.int32), 1500)))
    assert told < 1.02 * known + 5 * 58  # lanes
    assert told < 0.97 * entropy(rows.tobytes())


@pytest.mark.parametrize(("kind", "size"), [(ContextKind.ROW, 2), (3, 1)])
def test_kinds_that_no_part_of_such_elements_has_are_refused(kind: int, size: int) -> None:
    content = bytearray(code(material(0.85), Layout(size, (16, 300))))
    content[0] = content[0] & 0x3F | kind << 6
    with pytest.raises(PackingError, match="known kind"):
        Sections(bytes(content), decoding=True).code(COUNT // size, b"", Layout(size, (16, 300)))
