"""Sphinx settings: Markdown by MyST, the furo theme, nothing that is loaded from elsewhere."""

import os
import sys
from pathlib import Path

os.environ.setdefault("DVC_NO_ANALYTICS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "slimline"
author = "the slimline authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "slimline_docs"]
exclude_patterns = ["_build", "_ext"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = "slimline"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 4  # links to headings, by the names that GitHub gives them

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
# what is documented elsewhere: types of Python and of libraries, and slimline's inside
nitpick_ignore_regex = [(r"py:.*", r"(?!slimline\.).*")]
