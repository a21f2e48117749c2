import random

import pytest

from tasks.errors import PackingError
from tasks.packing.context_mixing import Mixer
from tasks.packing.rans import Decoder, Encoder
from tasks.packing.symbols import Symbols

NUMBERS = [0, 1, 2, 3, 4, 7, 8, 4095, 4096, 65_537, (1 << 64) - 1]
WHOLE = [0, -1, 1, -128, 127, -(1 << 31), (1 << 31) - 1, -(1 << 63), (1 << 63) - 1]


def code(symbols: Symbols, values: list[int], whole: list[int], flags: list[int]) -> list[int]:
    found = [symbols.number([("n",), ("n", 1)], value) for value in values]
    found += [symbols.signed([("s",)], value) for value in whole]
    found += [symbols.byte([("b",), ("b", index % 4)], value) for index, value in enumerate(bytes(range(256)))]
    found += [symbols.flag([("f",)], bool(value)) for value in flags]
    return [*found, symbols.raw(23, values[-2])]


def test_what_goes_in_comes_out() -> None:
    flags = [0, 1, 1, 0]
    encoder = Encoder()
    code(Symbols(encoder), NUMBERS, WHOLE, flags)
    decoder = Decoder(encoder.finish(7), 10_000)
    found = code(Symbols(decoder), [0] * len(NUMBERS), [0] * len(WHOLE), flags)
    assert found == [*NUMBERS, *WHOLE, *range(256), *flags, NUMBERS[-2]]
    assert decoder.finish() == 7


def test_a_value_seen_before_costs_less_each_time() -> None:
    encoder = Encoder()
    symbols = Symbols(encoder)
    costs = []
    for _ in range(20):
        before = encoder.bits()
        symbols.number([("n",), ("n", 5)], 1000)
        costs.append(encoder.bits() - before)
    assert costs[0] > 15
    assert costs[-1] < 2


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    encoder = Encoder()
    chance = random.Random(0)
    mixer = Mixer(encoder, 60, 10)
    for bits in range(100):
        mixer.code([0 << 16 | bits], 1 << 8 | min(bits, 20), 1)
    chance.random()
    with pytest.raises(PackingError, match="64 bits"):
        Symbols(Decoder(encoder.finish(0), 1000)).number([("n",)])
