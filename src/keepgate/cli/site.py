"""keepgate site: the page of `keepgate serve` as a folder that needs no server."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .console import make_console, print_text

EPILOGUE = """Examples:

  keepgate site my-site
  python -m http.server --directory my-site

Copy the folder to any web server, under any path, or open its index.html from a disk: the networks run in the browser,
without a network and without sending anything anywhere. For models of your own use keepgate serve."""


def site(
    dir: Annotated[Path, Parameter(help="The folder to write. It may hold an older page, and nothing else.")],
) -> None:
    """Write the page on which one sees what networks remember as static files.

    The networks that come with keepgate are in it, as JavaScript printed from the cells' equations.
    """
    from ..site.folder import write_site

    size = write_site(dir)
    print(dir / "index.html")
    print_text(make_console(errors=True), f"{size / 1e6:.2f} MB; open it in a browser.", "dim")
