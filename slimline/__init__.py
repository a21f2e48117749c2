"""The public door of slimline: what programs import, and nothing else of it is a promise.

A device::

    import slimline

    trust = slimline.load_trust("keys")
    fetched = slimline.fetch("https://models.example.com/line", "digits", "production", "device", trust)
    print(slimline.predict("device", ["image.png"], trust)[0].label)

A program that has a trained model in memory::

    made = slimline.compress(model, [{"technique": "quantize", "mode": "int8"}], (images, labels))
    made.write("model.tflite")

A workload of one's own, what goes into a model and what comes out, is written against :class:`Workload`,
:class:`Outcome` and what they name.

Every name is imported when it is first used, so that ``import slimline`` loads nothing. ``fetch``, ``load_trust`` and
``Client`` need the base install, ``predict`` and workloads the extra ``predict``, ``compress`` and ``Technique`` the
extra ``line``.
All errors that are raised on purpose are :class:`SlimlineError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slimline.client import Client
    from slimline.compression import Compressed, compress
    from tasks.compression.technique import Technique
    from tasks.deployment.device.client import Fetched, fetch
    from tasks.deployment.device.prediction import predict
    from tasks.deployment.trust.trusted import Trust, load_trust
    from tasks.errors import DataError, NotInstalled, SlimlineError
    from tasks.records import Interval
    from tasks.samples import Dataset, TensorSpec
    from tasks.settings import Settings
    from tasks.verdicts import RuleVerdict
    from tasks.workloads.class_folders import ClassFiles
    from tasks.workloads.items import Folder, Item, Payload, RawSample, RefusedSample, Rows, SourceFile, TakeFile
    from tasks.workloads.measuring import ConstantAnswer, Exhibit, ExtraColumn, OutcomeMeasuring, Pair, Prediction
    from tasks.workloads.metric import Answers, Metric
    from tasks.workloads.outcomes.classes import Classes
    from tasks.workloads.protocol import (
        Augmentation,
        Draft,
        Example,
        LearnedReader,
        LearningReader,
        Outcome,
        OutcomeLearning,
        Reader,
        RowReader,
        UnusableError,
        Workload,
        WorkloadLearning,
        WorkloadReading,
    )

__all__ = [
    "Answers",
    "Augmentation",
    "ClassFiles",
    "Classes",
    "Client",
    "Compressed",
    "ConstantAnswer",
    "DataError",
    "Dataset",
    "Draft",
    "Example",
    "Exhibit",
    "ExtraColumn",
    "Fetched",
    "Folder",
    "Interval",
    "Item",
    "LearnedReader",
    "LearningReader",
    "Metric",
    "NotInstalled",
    "Outcome",
    "OutcomeLearning",
    "OutcomeMeasuring",
    "Pair",
    "Payload",
    "Prediction",
    "RawSample",
    "Reader",
    "RefusedSample",
    "RowReader",
    "Rows",
    "RuleVerdict",
    "Settings",
    "SlimlineError",
    "SourceFile",
    "TakeFile",
    "Technique",
    "TensorSpec",
    "Trust",
    "UnusableError",
    "Workload",
    "WorkloadLearning",
    "WorkloadReading",
    "compress",
    "fetch",
    "load_trust",
    "predict",
]

_HOMES = {
    "Answers": "tasks.workloads.metric",
    "Augmentation": "tasks.workloads.protocol",
    "ClassFiles": "tasks.workloads.class_folders",
    "Classes": "tasks.workloads.outcomes.classes",
    "Client": "slimline.client",
    "Compressed": "slimline.compression",
    "ConstantAnswer": "tasks.workloads.measuring",
    "DataError": "tasks.errors",
    "Dataset": "tasks.samples",
    "Draft": "tasks.workloads.protocol",
    "Example": "tasks.workloads.protocol",
    "Exhibit": "tasks.workloads.measuring",
    "ExtraColumn": "tasks.workloads.measuring",
    "Fetched": "tasks.deployment.device.client",
    "Folder": "tasks.workloads.items",
    "Interval": "tasks.records",
    "Item": "tasks.workloads.items",
    "LearnedReader": "tasks.workloads.protocol",
    "LearningReader": "tasks.workloads.protocol",
    "Metric": "tasks.workloads.metric",
    "NotInstalled": "tasks.errors",
    "Outcome": "tasks.workloads.protocol",
    "OutcomeLearning": "tasks.workloads.protocol",
    "OutcomeMeasuring": "tasks.workloads.measuring",
    "Pair": "tasks.workloads.measuring",
    "Payload": "tasks.workloads.items",
    "Prediction": "tasks.workloads.measuring",
    "RawSample": "tasks.workloads.items",
    "Reader": "tasks.workloads.protocol",
    "RefusedSample": "tasks.workloads.items",
    "RowReader": "tasks.workloads.protocol",
    "Rows": "tasks.workloads.items",
    "RuleVerdict": "tasks.verdicts",
    "Settings": "tasks.settings",
    "SlimlineError": "tasks.errors",
    "SourceFile": "tasks.workloads.items",
    "TakeFile": "tasks.workloads.items",
    "Technique": "tasks.compression.technique",
    "TensorSpec": "tasks.samples",
    "Trust": "tasks.deployment.trust.trusted",
    "UnusableError": "tasks.workloads.protocol",
    "Workload": "tasks.workloads.protocol",
    "WorkloadLearning": "tasks.workloads.protocol",
    "WorkloadReading": "tasks.workloads.protocol",
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
