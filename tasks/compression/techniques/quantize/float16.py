"""Quantization of weights to float16."""

from typing import ClassVar, Literal

from tasks.compression.quantization.modes import configurations
from tasks.compression.technique import Context, Result, Stored, Subject
from tasks.compression.techniques.quantize.base import QuantizeMode
from tasks.learning.conversion import to_tflite


class Float16(QuantizeMode):
    """Store each weight as a float16; activations stay float32.

    .. code-block:: yaml

        - {technique: quantize, mode: float16}

    Needs no data. Keeps zeros and clusters. The file is half as large; no runtime is faster by it.
    """

    dtype: ClassVar[str] = "float16"

    mode: Literal["float16"]

    def stored_as(self) -> Stored:
        """Return how the weights are stored: each by itself, in a float of 16 bits."""
        return "float16"

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert."""
        model, specs = subject.network, context.specs(subject.network)
        flatbuffer = to_tflite(model, configurations()["float16"], specs=specs)
        return self.finished(model, flatbuffer, context, {})
