"""Quantization to fewer bits: one file a mode, and the step of a recipe that names one of them."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tasks.compression.quantization.modes import Mode
from tasks.compression.techniques.quantize.base import QuantizeMode
from tasks.compression.techniques.quantize.dynamic_int8 import DynamicInt8
from tasks.compression.techniques.quantize.float16 import Float16
from tasks.compression.techniques.quantize.int4 import Int4
from tasks.compression.techniques.quantize.int8 import Int8
from tasks.compression.techniques.quantize.int16x8 import Int16x8
from tasks.compression.techniques.quantize.mixed import Mixed

MODES: dict[Mode, type[QuantizeMode]] = {
    "dynamic_int8": DynamicInt8,
    "float16": Float16,
    "int8": Int8,
    "int16x8": Int16x8,
    "int4": Int4,
    "mixed": Mixed,
}


class Quantize:
    """Store weights, and in the calibrated modes activations too, in fewer bits; gives the deployable model.

    ==============  ==========  =================  =====================================================
    mode            weights     activations        profits
    ==============  ==========  =================  =====================================================
    float16         float16     float32            size
    dynamic_int8    int8        float32 in the     size; large dense layers
                                file, int8 on use
    int8            int8        int8               size and time; input uint8, output int8
    int16x8         int8        int16              size, where int8 activations lose too much; no fast
                                                   kernels on x86
    int4            int4        float32 in the     size of the loaded file
                                file, int8 on use
    mixed           int4, int8  float32 in the     size of the loaded file, where int4 everywhere loses
                    or float16  file, int8 on use  too much
    ==============  ==========  =================  =====================================================

    .. code-block:: yaml

        - {technique: quantize, mode: int8, calibration: 500}
        - {technique: quantize, mode: int8, training: qat, epochs: 3}     # quantization-aware training
        - {technique: quantize, mode: int4, block: 32}
        - {technique: quantize, mode: mixed, max_ratio: 0.2}            # or max_bytes, or max_drop: 0.005

    The arithmetic and the training are those of Jacob et al. 2018, arXiv:1712.05877. Rounding keeps zeros and clusters.
    Each mode is a class with settings of its own; this one reads a step and gives that of its mode.
    """

    @classmethod
    def read(cls, step: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> QuantizeMode:
        """Read a step of a recipe as the mode that it names.

        Raises:
            ValidationError: there is no such mode, it has no such setting, or a value does not fit.
        """
        mode = _Named.model_validate(step).mode
        _refuse_settings_of_other_modes(mode, step)
        return MODES[mode].model_validate(step, context=dict(context or {}))


class _Named(BaseModel):
    """The setting that decides which class reads the others."""

    mode: Mode


def _refuse_settings_of_other_modes(mode: Mode, step: Mapping[str, Any]) -> None:
    problems = []
    for key in step:
        now = QuantizeMode.renamed[key].key if key in QuantizeMode.renamed else key
        having = [other for other in get_args(Mode) if now in MODES[other].model_fields]
        if having and mode not in having:
            *most, last = having
            names = f"{', '.join(most)} or {last}" if most else last
            message = f"expected mode {names} with {key}, which mode {mode} does not read"
            error = PydanticCustomError("setting_of_another_mode", "{message}", {"message": message})
            problems.append(InitErrorDetails(type=error, loc=(key,), input=step[key]))
    if problems:
        raise ValidationError.from_exception_data("Quantize", problems)
