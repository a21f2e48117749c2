"""Vocabularies pruned: the least used ids become unknown, and their rows go."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.compression.technique import Context, Kind, Result, Subject, Technique
from tasks.compression.vocabulary.keeping import count_ids, keep, vocabulary_of
from tasks.compression.vocabulary.rows import tables_of_ids, with_fewer_rows
from tasks.errors import Unsuited
from tasks.samples import read_dataset


class PruneVocabulary(Technique):
    """Let all but the most used ids be unknown: their rows leave the tables, and they leave the vocabulary.

    .. code-block:: yaml

        - {technique: prune_vocabulary, rows: 1000}
        - {technique: prune_vocabulary, covered: 0.95}      # of the ids in the training samples

    The candidate goes with a vocabulary of its own, which devices download in the place of the run's: *stored* bytes
    count that one. The row of what is unknown becomes the mean of those that go, by how often each is there. Use is
    what vocabularies are commonly cut by (Chen et al. 2019, arXiv:1902.10339, who measure how far).

    Needs training samples; is best followed by ``fine_tune`` or ``distill``. Keeps nothing. Pays in every size.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset()

    technique: Literal["prune_vocabulary"]
    rows: Annotated[int | None, Field(ge=1, description="ids that stay known")] = None
    covered: Annotated[
        float | None, Field(gt=0, le=1, description="least share of the training samples' known ids that stays known")
    ] = None

    @model_validator(mode="after")
    def _needs_one_limit(self) -> "PruneVocabulary":
        if (self.rows is None) == (self.covered is None):
            raise ValueError("expected one of rows and covered")
        return self

    def apply(self, subject: Subject, context: Context) -> Result:
        """Count ids, keep the most used ones, and take the rows of all others out."""
        vocabulary = vocabulary_of(context.prepared)
        (spec,) = read_dataset(context.prepared).inputs
        tables = tables_of_ids(subject.network)
        counts = count_ids(context.prepared, int(spec.high) + 1)
        used = np.sort(counts[vocabulary.stay :])[::-1]
        rows = self.rows or _covering(used, self.covered or 1.0)
        if rows >= len(used):
            raise Unsuited(
                f"Expected fewer ids than the {len(used):,} that there are. Received: {rows:,}. "
                f"Ask for fewer, or leave prune_vocabulary out."
            )
        kept = keep(counts, rows, vocabulary)
        share = float(used[:rows].sum() / max(1, used.sum()))
        context.say(f"{rows:,} of {len(used):,} ids stay known; they make up {share:.1%} of those in training samples")
        return Result(
            Subject(with_fewer_rows(subject.network, kept, counts)),
            changed=tuple(str(layer.name) for layer in tables),
            details={"ids_kept": rows, "ids_before": len(used), "covered": round(share, 6)},
        )


def _covering(used: NDArray[np.int64], share: float) -> int:
    """The fewest ids that make up a share of all, which are there so often, falling."""
    return 1 + int(np.searchsorted(np.cumsum(used), share * used.sum()))
