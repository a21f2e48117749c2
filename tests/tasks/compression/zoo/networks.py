"""All networks of the zoo by name, each from raw pixels ``[n, height, width, channels]``, 0 to 255, to ten logits."""

from collections.abc import Callable
from typing import Any

from tests.tasks.compression.zoo.applications import APPLICATIONS
from tests.tasks.compression.zoo.handmade import HANDMADE

NETWORKS: dict[str, Callable[[], Any]] = {**HANDMADE, **APPLICATIONS}
