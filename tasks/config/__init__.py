"""params.yaml as frozen, typed models: unknown keys and wrong types are refused with the path of the key.

One door: other packages import from here, whichever part a setting belongs to.
"""

from tasks.config.data import BUILT_IN, DEFAULT_WORKLOAD, Data, Split, data_of
from tasks.config.deployment import Deployment, Retention, Smoke, Trusted, parse_deployment
from tasks.config.drift import Drift
from tasks.config.names import MAX_VERSION, NAME, Name, check_digest, check_name, check_version, explain
from tasks.config.params import (
    PARAMS,
    Benchmark,
    Flow,
    Params,
    Versioning,
    context_of,
    expect_own_name,
    load_params,
    parse_params,
)
from tasks.config.training import Network, OfWorkload, Precision, TeacherNetwork, Training
from tasks.config.watching import Watch
from tasks.gate_settings import (
    AgreementRule,
    BytesRule,
    Gate,
    LatencyRule,
    NegativeFlipsRule,
    QualityRule,
    Rule,
    Sealed,
    Versus,
)
from tasks.settings import Settings

__all__ = [
    "BUILT_IN",
    "DEFAULT_WORKLOAD",
    "MAX_VERSION",
    "NAME",
    "PARAMS",
    "AgreementRule",
    "Benchmark",
    "BytesRule",
    "Data",
    "Deployment",
    "Drift",
    "Flow",
    "Gate",
    "LatencyRule",
    "Name",
    "NegativeFlipsRule",
    "Network",
    "OfWorkload",
    "Params",
    "Precision",
    "QualityRule",
    "Retention",
    "Rule",
    "Sealed",
    "Settings",
    "Smoke",
    "Split",
    "TeacherNetwork",
    "Training",
    "Trusted",
    "Versioning",
    "Versus",
    "Watch",
    "check_digest",
    "check_name",
    "check_version",
    "context_of",
    "data_of",
    "expect_own_name",
    "explain",
    "load_params",
    "parse_deployment",
    "parse_params",
]
