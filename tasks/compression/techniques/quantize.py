"""Quantization to fewer bits."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.compression.flatbuffer import Places, read_constants
from tasks.compression.layer_states import dtype_of
from tasks.compression.location import locate
from tasks.compression.quantization.aware import BATCH, Few, train_aware
from tasks.compression.quantization.bias_correction import add_to_biases, corrections
from tasks.compression.quantization.calibration import PERCENTILE, Calibration, calibration_set, class_names
from tasks.compression.quantization.float_file import FloatFile
from tasks.compression.quantization.half_bytes import check_halves, store_as_int4
from tasks.compression.quantization.int4 import Bits, WeightRange, quantize_weights, widths_of
from tasks.compression.quantization.kernels import check_kernels, compare_kernels
from tasks.compression.quantization.levels import largest_level, settled_levels, trained_kernels
from tasks.compression.quantization.lstm_states import agree_states
from tasks.compression.quantization.modes import DTYPES, Mode, configurations
from tasks.compression.quantization.selective import Budget, choose
from tasks.compression.quantization.static import convert_with_ranges
from tasks.compression.quantization.steps import stretch_steps
from tasks.compression.quantization.weight_ranges import Ranges, choose_ranges
from tasks.compression.quantization.whole_numbers import check_whole_numbers
from tasks.compression.records import Reason, Skip
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import SPARSITY, Claim, Context, Form, Kind, Model, Result, Stored, Subject, Technique
from tasks.compression.weights import weights
from tasks.data_loading.dataset import read_batches
from tasks.errors import CompressionError
from tasks.training.comparison import check_float32
from tasks.training.conversion import convert, fold_scaling, to_tflite

MEASURED, MEASURED_VALUES = 10_000, 1 << 25  # images that BatchNorm's statistics are measured on; values in all
COMPARED = 50  # images that the runtime's kernels are tried on
NAMES: dict[Bits, str] = {4: "int4", 8: "int8", 16: "float16", 32: "float32"}
UNREAD = "no operator of the file reads these weights as they are"


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
        - {technique: quantize, mode: int8, aware: true, weight_bits: 4, weight_storage: int4}
        - {technique: quantize, mode: int4, block: 32}
        - {technique: quantize, mode: int4, weight_range: octav}
        - {technique: quantize, mode: mixed, max_ratio: 0.2}            # or max_bytes, or max_drop: 0.005

    The calibrated modes need training images, ``mixed`` labelled validation images, ``aware`` labelled training data.
    The arithmetic and the training are those of Jacob et al. 2018, arXiv:1712.05877.
    Keeps zeros and clusters: rounding does (``block`` lets go of clusters), and ``aware`` trains each layer so that
    the zeros and clusters it has stay (PQAT, CQAT, PCQAT).

    ``weight_bits`` restricts the weights of convolutions and dense layers to −L … L times a step, L = 2^(bits−1) − 1,
    trained as LSQ does (Esser et al. 2020, arXiv:1902.08153). They are stored as int8, so that every runtime has fast
    kernels for them and the loaded file is no smaller; a stored file that is entropy-coded is. ``weight_storage: int4``
    stores them two in a byte, where the runtime gives the same numbers then.

    In ``int4`` and ``mixed`` the range of a layer's weights is the one of three that leaves most of the answers on
    calibration images, see :mod:`tasks.compression.quantization.weight_ranges`.

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
    weight_storage: Annotated[
        Literal["int8", "int4"], Field(description="type of weights of few levels in the file")
    ] = "int8"
    weight_range: Annotated[
        Literal["measured", WeightRange], Field(description="what the levels of 4-bit weights are spread over")
    ] = "measured"
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
        if self.weight_storage == "int4" and not (self.weight_bits and self.weight_bits <= 4):
            raise ValueError("expected weight_bits of at most 4 with weight_storage: int4")
        if self.weight_range == "mse" and self.block:
            raise ValueError("expected no weight_range: mse with block, which ai-edge-quantizer has not")
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
        if self.mode not in {"int4", "mixed"}:
            ignored.add("weight_range")
        if self.mode in {"float16", "dynamic_int8"}:
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
        if self.aware:
            return self._train(subject.model, context)
        if self.mode in ("float16", "dynamic_int8"):
            flatbuffer = convert(fold_scaling(subject.model), configurations()[self.mode])
            return self._finish(subject.model, flatbuffer, context, {})
        flatbuffer, details = self._calibrate(subject.model, context)
        return self._finish(subject.model, flatbuffer, context, details)

    def _calibrate(self, model: Model, context: Context) -> tuple[bytes, dict[str, Any]]:
        drawn = calibration_set(self._drawn, context)
        details = {"calibration": drawn.details(class_names(context))}
        folded = fold_scaling(model)
        if self._drawn.ranges != "minmax" or self.step == "layer" or self.bias_correction:
            flatbuffer, found = convert_with_ranges(
                folded, drawn, self._drawn, self.step == "channel", self.bias_correction
            )
            return agree_states(flatbuffer), details | found
        configure = configurations(drawn.samples())[self.mode]
        return agree_states(convert(folded, configure, float_input=self.mode == "int8")), details

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
        places = locate(model, file, trained_kernels(aware.model))
        file = stretch_steps(file, aware.factors, places, settled_levels(aware.model))
        details = {"calibration": drawn.details(class_names(context)), "schemes": aware.schemes}
        levels = float(largest_level(self.weight_bits)) if self.weight_bits else 0.0
        claims = tuple(Claim(name, "levels", levels) for name in aware.restricted)
        wanted = {}
        if self.weight_storage == "int4":
            whole, file = file, store_as_int4(file, places, aware.restricted)
            details["int4_db"] = check_halves(file, whole, images[:COMPARED])
            wanted = dict.fromkeys(aware.restricted, "int4")
        result = self._finish(model, file, context, details, places, claims, wanted)
        return replace(result, answers=aware.answers)

    def _lower(self, model: Model, context: Context) -> Result:
        """Weights alone in fewer bits, by layer."""
        flatbuffer = to_tflite(model)
        check_float32(model, flatbuffer, context.samples_like(model))
        file = FloatFile(flatbuffer, locate(model, flatbuffer))
        drawn = calibration_set(self._drawn, context)
        ranges = choose_ranges(
            file, drawn.images, self.block, () if self.weight_range == "measured" else (self.weight_range,)
        )
        if self.mode == "int4":
            bits = {path: widths_of(file, path)[-1] for path in file.weights}
            flatbuffer = quantize_weights(file, bits, self.block, ranges.chosen)
            details: dict[str, Any] = {}
            if self.bias_correction:
                file, details = self._corrected(file, flatbuffer, drawn.images)
                flatbuffer = quantize_weights(file, bits, self.block, ranges.chosen)
        else:
            bits, flatbuffer, details = self._choose(file, ranges, context)
        details |= {"calibration": drawn.details(class_names(context)), "weight_ranges": ranges.details()}
        meant = file.replaced(
            {path: [each.real() for each in found] for path, found in file.stored(flatbuffer).items()}
        )
        images, _ = next(read_batches("train", COMPARED, context.prepared))
        details["kernels_db"] = check_kernels(flatbuffer, meant, images)
        wanted = {path: NAMES[bits[head]] for path, head in file.heads.items()}
        return self._finish(
            model, flatbuffer, context, details, file.places_in(flatbuffer), (), wanted, _above(file, bits)
        )

    def _choose(
        self, file: FloatFile, ranges: Ranges, context: Context
    ) -> tuple[dict[str, Bits], bytes, dict[str, Any]]:
        images, labels = next(read_batches("validation", self.validation, context.prepared))

        def build(widths: Mapping[str, Bits]) -> bytes:
            return quantize_weights(file, widths, ranges=ranges.chosen)

        chosen = choose(file, images, labels, self._budget(file), build, ranges.rounded)
        return chosen.bits, chosen.flatbuffer, chosen.details()

    def _corrected(
        self, file: FloatFile, flatbuffer: bytes, images: NDArray[np.uint8]
    ) -> tuple[FloatFile, dict[str, Any]]:
        """The float file with other biases: kernels are rounded alike, whatever they are."""
        rounded = {}
        for path, stored in file.stored(flatbuffer).items():
            tensors = {part.tensor: constant for part, constant in zip(file.parts[path], stored, strict=True)}
            for operation in file.operations[path]:
                if operation.graph == 0 and operation.kind != "fixed":
                    rounded[operation.output] = tensors[operation.tensor].real()
        biases = corrections(file.flatbuffer, rounded, images, flatbuffer)
        return FloatFile(add_to_biases(file.flatbuffer, biases.added), file.places), biases.details()

    def _budget(self, file: FloatFile) -> Budget:
        if self.max_ratio is not None:
            return Budget(max_bytes=int(self.max_ratio * len(file.flatbuffer)))
        return Budget(self.max_bytes, self.max_drop)

    def _finish(
        self,
        model: Model,
        flatbuffer: bytes,
        context: Context,
        details: Mapping[str, Any],
        places: Places | None = None,
        claims: tuple[Claim, ...] = (),
        wanted: Mapping[str, str] | None = None,
        skipped: tuple[Skip, ...] = (),
    ) -> Result:
        """What is in the file: a layer whose weights have not the type that is wanted was left alone.

        Raises:
            CompressionError: LiteRT does not load the file, or all layers were left alone.
            Unsuited: the file would take whole numbers of rounded values.
        """
        check_whole_numbers(flatbuffer)
        if "kernels_db" not in details:
            images, _ = next(read_batches("train", COMPARED, context.prepared))
            details = {**details, "kernels_db": compare_kernels(flatbuffer, images)}
        places = locate(model, flatbuffer) if places is None else places
        dtypes = {path: dtype_of(copies) for path, copies in read_constants(flatbuffer, places).items()}
        want = {path: (wanted or {}).get(path, DTYPES.get(self.mode, "")) for path in weights(model)}
        above = {skip.layer for skip in skipped}
        changed = tuple(path for path in want if dtypes.get(path) == want[path] != "float32")
        left = tuple(
            Skip(layer=path, reason=Reason.CONVERTER, detail=UNREAD if path not in dtypes else f"{dtypes[path]} stays")
            for path in want
            if path not in changed and path not in above
        )
        if not changed:
            found = "; ".join(f"{skip.layer}: {skip.sentence}" for skip in (*left, *skipped)[:3]) or "no weights"
            raise CompressionError(
                f"Expected mode {self.mode} to store some layer's weights in fewer bits. Received: {found}. "
                f"Leave the step out, or take another mode."
            )
        return Result(
            Subject(None, flatbuffer, places),
            changed=changed,
            skipped=(*left, *skipped),
            claims=(*(Claim(path, "dtype", want[path]) for path in changed), *claims),
            details=details,
        )


def _above(file: FloatFile, bits: Mapping[str, Bits]) -> tuple[Skip, ...]:
    """Layers that stay above the lowest width, and why."""
    least = min(bits.values(), default=32)
    found = []
    for path, head in file.heads.items():
        width = bits[head]
        if width == 32:
            detail = "its operation has no weights of fewer bits, it stays at 32"
            found.append(Skip(layer=path, reason=Reason.UNSUPPORTED, detail=detail))
        elif width > least and width == widths_of(file, head)[-1]:
            detail = f"its operation has no 4 bits, it stays at {width}"
            found.append(Skip(layer=path, reason=Reason.UNSUPPORTED, detail=detail))
        elif width > least:
            found.append(Skip(layer=path, reason=Reason.SENSITIVE, detail=f"stays at {width} bits"))
    return tuple(found)
