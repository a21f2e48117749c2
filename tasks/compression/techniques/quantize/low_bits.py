"""The base of the modes that give weights alone fewer bits, layer by layer, down to 4."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from tasks.compression.location import locate
from tasks.compression.quantization.calibration import CalibrationSet, calibration_set, class_names
from tasks.compression.quantization.float_file import FloatFile
from tasks.compression.quantization.int4 import Bits, WeightRange, widths_of
from tasks.compression.quantization.kernels import check_kernels
from tasks.compression.quantization.weight_ranges import Ranges, choose_ranges
from tasks.compression.records import Reason, Skip
from tasks.compression.technique import Context, Result, Subject
from tasks.compression.techniques.quantize.base import COMPARED
from tasks.compression.techniques.quantize.calibrated import Calibrated
from tasks.learning.comparison import check_float32
from tasks.learning.conversion import to_tflite
from tasks.samples import read_batches

NAMES: dict[Bits, str] = {4: "int4", 8: "int8", 16: "float16", 32: "float32"}


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

    The range of a layer's 4-bit weights is the one of three that leaves most of the answers on calibration samples, see
    :mod:`tasks.compression.quantization.weight_ranges`.
    """

    weight_range: Annotated[
        Literal["measured", WeightRange], Field(description="what the levels of 4-bit weights are spread over")
    ] = "measured"

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
        file = FloatFile(flatbuffer, locate(model, flatbuffer))
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
            skipped=_above(file, lowered.bits),
        )


def _above(file: FloatFile, bits: Mapping[str, Bits]) -> tuple[Skip, ...]:
    """Layers that stay above the lowest width, and why."""
    least = min(bits.values(), default=32)
    found = []
    for path, head in file.heads.items():
        width = bits[head]
        if width == 32:
            detail = "its operation has no weights of fewer bits, it stays at 32"
            found.append(Skip(layer=path, reason=Reason.UNSUPPORTED, detail=detail))
        elif width > least and width == widths_of(file, head)[-1]:
            detail = f"its operation has no 4 bits, it stays at {width}"
            found.append(Skip(layer=path, reason=Reason.UNSUPPORTED, detail=detail))
        elif width > least:
            found.append(Skip(layer=path, reason=Reason.SENSITIVE, detail=f"stays at {width} bits"))
    return tuple(found)
