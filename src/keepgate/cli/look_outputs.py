"""The files that `keepgate look` writes beside what it draws: the page, and figures for papers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from ..errors import SettingsError
from .console import print_text

if TYPE_CHECKING:
    from ..data.questions import Question
    from ..tasks.task import Task

PageLanguage = Literal["en", "zh-TW"]


def parse_figures(options: Sequence[str]) -> list[tuple[str, str]]:
    """Names and files from NAME=FILE. Raises SettingsError for what is not of that form."""
    figures = []
    for option in options:
        name, _, path = option.partition("=")
        if not (name and path):
            raise SettingsError(
                f"--figure is {option!r}; write NAME=FILE, for example --figure token_effects=tokens.svg"
            )
        if Path(path).suffix.lower() not in (".svg", ".png"):
            raise SettingsError(f"--figure is {option!r}; the file's name must end in .svg or .png")
        figures.append((name, path))
    return figures


def write_files(
    console: Console,
    model: "Task",
    question: "Question",
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

    explanation = explain(model, question.text, question.question, language=language or "en")
    drawings = [(explanation.figure(name), path) for name, path in figures]
    page = None if html is None else explanation.html(language=language)
    console.print()
    print_text(console, str(explanation).partition("\n")[2])
    if html is not None and page is not None:
        print_text(console, f"The page: {write_file(html, page.encode())}", "bold")
    for drawing, path in drawings:
        print_text(console, f"The figure {drawing.name}: {drawing.save(path)}", "bold")
