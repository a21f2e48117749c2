import random
from math import log2

import pytest

from tasks.errors import PackingError
from tasks.packing.rans import Decoder, Encoder

CHECK = 0xDEADBEEF


def decisions(count: int, seed: int = 1) -> list[tuple[int, int]]:
    """Beliefs and bits that follow them."""
    chance = random.Random(seed)
    beliefs = [chance.choice((1, 40, 9_000, 32_768, 60_000, 65_535)) for _ in range(count)]
    return [(one, int(chance.random() < one / 65_536)) for one in beliefs]


def encode(made: list[tuple[int, int]]) -> bytes:
    encoder = Encoder()
    for one, bit in made:
        encoder.code(one, bit)
    return encoder.finish(CHECK)


def test_decisions_come_back_in_their_order_with_the_check() -> None:
    for count in (0, 1, 2, 100, 20_000):
        made = decisions(count)
        decoder = Decoder(encode(made), count)
        assert [decoder.code(one) for one, _ in made] == [bit for _, bit in made]
        assert decoder.finish() == CHECK


def test_bytes_are_those_of_the_entropy_and_the_check() -> None:
    made = decisions(50_000)
    entropy = -sum(log2((one if bit else 65_536 - one) / 65_536) for one, bit in made) / 8
    assert entropy <= len(encode(made)) <= entropy + 4 + 2 + 2  # the check, half a word at either end


def test_content_that_is_cut_off_is_refused() -> None:
    made = decisions(5_000)
    content = encode(made)
    for size in (0, 5, 6, 100, len(content) - 2):
        with pytest.raises(PackingError):  # noqa: PT012 - where the end is noticed depends on the size
            decoder = Decoder(content[:size], len(made))
            for one, _ in made:
                decoder.code(one)
            decoder.finish()


def test_content_behind_the_end_is_refused() -> None:
    made = decisions(100)
    decoder = Decoder(encode(made) + b"\0\0", len(made))
    for one, _ in made:
        decoder.code(one)
    with pytest.raises(PackingError, match="where its decisions end"):
        decoder.finish()


def test_no_more_is_decoded_than_the_limit() -> None:
    decoder = Decoder(encode([(32_768, 1)] * 200), 99)
    for _ in range(99):
        decoder.code(32_768)
    with pytest.raises(PackingError, match="limit"):
        decoder.code(32_768)
