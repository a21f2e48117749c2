"""What params.yaml says of images: ``data.image``, and the augmentation of a training."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tasks.settings import Fraction, Settings
from tasks.workloads.protocol import Augmentation


def _check_pixels(value: Any) -> Any:
    if value == "auto" or (type(value) is int and 1 <= value <= 4096):
        return value
    raise ValueError("expected auto or a number of pixels from 1 to 4096")


Pixels = Annotated[int | Literal["auto"], BeforeValidator(_check_pixels)]


class ImageSettings(Settings):
    """What an image is brought to; ``auto`` takes what the source's first image has."""

    height: Pixels = "auto"
    width: Pixels = "auto"
    channels: Literal[1, 3, "auto"] = "auto"


class ImageAugmentation(Augmentation):
    """Random changes of images; 0 and false leave an image as it is."""

    flip: bool = False
    shift: Annotated[float, Field(ge=0, lt=1)] = 0.0  # of the image's side
    brightness: Fraction = 0.0  # of the full range
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    cutout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # of the image's side
