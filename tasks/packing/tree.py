"""A flatbuffer as a tree, without its schema, and the one way in which slimline lays such a tree out.

Layout: the offset of the root and the identifier; the tables depth first, each behind its virtual table, unless an
equal one is there already; then vectors and texts in the order in which the tables name them, equal ones once. Fields
lie in falling size, then in the order of their slots. Vectors of bytes begin at multiples of 16 (kernels load from
there), all else at multiples of its size.
"""

import struct
from dataclasses import dataclass, field

IDENTIFIER = b"TFL3"
OFFSET = 4  # bytes of an offset
ALIGNMENT = {1: 16, 2: 4, 4: 4, 8: 8}  # of a vector's elements by their size


@dataclass(frozen=True)
class Scalar:
    """A number inside a table: its ``size`` in bytes and its bits as an unsigned number."""

    size: int
    value: int


@dataclass(frozen=True)
class Vector:
    """Elements of ``size`` bytes, little-endian."""

    size: int
    data: bytes


@dataclass(frozen=True)
class Text:
    """UTF-8 without the zero at its end."""

    data: bytes


@dataclass
class Table:
    """Fields by their slots."""

    fields: dict[int, "Node"] = field(default_factory=dict)


@dataclass
class Tables:
    """A vector of tables, texts or vectors."""

    items: list["Node"]


Node = Scalar | Vector | Text | Table | Tables
Leaf = Vector | Text


def serialize(root: Table) -> bytes:
    """Return a tree laid out as a whole file.

    Args:
        root: of the tree.
    """
    layout = _Layout()
    layout.place(root, 0)
    layout.place_leaves()
    return bytes(layout.out)


class _Layout:
    def __init__(self) -> None:
        self.out = bytearray(bytes(OFFSET) + IDENTIFIER)
        self._virtual: dict[bytes, int] = {}
        self._leaves: dict[Leaf, list[int]] = {}  # where their offsets are

    def place(self, node: Node, offset: int) -> None:
        """Put ``node`` at the end and its distance at ``offset``; a leaf's turn comes later."""
        if isinstance(node, Table):
            self._place_table(node, offset)
        elif isinstance(node, Tables):
            start = self._begin(OFFSET, offset)
            self.out += struct.pack("<I", len(node.items)) + bytes(OFFSET * len(node.items))
            for index, item in enumerate(node.items):
                self.place(item, start + OFFSET * (index + 1))
        elif isinstance(node, Vector | Text):
            self._leaves.setdefault(node, []).append(offset)

    def place_leaves(self) -> None:
        for leaf, offsets in self._leaves.items():
            size = leaf.size if isinstance(leaf, Vector) else 1
            align = ALIGNMENT[size] if isinstance(leaf, Vector) else OFFSET
            self._pad((-len(self.out) - OFFSET) % align)
            for offset in offsets:
                self._point(offset, len(self.out))
            self.out += struct.pack("<I", len(leaf.data) // size) + leaf.data
            if isinstance(leaf, Text):
                self.out += b"\0"

    def _place_table(self, table: Table, offset: int) -> None:
        sizes = {slot: node.size if isinstance(node, Scalar) else OFFSET for slot, node in table.fields.items()}
        slots = sorted(sizes, key=lambda slot: (-sizes[slot], slot))
        offsets, end = {}, OFFSET
        for slot in slots:
            offsets[slot] = end
            end += sizes[slot]
        count = max(slots, default=-1) + 1
        virtual = struct.pack(f"<{count + 2}H", 2 * count + 4, end, *(offsets.get(slot, 0) for slot in range(count)))
        if virtual not in self._virtual:
            self._pad(-len(self.out) % 2)
            self._virtual[virtual] = len(self.out)
            self.out += virtual
        if 8 in sizes.values():
            self._pad((OFFSET - len(self.out)) % 8)
        start = self._begin(OFFSET, offset)
        self.out += struct.pack("<i", start - self._virtual[virtual])
        for slot in slots:
            node = table.fields[slot]
            self.out += (node.value if isinstance(node, Scalar) else 0).to_bytes(sizes[slot], "little")
        for slot in sorted(sizes):
            self.place(table.fields[slot], start + offsets[slot])

    def _begin(self, align: int, offset: int) -> int:
        self._pad(-len(self.out) % align)
        self._point(offset, len(self.out))
        return len(self.out)

    def _point(self, offset: int, target: int) -> None:
        struct.pack_into("<I", self.out, offset, target - offset)

    def _pad(self, count: int) -> None:
        self.out += bytes(count)
