import re
from pathlib import Path

import pytest
from hypothesis import given
from jinja2 import TemplateNotFound, UndefinedError, meta

from tasks.html import Markup, environment, escape, render
from tasks.text import visible
from tests.tasks.hostile import TEXT, Page, nasty

TASKS = Path(__file__).parents[2] / "tasks"
TEMPLATES = sorted(path.relative_to(TASKS.parent).as_posix() for path in TASKS.rglob("*.j2"))
PLACES = environment().from_string('<p title="{{ text }}">{{ text }}<b>{{ text ~ text }}</b>{{ [text] | first }}</p>')


@nasty
@given(TEXT)
def test_any_text_reads_back_as_the_text_and_as_nothing_else(text: str) -> None:
    page = Page(f'<p title="{escape(text)}">{escape(text)}</p>')
    assert page.tags == ["p"]
    assert page.text == visible(text)


@nasty
@given(TEXT)
def test_a_template_shows_any_value_as_text_wherever_it_stands(text: str) -> None:
    made = PLACES.render(text=text)
    page = Page(made)
    assert page.tags == ["p", "b"]
    assert page.text == 4 * visible(text)
    assert f'title="{escape(text)}"' in made
    assert visible(made) == made


def test_markup_goes_in_as_it_is_and_once() -> None:
    assert environment().from_string("{{ a }}{{ b }}").render(a=Markup("<b>\n</b>"), b=escape("<\x1b")) == (
        "<b>\n</b>&lt;\\x1b"
    )


def test_a_template_that_shows_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="source"):
        render("tasks/data_loading/templates/contact_sheet.html.j2")
    with pytest.raises(UndefinedError):
        environment().from_string("{{ a.b }}").render(a={})


@pytest.mark.parametrize("name", ["tasks/no.html.j2", "../params.yaml", "/etc/passwd", "tasks/../../x"])
def test_only_files_of_this_package_are_templates(name: str) -> None:
    with pytest.raises(TemplateNotFound):
        render(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_turns_escaping_off_or_runs_a_script(name: str) -> None:
    text = (TASKS.parent / name).read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape|<script|javascript:|\son\w+=|https?://", text)
    for named in meta.find_referenced_templates(environment().parse(text)):
        assert named is not None, "a template whose name is made up is missing in the digest of the code"
        assert (TASKS.parent / named).is_file()


def test_html_is_written_in_templates_alone() -> None:
    element = re.compile(r"</?(?:table|t[rdh]|div|p|ul|li|h[1-6]|section|details|figure|html|body|style)[\s>]")
    found = [path.name for path in TASKS.rglob("*.py") if element.search(path.read_text(encoding="utf-8"))]
    assert found == []
