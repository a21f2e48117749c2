"""Quantization of weights to int4."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.compression.quantization.bias_correction import add_to_biases, corrections
from tasks.compression.quantization.calibration import CalibrationSet
from tasks.compression.quantization.float_file import EXACT, FloatFile
from tasks.compression.quantization.int4 import quantize_weights, widths_of
from tasks.compression.quantization.weight_ranges import Ranges
from tasks.compression.technique import SPARSITY, Context, Kind
from tasks.compression.techniques.quantize.low_bits import LowBits, Lowered
from tasks.samples import Inputs


class Int4(LowBits):
    """Store the weights of dense layers and convolutions as int4, two in a byte, and others in as few bits as they can.

    .. code-block:: yaml

        - {technique: quantize, mode: int4, block: 32}
        - {technique: quantize, mode: int4, weight_range: octav}
        - {technique: quantize, mode: int4, bias_correction: true}

    Needs training samples. Keeps zeros and, without ``block``, clusters. Pays in the size of the loaded file. By
    ai-edge-quantizer; ranges by OCTAV (Sakr et al. 2022, arXiv:2206.06501), biases as Nagel et al. 2019,
    arXiv:1906.04721, correct them.
    """

    mode: Literal["int4"]
    bias_correction: Annotated[
        bool, Field(description="let biases take back what rounding adds to the mean of outputs")
    ] = False
    block: Annotated[
        Literal[32, 64, 128, 256] | None, Field(description="inputs of dense layers that share a scale")
    ] = None

    @model_validator(mode="after")
    def _range_fits_blocks(self) -> "Int4":
        if self.weight_range == "mse" and self.block:
            raise ValueError("expected no weight_range: mse with block, which ai-edge-quantizer has not")
        return self

    def keeps(self) -> frozenset[Kind]:
        """Rounding keeps zeros, and equal weights equal where they share a scale."""
        return SPARSITY if self.block else super().keeps()

    @property
    def shared_inputs(self) -> int | None:
        """Number of a dense layer's inputs that share a step; None: all of an output."""
        return self.block

    def lower(self, file: FloatFile, ranges: Ranges, drawn: CalibrationSet, context: Context) -> Lowered:  # noqa: ARG002
        """Store each weight in as few bits as its operators have, and correct biases if asked for."""
        bits = {path: widths_of(file, path)[-1] for path in file.weights}
        flatbuffer = quantize_weights(file, bits, self.block, ranges.chosen)
        details: dict[str, Any] = {}
        if self.bias_correction:
            file, details = _corrected(file, flatbuffer, drawn.inputs)
            flatbuffer = quantize_weights(file, bits, self.block, ranges.chosen)
        return Lowered(file, bits, flatbuffer, details)


def _corrected(file: FloatFile, flatbuffer: bytes, inputs: Inputs) -> tuple[FloatFile, dict[str, Any]]:
    """The float file with other biases: weights are rounded alike, whatever the biases are."""
    rounded = {}
    for path, stored in file.stored(flatbuffer).items():
        tensors = {part.tensor: constant for part, constant in zip(file.parts[path], stored, strict=True)}
        for operation in file.operations[path]:
            if operation.graph == 0 and operation.kind not in {"fixed", *EXACT}:
                rounded[operation.output] = tensors[operation.tensor].real()
    biases = corrections(file.flatbuffer, rounded, inputs, flatbuffer)
    return FloatFile(add_to_biases(file.flatbuffer, biases.added), file.places, file.tables), biases.details()
