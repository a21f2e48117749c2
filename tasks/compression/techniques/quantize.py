"""Quantization to fewer bits by the LiteRT converter (Jacob et al. 2018, arXiv:1712.05877)."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.compression.flatbuffer import constants_by_layer
from tasks.compression.layers import kernels
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining
from tasks.compression.technique import Claim, Context, Form, Kind, Result, Subject, Technique
from tasks.compression.techniques.aware import Samples, train_aware
from tasks.training.backend import tensorflow
from tasks.training.conversion import convert, fold_scaling
from tasks.training.pipeline import evaluation_batches

Mode = Literal["dynamic_int8", "float16", "int8", "int16x8"]
Converter = Any
DTYPES = {"dynamic_int8": "int8", "float16": "float16", "int8": "int8", "int16x8": "int8"}  # of the weights
CALIBRATED = ("int8", "int16x8")


class Quantize(Retraining, Technique):
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
    ==============  ==========  =================  =====================================================

    .. code-block:: yaml

        - {technique: quantize, mode: int8, calibration: 500}
        - {technique: quantize, mode: int8, aware: true, epochs: 3}     # quantization-aware training

    The calibrated modes need training images, of which the first ``calibration`` in stored order are taken;
    ``aware`` needs labels too. Keeps zeros and clusters unless ``aware``.
    """

    gives: ClassVar[Form] = "flatbuffer"
    makes: ClassVar[frozenset[Kind]] = frozenset({"dtype"})

    technique: Literal["quantize"]
    mode: Annotated[Mode, Field(description="what is stored in how many bits")]
    calibration: Annotated[int, Field(ge=1, description="images that ranges are measured on")] = 500
    aware: Annotated[bool, Field(description="train with quantization simulated, then convert")] = False
    epochs: Annotated[int, Field(ge=1, description="of quantization-aware training")] = 3
    schedule: Literal["constant", "cosine"] = "cosine"

    @model_validator(mode="after")
    def _aware_is_int8(self) -> "Quantize":
        if self.aware and self.mode != "int8":
            raise ValueError("expected mode int8 with aware: true, which trains for 8-bit weights and activations")
        return self

    def teachers(self) -> frozenset[str]:
        """Only training learns from one."""
        return super().teachers() if self.aware else frozenset()

    def keeps(self) -> frozenset[Kind]:
        """Rounding keeps zeros, and equal weights of a channel equal; training does not."""
        return frozenset() if self.aware else frozenset({"zeros", "clusters"})

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert, after quantization-aware training if asked for."""
        samples = calibration_samples(self.calibration, context)
        model = train_aware(subject.model, self, context, samples) if self.aware else fold_scaling(subject.model)
        configure = configurations(samples)[self.mode]
        flatbuffer = convert(model, configure, float_input=self.mode == "int8")
        names = tuple(kernels(subject.model))
        found = constants_by_layer(flatbuffer, names)
        want = DTYPES[self.mode]
        changed = tuple(name for name in names if name in found and found[name].dtype == want)
        return Result(
            Subject(flatbuffer=flatbuffer),
            changed=changed,
            skipped=tuple(Skip(layer=name, reason=Reason.CONVERTER) for name in names if name not in changed),
            claims=tuple(Claim(name, "dtype", want) for name in changed),
        )


def calibration_samples(count: int, context: Context) -> Samples:
    """The first training images in stored order, one at a time: float32 ``[1, height, width, channels]``."""
    images = evaluation_batches("train", 1, context.prepared).map(lambda image, _: image).take(count)
    return lambda: ([image.numpy()] for image in images)


def configurations(samples: Samples) -> dict[str, Callable[[Converter], None]]:
    """How the converter is set for each mode."""
    lite = tensorflow().lite
    dtypes = tensorflow().dtypes
    sets = lite.OpsSet

    def float16(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [dtypes.float16]

    def dynamic_int8(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]

    def int8(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = dtypes.uint8, dtypes.int8

    def int16x8(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image.astype("uint8")] for (image,) in samples())
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            sets.TFLITE_BUILTINS,  # for the cast of the pixels
        ]

    return {"float16": float16, "dynamic_int8": dynamic_int8, "int8": int8, "int16x8": int16x8}
