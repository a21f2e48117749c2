"""Codes the tree of a model: which tables, fields and numbers there are, all but the scales and what buffers hold.

Every value is coded in the context of the same field of the same kind of table; references to tensors, operator codes
and buffers are coded as distances from the first that nothing has named yet, which is 0 in a file whose numbers follow
the order of use.
"""

from collections import defaultdict
from dataclasses import dataclass

from tasks.errors import PackingError
from tasks.packing import schema
from tasks.packing.schema import Path
from tasks.packing.symbols import Context, Symbols
from tasks.packing.tree import Node, Scalar, Table, Tables, Text, Vector

SIZES = (1, 2, 4, 8)
TEXT, TABLE, TABLES = 8, 9, 10  # kinds of fields behind the four sizes of scalars and of vectors
DEEPEST = 12  # tables within tables
SLOTS = 256  # of a table
NODES = 1 << 18  # of a tree
SHARED = 8  # times as many bytes as the file may have in vectors, since equal ones are in it once
REFERENCES = {
    (schema.OPERATOR, schema.CODE): "code",
    (schema.OPERATOR, schema.INPUTS): "tensor",
    (schema.OPERATOR, schema.OUTPUTS): "tensor",
    (schema.TENSOR, schema.BUFFER): "buffer",
}
COUNTED = {schema.TENSOR: "tensor", schema.STORED: "buffer"}


@dataclass(frozen=True)
class Deferred:
    """A vector whose elements are coded later: a field of a table, its ``count`` elements of ``size`` bytes.

    ``given`` is what it holds, nothing in decoding.
    """

    table: Table
    slot: int
    size: int
    count: int
    given: bytes


class Structure:
    """Codes one tree.

    Args:
        symbols: codes the values.
        budget: bytes that the file may have, of which every node takes some: bounds the work.
    """

    def __init__(self, symbols: Symbols, budget: int) -> None:
        self._symbols = symbols
        self._budget = SHARED * budget
        self._nodes = NODES
        self._last: defaultdict[Context, int] = defaultdict(int)  # what was coded last in a field
        self._next: defaultdict[str, int] = defaultdict(int, buffer=1)  # the first that nothing has named yet
        self._shape: list[int] = []  # of the present tensor
        self._scalar = 0  # the last one
        self.scales: list[Deferred] = []
        self.buffers: list[Deferred] = []
        self._constants: dict[int, schema.Constant] = {}
        self._at = 0  # among the tables of a vector
        self._root = Table()

    def model(self, given: Table | None) -> Table:
        """Code a whole model, or decode it: its scales and buffers are in :attr:`scales` and :attr:`buffers`.

        Args:
            given: the root of its tree; None in decoding.

        Returns:
            the root of its tree.
        """
        return self._table((), given, self._root)

    def _table(self, path: Path, given: Table | None, table: Table) -> Table:
        if len(path) > 2 * DEEPEST:
            raise PackingError(f"Expected up to {DEEPEST} tables within each other. Received: more.")
        self._spend(4)
        if path == schema.SUBGRAPH:
            self._next["tensor"] = 0
        slots = self._slots(path, None if given is None else list(given.fields))
        if path == schema.SUBGRAPH:
            slots = slots[::-1]  # operators before the tensors that they name
        for slot in slots:
            node = self._field(path, slot, None if given is None else given.fields[slot], table)
            if node is not None:
                table.fields[slot] = node
        table.fields = dict(sorted(table.fields.items()))
        return table

    def _slots(self, path: Path, given: list[int] | None) -> list[int]:
        count = self._number(path, -1, max(given, default=-1) + 1 if given is not None else 0)
        if count > SLOTS:
            raise PackingError(f"Expected tables of up to {SLOTS} fields. Received: {count}.")
        found, mask, before = [], 1, self._last[path, "mask"]
        for slot in range(count):
            here = (path, "has", slot)
            present = given is not None and slot in given
            if self._symbols.flag([here, (*here, mask), (*here, before, mask)], present):
                found.append(slot)
            mask = mask << 1 | (found[-1:] == [slot])
        self._last[path, "mask"] = mask
        return found

    def _field(self, path: Path, slot: int, given: Node | None, table: Table) -> Node | None:
        kind = self._symbols.number([(path, "kind", slot)], _kind(given))
        if kind < 4:
            self._spend(0)
            return Scalar(SIZES[kind], self._scalar_value(path, slot, SIZES[kind], given))
        if kind < 8:
            return self._vector(path, slot, SIZES[kind - 4], given, table)
        if kind == TEXT:
            return self._text(path, slot, given.data if isinstance(given, Text) else b"")
        before = table.fields.get(slot - 1)
        union = before.value if isinstance(before, Scalar) and before.size == 1 else 0
        below = (*path, slot, union)
        if kind == TABLE:
            return self._table(below, given if isinstance(given, Table) else None, Table())
        if kind == TABLES:
            return self._tables(below, given if isinstance(given, Tables) else None)
        raise PackingError(f"Expected a kind of field up to {TABLES}. Received: {kind}.")

    def _tables(self, path: Path, given: Tables | None) -> Tables:
        found = Tables([])
        expected = self._next[COUNTED[path]] if path in COUNTED else 0
        count = expected + self._symbols.signed([(path, "count")], len(given.items) - expected if given else 0)
        if path == schema.STORED:
            self._constants = schema.constants(self._root)
        self._spend(4 * max(0, count))
        for index in range(count):
            self._at = index
            item = given.items[index] if given else None
            if not isinstance(item, Table | None):
                raise PackingError("Expected a vector of tables. Received: a vector of something else.")
            found.items.append(self._table(path, item, Table()))
        return found

    def _scalar_value(self, path: Path, slot: int, size: int, given: Node | None) -> int:
        value = given.value if isinstance(given, Scalar) else 0
        if (path, slot) in REFERENCES:
            return self._reference(path, slot, value) & (1 << 8 * size) - 1
        value = self._number(path, slot, value)
        if value >> 8 * size:
            raise PackingError(f"Expected a number of {size} bytes. Received: {value}.")
        self._scalar = value
        return value

    def _number(self, path: Path, slot: int, value: int) -> int:
        here = (path, slot)
        contexts = [here, (here, self._last[here]), (here, "after", self._scalar)]
        found = self._last[here] = self._symbols.number(contexts, value)
        return found

    def _reference(self, path: Path, slot: int, value: int) -> int:
        name = REFERENCES[path, slot]
        here, expected = (path, slot, "reference"), self._next[name]
        last = self._last[here]
        found = self._symbols.signed(
            [here, (here, last), (here, "code", self._last[schema.OPERATOR])], expected - value
        )
        self._last[here] = found
        value = expected - found
        self._next[name] = max(expected, value + 1)
        if path == schema.OPERATOR and slot == schema.CODE:
            self._last[schema.OPERATOR] = value
        return value

    def _vector(self, path: Path, slot: int, size: int, given: Node | None, table: Table) -> Node | None:
        data = given.data if isinstance(given, Vector) else b""
        count = self._count(path, slot, len(data) // size)
        self._spend(4 + count * size)
        floats = path == schema.QUANTIZED and slot in {schema.MINIMUM, schema.MAXIMUM, schema.SCALE} and size == 4
        if floats or path == schema.STORED:
            table.fields[slot] = Vector(size, b"")
            (self.scales if floats else self.buffers).append(Deferred(table, slot, size, count, data))
            return None
        values = schema.numbers(given)
        elements = bytearray()
        before = 0
        for index in range(count):
            value = values[index] if given else 0
            if (path, slot) in REFERENCES:
                value = self._reference(path, slot, value)
            else:
                here = (path, slot, "element")
                position = (here, min(index, 7), count)
                contexts = [here, (here, before), (position, self._last[position]), (position, before)]
                value = before = self._last[position] = self._symbols.signed(contexts, value)
            elements += _element(value, size)
        if path == schema.TENSOR and slot == schema.SHAPE:
            self._shape = schema.numbers(Vector(size, bytes(elements)))
        return Vector(size, bytes(elements))

    def _count(self, path: Path, slot: int, count: int) -> int:
        """The length of a vector, which often is that of something near."""
        here = (path, slot, "count")
        if path == schema.STORED:
            constant = self._constants.get(self._at)
            likely = [constant.bytes if constant else 0]
        elif path == schema.QUANTIZED:
            likely = [1, *self._shape[:1], *self._shape[-1:], self._last["count"]]
        else:
            likely = []
        for position, one in enumerate(likely):
            if self._symbols.flag([(here, position)], count == one):
                found = one
                break
        else:
            found = self._symbols.number([here, (here, self._last[here])], count)
        if found < 0:  # a dimension of the tensor, which it may be
            raise PackingError(f"Expected the length of a vector. Received: {found}; the content is damaged.")
        self._last[here] = self._last["count"] = found
        return found

    def _text(self, path: Path, slot: int, data: bytes) -> Text:
        here = (path, slot, "text")
        count = self._symbols.number([here], len(data))
        self._spend(4 + count)
        found = bytearray()
        for index in range(count):
            before = bytes(found[-2:])
            contexts = [here, ("text", before[-1:]), ("text", before)]
            found.append(self._symbols.byte(contexts, data[index] if data else 0))
        return Text(bytes(found))

    def _spend(self, count: int) -> None:
        self._budget -= count
        self._nodes -= 1
        if self._budget < 0 or self._nodes < 0:
            raise PackingError("Expected no more nodes than the file has bytes for. Received: more.")


def _kind(node: Node | None) -> int:
    if isinstance(node, Scalar):
        return SIZES.index(node.size)
    if isinstance(node, Vector):
        return 4 + SIZES.index(node.size)
    return TEXT if isinstance(node, Text) else TABLE if isinstance(node, Table) else TABLES


def _element(value: int, size: int) -> bytes:
    try:
        return value.to_bytes(size, "little", signed=True)
    except OverflowError:
        raise PackingError(f"Expected a number of {size} bytes. Received: {value}.") from None
