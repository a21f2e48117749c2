"""All that the operator sees of a real run, in a real browser: each page that the docs name, and nobody else asked."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, browser
from tests.flows.service.seen_project import Seen, seen_project

pytestmark = pytest.mark.slow  # a server, a worker, a browser and two runs take minutes
DOCS = Path(__file__).parents[3] / "docs"
PATH = re.compile(r"`(/(?:dashboard|runs|flows|deployments|artifacts|work-pools|automations|events|settings)[^` ]*)`")
SHOWN = {  # by its key: what the page of an artifact says
    "candidates": "dynamic_int8",
    "pareto": "Stored bytes against quality",
    "gate": "at least -0.03",
    "curves": "60 epochs in",
    "per-class": "Change in points",
    "confusion": "Confusion matrix of dynamic_int8",
    "drift": "The data beside production's",
    "report": "reports/report.html",
    "release": "slimline fetch demo",
    "approval": "slimline approve demo@1 --reason …",
    "history-demo": "Decisions left",
    "progress-train": "train: Ran",
}
DRAWN = {"pareto", "curves", "per-class", "history-demo"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The service of a project whose run ended with a release that waits for a person."""
    with seen_project(tmp_path_factory.mktemp("seen") / "demo") as project:
        project.run_line()
        assert project.last_run()["state_name"] == "AwaitingApproval"
        yield project


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    """A page of which no request leaves this machine."""
    with browser(tmp_path / "browser") as opened:
        yield opened
        addresses = [urlsplit(url) for url in opened.asked]
        hosts = {each.hostname for each in addresses if each.scheme in {"http", "https", "ws", "wss"}}
        assert hosts == {"127.0.0.1"}


def paths_of_the_docs() -> set[str]:
    """The pages that the docs name."""
    return {path for file in DOCS.rglob("*.md") for path in PATH.findall(file.read_text(encoding="utf-8"))}


def test_each_page_that_the_docs_name_is_there(page: Browser, seen: Seen) -> None:
    run, artifacts = seen.last_run(), seen.artifacts()
    pages = {
        "/dashboard": ("/dashboard", "Flow Runs"),
        "/runs": ("/runs", "demo, by hand, data "),
        "/runs/flow-run/…": (f"/runs/flow-run/{run['id']}", "AwaitingApproval"),
        "/flows": ("/flows", "retrain"),
        "/deployments": ("/deployments", "approve-data"),
        "/deployments/deployment/…/run": (seen.form("approve-data"), "Digest of the data"),
        "/artifacts": ("/artifacts", "history-demo"),
        "/artifacts/key/…": ("/artifacts/key/history-demo", "Created history-demo"),
        "/artifacts/artifact/…": (f"/artifacts/artifact/{artifacts['gate']}", "The decision"),
        "/work-pools": ("/work-pools", "line"),
        "/automations": ("/automations", "retrain when the data has changed"),
        "/events": ("/events", "Event"),
        "/settings": ("/settings", "Settings"),
    }
    assert paths_of_the_docs() <= set(pages)
    for path, text in pages.values():
        page.visit(f"{seen.address}{path}", text)


def test_a_run_has_a_speaking_name_tags_and_stages_in_the_words_of_dvc_yaml(page: Browser, seen: Seen) -> None:
    run = seen.last_run()
    shown = page.visit(f"{seen.address}/runs/flow-run/{run['id']}", "AwaitingApproval")
    assert re.search(r"demo, by hand, data [0-9a-f]{12}", shown)
    for tag in ("model:demo", "cause:hand", "outcome:AwaitingApproval"):
        assert tag in page.wait_for(tag)
    page.press("Task Runs")
    for name in ("fingerprint", "train", "compress@dynamic_int8", "gate", "deploy"):
        page.wait_for(name)
    states = {
        task["name"]: task["state_name"] for task in seen.ask("task_runs", flow_runs={"id": {"any_": [run["id"]]}})
    }
    assert (states["train"], states["compress@dynamic_int8"]) == ("Ran", "Ran")


@pytest.mark.parametrize("key", SHOWN)
def test_an_artifact_shows_what_it_is_there_for(page: Browser, seen: Seen, key: str) -> None:
    shown = page.visit(f"{seen.address}/artifacts/artifact/{seen.artifacts()[key]}", SHOWN[key])
    assert "<script" not in shown
    if key in DRAWN:
        assert min(page.pictures(), default=0) > 0


def test_the_page_of_a_run_has_its_artifacts(page: Browser, seen: Seen) -> None:
    page.visit(f"{seen.address}/runs/flow-run/{seen.last_run()['id']}", "AwaitingApproval")
    page.press("Artifacts")
    for key in SHOWN.keys() - {"progress-train"}:  # those of stages come below, once the page is scrolled
        page.wait_for(key)


def test_the_page_of_what_waits_leads_to_the_form(page: Browser, seen: Seen) -> None:
    page.visit(f"{seen.address}/artifacts/artifact/{seen.artifacts()['approval']}", "the form")
    page.follow("the form", "MODEL@VERSION, as digits@3, that waits in staging.")


def test_a_run_without_news_is_unchanged_and_leaves_no_line(page: Browser, seen: Seen) -> None:
    before = seen.ask("artifacts", artifacts={"key": {"any_": ["progress-train"]}})
    seen.run_line()
    run = seen.last_run()
    page.visit(f"{seen.address}/runs/flow-run/{run['id']}", "AwaitingApproval")
    page.press("Task Runs")
    page.wait_for("Unchanged")
    assert seen.ask("artifacts", artifacts={"key": {"any_": ["progress-train"]}}) == before
    (line,) = seen.history()
    assert (line["ending"], line["release"], line["channels"]) == ("AwaitingApproval", 1, ["staging"])
