"""Sphinx reads the guide, and the reference out of the docstrings."""

from importlib.metadata import version as version_of

from sphinx.application import Sphinx

project = "keepgate"
author = "The keepgate authors"
release = version_of("keepgate")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "keepgate"
html_static_path = ["_static"]
html_css_files = ["guide.css"]
exclude_patterns = ["_build"]
myst_heading_anchors = 2
autodoc_typehints = "none"
autodoc_member_order = "bysource"


def keep_lines(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are laid out by hand, one argument a line; the page keeps their lines. |x| is a length in them."""
    plain = [line.replace("|", r"\|") for line in lines]
    lines[:] = plain[:1] + [f"| {line}" if line.strip() else "" for line in plain[1:]]


def name_language(app: Sphinx, page: str, template: str, context: dict[str, object], tree: object) -> None:
    """Browsers choose a page's letters by its language: Chinese ones differ between places."""
    if page.endswith(".zh-TW"):
        context["language"] = "zh-Hant-TW"


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", keep_lines)
    app.connect("html-page-context", name_language)
