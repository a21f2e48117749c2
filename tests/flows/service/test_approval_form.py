"""The form of the deployment `approve` in a real browser: filled in, sent, and the release is in production."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from tasks.deployment.releases.publishing import publish
from tests.browser import Browser, browser
from tests.flows.short_project import plain_environment
from tests.service import Service, service
from tests.tasks.deployment.project import params_for, write_project

pytestmark = pytest.mark.slow  # a server, a worker and a browser take a minute
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service of a project whose release 1 waits in staging for a person."""
    monkeypatch.chdir(tmp_path)
    params = params_for("file://.slimline/store")
    params = params.model_copy(update={"deployment": params.deployment.model_copy(update={"approval": "required"})})
    write_project(params)
    publish(params)
    with Path("params.yaml").open("w") as file:
        YAML().dump(params.model_dump(mode="json"), file)
    shutil.copy(REPOSITORY / "prefect.yaml", tmp_path)
    with service(tmp_path, plain_environment(tmp_path)) as up:
        yield up


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "browser") as opened:
        yield opened


def test_a_release_is_approved_in_the_browser(line: Service, page: Browser) -> None:
    shown = page.visit(line.form("approve"), "Submit")
    for words in ("MODEL@VERSION, as digits@3, that waits in staging.", "It is what you type, and proves nothing."):
        assert words in page.wait_for(words), shown
    texts = {"release": "shades@1", "name": "Ann", "reason": "looked at it"}
    asked = line.fill_form(page, "approve", {"decision": "approve"}, **texts)
    shown = page.visit(line.page_of(asked), "Approved")
    assert "approve shades@1" in shown
    (move,) = line.json("audit")
    assert (move["version"], move["reason"]) == (1, "looked at it")
    assert move["moved_by"].startswith("Ann (a form, run ")
    hosts = {urlsplit(url).hostname for url in page.asked if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {"127.0.0.1"}
