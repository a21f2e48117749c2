"""The public door of slimline: what programs import, and nothing else of it is a promise.

A device::

    import slimline

    trust = slimline.load_trust("keys")
    fetched = slimline.fetch("https://models.example.com/line", "digits", "production", "device", trust)
    print(slimline.predict("device", ["image.png"], trust)[0].label)

A program that has a trained model in memory::

    made = slimline.compress(model, [{"technique": "quantize", "mode": "int8"}], (images, labels))
    made.write("model.tflite")

Every name is imported when it is first used, so that ``import slimline`` loads nothing. ``fetch``, ``load_trust`` and
``Client`` need the base install, ``predict`` the extra ``predict``, ``compress`` and ``Technique`` the extra ``line``.
All errors that are raised on purpose are :class:`SlimlineError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slimline.client import Client
    from slimline.compression import Compressed, compress
    from tasks.compression.technique import Technique
    from tasks.deployment.device.client import Fetched, fetch
    from tasks.deployment.device.prediction import Prediction, predict
    from tasks.deployment.trust.trusted import Trust, load_trust
    from tasks.errors import NotInstalled, SlimlineError

__all__ = [
    "Client",
    "Compressed",
    "Fetched",
    "NotInstalled",
    "Prediction",
    "SlimlineError",
    "Technique",
    "Trust",
    "compress",
    "fetch",
    "load_trust",
    "predict",
]

_HOMES = {
    "Client": "slimline.client",
    "Compressed": "slimline.compression",
    "Fetched": "tasks.deployment.device.client",
    "NotInstalled": "tasks.errors",
    "Prediction": "tasks.deployment.device.prediction",
    "SlimlineError": "tasks.errors",
    "Technique": "tasks.compression.technique",
    "Trust": "tasks.deployment.trust.trusted",
    "compress": "slimline.compression",
    "fetch": "tasks.deployment.device.client",
    "load_trust": "tasks.deployment.trust.trusted",
    "predict": "tasks.deployment.device.prediction",
}
_LINE = frozenset({"Compressed", "Technique", "compress"})  # what the base install lacks libraries for


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("slimline")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tasks.extras import needing

    with needing("line" if name in _LINE else "predict", f"slimline.{name}"):
        value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
