"""Settings of images in params.yaml: ``data.image``, and the augmentation of a training."""

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
    """The form that an image is brought to; ``auto`` takes what the source's first image has."""

    height: Annotated[Pixels, Field(description="pixels, 1 to 4096")] = "auto"
    width: Annotated[Pixels, Field(description="pixels, 1 to 4096")] = "auto"
    channels: Annotated[Literal[1, 3, "auto"], Field(description="1: grey; 3: colour")] = "auto"


class ImageAugmentation(Augmentation):
    """Random changes of images; 0 and false leave an image as it is."""

    flip: Annotated[bool, Field(description="left and right are exchanged, in half of the images")] = False
    shift: Annotated[float, Field(ge=0, lt=1, description="how far images move at most, as a fraction of the side")] = (
        0.0
    )
    brightness: Annotated[
        Fraction, Field(description="how much it changes at most, as a fraction of the full range")
    ] = 0.0
    contrast: Annotated[float, Field(ge=0, lt=1, description="fraction by which contrast may rise or fall")] = 0.0
    cutout: Annotated[
        float, Field(ge=0, lt=1, description="side of a blanked square, as a fraction of the image's")
    ] = 0.0
