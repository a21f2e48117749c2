"""Makes the small models that the tests measure; run once, in a process of its own, since it needs TensorFlow.

python make_models.py FOLDER: reads `digits.npz` there and writes `.tflite` files beside it.
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tf_keras as keras

FOLDER = Path(sys.argv[1])
LAYERS = keras.layers


def article_cnn() -> Any:
    """167,562 parameters; random biases, since the converter drops those that are all zero."""
    return keras.Sequential(
        [
            LAYERS.Input((32, 32, 3), dtype="uint8"),
            LAYERS.Rescaling(1 / 255),
            *(
                layer
                for filters in (32, 64)
                for layer in (
                    LAYERS.Conv2D(filters, 3, activation="relu", bias_initializer="random_normal"),
                    LAYERS.MaxPool2D(),
                )
            ),
            LAYERS.Flatten(),
            LAYERS.Dense(64, activation="relu", bias_initializer="random_normal"),
            LAYERS.Dense(10, bias_initializer="random_normal"),
        ]
    )


def depthwise() -> Any:
    """Depthwise 3×3 over 4 channels, then dense 4×5: 36 + 4 + 20 + 5 parameters."""
    return keras.Sequential(
        [
            LAYERS.Input((6, 6, 4), dtype="uint8"),
            LAYERS.Rescaling(1 / 255),
            LAYERS.DepthwiseConv2D(3, bias_initializer="random_normal"),
            LAYERS.GlobalAveragePooling2D(),
            LAYERS.Dense(5, bias_initializer="random_normal"),
        ]
    )


def digits(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            LAYERS.Input((8, 8, 1), dtype="uint8"),
            LAYERS.Rescaling(1 / 255),
            LAYERS.Conv2D(8, 3, activation="relu"),
            LAYERS.MaxPool2D(),
            LAYERS.Flatten(),
            LAYERS.Dense(10),
        ]
    )


def convert(model: Any, mode: str, images: Any) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if mode != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    return bytes(converter.convert())


def attention() -> bytes:
    """A product of a 4×6 and a 6×3 matrix that are both computed: no parameters, 72 multiply-accumulates."""

    def product(x: Any) -> Any:
        return tf.matmul(x, tf.transpose(x, (0, 2, 1))[:, :, :3] * 2.0)

    traced = tf.function(product, input_signature=[tf.TensorSpec((1, 4, 6), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()])
    return bytes(converter.convert())


def loop() -> Any:
    """A GRU of 6 units over 5 steps of 4 numbers, which becomes a loop, and 3 outputs."""
    return keras.Sequential([LAYERS.Input((5, 4), batch_size=1), LAYERS.GRU(6), LAYERS.Dense(3)])


def lstm() -> Any:
    """An LSTM of 6 units over 5 steps of 4 numbers, one operation."""
    return keras.Sequential([LAYERS.Input((5, 4), batch_size=1), LAYERS.LSTM(6)])


class Several(tf.Module):  # type: ignore[misc]
    """Functions with matrices that they share."""

    def __init__(self) -> None:
        self.first = tf.Variable(np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32))
        self.second = tf.Variable(np.random.default_rng(2).normal(size=(4, 8)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([1, 8])])  # type: ignore[untyped-decorator]
    def narrow(self, x: Any) -> Any:
        return {"y": x @ self.first}

    @tf.function(input_signature=[tf.TensorSpec([2, 4])])  # type: ignore[untyped-decorator]
    def widen(self, x: Any) -> Any:
        return {"z": x @ self.second}

    @tf.function(input_signature=[tf.TensorSpec([1, 8])])  # type: ignore[untyped-decorator]
    def either(self, x: Any) -> Any:
        """One of two branches; in the other one nothing is done."""
        return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.relu(x @ self.first @ self.second), lambda: x)}


def main() -> None:
    keras.utils.set_random_seed(1)
    noise = np.random.default_rng(1).integers(0, 256, (16, 32, 32, 3), np.uint8)
    article = article_cnn()
    for mode in ("float", "float16", "dynamic_int8", "int8"):
        (FOLDER / f"article_{mode}.tflite").write_bytes(convert(article, mode, noise))
    (FOLDER / "depthwise.tflite").write_bytes(convert(depthwise(), "float", noise))
    (FOLDER / "attention.tflite").write_bytes(attention())
    for name, model in {"loop": loop(), "lstm": lstm()}.items():
        (FOLDER / f"{name}.tflite").write_bytes(convert(model, "float", noise))
    module = Several()
    both = {"narrow": module.narrow, "widen": module.widen}
    tf.saved_model.save(module, str(FOLDER / "several"), signatures=both)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(FOLDER / "several"), signature_keys=list(both))
    (FOLDER / "signatures.tflite").write_bytes(converter.convert())
    either = tf.lite.TFLiteConverter.from_concrete_functions([module.either.get_concrete_function()], module)
    (FOLDER / "branches.tflite").write_bytes(either.convert())
    data = np.load(FOLDER / "digits.npz")
    model = digits(1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(data["images"], data["labels"], epochs=6, batch_size=64, verbose=0)
    for mode in ("float", "int8"):
        (FOLDER / f"digits_{mode}.tflite").write_bytes(convert(model, mode, data["images"][:100]))
    weights = model.get_weights()
    np.savez(FOLDER / "digits_scores.npz", scores=model.predict(data["images"][:50], verbose=0))
    kernel = weights[2]
    kernel[np.abs(kernel) < np.quantile(np.abs(kernel), 0.6)] = 0
    model.set_weights(weights)
    (FOLDER / "digits_pruned.tflite").write_bytes(convert(model, "int8", data["images"][:100]))
    (FOLDER / "digits_untrained.tflite").write_bytes(convert(digits(2), "float", noise))
    fixed = keras.Sequential([LAYERS.Input(batch_shape=(1, 8, 8, 1), dtype="uint8"), *model.layers])
    (FOLDER / "digits_fixed_batch.tflite").write_bytes(convert(fixed, "float", noise))


if __name__ == "__main__":
    main()
