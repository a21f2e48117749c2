"""The base of the modes that give weights alone fewer bits, layer by layer, down to 4."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from tasks.backend import KerasModel
from tasks.compression.layers import named
from tasks.compression.location import locate
from tasks.compression.quantization.calibration import CalibrationSet, calibration_set, class_names
from tasks.compression.quantization.float_file import WHOLE, FloatFile, TableSettings
from tasks.compression.quantization.int4 import Bits, WeightRange, widths_of
from tasks.compression.quantization.kernels import check_kernels
from tasks.compression.quantization.lookups import exact_settings, with_lookups
from tasks.compression.quantization.tables import TableBits, TableScales
from tasks.compression.quantization.weight_ranges import Ranges, choose_ranges
from tasks.compression.records import Reason, Skip
from tasks.compression.technique import Context, Result, Subject
from tasks.compression.techniques.quantize.base import COMPARED
from tasks.compression.techniques.quantize.calibrated import Calibrated
from tasks.errors import Unsuited
from tasks.learning.comparison import check_float32
from tasks.learning.conversion import to_tflite
from tasks.samples import read_batches

NAMES: dict[Bits, str] = {2: "int2", 4: "int4", 8: "int8", 16: "float16", 32: "float32"}


@dataclass(frozen=True)
class Lowered:
    """A file with weights of fewer bits.

    ``file``: the float file that it was made of; ``bits``: by path; ``details``: for the record.
    """

    file: FloatFile
    bits: dict[str, Bits]
    flatbuffer: bytes
    details: dict[str, Any]


class LowBits(Calibrated):
    """A mode that gives weights fewer bits, layer by layer; the runtime rounds activations to 8 bits on use.

    Rows of tables (embeddings), and the kernels of an LSTM that is one operator, are read as floats: they count as what
    is stored, exactly.

    The range of a layer's 4-bit weights is the one of three that leaves most of the answers on calibration samples, see
    :mod:`tasks.compression.quantization.weight_ranges`.
    """

    weight_range: Annotated[
        Literal["measured", WeightRange], Field(description="what the levels of 4-bit weights are spread over")
    ] = "measured"

    table_bits: Annotated[TableBits, Field(description="fewest bits for the rows of tables (embeddings)")] = 4
    table_scales: Annotated[
        TableScales | None,
        Field(description="what shares a scale in a table; null: a row, of 8 bits the table"),
    ] = None

    exclude: Annotated[
        tuple[str, ...], Field(strict=False, description="layers, or models of layers, whose weights stay float32")
    ] = ()

    @property
    def shared_inputs(self) -> int | None:
        """Number of a dense layer's inputs that share a scale in 4 bits; None: all of an output."""
        return None

    @abstractmethod
    def lower(self, file: FloatFile, ranges: Ranges, drawn: CalibrationSet, context: Context) -> Lowered:
        """Choose the bits of each weight and store them.

        Args:
            file: the float model.
            ranges: what the levels of 4-bit weights are spread over, by path.
            drawn: the calibration samples.
            context: of the recipe.

        Returns:
            the file, and the bits of each weight.
        """

    def apply(self, subject: Subject, context: Context) -> Result:
        """Quantize a network to a file in the bits that :meth:`lower` chooses; see :class:`Technique`.

        Args:
            subject: the network.
            context: of the recipe.

        Returns:
            the file with its promises.
        """
        model = subject.network
        flatbuffer = to_tflite(model, specs=context.specs(model))
        check_float32(model, flatbuffer, context.samples_like(model))
        drawn = calibration_set(self.sampling, context)
        file, refused = self._readable(flatbuffer, model, context)
        allowed = () if self.weight_range == "measured" else (self.weight_range,)
        ranges = choose_ranges(file, drawn.inputs, self.shared_inputs, allowed)
        lowered = self.lower(file, ranges, drawn, context)
        file, flatbuffer = lowered.file, lowered.flatbuffer
        meant = file.replaced(
            {path: [each.real() for each in found] for path, found in file.stored(flatbuffer).items()}
        )
        inputs, _ = next(read_batches("train", COMPARED, context.prepared))
        details = {
            **lowered.details,
            "calibration": drawn.details(class_names(context)),
            "weight_ranges": ranges.details(),
            "kernels_db": check_kernels(flatbuffer, meant, inputs),
        }
        return self.finished(
            model,
            flatbuffer,
            context,
            details,
            places=file.places_in(flatbuffer),
            wanted={path: NAMES[lowered.bits[head]] for path, head in file.heads.items()},
            skipped=_above(file, lowered.bits, self.table_bits, refused),
        )

    def _readable(self, flatbuffer: bytes, model: KerasModel, context: Context) -> tuple[FloatFile, Mapping[str, str]]:
        """The file with tables that may have fewer bits, and by path the reasons why some may not."""
        samples, places = context.samples_like(model).inputs, locate(model, flatbuffer)
        found = with_lookups(flatbuffer, places, samples)
        every: tuple[TableBits, ...] = get_args(TableBits)
        allowed = tuple(bits for bits in every if bits >= self.table_bits)
        shared = tuple(bits for bits in WHOLE if bits in allowed)
        settings = TableSettings(allowed, self.table_scales, shared=shared, whole=self._excluded(model, places))
        file = FloatFile(found.flatbuffer, places, settings)
        return FloatFile(found.flatbuffer, places, exact_settings(file, samples)), found.refused

    def _excluded(self, model: KerasModel, paths: Iterable[str]) -> frozenset[str]:
        """The weights of the layers that ``exclude`` names."""
        found = named(self.exclude, list(paths))
        for name, layers in found.items():
            if not layers:
                raise Unsuited(
                    f"Expected exclude of quantize to name layers of {model.name}: {', '.join(paths)}. "
                    f"Received: {name!r}. Correct or remove it."
                )
        return frozenset(path for layers in found.values() for path in layers)


def _above(file: FloatFile, bits: Mapping[str, Bits], wanted: int, refused: Mapping[str, str]) -> tuple[Skip, ...]:
    """Layers that stay above the lowest width, tables above the one that is wanted for them, and why."""
    tables = {head for head in bits if file.kind(head) == "table"}
    least = min((width for head, width in bits.items() if head not in tables), default=32)
    found = []
    for path, head in file.heads.items():
        width = bits[head]
        if path in file.tables.whole:
            found.append(Skip(layer=path, reason=Reason.EXCLUDED))
        elif width == 32:
            detail = refused.get(path, "its operation has no weights of fewer bits")
            found.append(Skip(layer=path, reason=Reason.UNSUPPORTED, detail=f"{detail}, it stays at 32"))
        elif width > (wanted if head in tables else least):
            lowest = width == widths_of(file, head)[-1]
            detail = f"{_no_fewer(file, head, wanted)}, it stays at {width}" if lowest else f"stays at {width} bits"
            reason = Reason.UNSUPPORTED if lowest else Reason.SENSITIVE
            found.append(Skip(layer=path, reason=reason, detail=detail))
    return tuple(found)


def _no_fewer(file: FloatFile, path: str, wanted: int) -> str:
    if file.kind(path) != "table":
        return "its operation has no 4 bits"
    if wanted not in file.tables.bits:
        return f"the runtime reads rows of {wanted} bits otherwise"
    return f"its rows would end within a byte at {wanted} bits"
