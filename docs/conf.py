"""Sphinx settings. `python docs/build.py` gathers the pages, then calls Sphinx with this file."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

import plain_docstrings  # noqa: E402

project = "cpm_edu"
copyright = "the cpm_edu authors, Apache License 2.0"
html_title = "cpm_edu"
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
templates_path = []
exclude_patterns = ["downloads"]
highlight_language = "text"  # blocks that name no language, as in docstrings
default_role = "code"  # docstrings are plain text with `code` in backticks
suppress_warnings = ["mystnb.mime_priority"]

# Notebooks come executed. Figures show their static twin: the page has no kernel that could answer.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "application/javascript", None),
    ("html", "text/html", 0),
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

add_module_names = False
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
viewcode_follow_imported_members = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]  # build.py names its own folder, which also holds the pictures
html_css_files = ["site.css"]
html_js_files = ["site.js"]
# Pages without pages below them need no list of those; notebooks need the room for code.
html_sidebars = {page: [] for page in ("notebooks/[0-9]*", "syllabus", "assignments", "figures", "glossary")}
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app):
    app.connect("autodoc-process-docstring", plain_docstrings.to_rest, priority=400)  # before napoleon
