import functools
from pathlib import Path

import pytest

from tasks.compression.records import Candidate
from tasks.learning.saving import weights_digest
from tasks.records import read_record, write_record
from tests.shared import made_once
from tests.tasks.compression.cases import Made, carry_out, steps_for
from tests.tasks.compression.texts import prepare_texts


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small texts as shards."""
    return made_once(tmp_path_factory, "texts", prepare_texts) / "prepared"


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Made:
    """Makes each candidate once; the network must come out as it went in."""

    @functools.cache
    def make(network: str, case: str) -> tuple[bytes, Candidate]:
        def carried_out(folder: Path) -> None:
            model = request.getfixturevalue(network)
            before = weights_digest(model)
            flatbuffer, candidate = carry_out(case, steps_for(network, case), model, prepared)
            assert weights_digest(model) == before
            (folder / "model.tflite").write_bytes(flatbuffer)
            write_record(folder / "candidate.json", candidate)

        folder = made_once(tmp_path_factory, f"{network}-{case}", carried_out)
        return (folder / "model.tflite").read_bytes(), read_record(folder / "candidate.json", Candidate)

    return make
