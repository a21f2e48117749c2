"""TFRecord files of ``tf.train.Example`` records, written and read as streams without TensorFlow.

A record is its length (uint64), the length's checksum, the content, and the content's checksum, all little-endian.
A checksum is CRC-32C, rotated right by 15 bits and increased by a constant ("masked"), as TensorFlow's
``tsl/lib/io/record_writer.h`` and ``tsl/lib/hash/crc32c.h`` define it.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

import google_crc32c

from tasks.errors import DataError

LENGTH = struct.Struct("<Q")
CHECKSUM = struct.Struct("<I")
MASK_DELTA = 0xA282EAD8
CONTENT = "content"  # the feature
MAX_RECORD = 1 << 30  # bytes; more is a damaged length


class Sample(NamedTuple):
    """One record: the bytes of each input by its name, the target and where the sample is in the source.

    ``target``: an int for a class, a float for another number, bytes for several numbers. ``content``: what the inputs
    were made of, where another model may make others of it.
    """

    inputs: Mapping[str, bytes]
    target: float | bytes
    name: str
    content: bytes | None = None


def masked_crc(content: bytes) -> int:
    """Return the checksum of ``content`` as TFRecord stores it.

    Args:
        content: of a record, or of its length.
    """
    crc: int = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


def frame(content: bytes) -> bytes:
    """Return one record as it stands in the file.

    Args:
        content: of the record.
    """
    length = LENGTH.pack(len(content))
    return b"".join((length, CHECKSUM.pack(masked_crc(length)), content, CHECKSUM.pack(masked_crc(content))))


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the contents of a file's records, one after the other.

    Args:
        path: of the file.

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


def encode(sample: Sample, target: str = "label") -> bytes:
    """Return a sample as a serialized ``tf.train.Example``, the same bytes for the same sample.

    Args:
        sample: what is in it; each input becomes a feature of its name.
        target: the name of the feature that holds the target: in int64 or float32 as the sample has an int or a float,
            or as bytes.
    """
    example = example_class()()
    features = example.features.feature
    for name, content in sample.inputs.items():
        features[name].bytes_list.value.append(content)
    if isinstance(sample.target, bytes):
        features[target].bytes_list.value.append(sample.target)
    elif isinstance(sample.target, int):
        features[target].int64_list.value.append(sample.target)
    else:
        features[target].float_list.value.append(sample.target)
    features["name"].bytes_list.value.append(sample.name.encode())
    if sample.content is not None:
        features[CONTENT].bytes_list.value.append(sample.content)
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def decode(content: bytes, inputs: Sequence[str], target: str = "label") -> Sample:
    """Return the sample in a serialized ``tf.train.Example``, whoever wrote it.

    Args:
        content: of the record.
        inputs: the names of the features that hold the inputs' bytes.
        target: the name of the feature that holds the target.

    Raises:
        DataError: it is no such example, or has not these features and ``name`` once each.
    """
    from google.protobuf.message import DecodeError

    try:
        features = example_class().FromString(content).features.feature
        values = {feature: _only(features[feature].bytes_list.value) for feature in inputs}
        held = features[target]
        (wanted,) = held.int64_list.value or held.float_list.value or held.bytes_list.value
        (name,) = features["name"].bytes_list.value
        made_of = _only(features[CONTENT].bytes_list.value) if CONTENT in features else None
        return Sample(values, wanted, name.decode(), made_of)
    except (DecodeError, ValueError) as error:
        raise DataError(
            f"Expected a tf.train.Example with one {', one '.join(inputs)}, one {target} and one name. "
            f"Received: {error}. Run the load stage again (`dvc repro load`)."
        ) from None


def decode_content(record: bytes) -> bytes:
    """Return what a sample's inputs were made of.

    Args:
        record: a serialized ``tf.train.Example``.

    Raises:
        DataError: it is none, or does not have it.
    """
    from google.protobuf.message import DecodeError

    try:
        return _only(example_class().FromString(record).features.feature[CONTENT].bytes_list.value)
    except (DecodeError, ValueError) as error:
        raise DataError(
            f"Expected a tf.train.Example with one {CONTENT}. Received: {error}. Run the load stage again "
            f"(`dvc repro load`)."
        ) from None


def _only(values: Sequence[bytes]) -> bytes:
    (value,) = values
    return value


@cache
def example_class() -> Any:
    """Return the message class ``tensorflow.Example``, with the features that a sample has.

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
    message(file.message_type, "FloatList", ("value", 1, many, field.TYPE_FLOAT, None))
    message(file.message_type, "Int64List", ("value", 1, many, field.TYPE_INT64, None))
    message(
        file.message_type,
        "Feature",
        ("bytes_list", 1, one, field.TYPE_MESSAGE, ".tensorflow.BytesList"),
        ("float_list", 2, one, field.TYPE_MESSAGE, ".tensorflow.FloatList"),
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
