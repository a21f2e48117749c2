"""All networks of the zoo by name: from raw pixels ``[n, height, width, channels]`` or other inputs to ten logits."""

from collections.abc import Callable
from typing import Any

from tests.tasks.compression.zoo.applications import APPLICATIONS
from tests.tasks.compression.zoo.handmade import HANDMADE
from tests.tasks.compression.zoo.unlike_images import UNLIKE_IMAGES

NETWORKS: dict[str, Callable[[], Any]] = {**HANDMADE, **UNLIKE_IMAGES, **APPLICATIONS}
