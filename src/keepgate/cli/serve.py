"""keepgate serve: the page on which one sees what networks remember."""

import importlib.util
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..errors import SettingsError
from .console import make_console, print_text

if TYPE_CHECKING:
    from ..serve.guard import Address

EPILOGUE = """Examples:

  keepgate serve
  keepgate serve --open
  keepgate serve my-model another-model --port 9000
  keepgate serve my-forecaster --data power.csv

Four small networks for stories in Traditional Chinese and four in English come with keepgate. Models of your own stand
first, and alone until a box on the page asks the others too. Ctrl-C ends it.

Only this machine can open the page. --host 0.0.0.0 lets others in your network open it too: there is no password, and
whoever can reach it can let your models read."""

_NEEDED = ("fastapi", "uvicorn")
# The highest port that there is.
_MOST = 65_535


def serve(
    *model: Annotated[
        Path,
        Parameter(
            help="Folders that `keepgate train` wrote, shown in place of the networks that come along, or with them."
        ),
    ],
    data: Annotated[
        tuple[Path, ...],
        Parameter(
            metavar="FILE",
            help="Series to choose from on the page, for models that read series, in the columns they were trained on; "
            "else a visitor gives a table.",
        ),
    ] = (),
    port: Annotated[
        int, Parameter(help="Where the page is served; 0 takes any port that is free. Default 8321.")
    ] = 8321,
    host: Annotated[
        str, Parameter(help="The address to serve it at. Default 127.0.0.1, this machine alone.")
    ] = "127.0.0.1",
    open: Annotated[bool, Parameter(help="Open the page in the browser.")] = False,
) -> None:
    """Show in a browser what networks remember.

    Serves a page on this machine: type a text and a question, see which network answers and which has forgotten, what
    each word wrote into memory, and which word erased it. Forecasters and series classifiers have a page of their own.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"the page needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            "install with: pip install 'keepgate[serve]'"
        )
    if not 0 <= port <= _MOST:
        raise SettingsError(f"--port is {port}; give 1 to {_MOST}, or 0 for any that is free")

    from ..serve.open_socket import open_socket

    listening = open_socket(host, port)
    try:
        from ..serve.models import served
        from ..serve.server import run

        run(served(model, data), listening, host, ready=lambda address: _tell(address, browser=open))
    finally:
        listening.close()


def _tell(address: "Address", *, browser: bool) -> None:
    """The address, for a person and for a script that waits for it."""
    console = make_console(errors=True)
    if not address.is_loopback:
        print_text(console, "Other machines can open this page too, and there is no password.", "yellow")
    print(address.url, flush=True)
    print_text(console, "Ctrl-C ends it.", "dim")
    if browser:
        # In a thread: a browser that runs in the terminal returns only when it is closed.
        threading.Thread(target=_open, args=(address.url,), daemon=True).start()


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        print_text(make_console(errors=True), f"No browser was found here; open {url} yourself.", "yellow")
