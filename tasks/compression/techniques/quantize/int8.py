"""Quantization of weights and activations to int8: calibrated, or trained with the rounding simulated."""

import math
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.backend import KerasModel
from tasks.compression.location import locate
from tasks.compression.quantization.aware import BATCH, WeightLevels, check_simulated_input, train_aware
from tasks.compression.quantization.calibration import calibration_set, class_names
from tasks.compression.quantization.half_bytes import check_halves, store_as_int4
from tasks.compression.quantization.levels import largest_level, settled_levels, trained_kernels
from tasks.compression.quantization.lstm_states import agree_states
from tasks.compression.quantization.modes import configurations
from tasks.compression.quantization.scales import stretch_scales
from tasks.compression.quantization.static import convert_with_ranges
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import Claim, Context, Result, Subject
from tasks.compression.techniques.quantize.base import COMPARED
from tasks.compression.techniques.quantize.calibrated import Calibrated
from tasks.learning.conversion import convert, fold_scaling
from tasks.samples import read_batches

MEASURED, MEASURED_VALUES = 10_000, 1 << 25  # samples that BatchNorm's statistics are measured on; values in all


class Int8(Retraining, Calibrated):
    """Store weights and compute activations in int8; the file takes uint8 and gives int8.

    .. code-block:: yaml

        - {technique: quantize, mode: int8, calibration: 500}
        - {technique: quantize, mode: int8, calibration: {samples: 1000, ranges: percentile, balanced: true, seed: 1}}
        - {technique: quantize, mode: int8, granularity: per_tensor, bias_correction: true}    # stored smaller
        - {technique: quantize, mode: int8, training: qat, epochs: 3}     # quantization-aware training
        - {technique: quantize, mode: int8, training: qat, weight_bits: 4}     # weights of 15 levels in 8-bit kernels
        - {technique: quantize, mode: int8, training: qat, weight_bits: 4, weight_storage: int4}

    Needs training samples, with labels if it trains. The arithmetic and the training are those of Jacob et al. 2018,
    arXiv:1712.05877. Keeps zeros and clusters: rounding does, and training is held to those that each layer has (PQAT,
    CQAT, PCQAT). Pays in size, and in time where a CPU multiplies 8 bits fast.

    ``weight_bits`` restricts the weights of convolutions and dense layers to −L … L times a scale, L = 2^(bits−1) − 1,
    trained as LSQ does (Esser et al. 2020, arXiv:1902.08153). They are stored as int8, so that every runtime has fast
    kernels for them and the loaded file is no smaller; a stored file that is entropy-coded is. ``weight_storage: int4``
    stores them two in a byte, where the runtime gives the same numbers then.

    After each epoch of training, and on more images at the end, BatchNorm's statistics are measured anew.
    """

    dtype: ClassVar[str] = "int8"

    mode: Literal["int8"]
    training: Annotated[
        Literal["none", "qat"], Field(description="qat: train with quantization simulated, then convert")
    ] = "none"
    weight_bits: Annotated[int | None, Field(ge=2, le=8, description="of the weights' levels; null: all of int8's")] = (
        None
    )
    weight_storage: Annotated[
        Literal["int8", "int4"], Field(description="type of weights of few levels in the file")
    ] = "int8"
    granularity: Annotated[
        Literal["per_channel", "per_tensor"], Field(description="what shares the scale of its weights")
    ] = "per_channel"
    bias_correction: Annotated[
        bool, Field(description="let biases take back what rounding adds to the mean of outputs")
    ] = False
    epochs: Annotated[int, Field(ge=1, description="of quantization-aware training")] = 3
    schedule: Annotated[Literal["constant", "cosine"], Field(description="of the learning rate")] = "cosine"
    precision: Annotated[Literal["float32"], Field(description="what layers compute in")] = "float32"

    @model_validator(mode="after")
    def _settings_fit(self) -> "Int8":
        if self.weight_bits and not self.trains:
            raise ValueError("expected training: qat with weight_bits, which few levels are trained by")
        if self.weight_storage == "int4" and not (self.weight_bits and self.weight_bits <= 4):
            raise ValueError("expected weight_bits of at most 4 with weight_storage: int4")
        return self

    def ignored(self) -> frozenset[str]:
        """Settings of training where nothing is trained, and those of calibration alone where something is."""
        if not self.trains:
            return frozenset(Retraining.model_fields)
        return frozenset({"bias_correction"} if self.weight_bits else {"bias_correction", "granularity"})

    @property
    def trains(self) -> bool:
        """True if weights are trained before they are stored."""
        return self.training == "qat"

    @property
    def chooses_ranges(self) -> bool:
        """True if ranges of activations may follow from the values by another method than ``minmax``."""
        return not self.trains

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert, after quantization-aware training if asked for."""
        return self._train(subject.network, context) if self.trains else self._calibrate(subject.network, context)

    def _calibrate(self, model: KerasModel, context: Context) -> Result:
        drawn = calibration_set(self.sampling, context)
        details: dict[str, Any] = {"calibration": drawn.details(class_names(context))}
        specs = context.specs(model)
        folded = fold_scaling(model, specs)
        per_channel = self.granularity == "per_channel"
        if self.sampling.ranges == "minmax" and per_channel and not self.bias_correction:
            flatbuffer = convert(folded, configurations(drawn.samples())["int8"], True, specs)
        else:
            flatbuffer, found = convert_with_ranges(
                folded, drawn, self.sampling, per_channel, self.bias_correction, specs
            )
            details |= found
        return self.finished(model, agree_states(flatbuffer), context, details)

    def _train(self, model: KerasModel, context: Context) -> Result:
        specs = context.specs(model)
        check_simulated_input(specs)
        drawn = calibration_set(self.sampling, context)
        levels = WeightLevels(self.weight_bits, self.granularity == "per_channel") if self.weight_bits else None
        measured = min(MEASURED, max(BATCH, MEASURED_VALUES // math.prod(specs[0].shape)))
        inputs, _ = next(read_batches("train", measured, context.prepared))
        aware = train_aware(
            model,
            lambda whole, callbacks: retrain(whole, self, context, callbacks),
            drawn.samples(),
            inputs,
            levels,
            context.samples_like(model).inputs,
            specs[0],
        )
        file = convert(aware.model, configurations(drawn.samples())["int8"], True, specs)
        places = locate(model, file, trained_kernels(aware.model))
        file = stretch_scales(file, aware.factors, places, settled_levels(aware.model))
        details: dict[str, Any] = {"calibration": drawn.details(class_names(context)), "schemes": aware.schemes}
        largest = float(largest_level(self.weight_bits)) if self.weight_bits else 0.0
        claims = tuple(Claim(name, "levels", largest) for name in aware.restricted)
        wanted = {}
        if self.weight_storage == "int4":
            whole, file = file, store_as_int4(file, places, aware.restricted)
            details["int4_db"] = check_halves(file, whole, inputs[:COMPARED])
            wanted = dict.fromkeys(aware.restricted, "int4")
        result = self.finished(model, file, context, details, places=places, claims=claims, wanted=wanted)
        return replace(result, answers=aware.answers)
