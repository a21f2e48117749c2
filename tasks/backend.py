"""The one door to TensorFlow: legacy Keras, quiet, and the same numbers for the same seed."""

import functools
import os
import platform
from collections.abc import Callable
from typing import Any

from tasks.keras_types import Keras
from tasks.keras_types import KerasLayer as KerasLayer  # noqa: PLC0414 - one door to TensorFlow
from tasks.keras_types import KerasModel as KerasModel  # noqa: PLC0414
from tasks.keras_types import KerasNode as KerasNode  # noqa: PLC0414
from tasks.keras_types import KerasVariable as KerasVariable  # noqa: PLC0414
from tasks.keras_types import TfDataset as TfDataset  # noqa: PLC0414
from tasks.keras_types import TfTensor as TfTensor  # noqa: PLC0414
from tasks.processes import THREADS
from tasks.quiet import hushed


def prepare_environment() -> None:
    """Set what TensorFlow reads when it is imported; tensorflow-model-optimization needs legacy Keras."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@functools.cache
def tensorflow() -> Any:
    """Return TensorFlow, imported: 2.5 CPU seconds the first time, 7.5 where its bytecode was not kept."""
    prepare_environment()
    with hushed():
        import tensorflow as tf

        tf.config.list_logical_devices()  # looks for accelerators now, and says what it finds
    tf.autograph.set_verbosity(0)
    return tf


@functools.cache
def keras() -> Keras:
    """Return legacy Keras, imported."""
    tensorflow()
    import tf_keras

    found: Keras = tf_keras
    return found


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function``, marked as made of TensorFlow operations alone, so that AutoGraph need not rewrite it.

    Args:
        function: of tensors; it uses none in ``if`` or ``while``.
    """
    return tensorflow().autograph.experimental.do_not_convert(function)  # type: ignore[no-any-return]


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow.

    On CPUs the same seed then gives the same weights, bit for bit, whatever else the machine is doing, with the same
    number of :func:`threads`; on a GPU TensorFlow is asked for its slower deterministic kernels to the same end.

    Layers made afterwards are numbered from 1 again, and dropout has a state of its own, which can be set anew in
    each epoch.

    Args:
        seed: of all random numbers from now on, in this process.
    """
    tf = tensorflow()
    keras().utils.set_random_seed(seed)
    keras().backend.reset_uids()
    keras().backend.experimental.enable_tf_random_generator()
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


def threads() -> int:
    """Return how many threads TensorFlow shares an operation among: sums are rounded otherwise with another number.

    It takes as many as there are processors for this process; ``TF_NUM_INTRAOP_THREADS`` sets another number, even one
    that the machine does not have.
    """
    told = int(os.environ.get(THREADS) or 0)
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return told or here


def versions() -> dict[str, str]:
    """Return versions of Python and of the libraries that decide about weights, compression and conversion, by name."""
    from importlib.metadata import version

    names = (
        "tensorflow",
        "tf_keras",
        "tensorflow-model-optimization",
        "ai-edge-litert",
        "ai-edge-quantizer",
        "tensorly",
        "scikit-learn",
        "scipy",
        "numpy",
    )
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
