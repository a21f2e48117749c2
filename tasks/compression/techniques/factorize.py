"""Low-rank factors in the place of layers."""

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel
from tasks.compression.layers import named
from tasks.compression.lowrank.cp import Cp
from tasks.compression.lowrank.decomposition import Decomposition, Positions, Ranks
from tasks.compression.lowrank.measuring import validation_loss
from tasks.compression.lowrank.moments import input_moments
from tasks.compression.lowrank.ranks import ByEnergy, ByLoss, RankChoice, Target
from tasks.compression.lowrank.replacing import with_factors
from tasks.compression.lowrank.robust_pca import RobustPca
from tasks.compression.lowrank.sequences import RecurrentSvd, TableSvd
from tasks.compression.lowrank.spatial import Spatial
from tasks.compression.lowrank.svd import Svd
from tasks.compression.lowrank.tucker import Tucker
from tasks.compression.records import Reason, Skip
from tasks.compression.replacement import Replacement
from tasks.compression.roles import is_built_in, kind_of
from tasks.compression.technique import Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.weights import Weight, of_layer, weights
from tasks.errors import Unsuited

Convolutions = Literal["tucker", "cp", "spatial", "svd", "robust_pca", "none"]
KINDS: dict[str, type[Decomposition]] = {
    "tucker": Tucker,
    "cp": Cp,
    "spatial": Spatial,
    "svd": Svd,
    "robust_pca": RobustPca,
}
LEAST_ERROR = 1e-6  # of a kernel, which float32 cannot tell from none


class Factorize(Technique):
    """Write layers as products of smaller ones, where that makes them smaller.

    ==================  ============================================================================
    ``convolution``     factors
    ==================  ============================================================================
    tucker              1 × 1, the core with the kernel's size, 1 × 1
    cp                  1 × 1, one filter of the kernel's size a channel (depthwise), 1 × 1
    spatial             rows × 1, 1 × columns
    svd                 the kernel's size with fewer filters, 1 × 1
    robust_pca          as svd, and beside it a sparse layer like the replaced one, added
    ==================  ============================================================================

    SVD of dense layers: Denton et al. 2014, arXiv:1404.0736, of convolutions: Zhang et al. 2016, arXiv:1505.06798;
    Tucker-2: Kim et al. 2016, arXiv:1511.06530; CP: Lebedev et al. 2015, arXiv:1412.6553; spatial: Jaderberg et al.
    2014, arXiv:1405.3866; robust PCA: Candès et al. 2011, arXiv:0912.3599; VBMF: Nakajima et al. 2013, JMLR 14.

    Convolutions of single pixels are matrices: tucker, cp and spatial leave them to SVD. Tables (embeddings), and the
    kernels that recurrent layers multiply their inputs by, are factorized as dense layers are.

    .. code-block:: yaml

        - {technique: factorize, convolution: tucker, rank: {by: energy, keep: 0.9}}
        - {technique: factorize, convolution: none, rank: {by: ratio, ratio: 0.3}}     # dense layers only
        - {technique: factorize, rank: {by: vbmf}, exclude: [logits]}

    What is best for the weights is not best for the answers: errors count by the activations of ``calibration``
    training samples (not in robust_pca).

    Needs training samples unless ``calibration`` is 0; is best followed by ``fine_tune``. Makes ranks, and zeros in the
    sparse layers of robust_pca; keeps nothing else. Loaded and stored file get smaller, and any runtime has less to
    multiply, in more layers; robust_pca makes the stored file smaller only, and the loaded one bigger.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"rank"})

    technique: Literal["factorize"]
    dense: Annotated[
        Literal["svd", "robust_pca", "none"],
        Field(description="what becomes of dense layers, and by svd of tables and recurrent ones"),
    ] = "svd"
    convolution: Annotated[Convolutions, Field(description="what becomes of convolutions")] = "tucker"
    rank: Annotated[RankChoice, Field(description="how ranks are chosen")] = ByEnergy(by="energy", keep=0.9)
    density: Annotated[
        float | None,
        Field(ge=0, lt=1, description="of the sparse layers of robust_pca; null: as the pursuit finds it"),
    ] = None
    calibration: Annotated[
        int, Field(ge=0, description="training samples by whose activations errors count; 0: all inputs count alike")
    ] = 500
    exclude: Annotated[
        tuple[str, ...], Field(strict=False, description="layers, or models of layers, that stay as they are")
    ] = ()

    def promises(self) -> frozenset[Kind]:
        """Zeros too where there are sparse layers."""
        return self.makes | ({"zeros"} if "robust_pca" in (self.dense, self.convolution) else set())

    def apply(self, subject: Subject, context: Context) -> Result:
        """Factorize every dense layer and convolution whose factors are smaller."""
        # matrices are small: more threads would only wait for each other, and round differently on another machine
        with threadpool_limits(1, user_api="blas"):
            return self._apply(subject.network, context)

    def _apply(self, model: KerasModel, context: Context) -> Result:
        self._check_names(model)
        targets, skipped = self._targets(model, context)
        if not targets:
            return Result(Subject(model), changed=(), skipped=_in_order(skipped, model))
        chosen = self.rank.choose(
            targets, lambda samples: validation_loss(model, samples, context.prepared, context.outcome)
        )
        paying: dict[str, Ranks] = {}
        for name, target in targets.items():
            ranks = chosen.get(name)
            if ranks is None:
                skipped[name] = Skip(layer=name, reason=Reason.SENSITIVE)
            elif target.pays(ranks, self.rank.counts):
                paying[name] = ranks
                context.say(f"{name}: {_numbers(target, ranks)}")
            else:
                skipped[name] = Skip(layer=name, reason=Reason.WOULD_GROW, detail=_numbers(target, ranks))
        after, replacements, refused = with_factors(model, targets, paying, context.specs(model))
        skipped |= {name: Skip(layer=name, reason=Reason.UNSUPPORTED, detail=why) for name, why in refused.items()}
        return Result(
            Subject(after),
            changed=tuple(replacements),
            skipped=_in_order(skipped, model),
            claims=tuple(claim for replacement in replacements.values() for claim in _claims(replacement)),
            renamed={name: replacement.last for name, replacement in replacements.items()},
            details={"layers that became factors": [_row(name, targets[name], chosen[name]) for name in replacements]},
            measured=isinstance(self.rank, ByLoss),
        )

    def _check_names(self, model: KerasModel) -> None:
        names = [layer.name for layer in model.layers]
        for name, layers in named(self.exclude, names).items():
            if not layers:
                raise Unsuited(
                    f"Expected exclude of factorize to name layers of {model.name}: {', '.join(names)}. "
                    f"Received: {name!r}. Correct or remove it."
                )

    def _targets(self, model: KerasModel, context: Context) -> tuple[dict[str, Target], dict[str, Skip]]:
        targets: dict[str, Target] = {}
        kinds: dict[str, type[Decomposition]] = {}
        every, skipped = weights(model), dict[str, Skip]()
        excluded = {name for names in named(self.exclude, every).values() for name in names}
        owners = {path: layer for layer in model.layers for path in of_layer(every, layer.name)}
        for path, weight in every.items():
            found = self._kind(weight, owners[path], path in excluded)
            if isinstance(found, Skip):
                skipped[path] = found
            else:
                _check_finite(path, "weights", weight.values())
                kinds[path] = found
        inputs = {path: owners[path] for path in kinds if every[path].has("reads")}
        moments = input_moments(model, inputs, self.calibration, context.prepared) if self.calibration else {}
        for name, kind in kinds.items():
            layer, kernel = owners[name], every[name].values()
            if not kernel.any():
                skipped[name] = Skip(layer=name, reason=Reason.UNSUPPORTED, detail="all its weights are zero")
                continue
            if name in moments:
                _check_finite(name, "inputs for training samples", moments[name])
            decomposition = RobustPca(kernel, self.density) if kind is RobustPca else kind(kernel, moments.get(name))
            if max(decomposition.full) == 1:
                skipped[name] = Skip(layer=name, reason=Reason.TOO_SMALL, detail="its full rank is 1")
            else:
                targets[name] = Target(decomposition, positions(layer), str(layer.name))
        return targets, skipped

    def _kind(self, weight: Weight, layer: KerasLayer, excluded: bool) -> type[Decomposition] | Skip:
        """Return how a weight becomes factors, or why it does not; ``layer`` owns it, or what owns it."""
        kind = kind_of(layer)
        wanted = self.convolution if weight.has("places") else self.dense
        if excluded or wanted == "none":
            return Skip(layer=weight.path, reason=Reason.EXCLUDED)
        if weight.unclear or not is_built_in(layer):
            return Skip(layer=weight.path, reason=Reason.UNSUPPORTED, detail=weight.unclear)
        if weight.has("rows") or weight.recurrent:
            return self._sequence(weight, layer)
        dense = kind == "Dense"
        convolution = kind == "Conv2D" and layer.groups == 1 and layer.data_format == "channels_last"
        if weight.layer is not layer or not (dense or convolution):
            return Skip(layer=weight.path, reason=Reason.UNSUPPORTED)
        method = KINDS[wanted]
        if not dense and layer.kernel_size == (1, 1) and not issubclass(method, Svd):
            return Svd
        unsuited = method.unsuited(layer)
        return Skip(layer=weight.path, reason=Reason.UNSUPPORTED, detail=unsuited) if unsuited else method

    def _sequence(self, weight: Weight, layer: KerasLayer) -> type[Decomposition] | Skip:
        """A table, or the input kernel of a recurrent layer."""
        detail = RecurrentSvd.unsuited(layer)
        if self.dense != "svd":
            detail = "it becomes factors by svd alone"
        elif weight.name == "recurrent_kernel":
            detail = "no layer multiplies its states by two matrices"
        elif weight.recurrent and getattr(layer, "cell", None) is not weight.layer:
            detail = f"its layer is within a {type(layer).__name__}"
        if detail:
            return Skip(layer=weight.path, reason=Reason.UNSUPPORTED, detail=detail)
        return RecurrentSvd if weight.recurrent else TableSvd


def _in_order(skipped: dict[str, Skip], model: KerasModel) -> tuple[Skip, ...]:
    return tuple(skipped[path] for path in weights(model) if path in skipped)


def _check_finite(name: str, what: str, values: Array) -> None:
    """No decomposition of what is no number."""
    if not np.all(np.isfinite(values)):
        raise Unsuited(
            f"Expected finite {what} of layer {name}. Received: some that are not (NaN or infinite). "
            f"Train the network anew, with a lower learning rate, or name the layer in exclude of factorize."
        )


def positions(layer: KerasLayer) -> Positions:
    """Return the positions of one image; 1 for what is no image, as ids that a table is asked for one by one.

    Args:
        layer: any layer.
    """
    before, after = layer.get_input_shape_at(0), layer.get_output_shape_at(0)
    is_image = before is not None and after is not None and len(before) == len(after) == 4
    return Positions(*before[1:3], *after[1:3]) if is_image else Positions()


def _claims(replacement: Replacement) -> list[Claim]:
    ranks = [Claim(factor, "rank", float(width)) for factor, width in replacement.widths.items()]
    return ranks + [Claim(layer, "zeros", zeros) for layer, zeros in replacement.zeros.items()]


def _row(name: str, target: Target, ranks: Ranks) -> dict[str, Any]:
    """Return what became of a layer; the factors' names are others, so that no list of layers has its distortion."""
    error = max(target.decomposition.error(ranks), LEAST_ERROR)
    return {
        "layer": name,
        "rank": " × ".join(map(str, ranks)),
        "full_rank": " × ".join(map(str, target.decomposition.full)),
        "weights": int(target.cost("parameters", ranks)),
        "weights_before": int(target.cost("parameters", None)),
        "signal_to_noise_db": round(-20 * math.log10(error), 2),
    }


def _numbers(target: Target, ranks: Ranks) -> str:
    before, after = (target.cost("parameters", choice) for choice in (None, ranks))
    error, loaded = target.decomposition.error(ranks), target.decomposition.loaded(ranks)
    return (
        f"rank {' × '.join(str(rank) for rank in ranks)}: {after:,} weights instead of {before:,}"
        f"{f' stored and {loaded:,} loaded' if loaded != after else ''}, "
        f"{target.cost('macs', ranks):,} multiplications instead of {target.cost('macs', None):,}, "
        f"{error:.1%} error of the kernel"
    )
