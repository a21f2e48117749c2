"""Factors in the place of layers, where they compute what the product of the factors does."""

from collections.abc import Mapping

from tasks.backend import KerasModel
from tasks.compression.lowrank.decomposition import Ranks
from tasks.compression.lowrank.ranks import Target
from tasks.compression.replacement import Replacement, replace_layers
from tasks.compression.weights import weights
from tasks.learning.rewrites import note, why_not_exact
from tasks.learning.saving import copy_model
from tasks.samples import Specs

REWRITE = "factors in place"
NEEDED_DB = 60.0  # factors in float32 may be large and cancel each other, as those of CP do


def with_factors(
    model: KerasModel, targets: Mapping[str, Target], chosen: Mapping[str, Ranks], specs: Specs | None = None
) -> tuple[KerasModel, dict[str, Replacement], dict[str, str]]:
    """Replace layers by their factors.

    The network must give what it gives with the product of the factors as each layer's kernel.

    Args:
        model: stays as it is.
        targets: the weights that can be replaced, by path.
        chosen: the ranks of those that are.
        specs: the inputs of the network; None: as far as it alone tells.

    Returns:
        the network, what stands in the place of which layer, and the layers that stayed since the outputs would
        differ, with how far.
    """
    after, replacements = _replaced(model, targets, chosen)
    whole = chosen and why_not_exact(_multiplied(model, targets, chosen), after, NEEDED_DB, specs)
    refused: dict[str, str] = {}
    if whole:
        for name, ranks in chosen.items():
            alone = {name: ranks}
            multiplied, replaced = _multiplied(model, targets, alone), _replaced(model, targets, alone)[0]
            why = why_not_exact(multiplied, replaced, NEEDED_DB, specs)
            if why:
                refused[name] = why
        kept = {name: ranks for name, ranks in chosen.items() if name not in refused} if refused else {}
        refused = refused or dict.fromkeys(chosen, whole)
        after, replacements = _replaced(model, targets, kept)
    for name in chosen:
        note(REWRITE, name, refused.get(name, ""))
    return after, replacements, refused


def _replaced(
    model: KerasModel, targets: Mapping[str, Target], chosen: Mapping[str, Ranks]
) -> tuple[KerasModel, dict[str, Replacement]]:
    replacements = {
        path: targets[path].decomposition.replace(model.get_layer(targets[path].layer), ranks)
        for path, ranks in chosen.items()
    }
    return replace_layers(model, {targets[path].layer: each for path, each in replacements.items()}), replacements


def _multiplied(model: KerasModel, targets: Mapping[str, Target], chosen: Mapping[str, Ranks]) -> KerasModel:
    """The network with products of factors as kernels."""
    copy = copy_model(model)
    every = weights(copy)
    for path, ranks in chosen.items():
        every[path].assign(targets[path].decomposition.reconstruct(ranks))
    return copy
