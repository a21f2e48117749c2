"""Workloads whose random changes of inputs change what is to be learned."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from tasks.backend import TfTensor


@runtime_checkable
class AugmentsTargets(Protocol):
    """A :class:`~tasks.workloads.protocol.WorkloadLearning` whose augmentation changes targets, too."""

    def augment_targets(self, targets: "TfTensor", changed: Mapping[str, "TfTensor"]) -> "TfTensor":
        """Return the targets of a batch whose inputs were changed at random.

        Args:
            targets: ``[n, *shape]``.
            changed: what ``augment`` gave.

        Returns:
            of the same shape and type.
        """
