"""TFRecord files of ``tf.train.Example`` records, written and read as streams without TensorFlow.

A record is its length (uint64), the length's checksum, the content, and the content's checksum, all little-endian.
A checksum is CRC-32C, rotated right by 15 bits and increased by a constant ("masked"), as TensorFlow's
``tsl/lib/io/record_writer.h`` and ``tsl/lib/hash/crc32c.h`` define it.
"""

import struct
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

import google_crc32c

from tasks.errors import DataError

LENGTH = struct.Struct("<Q")
CHECKSUM = struct.Struct("<I")
MASK_DELTA = 0xA282EAD8
MAX_RECORD = 1 << 30  # bytes; more is a damaged length


class Sample(NamedTuple):
    """One record: the image's bytes (uint8, row by row), its label and its place in the source."""

    image: bytes
    label: int
    name: str


def masked_crc(content: bytes) -> int:
    """The checksum of ``content`` as TFRecord stores it."""
    crc: int = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


def frame(content: bytes) -> bytes:
    """One record as it stands in the file."""
    length = LENGTH.pack(len(content))
    return b"".join((length, CHECKSUM.pack(masked_crc(length)), content, CHECKSUM.pack(masked_crc(content))))


def read_records(path: Path) -> Iterator[bytes]:
    """The contents of a file's records, one after the other.

    Raises:
        DataError: the file is missing, cut short, or fails its checksums.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(
            f"Expected the shard {path}. Received: {error.strerror}. Run the load stage again (`dvc repro load`)."
        ) from None
    with file:
        while True:
            start = file.tell()
            head = file.read(LENGTH.size + CHECKSUM.size)
            if not head:
                return
            yield _content(file, head, path, start)


def _content(file: IO[bytes], head: bytes, path: Path, start: int) -> bytes:
    """The content after a record's head, checked."""
    if len(head) < LENGTH.size + CHECKSUM.size:
        _damaged(path, start, "the file ends within a record")
    (length,) = LENGTH.unpack_from(head)
    if CHECKSUM.unpack_from(head, LENGTH.size)[0] != masked_crc(head[: LENGTH.size]) or length > MAX_RECORD:
        _damaged(path, start, "a length with a wrong checksum")
    body = file.read(length + CHECKSUM.size)
    if len(body) < length + CHECKSUM.size:
        _damaged(path, start, "the file ends within a record")
    content = body[:length]
    if CHECKSUM.unpack_from(body, length)[0] != masked_crc(content):
        _damaged(path, start, "a content with a wrong checksum")
    return content


def _damaged(path: Path, start: int, what: str) -> NoReturn:
    raise DataError(
        f"Expected {path} to hold whole records. Received: {what}, at byte {start:,}. "
        f"Run the load stage again (`dvc repro load`)."
    )


def encode(sample: Sample) -> bytes:
    """A sample as a serialized ``tf.train.Example``: what protobuf's deterministic serialization gives.

    It is put together here, since that takes a fourth of protobuf's time.
    """
    name = sample.name.encode()
    parts = (
        _before_bytes(b"image", len(sample.image)),
        sample.image,
        _label(sample.label),
        _before_bytes(b"name", len(name)),
        name,
    )
    return b"".join((b"\n", _varint(sum(map(len, parts))), *parts))


@lru_cache(4096)
def _before_bytes(key: bytes, length: int) -> bytes:
    """What stands before the value of a feature that is a list of one byte string of that length."""
    nested = b""
    for tag in (b"\n", b"\n", b"\x12"):  # BytesList.value, Feature.bytes_list, FeatureEntry.value
        nested = tag + _varint(length + len(nested)) + nested
    nested = b"\n" + _varint(len(key)) + key + nested  # FeatureEntry.key
    return b"\n" + _varint(length + len(nested)) + nested  # Features.feature


@lru_cache(4096)
def _label(label: int) -> bytes:
    """The feature ``label``, a list of one integer, packed."""
    nested = _varint(label)
    for tag in (b"\n", b"\x1a", b"\x12"):  # Int64List.value, Feature.int64_list, FeatureEntry.value
        nested = tag + _varint(len(nested)) + nested
    nested = b"\n\x05label" + nested  # FeatureEntry.key
    return b"\n" + _varint(len(nested)) + nested  # Features.feature


@lru_cache(4096)
def _varint(number: int) -> bytes:
    """A number that is not negative in seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def decode(content: bytes) -> Sample:
    """A sample out of a serialized ``tf.train.Example``, whoever wrote it.

    Raises:
        DataError: it is no such example, or has not the features ``image``, ``label`` and ``name`` once each.
    """
    from google.protobuf.message import DecodeError

    try:
        features = example_class().FromString(content).features.feature
        (image,) = features["image"].bytes_list.value
        (label,) = features["label"].int64_list.value
        (name,) = features["name"].bytes_list.value
        return Sample(image, label, name.decode())
    except (DecodeError, ValueError) as error:
        raise DataError(
            f"Expected a tf.train.Example with one image, one label and one name. Received: {error}. "
            f"Run the load stage again (`dvc repro load`)."
        ) from None


@cache
def example_class() -> Any:
    """The message class ``tensorflow.Example``, with the features that a sample has.

    It is built in a pool of its own, so that TensorFlow can be loaded in the same process.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")

    def message(parent: Any, name: str, *fields: tuple[str, int, Any, Any, str | None]) -> Any:
        added = parent.add(name=name)
        for key, number, label, kind, type_name in fields:
            added.field.add(name=key, number=number, label=label, type=kind, type_name=type_name)
        return added

    message(file.message_type, "BytesList", ("value", 1, many, field.TYPE_BYTES, None))
    message(file.message_type, "Int64List", ("value", 1, many, field.TYPE_INT64, None))
    message(
        file.message_type,
        "Feature",
        ("bytes_list", 1, one, field.TYPE_MESSAGE, ".tensorflow.BytesList"),
        ("int64_list", 3, one, field.TYPE_MESSAGE, ".tensorflow.Int64List"),
    )
    features = message(
        file.message_type,
        "Features",
        ("feature", 1, many, field.TYPE_MESSAGE, ".tensorflow.Features.FeatureEntry"),
    )
    entry = message(
        features.nested_type,
        "FeatureEntry",
        ("key", 1, one, field.TYPE_STRING, None),
        ("value", 2, one, field.TYPE_MESSAGE, ".tensorflow.Feature"),
    )
    entry.options.map_entry = True
    message(file.message_type, "Example", ("features", 1, one, field.TYPE_MESSAGE, ".tensorflow.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))
