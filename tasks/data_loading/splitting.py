"""Decide which split a sample belongs to.

What a source declares goes first. The splits that it does not declare are taken out of the rest, the *pool*:
samples in its train folder and samples of which nothing is said. There, a hash of what the workload decides by (of an
image its pixels as decoded) is taken as a number between 0 and 1, and that decides::

    0 … test            test, if the source declares no test split, else train
    … test + validation validation, if the source declares no validation split, else train
    … 1                 train

The hash depends on nothing but the sample itself. So no sample ever moves from one split to another when data grows,
is sorted otherwise or is packed otherwise, and equal samples always fall together. Of rare classes that might leave a
split without any, so that there the cuts move, see :mod:`tasks.data_loading.strata`.
"""

from collections.abc import Collection

from tasks.config import Split
from tasks.samples import SplitName

HASHES = 1 << 64


def assign(split_hash: int, declared: SplitName | None, known: Collection[SplitName], split: Split) -> SplitName:
    """Return the split of one sample.

    Args:
        split_hash: of the sample, 64 bits.
        declared: the split that the source declares for this sample.
        known: all splits that the source declares for any sample.
        split: the fractions wanted.
    """
    if declared in ("validation", "test"):
        return declared
    fraction = split_hash / HASHES
    if fraction < split.test:
        return "train" if "test" in known else "test"
    if fraction < split.test + split.validation:
        return "train" if "validation" in known else "validation"
    return "train"
