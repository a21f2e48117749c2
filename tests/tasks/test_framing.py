import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.framing import REMEMBERED, Framer, varint
from tasks.tfrecord import Sample, encode, frame

targets = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 1e300]))
names = st.sampled_from([("image",), ("tokens",), ("zeta", "alpha"), ("label_2", "b", "Name")])


@given(
    names,
    st.sampled_from(["label", "stars", "a"]),
    st.booleans(),
    st.lists(st.tuples(st.lists(st.binary(max_size=300), min_size=3, max_size=3), st.text(), targets), max_size=5),
)
def test_records_are_those_that_the_library_makes_byte_by_byte(
    inputs: tuple[str, ...], target: str, contents: bool, drawn: list[tuple[list[bytes], str, float]]
) -> None:
    texts = [name.encode("utf-8", "replace") for _, name, _ in drawn]
    samples = [
        Sample(dict(zip(inputs, values, strict=False)), number, text.decode(), values[-1] if contents else None)
        for (values, _, number), text in zip(drawn, texts, strict=True)
    ]
    given_values = [
        ([*values[: len(inputs)], text, *([values[-1]] if contents else [])], number)
        for (values, _, number), text in zip(drawn, texts, strict=True)
    ]
    assert Framer(inputs, target, contents).frame(given_values) == [frame(encode(each, target)) for each in samples]


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 16_000, 16_383, 16_384, 70_000, 3_000_000])
def test_lengths_of_any_number_of_bytes_are_written(size: int) -> None:
    sample = Sample({"image": bytes(size)}, 3, "a/b.png", b"x" * (size // 2))
    made = Framer(["image"], "label", contents=True).frame([([bytes(size), b"a/b.png", b"x" * (size // 2)], 3)])
    assert made == [frame(encode(sample))]


def test_what_is_remembered_is_bounded() -> None:
    framer = Framer(["image"], "label", contents=False)
    framer.frame(([bytes(number % 9), b"x" * (number % 3)], number) for number in range(2 * REMEMBERED + 5))
    assert len(framer._targets) <= REMEMBERED


def test_varints_are_those_of_the_specification() -> None:
    assert varint(150) == b"\x96\x01"
    assert varint(-2) == b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
