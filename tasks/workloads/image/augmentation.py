"""Random changes of whole batches of images, from a seed alone."""

from tasks.backend import TfTensor, tensorflow
from tasks.workloads.image.settings import ImageAugmentation


def augment(images: TfTensor, config: ImageAugmentation, seed: TfTensor) -> TfTensor:
    """Change each image of a batch in its own random way.

    Args:
        images: float32 ``[n, height, width, channels]``, 0 to 255.
        config: what may be changed and how far.
        seed: int64 ``[2]``; the same seed gives the same changes.

    Returns:
        float32 of the same shape and range.
    """
    tf = tensorflow()
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    if config.flip or config.shift:
        images = _move(images, config, seeds[0])
    if config.brightness or config.contrast:
        images = _relight(images, config, seeds[1])
    if config.cutout:
        images = _cut_out(images, config.cutout, seeds[2])
    return images


def _uniform(count: TfTensor, low: float, high: float, seed: TfTensor) -> TfTensor:
    return tensorflow().random.stateless_uniform([count], seed, low, high)


def _move(images: TfTensor, config: ImageAugmentation, seed: TfTensor) -> TfTensor:
    """Flip and shift in one projective transform; what comes in from outside is the mirrored border."""
    tf = tensorflow()
    count, height, width, _ = tf.unstack(tf.shape(images))
    flip_seed, x_seed, y_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    rows, columns = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    chance = _uniform(count, 0.0, 1.0, flip_seed)
    sign = tf.where(chance < 0.5, -1.0, 1.0) if config.flip else tf.ones([count])
    across = tf.round(_uniform(count, -config.shift, config.shift, x_seed) * columns)
    down = tf.round(_uniform(count, -config.shift, config.shift, y_seed) * rows)
    start = tf.where(sign < 0, columns - 1.0, 0.0) + across
    none = tf.zeros([count])
    # each row maps an output pixel (x, y) to the input pixel (a x + b y + c, d x + e y + f)
    transforms = tf.stack([sign, none, start, none, tf.ones([count]), down, none, none], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="NEAREST",
        fill_mode="REFLECT",
    )


def _relight(images: TfTensor, config: ImageAugmentation, seed: TfTensor) -> TfTensor:
    """Change contrast about each image's mean, then brightness."""
    tf = tensorflow()
    count = tf.shape(images)[0]
    light_seed, contrast_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    light = _uniform(count, -config.brightness, config.brightness, light_seed)[:, None, None, None] * 255.0
    factor = _uniform(count, 1.0 - config.contrast, 1.0 + config.contrast, contrast_seed)[:, None, None, None]
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return tf.clip_by_value((images - mean) * factor + mean + light, 0.0, 255.0)


def _cut_out(images: TfTensor, fraction: float, seed: TfTensor) -> TfTensor:
    """Blank a square at a random place (DeVries and Taylor 2017, arXiv:1708.04552) with the image's mean."""
    tf = tensorflow()
    count, height, width, _ = tf.unstack(tf.shape(images))
    x_seed, y_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    rows, columns = tf.range(height, dtype=tf.int32), tf.range(width, dtype=tf.int32)
    tall, wide = (tf.cast(tf.round(tf.cast(side, tf.float32) * fraction), tf.int32) for side in (height, width))
    # its middle is anywhere in the image, so that a part of it may lie outside
    top = tf.random.stateless_uniform([count, 1], y_seed, 0, height, tf.int32) - tall // 2
    left = tf.random.stateless_uniform([count, 1], x_seed, 0, width, tf.int32) - wide // 2
    in_rows = (rows >= top) & (rows < top + tall)
    in_columns = (columns >= left) & (columns < left + wide)
    hole = (in_rows[:, :, None] & in_columns[:, None, :])[..., None]
    return tf.where(hole, tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True), images)
