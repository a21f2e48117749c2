"""Every network with every technique is compressed right or refused in a sentence."""

import pytest

from tests.tasks.compression.zoo.applications import APPLICATIONS
from tests.tasks.compression.zoo.networks import NETWORKS
from tests.tasks.compression.zoo.runs import outcomes
from tests.tasks.compression.zoo.steps import ZOO_CASES

QUICK = {
    "slashes": ["int4", "half the channels"],
    "nested": ["int4", "prune"],
    "grouped": ["int4 with bias_correction"],
    "not_a_number": ["int8"],
}


def assert_no_faults(network: str, cases: list[str]) -> None:
    found = list(outcomes(network, cases))
    assert [outcome["case"] for outcome in found] == cases
    assert [outcome for outcome in found if outcome["verdict"] == "fault"] == []


@pytest.mark.parametrize("network", QUICK)
def test_a_network_is_compressed_right_or_refused(network: str) -> None:
    assert_no_faults(network, QUICK[network])


@pytest.mark.slow
@pytest.mark.parametrize("network", [name for name in NETWORKS if name not in APPLICATIONS])
def test_every_case_of_a_network_made_by_hand(network: str) -> None:
    assert_no_faults(network, list(ZOO_CASES))


@pytest.mark.slow
@pytest.mark.parametrize("case", ZOO_CASES)
@pytest.mark.parametrize("network", APPLICATIONS)
def test_a_case_of_a_network_of_keras_applications(network: str, case: str) -> None:
    assert_no_faults(network, [case])
