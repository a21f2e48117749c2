"""The container that is stored and downloaded for a model, and the way back to its ``.tflite``, bit for bit.

::

    container   = zstd frame                                     begins with 28 b5 2f fd
                | "S" "L" version=1  size  stream                all decisions in one stream
                | "S" "L" version=2  size  length  stream  parts  large buffers behind it
    size        the bytes of the .tflite, length: of the stream; both in base 128, the lowest 7 bits first
    stream      rANS, see tasks.packing.rans; its last state holds the CRC-32 of the .tflite
    parts       for each part of a large buffer: 4 bytes (big-endian), of which the upper 2 bits say from which
                context its elements are predicted (tasks.packing.vectorized) and the others its length; then
                interleaved rANS (tasks.packing.interleaved_rans)

The stream says in this order: the tree of the flatbuffer (:mod:`tasks.packing.structure`, which has seen that of
:mod:`tasks.packing.prior` before), the scales of tensors that
are no biases, those of biases (:mod:`tasks.packing.floats`), what the buffers hold (:mod:`tasks.packing.buffers`), the
large ones first. A file that is not laid out as :func:`tasks.packing.tree.serialize` does, and one that comes out no
smaller, is stored as a zstd frame: a container is never larger than that.
"""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from tasks.errors import PackingError
from tasks.packing import schema, zstd
from tasks.packing.buffers import Buffers
from tasks.packing.floats import Floats, from_bits, products, to_bits
from tasks.packing.prior import prior
from tasks.packing.rans import Coder, Decoder, Encoder
from tasks.packing.sections import Sections
from tasks.packing.structure import Structure
from tasks.packing.symbols import Symbols
from tasks.packing.tree import Table, Vector, serialize

Mark = Callable[[str], None]
MAGIC = b"SL"
STREAM, PARTS = 1, 2  # versions
LONGEST = 2**31 - 1  # bytes of a flatbuffer, whose offsets have 32 bits
SAMPLE = 1 << 20  # bytes that the sample may have
DECISIONS = 4_000_000  # that may be asked for one by one: half a minute


def pack(content: bytes) -> bytes:
    """Return the smallest container of a ``.tflite``; the same content gives the same bytes.

    Args:
        content: of the ``.tflite``.

    Raises:
        PackingError: it is not a LiteRT flatbuffer.
    """
    frame = zstd.compress_zstd(content)
    coded = encode(content)
    if coded is None or len(coded) > len(content):  # no reader takes a container that is larger than its model
        return frame
    return min(frame, coded, key=len)


def encode(content: bytes) -> bytes | None:
    """Return the container of a file in slimline's own layout, whether or not it is small; None for any other file.

    Args:
        content: of the ``.tflite``.
    """
    from tasks.packing.recording import read_model, record

    tree = record(read_model(content))
    if serialize(tree) != content:
        return None
    coder, sections = Encoder(), Sections()
    try:
        _Model(coder, sections, len(content)).code(tree)
    except PackingError:  # it is of a kind that the decoder would refuse, such as too deep
        return None
    if len(coder) > DECISIONS:
        return None
    stream = coder.finish(zlib.crc32(content))
    if not sections.content:
        return MAGIC + bytes([STREAM]) + _base128(len(content)) + stream
    return MAGIC + bytes([PARTS]) + _base128(len(content)) + _base128(len(stream)) + stream + sections.content


def breakdown(content: bytes) -> dict[str, float]:
    """Return where the bytes of :func:`encode` go, by what they say; parts of large buffers have their own names.

    Args:
        content: of a ``.tflite`` in slimline's own layout.
    """
    from tasks.packing.recording import read_model, record

    coder, sections, found = Encoder(), Sections(), dict[str, float]()

    def mark(label: str) -> None:
        spent = coder.bits() / 8 + len(sections.content)
        found[label] = found.get(label, 0.0) + spent - sum(found.values())

    _Model(coder, sections, len(content), mark).code(record(read_model(content)))
    return found


def unpack(packed: bytes, limit: int) -> bytes:
    """Return the ``.tflite`` that a container holds.

    Args:
        packed: the container.
        limit: bytes that it may have.

    Raises:
        PackingError: the container is damaged or cut off, of another format, or holds more than ``limit``.
    """
    if packed[:4] == zstd.MAGIC:
        return b"".join(zstd.decompress_zstd(io.BytesIO(packed), limit))
    if packed[:2] != MAGIC or packed[2:3] not in {bytes([STREAM]), bytes([PARTS])}:
        raise PackingError(
            f"Expected a zstd frame or a container of version {STREAM} or {PARTS}. Received: {packed[:4]!r}… at its "
            f"start. It was not made by slimline, or by a newer one."
        )
    size, at = _from_base128(packed, 3)
    if size > min(limit, LONGEST):
        raise PackingError(f"Expected a container of up to {min(limit, LONGEST):,} bytes. Received: one of {size:,}.")
    if len(packed) > size:
        raise PackingError(f"Expected a container of up to {size:,} bytes, as its model. Received: {len(packed):,}.")
    length, at = _from_base128(packed, at) if packed[2] == PARTS else (len(packed) - at, at)
    try:
        content, check = _decode(packed[at : at + length], packed[at + length :], size)
    except (ArithmeticError, LookupError, MemoryError, ValueError, struct.error) as error:
        raise PackingError(f"Expected a container made by slimline. Received: a damaged one ({error!r}).") from error
    if len(content) != size or zlib.crc32(content) != check:
        raise PackingError("Expected a container whose checksum fits. Received: one that is damaged. Fetch it again.")
    return content


def _decode(stream: bytes, parts: bytes, size: int) -> tuple[bytes, int]:
    """The content of ``size`` bytes and the checksum that it should have."""
    decoder, sections = Decoder(stream, DECISIONS), Sections(parts, decoding=True)
    content = serialize(_Model(decoder, sections, size).code(None))
    check = decoder.finish()
    sections.finish()
    return content, check


def unpack_file(packed: Path, target: Path, limit: int) -> None:
    """Unpack a file into another. A zstd frame never lies in memory as a whole.

    Args:
        packed: the container.
        target: is written; what was there is replaced.
        limit: bytes that the ``.tflite`` may have.

    Raises:
        PackingError: see :func:`unpack`.
    """
    with packed.open("rb") as source:
        framed = source.read(len(zstd.MAGIC)) == zstd.MAGIC
        source.seek(0)
        with target.open("wb") as file:
            for chunk in zstd.decompress_zstd(source, limit) if framed else (unpack(source.read(limit + 1), limit),):
                file.write(chunk)


class _Model:
    """Codes a whole file, in the order that the module's docstring says."""

    def __init__(self, coder: Coder, sections: Sections, size: int, mark: Mark = lambda _: None) -> None:
        symbols = Symbols(Encoder())
        Structure(symbols, SAMPLE).model(prior())  # so that it knows what files are like
        symbols.use(coder)
        self._mark = mark
        self._structure = Structure(symbols, size)
        self._floats = Floats(symbols)
        self._buffers = Buffers(coder, symbols, sections, isinstance(coder, Decoder))

    def code(self, given: Table | None) -> Table:
        model = self._structure.model(given)
        self._mark("structure")
        biases = {id(bias.fields.get(schema.QUANTIZATION)): (left, right) for left, right, bias in schema.biases(model)}
        for part in sorted(self._structure.scales, key=lambda part: id(part.table) in biases):
            expected: list[int] = []
            if id(part.table) in biases and part.slot == schema.SCALE:
                one, others = (schema.constant_of(tensor).scales for tensor in biases[id(part.table)])
                expected = products(one, others) if len(others) == part.size * part.count else []
            kind = (part.slot, part.count == 1)
            bits = self._floats.code(kind, to_bits(part.given), part.count, expected)
            part.table.fields[part.slot] = Vector(part.size, from_bits(bits))
            self._mark("scales of biases" if id(part.table) in biases else "scales")
        constants = schema.constants(model)
        numbers = {id(buffer): at for at, buffer in enumerate(schema.items(model.fields.get(schema.BUFFERS)))}
        for part in sorted(self._structure.buffers, key=lambda part: -part.count):
            constant = constants.get(numbers.get(id(part.table), -1))
            data = self._buffers.code(constant, part.count * part.size, part.given)
            part.table.fields[part.slot] = Vector(part.size, data)
            self._mark(f"{constant.name} {'×'.join(map(str, constant.shape))}" if constant else "other buffers")
        return model


def _base128(number: int) -> bytes:
    found = bytearray()
    while number >> 7:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _from_base128(content: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 42, 7):
        if at >= len(content):
            break
        number |= (content[at] & 127) << shift
        at += 1
        if not content[at - 1] & 128:
            return number, at
    raise PackingError("Expected a number. Received: the end of the content, or one that is too long.")
