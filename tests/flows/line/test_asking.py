"""The question to a person: the commands that answer, and the form."""

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from flows.line.asking import form_page, question_markdown
from tests.flows.line.test_artifacts import rendered
from tests.tasks.hostile import NASTY

COMMANDS = ["slimline approve shades@7 --reason …", "slimline reject shades@7 --reason …"]


def test_it_has_the_commands_in_its_sentence_too_and_the_page() -> None:
    page = "http://127.0.0.1:4200/deployments/deployment/1/run"
    html = rendered(question_markdown(f"It waits: `{COMMANDS[0]}`.", COMMANDS, "approve", page))
    assert f'href="{page}"' in html
    assert [html.count(f"<code>{command}</code>") for command in COMMANDS] == [2, 1]


def test_a_server_without_the_form_is_told_of_in_words() -> None:
    html = rendered(question_markdown("It waits.", COMMANDS, "approve", None))
    assert "<a " not in html
    assert "slimline up" in html


@pytest.mark.parametrize("text", NASTY)
def test_a_sentence_is_text(text: str) -> None:
    html = rendered(question_markdown(text, [f"slimline approve {text}"], "approve", None))
    assert not any(tag in html for tag in ("<script", "<img", "<a ", "<strong", "<h1", "<h2", "<blockquote"))
    assert html.count("<li>") == 1


@pytest.mark.usefixtures("prefect_server")
def test_the_form_is_found_on_the_server_that_has_it() -> None:
    @flow(name="a form")
    def form() -> None:
        """Do nothing."""

    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow(form), name="a form of a test")
    page = form_page("a form of a test")
    assert page
    assert page.endswith(f"/deployments/deployment/{made}/run")
    assert form_page("no such form") is None
