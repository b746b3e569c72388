"""Offline HTML pages: a package's Jinja templates, and a policy under which a page can load and send nothing."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined


@cache
def read_template(package: str, name: str) -> str:
    """The text of a file in the package's folder `templates`."""
    return files(package).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def templates(package: str) -> Environment:
    """The package's templates: they escape what is put into them, and refuse a name that they are not given."""
    return Environment(
        loader=FunctionLoader(lambda name: read_template(package, name)), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def content_policy(css: str, script: str = "") -> str:
    """A Content-Security-Policy that allows this very style sheet and script, and nothing else at all."""
    style_hash, script_hash = (
        f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
        for part in (css, script)
    )
    scripts = f" script-src {script_hash};" if script else ""
    return f"default-src 'none'; style-src {style_hash};{scripts} base-uri 'none'; form-action 'none'"
