"""Choices of ranks: a config each, all of which see every layer at once."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tasks.compression.lowrank.decomposition import Decomposition, Positions, Ranks
from tasks.compression.lowrank.greedy import Choice, descend
from tasks.compression.lowrank.measuring import Loss
from tasks.config import Settings
from tasks.errors import Unsuited

ENERGIES = (0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.3)  # energies whose ranks are tried
LossOf = Callable[[int], Loss]  # by the number of samples that it is measured on
HALVINGS = 24  # of the interval in which an energy is searched


@dataclass(frozen=True)
class Target:
    """A weight that could be factorized; ``layer``: the name of the layer that its factors take the place of."""

    decomposition: Decomposition
    positions: Positions
    layer: str

    def cost(self, of: str, ranks: Ranks | None) -> int:
        """Return ``parameters`` or ``macs`` at some ranks.

        Args:
            of: which of the two.
            ranks: of the factors; None: of the layer as it is.
        """
        if ranks is None:
            whole = self.decomposition
            return int(whole.kernel.size) if of == "parameters" else whole.macs_whole(self.positions)
        return (
            self.decomposition.parameters(ranks)
            if of == "parameters"
            else self.decomposition.macs(ranks, self.positions)
        )

    def pays(self, ranks: Ranks, of: str = "parameters") -> bool:
        """Return whether the factors have fewer parameters than the layer, and less of what else is counted.

        Args:
            ranks: of the factors.
            of: what else is counted.
        """
        return all(self.cost(what, ranks) < self.cost(what, None) for what in {"parameters", of})


Targets = Mapping[str, Target]  # by the path of the weight


class RankChooser(Settings):
    """Chooses the ranks of all layers."""

    @property
    def counts(self) -> str:
        """Return what a layer must have less of afterwards."""
        return "parameters"

    @abstractmethod
    def choose(self, targets: Targets, loss_of: LossOf) -> dict[str, Ranks]:
        """Return ranks by the name of the layer; a layer that is not named suffers from any rank at which it would pay.

        Ranks at which a layer does not pay are left to the caller.

        Args:
            targets: all layers that may be replaced, by name.
            loss_of: gives the validation loss on so many samples.
        """


class ByEnergy(RankChooser):
    """The least ranks that keep a fraction of each kernel's squared norm."""

    by: Literal["energy"]
    keep: Annotated[float, Field(gt=0, le=1, description="fraction of the squared norm")] = 0.9

    def choose(self, targets: Targets, loss_of: LossOf) -> dict[str, Ranks]:
        """Return ranks for each layer by itself.

        Args:
            targets: all layers that may be replaced, by name.
            loss_of: of no account.
        """
        del loss_of
        return {name: target.decomposition.by_energy(self.keep) for name, target in targets.items()}


class ByRatio(RankChooser):
    """The ranks at which the layers together cost a fraction of what they do.

    All layers keep the same energy, the most that fits; a layer that would grow stays as it is and counts as such.
    """

    by: Literal["ratio"]
    ratio: Annotated[float, Field(gt=0, lt=1, description="of the layers' cost afterwards to that before")]
    of: Annotated[Literal["parameters", "macs"], Field(description="what a layer costs")] = "parameters"

    @property
    def counts(self) -> str:
        """Return what the ratio is of."""
        return self.of

    def choose(self, targets: Targets, loss_of: LossOf) -> dict[str, Ranks]:
        """Return the ranks of the greatest energy whose cost is within the ratio, found by halving.

        Args:
            targets: all layers that may be replaced, by name.
            loss_of: of no account.

        Raises:
            Unsuited: the layers cost more with rank 1 each.
        """
        del loss_of
        whole = sum(target.cost(self.of, None) for target in targets.values())
        allowed, least = self.ratio * whole, self._cost(targets, 0.0)
        if least > allowed:
            raise Unsuited(
                f"Expected ranks at which the layers cost {self.ratio} of their {self.of}. Received: layers that cost "
                f"{least / whole:.3f} with rank 1 each. Ask for more, or name fewer layers in exclude."
            )
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._cost(targets, middle) <= allowed else (low, middle)
        return self._ranks(targets, low)

    def _ranks(self, targets: Targets, keep: float) -> dict[str, Ranks]:
        return {name: target.decomposition.by_energy(keep) for name, target in targets.items()}

    def _cost(self, targets: Targets, keep: float) -> int:
        ranks = self._ranks(targets, keep)
        return sum(
            target.cost(self.of, ranks[name] if target.pays(ranks[name], self.of) else None)
            for name, target in targets.items()
        )


class ByNoise(RankChooser):
    """Keep components that stand out of the noise (variational Bayes, see :mod:`tasks.compression.lowrank.vbmf`)."""

    by: Literal["vbmf"]

    def choose(self, targets: Targets, loss_of: LossOf) -> dict[str, Ranks]:
        """Return ranks for each layer by itself; at least 1.

        Args:
            targets: all layers that may be replaced, by name.
            loss_of: of no account.
        """
        del loss_of
        return {name: target.decomposition.by_noise() for name, target in targets.items()}


class Fixed(RankChooser):
    """The same rank for every layer, or what is left of it where a layer has less."""

    by: Literal["fixed"]
    rank: Annotated[int, Field(ge=1, description="inner width")]

    def choose(self, targets: Targets, loss_of: LossOf) -> dict[str, Ranks]:
        """Return the rank that is fixed, at most the full one.

        Args:
            targets: all layers that may be replaced, by name.
            loss_of: of no account.
        """
        del loss_of
        return {
            name: tuple(min(self.rank, most) for most in target.decomposition.full) for name, target in targets.items()
        }


class ByLoss(RankChooser):
    """The lowest ranks at which the validation loss, measured without training, rises by no more than a fraction.

    Greedy: see :func:`tasks.compression.lowrank.greedy.descend`.
    """

    by: Literal["loss"]
    tolerance: Annotated[float, Field(gt=0, description="fraction by which the loss may rise")] = 0.05
    samples: Annotated[int, Field(ge=1, description="samples of the validation split that it is measured on")] = 1000
    evaluations: Annotated[int, Field(ge=2, description="how often it is measured at most")] = 100

    def choose(self, targets: Targets, loss_of: LossOf) -> dict[str, Ranks]:
        """Return the ranks at which a descent from those that pay ends.

        A layer that no ranks make smaller has the least of those tried.

        Args:
            targets: all layers that may be replaced, by name.
            loss_of: gives the validation loss on so many samples.
        """
        loss = loss_of(self.samples)
        candidates = {name: _candidates(target) for name, target in targets.items()}

        def measure(choice: Choice) -> float:
            return loss(
                {name: targets[name].decomposition.reconstruct(ranks) for name, ranks in choice.items() if ranks}
            )

        def saving(name: str, before: Ranks | None, after: Ranks) -> int:
            return targets[name].cost("parameters", before) - targets[name].cost("parameters", after)

        chosen = descend(candidates, measure, saving, self.tolerance, self.evaluations)
        growing = {
            name: targets[name].decomposition.by_energy(ENERGIES[-1]) for name in targets if not candidates[name]
        }
        return {name: ranks for name, ranks in chosen.items() if ranks} | growing


RankChoice = Annotated[ByEnergy | ByRatio | ByNoise | ByLoss | Fixed, Field(discriminator="by")]


def _candidates(target: Target) -> list[Ranks]:
    """Ranks that are tried for a layer, from the highest to the lowest: those at which it pays."""
    tried = dict.fromkeys(target.decomposition.by_energy(keep) for keep in ENERGIES)
    return [ranks for ranks in tried if target.pays(ranks)]
