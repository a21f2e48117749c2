"""Networks for images.

A builder takes ``shape`` (height, width, channels), ``classes`` and ``dropout`` (a rate) and gives an uncompiled
``tf_keras`` model from raw pixels (float32, 0 to 255; scaling is part of the model) to logits.
"""

from collections.abc import Callable

from tasks.backend import KerasModel
from tasks.workloads.image.networks.article_cnn import article_cnn
from tasks.workloads.image.networks.mobilenet_small import mobilenet_small
from tasks.workloads.image.networks.resnet8 import resnet8
from tasks.workloads.image.networks.vgg_small import vgg_small

Builder = Callable[[tuple[int, int, int], int, float], KerasModel]
BUILDERS: dict[str, Builder] = {
    "article_cnn": article_cnn,
    "resnet8": resnet8,
    "mobilenet_small": mobilenet_small,
    "vgg_small": vgg_small,
}
