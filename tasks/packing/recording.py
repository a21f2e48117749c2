"""Takes a ``.tflite`` file apart into a tree: the schema's own classes write it once more, into a recorder.

Only packing needs the schema; a device rebuilds files from trees alone.
"""

import struct
from typing import Any

import numpy as np

from tasks.errors import PackingError
from tasks.packing.tree import IDENTIFIER, Node, Scalar, Table, Tables, Text, Vector


def read_model(content: bytes) -> Any:
    """Return a flatbuffer as the schema's object ``ModelT``.

    Args:
        content: of the ``.tflite``.

    Raises:
        PackingError: it is not a LiteRT flatbuffer.
    """
    from ai_edge_litert import schema_py_generated as schema

    if content[4:8] != IDENTIFIER:
        raise PackingError(f"Expected a LiteRT flatbuffer. Received: {content[:8]!r}… at its start.")
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))


def record(model: Any) -> Table:
    """Return what a model says, as a tree.

    Args:
        model: the schema's ``ModelT``.

    Raises:
        PackingError: its root is no table.
    """
    recorder = _Recorder()
    root = recorder.node(model.Pack(recorder))
    if not isinstance(root, Table):
        raise PackingError("Expected a table at the root. Received: something else.")
    return root


class _Recorder:
    """Stands in for ``flatbuffers.Builder`` and keeps what it is told; offsets are numbers of nodes."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._table = Table()
        self._size = 0
        self._elements: list[bytes] = []
        self._items: list[Node] = []

    def node(self, number: int) -> Node:
        return self._nodes[number - 1]

    def _keep(self, node: Node) -> int:
        self._nodes.append(node)
        return len(self._nodes)

    def StartObject(self, count: int) -> None:  # noqa: N802 - the builder's names
        del count
        self._table = Table()

    def EndObject(self) -> int:  # noqa: N802
        return self._keep(Table(dict(sorted(self._table.fields.items()))))

    def CreateString(self, text: str | bytes) -> int:  # noqa: N802
        return self._keep(Text(text.encode() if isinstance(text, str) else bytes(text)))

    def CreateNumpyVector(self, values: Any) -> int:  # noqa: N802
        values = np.ascontiguousarray(values)
        return self._keep(Vector(values.itemsize, values.astype(values.dtype.newbyteorder("<")).tobytes()))

    def StartVector(self, size: int, count: int, alignment: int) -> None:  # noqa: N802
        del count, alignment
        self._size, self._elements, self._items, self._offsets = size, [], [], False

    def EndVector(self) -> int:  # noqa: N802
        if self._items:
            return self._keep(Tables(self._items[::-1]))
        return self._keep(Vector(self._size, b"".join(reversed(self._elements))))

    def PrependUOffsetTRelative(self, number: int) -> None:  # noqa: N802
        self._items.append(self.node(number))

    def PrependUOffsetTRelativeSlot(self, slot: int, number: int, default: int) -> None:  # noqa: N802
        if number != default:
            self._table.fields[slot] = self.node(number)

    def __getattr__(self, name: str) -> Any:
        kind = name.removeprefix("Prepend").removesuffix("Slot")
        if kind not in FORMATS:
            raise AttributeError(name)
        layout = FORMATS[kind]

        def element(value: Any) -> None:
            self._elements.append(struct.pack(layout, value))

        def slot(number: int, value: Any, default: Any) -> None:
            if value != default:
                packed = struct.pack(layout, value)
                self._table.fields[number] = Scalar(len(packed), int.from_bytes(packed, "little"))

        return slot if name.endswith("Slot") else element


FORMATS = {
    "Bool": "<?",
    "Uint8": "<B",
    "Int8": "<b",
    "Uint16": "<H",
    "Int16": "<h",
    "Uint32": "<I",
    "Int32": "<i",
    "Uint64": "<Q",
    "Int64": "<q",
    "Float32": "<f",
    "Float64": "<d",
}
