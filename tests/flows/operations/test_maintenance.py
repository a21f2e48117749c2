from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from ruamel.yaml import YAML

from flows.operations import maintenance
from flows.operations.maintenance import reproduce_flow, retention_flow
from tasks.config import Params, Retention
from tasks.deployment.registry import releases
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.reproduction import Reproduction
from tasks.deployment.stores.opening import open_store
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project with three releases that keeps one, whose params.yaml says so."""
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    for bias in (11, 12, 13):
        write_project(params, bias)
        publish(params)
    kept = params.deployment.model_copy(update={"retention": Retention(keep=1)})
    params = params.model_copy(update={"deployment": kept})
    YAML().dump(params.model_dump(mode="json"), Path("params.yaml"))
    return params


@pytest.mark.usefixtures("prefect_server")
def test_an_operator_sees_what_would_go_and_lets_it_go(project: Params) -> None:
    store = open_store(project.deployment.store)
    shown: State[Any] = retention_flow(dry_run=True, return_state=True)
    assert shown.message == "1 of 3 versions would go, 0 pieces of uploads"
    assert len(releases(store, "shades")) == 3
    done: State[Any] = retention_flow(return_state=True)
    assert done.message == "1 of 3 versions are gone, 0 pieces of uploads"
    assert [release.version for release in releases(store, "shades")] == [3, 2]


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(("identical", "name"), [(True, "The same"), (False, "Differs")])
def test_a_release_made_again_otherwise_fails_the_run(
    project: Params, monkeypatch: pytest.MonkeyPatch, identical: bool, name: str
) -> None:
    made = Reproduction(
        model="shades",
        version=2,
        commit="c" * 40,
        recipe="int8",
        identical=identical,
        released_sha256="a" * 64,
        rebuilt_sha256="b" * 64,
        sentence="How it came out.",
        outputs=(),
        differences=("The processor: one then, another now.",),
    )
    asked: list[Any] = []

    def stand_in(*arguments: Any) -> Reproduction:
        asked.append(arguments[2:4])
        return made

    monkeypatch.setattr(maintenance, "reproduce_in", stand_in)
    ended: State[Any] = reproduce_flow("shades@2", return_state=True)
    assert (ended.name, ended.message, ended.is_failed()) == (name, "How it came out.", not identical)
    assert asked == [("shades", 2)]
