"""Quantization of each layer's weights to a type of its own."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.compression.quantization.calibration import CalibrationSet
from tasks.compression.quantization.float_file import FloatFile
from tasks.compression.quantization.int4 import Bits, quantize_weights
from tasks.compression.quantization.selective import Judged, SearchLimit, choose
from tasks.compression.quantization.weight_ranges import Ranges
from tasks.compression.technique import Context
from tasks.compression.techniques.quantize.low_bits import LowBits, Lowered
from tasks.samples import read_batches


class Mixed(LowBits):
    """Store each layer's weights as int4, int8 or float16, by what that costs the answers.

    .. code-block:: yaml

        - {technique: quantize, mode: mixed, max_ratio: 0.2}            # of the float file; or max_bytes
        - {technique: quantize, mode: mixed, max_drop: 0.005}           # of the metric on validation

    Needs training samples, and validation samples with their targets. Keeps zeros and clusters. Pays in the size of
    the loaded file, where int4 everywhere loses too much. The order of layers is found as HAWQ does (Dong et al. 2019,
    arXiv:1905.03696) with the measured loss in place of its bound.
    """

    mode: Literal["mixed"]
    max_bytes: Annotated[int | None, Field(gt=0, description="of the file")] = None
    max_ratio: Annotated[float | None, Field(gt=0, lt=1, description="of the float file's bytes")] = None
    max_drop: Annotated[
        float | None, Field(ge=0, description="by which the outcome's metric on validation may be worse")
    ] = None
    validation: Annotated[int, Field(ge=1, description="samples that widths are chosen on")] = 2000

    @model_validator(mode="after")
    def _needs_one_limit(self) -> "Mixed":
        if sum(limit is not None for limit in (self.max_bytes, self.max_ratio, self.max_drop)) != 1:
            raise ValueError("expected one of max_bytes, max_ratio and max_drop in mode mixed")
        return self

    def lower(self, file: FloatFile, ranges: Ranges, drawn: CalibrationSet, context: Context) -> Lowered:  # noqa: ARG002
        """Lower layers one after another as far as the limit asks or allows."""
        inputs, targets = next(read_batches("validation", self.validation, context.prepared))
        judged = Judged(inputs, targets, context.learning())

        def build(widths: Mapping[str, Bits]) -> bytes:
            return quantize_weights(file, widths, ranges=ranges.chosen)

        chosen = choose(file, judged, self._budget(file), build, ranges.rounded)
        return Lowered(file, chosen.bits, chosen.flatbuffer, chosen.details())

    def _budget(self, file: FloatFile) -> SearchLimit:
        if self.max_ratio is not None:
            return SearchLimit(max_bytes=int(self.max_ratio * len(file.flatbuffer)))
        return SearchLimit(self.max_bytes, self.max_drop)
