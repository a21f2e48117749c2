"""Records of many samples with the same features, as :func:`tasks.tfrecord.encode` and ``frame`` make them one by one.

The bytes are written here field by field (Protocol Buffers, "Encoding": tags, varints, length-delimited fields; entries
of a map as messages of a key and a value), as messages of a library take three times as
long. What stands before a value of a length is made once for each length.
"""

import math
import struct
from collections.abc import Iterable, Sequence

import google_crc32c

from tasks.tfrecord import CHECKSUM, CONTENT, LENGTH, MASK_DELTA, Sample, encode, masked_crc

REMEMBERED = 1 << 13  # lengths and targets whose bytes are kept
FLOAT = struct.Struct("<f")
BYTES_LIST, FLOAT_LIST, INT64_LIST = b"\x0a", b"\x12", b"\x1a"  # tags of the kinds in a Feature


def varint(number: int) -> bytes:
    """Return a number as Protocol Buffers write it, seven bits a byte, the least first.

    Args:
        number: an integer of 64 bits; below 0 in two's complement.
    """
    number &= (1 << 64) - 1
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content


class _Heads(dict[int, bytes]):
    """The bytes before the value of a feature, up to its length, by that length."""

    def __init__(self, name: str) -> None:
        self._key = _field(b"\x0a", name.encode())

    def __missing__(self, size: int) -> bytes:
        value = b"\x0a" + varint(size)  # of a BytesList
        feature = BYTES_LIST + varint(len(value) + size) + value
        second = b"\x12" + varint(len(feature) + size) + feature
        made = b"\x0a" + varint(len(self._key) + len(second) + size) + self._key + second
        if len(self) >= REMEMBERED:
            self.clear()
        self[size] = made
        return made


class _Outer(dict[int, tuple[bytes, bytes]]):
    """The bytes before the entries of all features: the length of the record with its checksum; and the field's tag."""

    def __missing__(self, size: int) -> tuple[bytes, bytes]:
        field = b"\x0a" + varint(size)
        length = LENGTH.pack(len(field) + size)
        if len(self) >= REMEMBERED:
            self.clear()
        made = self[size] = length + CHECKSUM.pack(masked_crc(length)), field
        return made


class _Targets(dict[int, bytes]):
    """The whole entry of a target, by it; floats are not kept, as some are equal and yet others."""

    def __init__(self, name: str) -> None:
        self._key = _field(b"\x0a", name.encode())

    def of(self, target: float) -> bytes:
        return (
            self[target]
            if isinstance(target, int)
            else self._entry(_field(FLOAT_LIST, _field(b"\x0a", _single(target))))
        )

    def __missing__(self, target: int) -> bytes:
        if len(self) >= REMEMBERED:
            self.clear()
        made = self[target] = self._entry(_field(INT64_LIST, _field(b"\x0a", varint(target))))
        return made

    def _entry(self, feature: bytes) -> bytes:
        return _field(b"\x0a", self._key + _field(b"\x12", feature))


def _single(number: float) -> bytes:
    """Return a number in 32 bits; one that is too large is infinite."""
    try:
        return FLOAT.pack(number)
    except OverflowError:
        return FLOAT.pack(math.copysign(math.inf, number))


class Framer:
    """Makes records of samples with the same features.

    Args:
        inputs: names of the inputs.
        target: name of the target.
        contents: whether samples have a content that their inputs were made of.
    """

    def __init__(self, inputs: Sequence[str], target: str, contents: bool) -> None:
        self._targets = _Targets(target)
        self._outer = _Outer()
        # the values of a sample come as inputs, name, content
        values = [*inputs, "name", *([CONTENT] if contents else [])]
        order = _order(inputs, target, contents)
        heads = [(values.index(name), _Heads(name)) if name != target else None for name in order]
        cut = heads.index(None)
        self._before, self._behind = ([each for each in part if each] for part in (heads[:cut], heads[cut + 1 :]))

    def frame(self, samples: Iterable[tuple[Sequence[bytes], float]]) -> list[bytes]:
        """Return the records of samples, as they stand in a shard.

        Args:
            samples: of each the bytes of its inputs in their order, its name in UTF-8 and, where it has one, its
                content; then its target.
        """
        made, outer, before, behind = [], self._outer, self._before, self._behind
        entry_of, checksum, pack = self._targets.of, google_crc32c.value, CHECKSUM.pack
        for values, target in samples:
            parts = [b""]
            size = 0
            for place, heads in before:
                value = values[place]
                head = heads[len(value)]
                parts += (head, value)
                size += len(head) + len(value)
            entry = entry_of(target)
            parts.append(entry)
            size += len(entry)
            for place, heads in behind:
                value = values[place]
                head = heads[len(value)]
                parts += (head, value)
                size += len(head) + len(value)
            length, parts[0] = outer[size]
            content = b"".join(parts)
            crc = checksum(content)
            made.append(length + content + pack(((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF))
        return made


def _order(inputs: Sequence[str], target: str, contents: bool) -> list[str]:
    """Return the names of the features in the order in which the library writes the entries of a map."""
    rest = encode(Sample(dict.fromkeys(inputs, b""), 0, "", b"" if contents else None), target)
    rest, _ = _cut(rest[1:])
    names = []
    while rest:
        entry, rest = _cut(rest[1:])
        names.append(_cut(entry[1:])[0].decode())
    return names


def _cut(content: bytes) -> tuple[bytes, bytes]:
    """Return as much as the varint in front says, and what is behind it."""
    size = shift = place = 0
    while True:
        byte = content[place]
        size |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return content[place : place + size], content[place + size :]
