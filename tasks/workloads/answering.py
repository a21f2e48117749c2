"""Readings that name the answers of a release by what it has learned."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from tasks.arrays import Array


@runtime_checkable
class NamesAnswers(Protocol):
    """A reading that knows what a release's outputs stand for, and which of them are no answer to a question."""

    def answered(
        self, output: Array, asked: Mapping[str, Array], assets: Mapping[str, bytes]
    ) -> tuple[Array, Sequence[str]]:
        """Return the outputs that count as answers to a question, and a name for each.

        Args:
            output: of the model, ``[outputs]``.
            asked: the question, as the reading gave it.
            assets: of the release.

        Returns:
            ``[outputs]``, −∞ where one is no answer, and the names.
        """


@runtime_checkable
class Completes(Protocol):
    """A reading whose questions are gone on with: each answer becomes a part of the next question."""

    def completed(
        self,
        answer: Callable[[Mapping[str, Array]], Array],
        asked: Mapping[str, Array],
        assets: Mapping[str, bytes],
    ) -> tuple[Array, Sequence[str]]:
        """Go on with a question.

        Args:
            answer: gives the outputs ``[outputs]`` of a question.
            asked: the question, as the reading gave it.
            assets: of the release.

        Returns:
            a number for each thing that was added, and its name.
        """
