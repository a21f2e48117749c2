import hashlib
import math
import random

from tasks.packing.context_mixing import ODDS, SQUASH, STRETCH, Mixer, squash
from tasks.packing.rans import Decoder, Encoder


def test_no_machine_rounds_the_tables_otherwise() -> None:
    """A mathematical library may err in the last of its 53 bits; no entry is that near to the middle of two numbers."""
    values = [65536 * squash(odds / 256) for odds in range(-ODDS, ODDS + 1)]
    values += [256 * math.log((2 * at + 1) / (8191 - 2 * at)) for at in range(4096)]
    assert min(abs(value % 1 - 0.5) for value in values) > 1e-5
    digest = hashlib.sha256(repr((SQUASH, STRETCH)).encode()).hexdigest()
    assert digest[:16] == "b40d24798c434fef"


def test_a_source_is_coded_near_its_entropy_by_the_context_that_knows_it() -> None:
    chance = random.Random(1)
    encoder = Encoder()
    mixer = Mixer(encoder, limit=255, rate=3)
    previous, entropy, made = 0, 0.0, []
    for _ in range(20_000):
        one = 0.95 if previous else 0.02
        bit = int(chance.random() < one)
        entropy -= math.log2(one if bit else 1 - one) / 8
        mixer.code([1 << 8, 2 << 8 | previous, 3 << 8 | chance.randrange(64)], 0, bit)
        made.append(bit)
        previous = bit
    content = encoder.finish(0)
    assert len(content) < 1.04 * entropy
    chance, previous = random.Random(1), 0
    mixer = Mixer(Decoder(content, len(made)), limit=255, rate=3)
    for bit in made:
        chance.random()
        assert mixer.code([1 << 8, 2 << 8 | previous, 3 << 8 | chance.randrange(64)], 0, 0) == bit
        previous = bit
