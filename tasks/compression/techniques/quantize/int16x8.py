"""Quantization of weights to int8 and of activations to int16."""

from typing import ClassVar, Literal

from tasks.compression.quantization.calibration import calibration_set, class_names
from tasks.compression.quantization.modes import configurations
from tasks.compression.technique import Context, Result, Subject
from tasks.compression.techniques.quantize.calibrated import Calibrated
from tasks.learning.conversion import to_tflite


class Int16x8(Calibrated):
    """Store weights as int8 and compute activations in int16, where those of int8 lose too much.

    .. code-block:: yaml

        - {technique: quantize, mode: int16x8, calibration: 500}

    Needs training samples. Keeps zeros and clusters. Pays in size; there are no fast kernels on x86.
    """

    dtype: ClassVar[str] = "int8"

    mode: Literal["int16x8"]

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert with ranges that are measured on training samples."""
        drawn = calibration_set(self.sampling, context)
        model, specs = subject.network, context.specs(subject.network)
        flatbuffer = to_tflite(model, configurations(drawn.samples())["int16x8"], specs=specs)
        details = {"calibration": drawn.details(class_names(context))}
        return self.finished(model, flatbuffer, context, details)
