"""Recurrent layers written as a copy of their step for each place of the sequence."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.compression.records import Reason, Skip
from tasks.compression.replacement import called_anew, copy_of
from tasks.compression.technique import SPARSITY, Context, Kind, Result, Subject, Technique
from tasks.errors import Unsuited
from tasks.learning.rewrites import is_exactly, note, why_not_exact
from tasks.samples import Specs

REWRITE = "recurrent layer as its steps"
KINDS = ("LSTM", "GRU", "SimpleRNN")


class Unroll(Technique):
    """Write recurrent layers without their loop: the same weights, read by a copy of the step for each place.

    .. code-block:: yaml

        - {technique: unroll}
        - {technique: quantize, mode: int8}

    Needs no data; gives what the network gave; keeps everything. An unrolled layer has no state that a runtime must set
    back, its products are dense layers', which every mode of ``quantize`` knows, and it is the only form in which a GRU
    becomes an int8 file. The file grows with the length of the sequence, and a float LSTM is slower than LiteRT's own
    operator: it pays in int8.
    """

    alters: ClassVar[bool] = False

    technique: Literal["unroll"]

    def keeps(self) -> frozenset[Kind]:
        """Weights stay as they are."""
        return SPARSITY | {"clusters"}

    def apply(self, subject: Subject, context: Context) -> Result:
        """Unroll each recurrent layer whose sequences are of one length."""
        model = subject.network
        reasons = {str(layer.name): _why_not(layer) for layer in model.layers if _cell_of(layer) is not None}
        chosen = [name for name, reason in reasons.items() if not reason]
        after = _unrolled(model, chosen, context.specs(model)) if chosen else None
        if chosen and after is None:
            reasons |= dict.fromkeys(chosen, "the network would give something else")
        for name, reason in reasons.items():
            note(REWRITE, name, reason)
        if after is None:
            said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) or "none of that kind"
            raise Unsuited(
                f"Expected a network with an {', '.join(KINDS)} that can be unrolled. Received: {said}. "
                f"Leave unroll out."
            )
        skipped = tuple(
            Skip(layer=name, reason=Reason.UNSUPPORTED, detail=reason) for name, reason in reasons.items() if reason
        )
        return Result(Subject(after), changed=(), skipped=skipped, details={"unrolled": chosen})


def _cell_of(layer: KerasLayer) -> Any:
    """The layer that has the loop: itself, or the one within a Bidirectional; None of others."""
    inner = getattr(layer, "forward_layer", layer)
    return inner if isinstance(inner, keras().layers.RNN) else None


def _why_not(layer: KerasLayer) -> str:
    cell, length = _cell_of(layer), layer.input_shape[1] if isinstance(layer.input_shape, tuple) else None
    both = is_exactly(layer, "Bidirectional") and is_exactly(getattr(layer, "backward_layer", layer), *KINDS)
    if not is_exactly(cell, *KINDS) or not (both or cell is layer):
        return f"a {type(cell).__name__} is none of {', '.join(KINDS)}"
    if cell.unroll:
        return "it is unrolled already"
    if cell.stateful:
        return "it keeps its state between samples"
    return "" if length else "its sequences have no fixed length"


def _unrolled(model: KerasModel, names: list[str], specs: Specs) -> KerasModel | None:
    """The network with these layers unrolled; None where it would give something else."""
    copies: dict[str, KerasLayer] = {}

    def call(layer: KerasLayer, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        if layer.name not in copies:
            copies[layer.name] = _without_loop(layer) if layer.name in names else copy_of(layer)
        return copies[layer.name](*arguments, **keywords)

    after = called_anew(model, call)
    for name, copy in copies.items():
        copy.set_weights(model.get_layer(name).get_weights())
    return None if why_not_exact(model, after, specs=specs) else after


def _without_loop(layer: KerasLayer) -> KerasLayer:
    config = layer.get_config()
    if not is_exactly(layer, "Bidirectional"):
        return copy_of(layer, unroll=True)
    changed: dict[str, Any] = {
        key: {**config[key], "config": {**config[key]["config"], "unroll": True}}
        for key in ("layer", "backward_layer")
        if key in config
    }
    made: KerasLayer = layer.__class__.from_config({**config, **changed})
    return made
