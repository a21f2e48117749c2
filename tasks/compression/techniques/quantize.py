"""Quantization to fewer bits by the LiteRT converter (Jacob et al. 2018, arXiv:1712.05877)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.compression.flatbuffer import constants_by_layer
from tasks.compression.layers import kernels
from tasks.compression.quantization.aware import Few, train_aware
from tasks.compression.quantization.calibration import Samples, calibration_samples
from tasks.compression.quantization.levels import largest_level
from tasks.compression.quantization.modes import DTYPES, Mode, configurations
from tasks.compression.quantization.steps import stretch_steps
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import Claim, Context, Form, Kind, Model, Result, Subject, Technique
from tasks.training.conversion import convert, fold_scaling


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
        - {technique: quantize, mode: int8, aware: true, weight_bits: 4}     # weights of 15 levels in 8-bit kernels

    The calibrated modes need training images, of which the first ``calibration`` in stored order are taken;
    ``aware`` needs labels too. Keeps zeros and clusters: rounding does, and ``aware`` trains each layer so that the
    zeros and clusters it has stay (PQAT, CQAT, PCQAT).

    ``weight_bits`` restricts the weights of convolutions and dense layers to −L … L times a step, L = 2^(bits−1) − 1,
    trained as LSQ does (Esser et al. 2020, arXiv:1902.08153). They are stored as int8, so that every runtime has fast
    kernels for them and the loaded file is no smaller; a stored file that is entropy-coded is.
    """

    gives: ClassVar[Form] = "flatbuffer"
    makes: ClassVar[frozenset[Kind]] = frozenset({"dtype"})

    technique: Literal["quantize"]
    mode: Annotated[Mode, Field(description="what is stored in how many bits")]
    calibration: Annotated[int, Field(ge=1, description="images that ranges are measured on")] = 500
    aware: Annotated[bool, Field(description="train with quantization simulated, then convert")] = False
    weight_bits: Annotated[int | None, Field(ge=2, le=8, description="of the weights' levels; null: all of int8's")] = (
        None
    )
    step: Annotated[Literal["channel", "layer"], Field(description="what shares a step of these levels")] = "channel"
    epochs: Annotated[int, Field(ge=1, description="of quantization-aware training")] = 3
    schedule: Literal["constant", "cosine"] = "cosine"

    @model_validator(mode="after")
    def _aware_is_int8(self) -> "Quantize":
        if self.aware and self.mode != "int8":
            raise ValueError("expected mode int8 with aware: true, which trains for 8-bit weights and activations")
        if self.weight_bits and not self.aware:
            raise ValueError("expected aware: true with weight_bits, which few levels are trained by")
        return self

    def teachers(self) -> frozenset[str]:
        """Only training learns from one."""
        return super().teachers() if self.aware else frozenset()

    def keeps(self) -> frozenset[Kind]:
        """Rounding keeps zeros, and equal weights of a channel equal; training is held to it."""
        return frozenset({"zeros", "clusters"})

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert, after quantization-aware training if asked for."""
        samples = calibration_samples(self.calibration, context)
        if self.aware:
            flatbuffer, claims = self._train(subject.model, context, samples)
        else:
            flatbuffer, claims = self._convert(fold_scaling(subject.model), samples), ()
        names = tuple(kernels(subject.model))
        found = constants_by_layer(flatbuffer, names)
        want = DTYPES[self.mode]
        changed = tuple(name for name in names if name in found and found[name].dtype == want)
        return Result(
            Subject(flatbuffer=flatbuffer),
            changed=changed,
            skipped=tuple(Skip(layer=name, reason=Reason.CONVERTER) for name in names if name not in changed),
            claims=(*(Claim(name, "dtype", want) for name in changed), *claims),
        )

    def _convert(self, model: Model, samples: Samples) -> bytes:
        return convert(model, configurations(samples)[self.mode], float_input=self.mode == "int8")

    def _train(self, model: Model, context: Context, samples: Samples) -> tuple[bytes, tuple[Claim, ...]]:
        few = Few(self.weight_bits, self.step == "channel") if self.weight_bits else None
        aware = train_aware(model, lambda whole: retrain(whole, self, context), samples, few)
        flatbuffer = stretch_steps(self._convert(aware.model, samples), aware.factors)
        levels = largest_level(self.weight_bits) if self.weight_bits else 0
        return flatbuffer, tuple(Claim(name, "levels", float(levels)) for name in aware.restricted)
