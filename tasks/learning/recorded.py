"""The samples on which a file is compared with the network that it was made of."""

from dataclasses import dataclass
from pathlib import Path

from tasks.config import DEFAULT_WORKLOAD
from tasks.learning.feeding import made_up
from tasks.samples import Inputs, Specs, SplitName, concatenate, read_batches, read_dataset

SAMPLES = 64
SOURCES: tuple[SplitName, ...] = ("validation", "train")


@dataclass(frozen=True)
class Recorded:
    """Samples to compare on, the last ``noise`` of them made up.

    ``workload``: whose outcome says what the answers are. ``specs``: what the inputs may be; None: as far as the
    network alone tells.
    """

    inputs: Inputs
    noise: int
    workload: str = DEFAULT_WORKLOAD
    specs: Specs | None = None


def recorded_samples(specs: Specs, folder: Path | None, count: int = SAMPLES) -> Recorded:
    """Return the first samples of the validation split, then of the training split, then noise over the whole range.

    Args:
        specs: the inputs; prepared data of others are not looked at.
        folder: of the prepared data; None: noise alone.
        count: how many.
    """
    parts: list[Inputs] = []
    missing = count
    workload = DEFAULT_WORKLOAD if folder is None else read_dataset(folder).workload
    for split in SOURCES if folder is not None and read_dataset(folder).inputs == specs else ():
        inputs = next((batch for batch, _ in read_batches(split, missing, folder or Path())), None) if missing else None
        if inputs is not None:
            parts.append(inputs)
            missing -= len(inputs)
    if missing:
        parts.append(made_up(specs, missing, seed=0))
    return Recorded(concatenate(parts), missing, workload, specs)
