"""Every network made by hand with every technique is compressed right or refused in a sentence."""

from collections.abc import Callable, Iterable

import pytest

from tests.tasks.compression.zoo.handmade import HANDMADE
from tests.tasks.compression.zoo.runs import Outcome, outcomes
from tests.tasks.compression.zoo.steps import ZOO_CASES
from tests.tasks.compression.zoo.unlike_images import UNLIKE_IMAGES
from tests.tasks.compression.zoo.worker import one_after_the_other

QUICK = {
    "slashes": ["int4", "half the channels"],
    "nested": ["int4", "prune"],
    "grouped": ["int4 with bias_correction"],
    "not_a_number": ["int8"],
    "towers": ["int8", "factorize"],
}


APART = "nested"  # in a process of its own, as all are where a converter may die


def assert_no_faults(
    network: str, cases: list[str], carry_out: Callable[[str, list[str]], Iterable[Outcome]] = outcomes
) -> None:
    found = list(carry_out(network, cases))
    assert [outcome["case"] for outcome in found] == cases
    assert [outcome for outcome in found if outcome["verdict"] == "fault"] == []


@pytest.mark.parametrize("network", QUICK)
def test_a_network_is_compressed_right_or_refused(network: str) -> None:
    assert_no_faults(network, QUICK[network], outcomes if network == APART else one_after_the_other)


@pytest.mark.slow
@pytest.mark.parametrize("network", [*HANDMADE, *UNLIKE_IMAGES])
def test_every_case_of_a_network_made_by_hand(network: str) -> None:
    assert_no_faults(network, list(ZOO_CASES))
