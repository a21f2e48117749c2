"""Mixed precision: layers compute in 16 bits, weights stay float32 (Micikevicius et al. 2018, arXiv:1710.03740)."""

from typing import Any

from tasks.training.backend import KerasModel, keras


def in_precision(model: KerasModel, precision: str) -> KerasModel:
    """The same network and weights, computed in another precision.

    The layers that give the model's outputs stay in float32, as losses of 16-bit logits are coarse. bfloat16 has the
    exponents of float32, so that no loss need be scaled.

    Args:
        model: Sequential or functional; it is left as it is.
        precision: ``float32``, which gives ``model`` itself, or a Keras policy such as ``mixed_bfloat16``, which gives
            a model that shares no layer with it.
    """
    if precision == "float32":
        return model
    copy = _rebuilt(model, precision, last={output.node.layer.name for output in model.outputs})
    copy.set_weights(model.get_weights())
    return copy


def _rebuilt(model: KerasModel, precision: str, last: set[str]) -> KerasModel:
    tf_keras = keras()

    def clone(layer: Any) -> Any:
        if layer.name in last:
            return layer.__class__.from_config(layer.get_config())
        if isinstance(layer, tf_keras.Model):
            return _rebuilt(layer, precision, set())
        return layer.__class__.from_config({**layer.get_config(), "dtype": tf_keras.mixed_precision.Policy(precision)})

    return tf_keras.models.clone_model(model, clone_function=clone)
