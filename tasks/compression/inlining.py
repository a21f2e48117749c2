"""Models that are layers of a model, replaced by the layers that they are made of, so that techniques find these."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.backend import KerasLayer, KerasModel, KerasNode, TfTensor, keras, tensorflow
from tasks.compression.replacement import called_anew, copy_of, walk
from tasks.learning.rewrites import nodes_of, note, why_not_exact
from tasks.samples import Specs

REWRITE = "model within as its layers"


def inline_models(model: KerasModel, specs: Specs | None = None) -> KerasModel:
    """Return a copy in which the layers of each model within the model are layers of its own, same answers.

    A layer is called by its path then: ``block/inner``, see :mod:`tasks.compression.weights`. A model that is called
    twice becomes layers that are called twice. One stays whole where its layers would not give its outputs, which is
    noted (:mod:`tasks.learning.rewrites`), and a network with none is given back as it is.

    Args:
        model: the network.
        specs: its inputs; None: as far as the network alone tells.
    """
    reasons: dict[str, str] = {}
    whole: set[int] = set()
    for path, inner, reason in _models(model):
        reasons[path] = reasons.get(path) or reason
        whole |= {id(inner)} if reason else set()
    if not reasons or all(reasons.values()):
        inlined = model
    else:
        inlined = _Inlining(whole).apply(model)
        if reason := _why_not_same(model, inlined, specs):
            inlined, reasons = model, dict.fromkeys(reasons, reason)
    for path, reason in reasons.items():
        note(REWRITE, path, reason)
    return inlined


def _models(model: KerasModel, path: str = "") -> Iterator[tuple[str, KerasModel, str]]:
    """Each call of a model within a model: its path, itself, and why it has to stay whole; empty where it need not."""
    for node in nodes_of(model):
        inner = node.layer
        if isinstance(inner, keras().models.Model):
            reason = _why_not(node, inner)
            yield f"{path}{inner.name}", inner, reason
            if not reason:
                yield from _models(inner, f"{path}{inner.name}/")


def _why_not(node: KerasNode, inner: KerasModel) -> str:
    """Return why the layers of a model cannot stand in the place of this call of it."""
    first, *others = node.call_args
    given, told = tensorflow().nest.flatten(first), dict(node.call_kwargs)
    if not _is_plain(inner):
        return f"a {type(inner).__name__} may compute something else"
    if others or isinstance(first, dict) or not isinstance(told.pop("training", None), bool | None) or told:
        return "it is called with more than its inputs"
    if [(tensor.dtype, len(tensor.shape)) for tensor in given] != [
        (tensor.dtype, len(tensor.shape)) for tensor in inner.inputs
    ]:
        return "it brings its inputs to another form"
    return ""


def _is_plain(model: KerasModel) -> bool:
    """Return whether this is a graph of layers and no more; a subclass may compute something else with them."""
    own = type(model).__name__ in ("Functional", "Sequential") and type(model).__module__.startswith("tf_keras.")
    return own and bool(model._is_graph_network)


def _why_not_same(model: KerasModel, inlined: KerasModel, specs: Specs | None) -> str:
    if model.count_params() != inlined.count_params():
        return "it shares layers with a model that stays whole"
    return why_not_exact(model, inlined, specs=specs)


class _Inlining:
    """Builds a network anew; each layer is copied once, however many calls and models it has a part in.

    ``whole``: models that stay as they are, by their identity.
    """

    def __init__(self, whole: set[int]) -> None:
        self._whole = whole
        self._taken: set[str] = set()
        self._copies: dict[int, KerasLayer] = {}

    def apply(self, model: KerasModel) -> KerasModel:
        """The network with the layers of models in their place."""
        self._taken = {str(layer.name) for layer in model.layers}
        return called_anew(model, lambda layer, given, keywords: self._call(layer, given, keywords, ""))

    def _call(self, layer: KerasLayer, given: Sequence[Any], keywords: Mapping[str, Any], path: str) -> Any:
        if isinstance(layer, keras().models.Model) and id(layer) not in self._whole:
            return self._inside(layer, given[0], keywords.get("training"), f"{path}{layer.name}/")
        if id(layer) in self._copies:
            return self._copies[id(layer)](*given, **keywords)
        copy = self._copies[id(layer)] = copy_of(layer, name=self._free(f"{path}{layer.name}") if path else layer.name)
        outputs = copy(*given, **keywords)
        copy.set_weights(layer.get_weights())
        return outputs

    def _inside(self, inner: KerasModel, given: Any, training: bool | None, path: str) -> list[TfTensor]:
        def call(layer: KerasLayer, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
            # what a model is told holds for all of its layers but those that are told something themselves
            told = training is not None and layer._expects_training_arg and keywords.get("training") is None
            return self._call(layer, arguments, {**keywords, "training": training} if told else keywords, path)

        return walk(inner, tensorflow().nest.flatten(given), call)

    def _free(self, path: str) -> str:
        """A path that no other layer is called by."""
        number, free = 2, path
        while free in self._taken:
            free, number = f"{path}_{number}", number + 1
        self._taken.add(free)
        return free
