"""Entropy coding of the deployable model."""

from dataclasses import replace
from typing import ClassVar, Literal, get_args

from tasks.compression.strip import strip
from tasks.compression.technique import Context, Form, Kind, Result, Subject, Technique
from tasks.packing.pack_cache import packed


class Pack(Technique):
    """Take out what the runtime does not read, and store the rest in a container of its own instead of zstd.

    The coder is context-adaptive, as DeepCABAC's (Wiedemann et al. 2020, arXiv:1907.11900) and ISO/IEC 15938-17's.

    .. code-block:: yaml

        - {technique: quantize, mode: int8}
        - {technique: pack}

    Needs nothing; keeps everything: the device turns the container back into this very file, which answers as the
    one before it, bit for bit. Weights of few levels and many zeros profit most; the loaded file gets a little
    smaller, and no faster. See ``docs/compression/packing.md``.
    """

    alters: ClassVar[bool] = False
    takes: ClassVar[Form] = "flatbuffer"
    gives: ClassVar[Form] = "package"

    technique: Literal["pack"]

    def keeps(self) -> frozenset[Kind]:
        """Weights are stored as they are."""
        return frozenset(get_args(Kind))

    def apply(self, subject: Subject, context: Context) -> Result:
        """Strip and lay out; the container is made of the file wherever it is stored."""
        stripped, numbers = strip(subject.flatbuffer)
        places = {
            path: tuple(replace(part, tensor=numbers[part.graph][part.tensor]) for part in parts)
            for path, parts in subject.places.items()
        }
        context.say(f"{len(subject.flatbuffer):,} bytes, stripped {len(stripped):,}, packed {len(packed(stripped)):,}")
        return Result(Subject(None, stripped, places, packed=True), changed=())
