"""Pages for a browser: templates in files, filled in here and nowhere else.

Every text that goes into a page is shown as text: a character without a shape as its escape, see :mod:`tasks.text`, and
what HTML reads as markup as itself. A value is never read as a template. Only :class:`Markup` goes in as it is:
pictures, and what a template's own macros made.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tasks.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Markup", "environment", "escape", "render"]


def render(template: str, **values: Any) -> str:
    """Return a template, filled in.

    Args:
        template: its path from the folder in which Python finds this package, as in
            ``tasks/evaluation/templates/report.html.j2``. Written out where a page is made, so that the digest of the
            stage's code holds the template too, see :mod:`tasks.code.closure`.
        values: what it shows.

    Raises:
        jinja2.UndefinedError: the template shows a value that is not there.
        jinja2.TemplateNotFound: there is no such template.
    """
    return environment().get_template(template).render(values)


def escape(text: str) -> Markup:
    """Return text as markup that shows it, in an element or a quoted attribute.

    Args:
        text: anybody's.
    """
    return Markup.escape(visible(text))


@cache
def environment() -> "Environment":
    """Return the one environment in which all templates are read."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["thousands"] = "{:,}".format
    return environment


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
