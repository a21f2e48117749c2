"""The part ``watch`` of params.yaml."""

from typing import Annotated

from pydantic import Field

from tasks.settings import Fraction, Settings


class Watch(Settings):
    """The watch over the source, and the changes of it that a person is asked about before anything is trained."""

    quiet: Annotated[
        float,
        Field(
            ge=0, le=3600, description="seconds without a change before a run begins: a batch has arrived as a whole"
        ),
    ] = 60.0
    max_shrink: Annotated[
        Fraction, Field(description="fraction of the samples that may be gone before a person is asked")
    ] = 0.2
