"""params.yaml as frozen, typed models: unknown keys and wrong types are refused with the path of the key.

One door: other packages import from here, whichever part a setting belongs to.
"""

from tasks.config.data import BUILT_IN, Data, Split, data_of
from tasks.config.deployment import (
    Approval,
    Deployment,
    RequiredRoles,
    Retention,
    Role,
    Smoke,
    Trusted,
    parse_deployment,
)
from tasks.config.drift import Drift
from tasks.config.names import MAX_VERSION, NAME, Name, check_digest, check_name, check_version, explain
from tasks.config.notifying import (
    KINDS,
    AnyTarget,
    ChatTarget,
    EventKind,
    MailTarget,
    Notify,
    WebhookTarget,
    is_loopback,
    load_notify,
    secret_variables,
)
from tasks.config.params import (
    CARRIED,
    LOCK,
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
from tasks.workloads import DEFAULT_WORKLOAD

__all__ = [
    "BUILT_IN",
    "CARRIED",
    "DEFAULT_WORKLOAD",
    "KINDS",
    "LOCK",
    "MAX_VERSION",
    "NAME",
    "PARAMS",
    "AgreementRule",
    "AnyTarget",
    "Approval",
    "Benchmark",
    "BytesRule",
    "ChatTarget",
    "Data",
    "Deployment",
    "Drift",
    "EventKind",
    "Flow",
    "Gate",
    "LatencyRule",
    "MailTarget",
    "Name",
    "NegativeFlipsRule",
    "Network",
    "Notify",
    "OfWorkload",
    "Params",
    "Precision",
    "QualityRule",
    "RequiredRoles",
    "Retention",
    "Role",
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
    "WebhookTarget",
    "check_digest",
    "check_name",
    "check_version",
    "context_of",
    "data_of",
    "expect_own_name",
    "explain",
    "is_loopback",
    "load_notify",
    "load_params",
    "parse_deployment",
    "parse_params",
    "secret_variables",
]
