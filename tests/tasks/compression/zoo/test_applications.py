"""Every network of `tf_keras.applications` with every technique is compressed right or refused in a sentence."""

import pytest

from tests.tasks.compression.zoo.applications import APPLICATIONS
from tests.tasks.compression.zoo.steps import ZOO_CASES
from tests.tasks.compression.zoo.test_zoo import assert_no_faults


@pytest.mark.slow
@pytest.mark.parametrize("network", APPLICATIONS)
def test_every_case_of_a_network_of_keras_applications(network: str) -> None:
    assert_no_faults(network, list(ZOO_CASES))  # in one process: it is long in building the network
