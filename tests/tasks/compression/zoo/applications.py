"""Networks that nobody here made: those of `tf_keras.applications`, with random weights, at small inputs."""

from collections.abc import Callable
from typing import Any

from tasks.backend import keras

CLASSES = 10


def _application(name: str, side: int, scaled: bool = False, **settings: Any) -> Callable[[], Any]:
    """A maker of a network from raw pixels to logits; ``scaled``: it wants pixels from −1 to 1."""

    def make() -> Any:
        tf_keras = keras()
        image = tf_keras.Input((side, side, 3), name="image")
        signal = tf_keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image) if scaled else image
        build = getattr(tf_keras.applications, name)
        options = {"weights": None, "classes": CLASSES, "classifier_activation": None, **settings}
        return build(input_tensor=signal, **options)

    return make


APPLICATIONS: dict[str, Callable[[], Any]] = {
    "MobileNetV2": _application("MobileNetV2", 32, scaled=True, alpha=0.35),
    "MobileNetV3Small": _application("MobileNetV3Small", 32),
    "EfficientNetB0": _application("EfficientNetB0", 32),
    "DenseNet121": _application("DenseNet121", 32, scaled=True),
    "NASNetMobile": _application("NASNetMobile", 32, scaled=True, input_shape=(32, 32, 3)),
    "Xception": _application("Xception", 71, scaled=True),
    "ConvNeXtTiny": _application("ConvNeXtTiny", 32),
}
