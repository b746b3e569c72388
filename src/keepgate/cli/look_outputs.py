"""The files that `keepgate look` writes beside what it draws: the page, and figures for papers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from ..errors import SettingsError
from .console import print_text

if TYPE_CHECKING:
    from ..tasks.task import Task

PageLanguage = Literal["en", "zh-TW"]


def pairs(figures: Sequence[str]) -> list[tuple[str, str]]:
    """Names and files from NAME=FILE. Raises SettingsError for what is not of that form."""
    found = [each.partition("=") for each in figures]
    for given, (name, equals, path) in zip(figures, found, strict=True):
        if not (name and equals and path):
            raise SettingsError(
                f"--figure is {given!r}; write NAME=FILE, for example --figure token_effects=tokens.svg"
            )
        if Path(path).suffix.lower() not in (".svg", ".png"):
            raise SettingsError(f"--figure is {given!r}; the file's name must end in .svg or .png")
    return [(name, path) for name, _, path in found]


def write_files(
    console: Console,
    model: "Task",
    text: str,
    question: str,
    *,
    html: str | None,
    figures: Sequence[tuple[str, str]],
    language: PageLanguage | None,
) -> None:
    """Writes the page and the figures, each whole or not at all, and says what the look found and where it is.

    Raises SettingsError for a figure that there is not, OSError for a file that cannot be written.
    """
    from ..export.file import write_file
    from ..lens import explain

    seen = explain(model, text, question, language=language or "en")
    drawn = [(seen.figure(name), path) for name, path in figures]
    page = None if html is None else seen.html(language=language)
    console.print()
    print_text(console, str(seen).partition("\n")[2])
    if html is not None and page is not None:
        print_text(console, f"The page: {write_file(html, page.encode())}", "bold")
    for figure, path in drawn:
        print_text(console, f"The figure {figure.name}: {figure.save(path)}", "bold")
