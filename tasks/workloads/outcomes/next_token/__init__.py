"""The next token of a text: a network gives a logit for each token of the vocabulary."""

from collections.abc import Mapping, Sequence

from tasks.errors import UnfitError
from tasks.samples import Dataset, TensorSpec
from tasks.workloads.outcomes.next_token.targets import target_of


class NextToken:
    """Targets are tokens and the texts that they are of, see :mod:`.targets`; outputs are logits ``[n, rows]``.

    The only input has the numbers of tokens, as many as there are outputs.
    """

    name = "next_token"
    target: TensorSpec = target_of("token")
    files: frozenset[str] = frozenset()
    learning = "tasks.workloads.outcomes.next_token.learning:NextTokenLearning"
    measuring = "tasks.workloads.outcomes.next_token.measuring:NextTokenMeasuring"

    def outputs(self, dataset: Dataset) -> int:
        """Return one logit for each token that there is, the end of a text and an unknown one among them."""
        (tokens,) = dataset.inputs
        return int(tokens.high) + 1

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - tokens are no classes of texts
        """Return none."""
        return ()

    def targets(self, labels: Sequence[str]) -> Mapping[str, float]:
        """Return nothing that counts: what comes next is made of the text itself."""
        if not labels:
            raise UnfitError("Expected samples. Received: none.")
        return dict.fromkeys(labels, 0.0)
