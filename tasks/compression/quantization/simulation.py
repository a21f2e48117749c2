"""Find the networks whose rounding TFMOT can simulate: asked before any work, layer by layer."""

from collections.abc import Iterator

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.compression.tfmot import tfmot
from tasks.errors import Unsuited

NAMED = 6  # layers that an error names


def simulated(body: KerasModel) -> KerasModel:
    """Return a copy of a network, its rounding to 8 bits simulated by TFMOT.

    Args:
        body: functional or Sequential.

    Raises:
        Unsuited: it has layers whose rounding TFMOT does not simulate; the error names them.
    """
    tfmot()
    unknown = dict(unsimulated(body))
    if unknown:
        named = [f"Layer {name} is not supported ({why})" for name, why in list(unknown.items())[:NAMED]]
        raise _refusal(f"{'; '.join(named)}{f'; and {len(unknown) - NAMED} more' if len(unknown) > NAMED else ''}")
    try:
        aware: KerasModel = tfmot().quantization.keras.quantize_model(body)
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise _refusal(str(error).split(". ")[0]) from error
    return aware


def _refusal(received: str) -> Unsuited:
    return Unsuited(
        f"Expected layers whose rounding TFMOT can simulate. Received: {received}. "
        f"Quantize with training: none (calibrated int8), or replace the layer."
    )


def unsimulated(body: KerasModel) -> Iterator[tuple[str, str]]:
    """Yield the names of the layers whose rounding TFMOT does not simulate, each with what about it is not known.

    Args:
        body: functional or Sequential.
    """
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry as registry,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_aware_activation import (
        QuantizeAwareActivation,
    )

    known = registry.Default8BitQuantizeRegistry()
    layers = keras().layers
    activations = QuantizeAwareActivation._PRE_QUANT_ACTIVATIONS | QuantizeAwareActivation._POST_QUANT_ACTIVATIONS
    for layer in body.layers:
        kind = type(layer)
        if kind in (layers.InputLayer, layers.BatchNormalization):  # the latter only behind some layers: TFMOT says so
            continue
        if kind in (layers.SeparableConv1D, layers.SeparableConv2D):
            if layer.padding == "causal":
                yield layer.name, f"{kind.__name__} with causal padding"
        elif not known.supports(layer):
            yield layer.name, kind.__name__
        elif (activation := _activation(layer)) not in {"", *activations}:
            yield layer.name, f"{kind.__name__} with activation {activation}"


def _activation(layer: KerasLayer) -> str:
    """The name of a layer's activation as TFMOT reads it; empty where there is none."""
    activation = getattr(layer, "activation", None)
    if activation is None:
        return ""
    return str(getattr(activation, "__name__", type(activation).__name__))
