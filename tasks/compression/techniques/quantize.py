"""Quantization to fewer bits."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.compression.flatbuffer import constants_by_layer
from tasks.compression.layers import kernels
from tasks.compression.quantization.aware import BATCH, Few, train_aware
from tasks.compression.quantization.bias_correction import add_to_biases, corrections
from tasks.compression.quantization.calibration import PERCENTILE, Calibration, calibration_set, class_names
from tasks.compression.quantization.float_file import FloatFile
from tasks.compression.quantization.int4 import Bits, check_kernels, quantize_weights, widths_of
from tasks.compression.quantization.levels import largest_level
from tasks.compression.quantization.modes import DTYPES, Mode, configurations
from tasks.compression.quantization.selective import Budget, choose
from tasks.compression.quantization.static import convert_with_ranges
from tasks.compression.quantization.steps import stretch_steps
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import SPARSITY, Claim, Context, Form, Kind, Model, Result, Stored, Subject, Technique
from tasks.data_loading.dataset import read_batches
from tasks.training.comparison import check_float32
from tasks.training.conversion import convert, fold_scaling, to_tflite

MEASURED, MEASURED_VALUES = 10_000, 1 << 25  # images that BatchNorm's statistics are measured on; values in all
COMPARED = 50  # images that the runtime's kernels are tried on
NAMES: dict[Bits, str] = {4: "int4", 8: "int8", 16: "float16"}


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
    int4            int4        float32 in the     size of the loaded file
                                file, int8 on use
    mixed           int4, int8  float32 in the     size of the loaded file, where int4 everywhere loses
                    or float16  file, int8 on use  too much
    ==============  ==========  =================  =====================================================

    .. code-block:: yaml

        - {technique: quantize, mode: int8, calibration: 500}
        - {technique: quantize, mode: int8, calibration: {samples: 1000, ranges: percentile, balanced: true, seed: 1}}
        - {technique: quantize, mode: int8, step: layer, bias_correction: true}  # per-tensor: stored smaller
        - {technique: quantize, mode: int8, aware: true, epochs: 3}     # quantization-aware training
        - {technique: quantize, mode: int8, aware: true, weight_bits: 4}     # weights of 15 levels in 8-bit kernels
        - {technique: quantize, mode: int4, block: 32}
        - {technique: quantize, mode: mixed, max_ratio: 0.2}            # or max_bytes, or max_drop: 0.005

    The calibrated modes need training images, ``mixed`` labelled validation images, ``aware`` labelled training data.
    The arithmetic and the training are those of Jacob et al. 2018, arXiv:1712.05877.
    Keeps zeros and clusters: rounding does (``block`` lets go of clusters), and ``aware`` trains each layer so that
    the zeros and clusters it has stay (PQAT, CQAT, PCQAT).

    ``weight_bits`` restricts the weights of convolutions and dense layers to −L … L times a step, L = 2^(bits−1) − 1,
    trained as LSQ does (Esser et al. 2020, arXiv:1902.08153). They are stored as int8, so that every runtime has fast
    kernels for them and the loaded file is no smaller; a stored file that is entropy-coded is.

    After each epoch of ``aware``, and on more images at the end, BatchNorm's statistics are measured anew.
    """

    gives: ClassVar[Form] = "flatbuffer"
    makes: ClassVar[frozenset[Kind]] = frozenset({"dtype"})

    technique: Literal["quantize"]
    mode: Annotated[Mode, Field(description="what is stored in how many bits")]
    calibration: Annotated[int | Calibration, Field(description="images that ranges are measured on, and how")] = 500
    aware: Annotated[bool, Field(description="train with quantization simulated, then convert")] = False
    weight_bits: Annotated[int | None, Field(ge=2, le=8, description="of the weights' levels; null: all of int8's")] = (
        None
    )
    step: Annotated[Literal["channel", "layer"], Field(description="what shares a step of its weights")] = "channel"
    bias_correction: Annotated[
        bool, Field(description="let biases take back what rounding adds to the mean of outputs")
    ] = False
    block: Annotated[
        Literal[32, 64, 128, 256] | None, Field(description="inputs of dense layers that share a step in int4")
    ] = None
    max_bytes: Annotated[int | None, Field(gt=0, description="of the file, in mode mixed")] = None
    max_ratio: Annotated[float | None, Field(gt=0, lt=1, description="of the float file's bytes, in mode mixed")] = None
    max_drop: Annotated[float | None, Field(ge=0, lt=1, description="of validation accuracy, in mode mixed")] = None
    validation: Annotated[int, Field(ge=1, description="images that mode mixed chooses on")] = 2000
    epochs: Annotated[int, Field(ge=1, description="of quantization-aware training")] = 3
    schedule: Literal["constant", "cosine"] = "cosine"
    precision: Literal["float32"] = "float32"

    @model_validator(mode="after")
    def _settings_fit_the_mode(self) -> "Quantize":
        budgets = sum(budget is not None for budget in (self.max_bytes, self.max_ratio, self.max_drop))
        if self.aware and self.mode != "int8":
            raise ValueError("expected mode int8 with aware: true, which trains for 8-bit weights and activations")
        if self.weight_bits and not self.aware:
            raise ValueError("expected aware: true with weight_bits, which few levels are trained by")
        if isinstance(self.calibration, int) and self.calibration < 1:
            raise ValueError("expected calibration on at least one image")
        if self._drawn.ranges != "minmax" and (self.mode != "int8" or self.aware):
            raise ValueError("expected ranges: minmax but in mode int8 without aware, the only one that can choose")
        if self._drawn.ranges != "percentile" and self._drawn.percentile != PERCENTILE:
            raise ValueError("expected no percentile in calibration but with ranges: percentile")
        if self.block and self.mode != "int4":
            raise ValueError("expected mode int4 with block")
        if budgets != (self.mode == "mixed"):
            raise ValueError("expected one of max_bytes, max_ratio and max_drop in mode mixed, and none elsewhere")
        return self

    def ignored(self) -> frozenset[str]:
        """Settings of other modes."""
        ignored: set[str] = set()
        if not self.aware:
            ignored |= set(Retraining.model_fields)
        if not self.weight_bits and (self.mode != "int8" or self.aware):
            ignored.add("step")
        if self.mode not in {"int8", "int4"} or self.aware:
            ignored.add("bias_correction")
        if self.mode != "mixed":
            ignored.add("validation")
        if self.mode not in {"int8", "int16x8"} and not self.bias_correction:
            ignored.add("calibration")
        return frozenset(ignored)

    def stored_as(self) -> Stored:
        """Rounded, but for float16, which only the weights are rounded to, one by one."""
        return "float16" if self.mode == "float16" else "rounded"

    @property
    def _drawn(self) -> Calibration:
        return Calibration(samples=self.calibration) if isinstance(self.calibration, int) else self.calibration

    def keeps(self) -> frozenset[Kind]:
        """Rounding keeps zeros, and equal weights of a channel equal; training is held to it."""
        return SPARSITY if self.block else SPARSITY | {"clusters"}

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert, after quantization-aware training if asked for."""
        if self.mode in ("int4", "mixed"):
            return self._lower(subject.model, context)
        if self.mode in ("float16", "dynamic_int8"):
            return self._finish(subject.model, convert(fold_scaling(subject.model), configurations()[self.mode]))
        return self._train(subject.model, context) if self.aware else self._calibrate(subject.model, context)

    def _calibrate(self, model: Model, context: Context) -> Result:
        drawn = calibration_set(self._drawn, context)
        details = {"calibration": drawn.details(class_names(context))}
        folded = fold_scaling(model)
        if self._drawn.ranges != "minmax" or self.step == "layer" or self.bias_correction:
            flatbuffer, found = convert_with_ranges(
                folded, drawn, self._drawn, self.step == "channel", self.bias_correction
            )
            return self._finish(model, flatbuffer, details=details | found)
        configure = configurations(drawn.samples())[self.mode]
        return self._finish(model, convert(folded, configure, float_input=self.mode == "int8"), details=details)

    def _train(self, model: Model, context: Context) -> Result:
        drawn = calibration_set(self._drawn, context)
        few = Few(self.weight_bits, self.step == "channel") if self.weight_bits else None
        measured = min(MEASURED, max(BATCH, MEASURED_VALUES // math.prod(model.input_shape[1:])))
        images, _ = next(read_batches("train", measured, context.prepared))
        recorded = context.samples_like(model).images
        aware = train_aware(
            model,
            lambda whole, callbacks: retrain(whole, self, context, callbacks),
            drawn.samples(),
            images,
            few,
            recorded,
        )
        file = convert(aware.model, configurations(drawn.samples())["int8"], float_input=True)
        details = {"calibration": drawn.details(class_names(context)), "schemes": aware.schemes}
        levels = float(largest_level(self.weight_bits)) if self.weight_bits else 0.0
        claims = tuple(Claim(name, "levels", levels) for name in aware.restricted)
        result = self._finish(model, stretch_steps(file, aware.factors), claims, details)
        return replace(result, answers=aware.answers)

    def _lower(self, model: Model, context: Context) -> Result:
        """Weights alone in fewer bits, by layer."""
        names = tuple(kernels(model))
        file = FloatFile(to_tflite(model), names)
        check_float32(model, file.flatbuffer, context.samples_like(model))
        if self.mode == "int4":
            bits = {name: widths_of(operation)[-1] for name, operation in file.operations.items()}
            flatbuffer = quantize_weights(file, bits, self.block)
            details: dict[str, Any] = {}
            if self.bias_correction:
                file, details = self._corrected(file, flatbuffer, context)
                flatbuffer = quantize_weights(file, bits, self.block)
        else:
            images, labels = next(read_batches("validation", self.validation, context.prepared))
            chosen = choose(file, images, labels, self._budget(file), lambda widths: quantize_weights(file, widths))
            bits, flatbuffer, details = chosen.bits, chosen.flatbuffer, chosen.details()
        images, _ = next(read_batches("train", COMPARED, context.prepared))
        details["kernels_db"] = check_kernels(flatbuffer, file, images)
        stay = tuple(
            Skip(layer=name, reason=Reason.UNSUPPORTED, detail=f"its operation has no 4 bits, it stays at {width}")
            if width == widths_of(file.operations[name])[-1]
            else Skip(layer=name, reason=Reason.SENSITIVE, detail=f"stays at {width} bits")
            for name, width in bits.items()
            if width > min(bits.values())
        )
        return self._finish(model, flatbuffer, (), details, {name: NAMES[bits[name]] for name in bits}, stay)

    def _corrected(self, file: FloatFile, flatbuffer: bytes, context: Context) -> tuple[FloatFile, dict[str, Any]]:
        """The float file with other biases: kernels are rounded alike, whatever they are."""
        drawn = calibration_set(self._drawn, context)
        stored = constants_by_layer(flatbuffer, file.weights)
        rounded = {operation.output: stored[name].real() for name, operation in file.operations.items()}
        biases = corrections(file.flatbuffer, rounded, drawn.images, flatbuffer)
        details = {"calibration": drawn.details(class_names(context)), **biases.details()}
        return FloatFile(add_to_biases(file.flatbuffer, biases.added), tuple(file.weights)), details

    def _budget(self, file: FloatFile) -> Budget:
        if self.max_ratio is not None:
            return Budget(max_bytes=int(self.max_ratio * len(file.flatbuffer)))
        return Budget(self.max_bytes, self.max_drop)

    def _finish(
        self,
        model: Model,
        flatbuffer: bytes,
        claims: tuple[Claim, ...] = (),
        details: Mapping[str, Any] | None = None,
        wanted: Mapping[str, str] | None = None,
        skipped: tuple[Skip, ...] = (),
    ) -> Result:
        """What is in the file: a layer whose weights have not the type that is wanted was left alone."""
        names = tuple(kernels(model))
        want = wanted or dict.fromkeys(names, DTYPES[self.mode])
        found = constants_by_layer(flatbuffer, names)
        changed = tuple(name for name in names if name in found and found[name].dtype == want.get(name))
        left = tuple(Skip(layer=name, reason=Reason.CONVERTER) for name in names if name not in changed)
        return Result(
            Subject(flatbuffer=flatbuffer),
            changed=changed,
            skipped=(*left, *skipped),
            claims=(*(Claim(name, "dtype", want[name]) for name in changed), *claims),
            details=details or {},
        )
