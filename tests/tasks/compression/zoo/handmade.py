"""Small networks by hand, each with something that libraries or techniques stumble over.

Each function builds one, never trained: from pixels float32 ``[n, 16, 16, 1]``, 0 to 255, to logits ``[n, 10]``, as
the built-in digits need it. :data:`HANDMADE` has them all by name.
"""

import functools
from collections.abc import Callable
from typing import Any

from tasks.backend import keras, set_seed, tensorflow
from tests.tasks.training.material import CLASSES, SHAPE

PACKAGE = "handmade"  # under which Keras finds the layers that are defined here


def around(build: Callable[[Any, Any], Any], name: str, scaled: bool = True) -> Any:
    """A network of what ``build`` makes of the image; a dense layer gives the logits of what comes out of it."""
    set_seed(1)
    layers = keras().layers
    image = keras().Input(SHAPE, name="image")
    signal = build(layers, layers.Rescaling(1 / 255)(image) if scaled else image)
    if len(signal.shape) > 2:
        signal = layers.Flatten()(signal)
    return keras().Model(image, layers.Dense(CLASSES, name="logits")(signal), name=name)


def siamese() -> Any:
    """Both halves of the image through the same convolution and dense layer, then their difference."""

    def build(layers: Any, signal: Any) -> Any:
        convolution = layers.Conv2D(8, 3, activation="relu", name="shared_convolution")
        dense = layers.Dense(12, activation="relu", name="shared_dense")
        left, right = layers.Cropping2D(((0, 0), (0, 8)))(signal), layers.Cropping2D(((0, 0), (8, 0)))(signal)
        ways = [dense(layers.Flatten()(convolution(half))) for half in (left, right)]
        return layers.Subtract()(ways)

    return around(build, "siamese")


def twice() -> Any:
    """A convolution applied to what it gave."""

    def build(layers: Any, signal: Any) -> Any:
        convolution = layers.Conv2D(1, 3, padding="same", name="twice")
        return convolution(convolution(signal))

    return around(build, "applied_twice")


def one_relu() -> Any:
    """A ReLU object called behind each of two convolutions."""

    def build(layers: Any, signal: Any) -> Any:
        relu = layers.ReLU(name="relu")
        first, second = layers.Conv2D(8, 3, strides=2, name="first"), layers.Conv2D(8, 3, name="second")
        return relu(second(relu(first(signal))))

    return around(build, "one_relu")


def one_reshape() -> Any:
    """A Reshape object called on what two convolutions give."""

    def build(layers: Any, signal: Any) -> Any:
        flat = layers.Reshape((49, 6), name="flat")
        first = layers.Conv2D(6, 3, strides=2, activation="relu", name="first")(signal)
        second = layers.Conv2D(6, 3, padding="same", activation="relu", name="second")(first)
        return layers.Add()([flat(first), flat(second)])

    return around(build, "one_reshape")


def one_batch_norm() -> Any:
    """A BatchNorm called behind each of two convolutions."""

    def build(layers: Any, signal: Any) -> Any:
        norm = layers.BatchNormalization(name="norm")
        signal = layers.ReLU()(norm(layers.Conv2D(8, 3, strides=2, name="first")(signal)))
        return layers.ReLU()(norm(layers.Conv2D(8, 3, name="second")(signal)))

    return around(build, "one_batch_norm")


def nested() -> Any:
    """A Sequential model and a functional one as layers."""

    def build(layers: Any, signal: Any) -> Any:
        tf_keras = keras()
        front = [layers.Conv2D(8, 3, strides=2, activation="relu"), layers.Conv2D(8, 3, activation="relu")]
        signal = tf_keras.Sequential([tf_keras.Input(SHAPE), *front], name="front")(signal)
        inside = tf_keras.Input(signal.shape[1:])
        sums = layers.Add()([inside, layers.Conv2D(8, 3, padding="same", name="inner")(inside)])
        return tf_keras.Model(inside, sums, name="block")(signal)

    return around(build, "nested")


def same_name() -> Any:
    """A model that is named as a layer inside of it, and as one beside it."""

    def build(layers: Any, signal: Any) -> Any:
        tf_keras = keras()
        inside = tf_keras.Input(SHAPE)
        deep = layers.Conv2D(8, 3, strides=2, activation="relu", name="classifier")(inside)
        signal = tf_keras.Model(inside, deep, name="classifier")(signal)
        return layers.Conv2D(8, 3, activation="relu", name="behind")(signal)

    return around(build, "same_name")


def slashes() -> Any:
    """Layers with ``/`` in their names, as MobileNetV3 has them."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, activation="relu", name="block/first")(signal)
        return layers.Conv2D(8, 3, activation="relu", name="block/first/second")(signal)

    return around(build, "slashes")


def operations() -> Any:
    """Hard-swish written with TensorFlow's operations instead of layers."""

    def build(layers: Any, signal: Any) -> Any:
        relu6 = tensorflow().nn.relu6
        for name in ("first", "second"):
            signal = layers.Conv2D(8, 3, strides=2, name=name)(signal)
            signal = signal * relu6(signal + 3) / 6
        return signal

    return around(build, "operations")


def attention() -> Any:
    """Rows as tokens: attention of several heads, LayerNorm, sums."""

    def build(layers: Any, signal: Any) -> Any:
        tokens = layers.Dense(16, name="embed")(layers.Reshape((16, 16))(signal))
        attended = layers.MultiHeadAttention(2, 8, name="heads")(tokens, tokens)
        tokens = layers.LayerNormalization(name="norm")(layers.Add()([tokens, attended]))
        deep = layers.Dense(16, name="narrow")(layers.Dense(32, activation="gelu", name="wide")(tokens))
        return layers.GlobalAveragePooling1D()(layers.Add()([tokens, deep]))

    return around(build, "attention")


def dot_attention() -> Any:
    """Attention without weights between two dense layers' outputs."""

    def build(layers: Any, signal: Any) -> Any:
        rows = layers.Reshape((16, 16))(signal)
        query, value = layers.Dense(8, name="query")(rows), layers.Dense(8, name="value")(rows)
        return layers.Attention(name="attend")([query, value])

    return around(build, "dot_attention")


def rows() -> Any:
    """Convolutions along one axis."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv1D(16, 3, activation="relu", name="first")(layers.Reshape((16, 16))(signal))
        signal = layers.MaxPooling1D()(layers.BatchNormalization()(signal))
        return layers.Conv1D(16, 3, activation="relu", name="second")(signal)

    return around(build, "rows")


def separable_rows() -> Any:
    """Separable convolutions along one axis."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.SeparableConv1D(16, 3, activation="relu", name="first")(layers.Reshape((16, 16))(signal))
        return layers.SeparableConv1D(16, 3, padding="causal", activation="relu", name="second")(signal)

    return around(build, "separable_rows")


def separable() -> Any:
    """Separable and depthwise convolutions."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.SeparableConv2D(8, 3, depth_multiplier=2, activation="relu", name="first")(signal)
        signal = layers.SeparableConv2D(12, 3, strides=2, name="second")(signal)
        return layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="each")(signal)

    return around(build, "separable")


def grouped() -> Any:
    """A convolution in two groups."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(signal)
        return layers.Conv2D(8, 3, groups=2, activation="relu", name="grouped")(signal)

    return around(build, "grouped")


def transposed() -> Any:
    """A transposed convolution that gives as many channels as none of the others."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, activation="relu", name="down")(signal)
        signal = layers.Conv2DTranspose(6, 3, strides=2, activation="relu", name="up")(signal)
        return layers.Conv2D(8, 3, strides=2, activation="relu", name="again")(signal)

    return around(build, "transposed")


def recurrent(kind: str) -> Any:
    """The image's rows one after the other through a recurrent layer."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Reshape((16, 16))(signal)
        if kind == "both":
            signal = layers.GRU(16, name="gru")(layers.LSTM(16, return_sequences=True, name="lstm")(signal))
        elif kind == "bidirectional":
            signal = layers.Bidirectional(layers.LSTM(8), name="ways")(signal)
        else:
            signal = getattr(layers, kind)(16, name="rnn")(signal)
        return layers.Dense(16, activation="relu", name="hidden")(signal)

    return around(build, f"recurrent_{kind.lower()}")


def embedded() -> Any:
    """Pixels as numbers of rows in a table."""

    def build(layers: Any, signal: Any) -> Any:
        table = layers.Embedding(256, 4, name="table")(layers.Reshape((256,))(signal))
        return layers.Conv1D(8, 3, strides=4, activation="relu", name="along")(table)

    return around(build, "embedded", scaled=False)


@functools.cache
def standardized() -> Any:
    """The class of a convolution that standardizes its kernel on use (Qiao et al. 2019, arXiv:1903.10520)."""

    @keras().saving.register_keras_serializable(PACKAGE)
    class WSConv2D(keras().layers.Conv2D):  # type: ignore[misc]
        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            tf = tensorflow()
            mean, variance = tf.nn.moments(kernel, [0, 1, 2], keepdims=True)
            return super().convolution_op(inputs, (kernel - mean) / tf.sqrt(variance + 1e-5))

    return WSConv2D


@functools.cache
def scaling() -> Any:
    """The class of a layer with a weight of its own for each channel."""

    @keras().saving.register_keras_serializable(PACKAGE)
    class Scaling(keras().layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight("scale", shape=(shape[-1],), initializer="ones")

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale

    return Scaling


def subclassed() -> Any:
    """A subclass of a convolution that does more, and a layer of one's own."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.ReLU()(standardized()(8, 3, strides=2, name="standardized")(signal))
        signal = scaling()(name="scaling")(signal)
        return layers.Conv2D(8, 3, activation="relu", name="plain")(signal)

    return around(build, "subclassed")


def dead() -> Any:
    """A convolution whose ReLUs never give anything, and one whose weights are all zero."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, activation="relu", name="alive")(signal)
        signal = layers.Conv2D(
            8, 3, activation="relu", bias_initializer=keras().initializers.Constant(-1e6), name="dead"
        )(signal)
        signal = layers.Conv2D(8, 1, activation="relu", name="behind")(signal)
        return layers.Conv2D(8, 3, kernel_initializer="zeros", name="zeros")(signal)

    return around(build, "dead")


def broken(value: float) -> Any:
    """One weight that is no number."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, activation="relu", name="whole")(signal)
        return layers.Conv2D(8, 3, activation="relu", name="broken")(signal)

    model = around(build, "broken")
    kernel, bias = model.get_layer("broken").get_weights()
    kernel[0, 0, 0, 0] = value
    model.get_layer("broken").set_weights([kernel, bias])
    return model


def one_place() -> Any:
    """A convolution as large as the image: one place is left of it, with one channel."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 16, activation="relu", name="whole")(signal)
        return layers.Conv2D(1, 1, activation="relu", name="one")(signal)

    return around(build, "one_place")


def bent() -> Any:
    """Layers as the activation of convolutions: one with weights, one that looks at all channels."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, activation=layers.PReLU(shared_axes=[1, 2]), name="bent")(signal)
        return layers.Conv2D(8, 3, activation=layers.Softmax(), name="shares")(signal)

    return around(build, "bent")


def squeezed() -> Any:
    """Squeeze and excitation, GroupNorm, swish, and a softmax within."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, strides=2, name="convolution")(signal)
        signal = layers.Activation("swish")(layers.GroupNormalization(4, name="groups")(signal))
        scale = layers.Dense(4, activation="relu", name="squeeze")(layers.GlobalAveragePooling2D()(signal))
        scale = layers.Reshape((1, 1, 8))(layers.Dense(8, activation="sigmoid", name="excite")(scale))
        signal = layers.Multiply()([signal, scale])
        return layers.Conv2D(8, 3, activation="softmax", name="shares")(signal)

    return around(build, "squeezed")


def resized() -> Any:
    """Several layers that prepare the image, and a dense layer with BatchNorm and no bias behind."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.CenterCrop(10, 10)(layers.Resizing(12, 12)(signal))
        signal = layers.Conv2D(8, 3, strides=2, activation="relu", name="convolution")(signal)
        signal = layers.Dense(16, use_bias=False, name="hidden")(layers.Flatten()(signal))
        return layers.ReLU()(layers.BatchNormalization()(signal))

    return around(build, "resized")


def unusual() -> Any:
    """Kernels of other shapes: an einsum, and a convolution whose weights differ from place to place."""

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.EinsumDense("abcd,de->abce", (None, None, 4), bias_axes="e", name="einsum")(signal)
        return layers.LocallyConnected2D(4, 3, strides=3, activation="relu", name="local")(signal)

    return around(build, "unusual")


def dense_only() -> Any:
    """A dense layer alone."""
    return around(lambda layers, signal: layers.Flatten()(signal), "dense_only")


def forked() -> Any:
    """Concatenated ways, one of which is the image itself, and a depthwise convolution behind."""

    def build(layers: Any, signal: Any) -> Any:
        left = layers.Conv2D(6, 3, padding="same", activation="relu", name="left")(signal)
        right = layers.Conv2D(10, 1, name="right")(signal)
        both = layers.Concatenate()([left, right, signal])
        both = layers.DepthwiseConv2D(3, strides=2, name="each")(both)
        return layers.GlobalAveragePooling2D()(layers.ReLU()(both))

    return around(build, "forked")


HANDMADE: dict[str, Callable[[], Any]] = {
    **{
        build.__name__: build
        for build in (
            siamese,
            twice,
            one_relu,
            one_reshape,
            one_batch_norm,
            nested,
            same_name,
            slashes,
            operations,
            attention,
            dot_attention,
            rows,
            separable_rows,
            separable,
            grouped,
            transposed,
            embedded,
            subclassed,
            dead,
            one_place,
            bent,
            squeezed,
            resized,
            unusual,
            dense_only,
            forked,
        )
    },
    **{f"recurrent_{kind.lower()}": functools.partial(recurrent, kind) for kind in ("LSTM", "GRU", "SimpleRNN")},
    **{f"recurrent_{kind}": functools.partial(recurrent, kind) for kind in ("both", "bidirectional")},
    "not_a_number": functools.partial(broken, float("nan")),
    "infinite": functools.partial(broken, float("inf")),
}
