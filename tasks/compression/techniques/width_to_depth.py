"""Columns become channels, so that a convolution of few channels fills the runtime's kernels."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.backend import KerasLayer, KerasModel
from tasks.compression.records import Reason, Skip
from tasks.compression.replacement import Replacement, replace_layers
from tasks.compression.space_to_depth import Columns
from tasks.compression.technique import Claim, Context, Kind, Result, Subject, Technique
from tasks.compression.weights import Weight, weights
from tasks.learning.conversion import fold_scaling
from tasks.learning.rewrites import called_once, in_float32, is_elementwise, is_exactly, note, why_not_exact

REWRITE = "columns as channels"


class WidthToDepth(Technique):
    """Let convolutions of few channels work on several columns at once; the network gives the same answers.

    A runtime's kernels take 4 to 16 channels at a time, whether there are as many or not. The columns of an image,
    which lie side by side in memory as its channels do, can be read as channels: ``[rows, columns, channels]`` is
    ``[rows, columns / n, n · channels]``, and what the convolution gives for n neighbouring columns is n times its
    channels. The new kernel has the old one's weights n times, shifted by a column each, and zeros between. Makers of
    accelerators call it width-to-depth (Qualcomm AI Engine Direct, network design recommendations for HTP).

    .. code-block:: yaml

        - {technique: width_to_depth}
        - {technique: width_to_depth, columns: 4, most_channels: 3}

    Needs no data and no training, and belongs right before ``quantize``. Makes zeros, keeps them, and gives what the
    network gave, in int8 to the bit. The file grows by the copies; time falls most where a layer has few channels
    before and after, and hardly where it gives 32.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"zeros"})

    technique: Literal["width_to_depth"]
    columns: Annotated[int, Field(ge=2, le=8, description="neighbouring columns that are computed at once")] = 2
    most_channels: Annotated[int, Field(ge=1, description="that a layer takes; others stay as they are")] = 4

    def keeps(self) -> frozenset[Kind]:
        """Weights are copied, not changed; a layer without zeros gets some, which may be one value more."""
        return frozenset({"zeros"})

    def apply(self, subject: Subject, context: Context) -> Result:
        """Replace each convolution that takes few channels and whose columns come out even."""
        specs = context.specs(subject.network)
        model = fold_scaling(subject.network, specs)
        every, skipped = weights(model), dict[str, Skip]()
        replacements: dict[str, Replacement] = {}
        for path, weight in every.items():
            found = self._look(model, weight)
            if isinstance(found, Skip):
                skipped[path] = found
            else:
                replacements[path] = found.replace(weight.layer)
        after = replace_layers(model, replacements)
        if reason := replacements and why_not_exact(model, after, specs=specs):
            skipped |= {name: Skip(layer=name, reason=Reason.UNSUPPORTED, detail=reason) for name in replacements}
            after, replacements = model, {}
        for name in every:
            note(REWRITE, name, skipped[name].sentence if name in skipped else "")
        return Result(
            Subject(after),
            changed=tuple(replacements),
            skipped=tuple(skipped[path] for path in every if path in skipped),
            claims=tuple(
                Claim(name, "zeros", zeros) for each in replacements.values() for name, zeros in each.zeros.items()
            ),
            outdated=frozenset(replacements),
        )

    def _look(self, model: KerasModel, weight: Weight) -> Columns | Skip:
        layer = weight.layer
        if (
            weight.path != layer.name
            or not is_exactly(layer, "Conv2D")
            or layer.groups != 1
            or layer.data_format != "channels_last"
        ):
            return Skip(layer=weight.path, reason=Reason.UNSUPPORTED)
        if detail := _why_not(model, layer):
            return Skip(layer=weight.path, reason=Reason.UNSUPPORTED, detail=detail)
        if (channels := layer.input_shape[-1]) > self.most_channels:
            return Skip(layer=weight.path, reason=Reason.EXCLUDED, detail=f"takes {channels} channels")
        columns = Columns.of(layer, self.columns)
        if columns is None:
            width, given = layer.input_shape[2], layer.output_shape[2]
            detail = f"{width} columns give {given}, which do not come out even"
            return Skip(layer=weight.path, reason=Reason.UNSUPPORTED, detail=detail)
        return columns


def _why_not(model: KerasModel, layer: KerasLayer) -> str:
    """Return what about a convolution the rewrite is not exact for; empty where there is nothing."""
    needs = {
        "it is dilated": layer.dilation_rate == (1, 1),
        "it is used more than once": called_once(model, layer),
        "its activation takes channels together, or may do so": is_elementwise(layer.activation),
        "it is not computed in float32": in_float32(layer),
    }
    return next((detail for detail, holds in needs.items() if not holds), "")
