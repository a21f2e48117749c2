"""The base of the modes that look at training samples."""

from typing import Annotated

from pydantic import Field, model_validator

from tasks.compression.quantization.calibration import PERCENTILE, Calibration
from tasks.compression.techniques.quantize.base import QuantizeMode


class Calibrated(QuantizeMode):
    """A mode that measures something on training samples."""

    calibration: Annotated[int | Calibration, Field(description="samples that ranges are measured on, and how")] = 500

    @model_validator(mode="after")
    def _calibration_fits(self) -> "Calibrated":
        if isinstance(self.calibration, int) and self.calibration < 1:
            raise ValueError("expected calibration on at least one sample")
        if self.sampling.ranges != "minmax" and not self.chooses_ranges:
            raise ValueError(
                "expected ranges: minmax but in mode int8 with training: none, the only one that can choose"
            )
        if self.sampling.ranges != "percentile" and self.sampling.percentile != PERCENTILE:
            raise ValueError("expected no percentile in calibration but with ranges: percentile")
        return self

    @property
    def chooses_ranges(self) -> bool:
        """True if ranges of activations may follow from the values by another method than ``minmax``."""
        return False

    @property
    def sampling(self) -> Calibration:
        """The setting ``calibration``, a bare number of samples spelled out."""
        return Calibration(samples=self.calibration) if isinstance(self.calibration, int) else self.calibration
