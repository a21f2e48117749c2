"""Learning of a workload that goes beyond usual: changed targets, and networks that are solved for."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from tasks.backend import KerasModel, TfTensor


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


@runtime_checkable
class SolvesNetworks(Protocol):
    """A learning of a workload with networks whose weights are not trained but solved for."""

    def solves(self, name: str) -> bool:
        """Return whether a network is of that kind.

        Args:
            name: as params.yaml has it.
        """

    def solve(self, name: str, model: "KerasModel", folder: Path) -> None:
        """Set the weights of a network to what the training split asks for.

        Args:
            name: as params.yaml has it.
            model: the network.
            folder: of the prepared data.
        """
