"""The part ``drift`` of params.yaml."""

from typing import Annotated

from pydantic import Field

from tasks.settings import Settings


class Drift(Settings):
    """The size that a shift of the data has to have before it would call for a retrain by itself."""

    psi: Annotated[
        float,
        Field(gt=0, le=10, description="population stability index; by custom 0.1 is some shift, 0.25 a large one"),
    ] = 0.2
    significance: Annotated[
        float, Field(gt=0, lt=1, description="p-value, corrected for the number of tests, below which it is no chance")
    ] = 0.01
