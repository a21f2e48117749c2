"""Mixed precision: layers compute in 16 bits, weights stay float32 (Micikevicius et al. 2018, arXiv:1710.03740)."""

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.config import Precision


def in_precision(model: KerasModel, precision: Precision) -> KerasModel:
    """Return the same network, weights and constraints on them, computed in another precision.

    The layers that give the model's outputs stay in float32, as losses of 16-bit logits are coarse. bfloat16 has the
    exponents of float32, so that no loss need be scaled.

    Args:
        model: Sequential or functional; it is left as it is.
        precision: ``float32`` gives ``model`` itself, ``mixed_bfloat16`` a model that shares no layer with it.
    """
    if precision == "float32":
        return model
    copy = _rebuilt(model, precision, last={output.node.layer.name for output in model.outputs})
    copy.set_weights(model.get_weights())
    for theirs, own in zip(model.trainable_weights, copy.trainable_weights, strict=True):
        # a constraint that was set on a variable, as those that hold zeros are, is in no layer's config
        getattr(own, "_variable", own)._constraint = theirs.constraint
    return copy


def _rebuilt(model: KerasModel, precision: Precision, last: set[str]) -> KerasModel:
    tf_keras = keras()

    def clone(layer: KerasLayer) -> KerasLayer:
        if layer.name in last:
            return layer.__class__.from_config(layer.get_config())
        if isinstance(layer, tf_keras.models.Model):
            return _rebuilt(layer, precision, set())
        return layer.__class__.from_config({**layer.get_config(), "dtype": tf_keras.mixed_precision.Policy(precision)})

    return tf_keras.models.clone_model(model, clone_function=clone)
