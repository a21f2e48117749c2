"""Large buffers, coded by themselves behind the decisions about all else: parts, each with its length in front."""

import struct
from dataclasses import replace

import numpy as np

from tasks.errors import PackingError
from tasks.packing.interleaved_rans import InterleavedDecoder, InterleavedEncoder
from tasks.packing.vectorized import ContextKind, Layout, code_elements, context_kinds, lanes_for, turns_for

PART = 1 << 22  # elements that are coded at once, which bounds the memory
TURNS = 2_000_000  # of all lanes in a whole file: a minute or two
LENGTH = 30  # bits of a part's length; the two above say what its elements have in common


class Sections:
    """Codes large buffers; :attr:`content` is what comes out, or what is read.

    A part that coding does not make smaller is stored as it is, and so is one that would take longer than is left of
    :data:`TURNS`.
    """

    def __init__(self, content: bytes = b"", decoding: bool = False) -> None:
        self.content = bytearray(content)
        self._decoding = decoding
        self._at = 0
        self._turns = TURNS

    def code(self, count: int, given: bytes, layout: Layout) -> bytes:
        """Code the elements of a large buffer.

        Args:
            count: of elements.
            given: their bytes; empty in decoding.
            layout: how they lie.

        Returns:
            their bytes.
        """
        code, step = self._decode if self._decoding else self._encode, PART * layout.size
        parts = []
        for at, start in enumerate(range(0, count, PART)):
            part = replace(layout, start=start)
            parts.append(code(min(PART, count - start), given[at * step : (at + 1) * step], part))
        return b"".join(parts)

    def finish(self) -> None:
        """Check that all was read.

        Raises:
            PackingError: there is more.
        """
        if self._decoding and self._at != len(self.content):
            raise PackingError("Expected the content to end with its last part. Received: more bytes.")

    def _encode(self, count: int, given: bytes, layout: Layout) -> bytes:
        best, kind = given, ContextKind.NEIGHBOUR
        elements = np.frombuffer(given, np.uint8).reshape(count, layout.size)
        turns = turns_for(count, layout.size)
        for context in context_kinds(layout.size) if turns <= self._turns else ():
            coder = InterleavedEncoder(lanes_for(count, layout.size))
            code_elements(coder, count, elements, replace(layout, context=context))
            coded = coder.finish()
            if len(coded) < len(best):
                best, kind = coded, context
        self._turns -= turns if len(best) < len(given) else 0
        self.content += struct.pack(">I", kind << LENGTH | len(best)) + best
        return given

    def _decode(self, count: int, given: bytes, layout: Layout) -> bytes:
        del given
        if self._at + 4 > len(self.content):
            raise PackingError("Expected another part. Received: the end of the content, which is cut off.")
        (head,) = struct.unpack_from(">I", self.content, self._at)
        kind, size = head >> LENGTH, head & (1 << LENGTH) - 1
        coded = bytes(self.content[self._at + 4 : self._at + 4 + size])
        self._at += 4 + size
        if len(coded) != size or size > count * layout.size:
            raise PackingError(f"Expected a part of {size} bytes of {count} elements. Received: {len(coded)} bytes.")
        if size == count * layout.size:
            return coded
        if kind not in context_kinds(layout.size):
            raise PackingError(f"Expected a part of a known kind. Received: {kind}; the content is damaged.")
        self._turns -= turns_for(count, layout.size)
        if self._turns < 0:
            raise PackingError("Expected parts that take a minute or two to decode. Received: more; it is damaged.")
        coder = InterleavedDecoder(coded, lanes_for(count, layout.size))
        found = code_elements(coder, count, None, replace(layout, context=ContextKind(kind)))
        coder.finish()
        return found.tobytes()
