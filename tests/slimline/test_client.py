from pathlib import Path

import pytest
from PIL import Image

import slimline
from tasks.config import Params
from tasks.deployment.releases.publishing import publish
from tasks.deployment.trust.keys import LOCAL_KEY, public_path
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project in the working folder, with a release in a store beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    params = params_for(f"file://{tmp_path / 'store'}")
    write_project(params)
    publish(params)
    return params


@pytest.fixture
def client(project: Params, tmp_path: Path) -> slimline.Client:
    trust = slimline.load_trust(public_path(LOCAL_KEY))
    return slimline.Client(project.deployment.store, "shades", str(tmp_path / "device"), trust)


def test_a_client_fetches_verifies_and_answers(client: slimline.Client, tmp_path: Path) -> None:
    Image.new("L", (4, 4), 250).save(tmp_path / "light.png")
    fetched = client.fetch()
    assert (fetched.version, fetched.changed) == (1, True)
    assert client.fetch().changed is False
    assert client.current == fetched.path
    assert client.verify() == 1
    (answer,) = client.predict([str(tmp_path / "light.png")])
    assert answer.label == "light"


def test_what_was_changed_on_the_device_is_not_used(client: slimline.Client) -> None:
    client.fetch()
    (client.current / "model.tflite").write_bytes(b"another model")
    with pytest.raises(slimline.SlimlineError, match="damaged or was changed"):
        client.verify()
    with pytest.raises(slimline.SlimlineError, match="damaged or was changed"):
        client.predict([])


def test_a_folder_that_nothing_was_fetched_to_has_nothing_to_verify(client: slimline.Client) -> None:
    with pytest.raises(slimline.SlimlineError, match="Expected a fetched release"):
        client.verify()


def test_keys_may_be_named_one_or_several_as_text_or_paths(project: Params) -> None:
    key = public_path(LOCAL_KEY)
    trusts = [slimline.load_trust(each) for each in (key, str(key), [str(key)], [key.parent])]
    assert all(trust.keys.keys() == trusts[0].keys.keys() != set() for trust in trusts)
