"""Quantization of weights to int8, activations when they are used."""

from typing import ClassVar, Literal

from tasks.compression.quantization.modes import configurations
from tasks.compression.technique import Context, Result, Subject
from tasks.compression.techniques.quantize.base import QuantizeMode
from tasks.learning.conversion import to_tflite


class DynamicInt8(QuantizeMode):
    """Store the weights of layers of 1,024 weights and more as int8; the runtime rounds activations on use.

    .. code-block:: yaml

        - {technique: quantize, mode: dynamic_int8}

    Needs no data. Keeps zeros and clusters. Pays in size, and in time with large dense layers.
    """

    dtype: ClassVar[str] = "int8"

    mode: Literal["dynamic_int8"]

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert."""
        model, specs = subject.network, context.specs(subject.network)
        flatbuffer = to_tflite(model, configurations()["dynamic_int8"], specs=specs)
        return self.finished(model, flatbuffer, context, {})
