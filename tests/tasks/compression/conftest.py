from pathlib import Path

import pytest

from tasks.compression.records import Candidate
from tasks.learning.saving import weights_digest
from tests.tasks.compression.cases import Made, carry_out, steps_for
from tests.tasks.compression.texts import prepare_texts


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small texts as shards."""
    return prepare_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest, prepared: Path) -> Made:
    """Makes each candidate once; the network must come out as it went in."""
    done: dict[tuple[str, str], tuple[bytes, Candidate]] = {}

    def make(network: str, case: str) -> tuple[bytes, Candidate]:
        if (network, case) not in done:
            model = request.getfixturevalue(network)
            before = weights_digest(model)
            done[network, case] = carry_out(case, steps_for(network, case), model, prepared)
            assert weights_digest(model) == before
        return done[network, case]

    return make
