"""The files that `keepgate look` writes beside what it draws: the page, and figures for papers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from ..errors import SettingsError
from .console import one_line, print_text, table

if TYPE_CHECKING:
    from ..data.labelled import LabelledText
    from ..data.labelled_series import LabelledSeries
    from ..data.questions import Question
    from ..data.series import Series
    from ..lens.report import ExplanationReport, Figure
    from ..tasks.task import Task

PageLanguage = Literal["en", "zh-TW"]
# Rows of the table of what a label rests on, and letters of each.
_SENTENCES, _TOKENS, _WIDTH = 3, 5, 40


def parse_figures(options: Sequence[str]) -> list[tuple[str, str]]:
    """Names and files from NAME=FILE. Raises SettingsError for what is not of that form."""
    figures = []
    for option in options:
        name, _, path = option.partition("=")
        if not (name and path):
            raise SettingsError(
                f"--figure is {option!r}; write NAME=FILE, for example --figure token_effects=tokens.svg"
            )
        if Path(path).suffix.lower() not in (".svg", ".png", ".pdf"):
            raise SettingsError(f"--figure is {option!r}; the file's name must end in .svg, .png or .pdf")
        figures.append((name, path))
    return figures


@dataclass(frozen=True)
class LookFiles:
    """An explanation with its page and figures, drawn and not yet written."""

    explanation: "ExplanationReport"
    page: tuple[str, bytes] | None
    figures: "list[tuple[str, Figure]]"

    def write(self, console: Console) -> None:
        """Prints what was found, writes each file whole or not at all, and says where. Raises OSError if it cannot."""
        from ..export.file import write_file

        console.print()
        print_text(console, str(self.explanation).partition("\n")[2])
        if self.explanation.is_number:
            _print_changes(console, self.explanation)
        elif not self.explanation.question.question:
            _print_effects(console, self.explanation)
        if self.page is not None:
            print_text(console, f"The page: {write_file(*self.page)}", "bold")
        for path, figure in self.figures:
            print_text(console, f"The figure {figure.name}: {figure.save(path)}", "bold")


def draw_files(
    model: "Task",
    item: "Question | LabelledText | LabelledSeries | Series",
    *,
    html: str | None,
    figures: Sequence[tuple[str, str]],
    language: PageLanguage | None,
) -> LookFiles:
    """The explanation of one item, its page and figures. Raises SettingsError for a figure that there is not."""
    from ..data.labelled_series import LabelledSeries
    from ..data.multilabel import MultilabelText
    from ..lens import explain
    from ..tasks.probe import SeriesProbed

    if isinstance(model, SeriesProbed) or isinstance(item, (LabelledSeries, MultilabelText)):
        explanation = explain(model, item, language=language or "en")
    else:
        explanation = explain(model, item.text, item.question or None, language=language or "en")
    drawings = [(path, explanation.figure(name)) for name, path in figures]
    page = None if html is None else (html, explanation.html(language=language).encode())
    return LookFiles(explanation, page, drawings)


def _print_changes(console: Console, explanation: "ExplanationReport") -> None:
    """The steps without which a number changes most."""
    changes = [
        (effect.token, f"{effect.change or 0.0:+.4g}") for effect in explanation.token_effects[:_TOKENS]
    ]
    console.print()
    console.print(table(("step left out", "the number changes by"), changes))


def _print_effects(console: Console, explanation: "ExplanationReport") -> None:
    """The tokens and sentences on which a label rests most, and how likely it is with each of them deleted."""
    probability, text = explanation.answer.probability, explanation.question.text
    starts, ends = explanation.tokens.starts, explanation.tokens.ends
    spans = [(effect.start, effect.end, effect) for effect in explanation.sentence_effects[:_SENTENCES]]
    spans += [(effect.step, effect.step + 1, effect) for effect in explanation.token_effects[:_TOKENS]]
    rows = [
        (
            one_line(text[starts[first] : ends[last - 1]])[:_WIDTH],
            f"{100 * probability * (1 - effect.probability_drop):.1f}",
            one_line(effect.without.text),
        )
        for first, last, effect in spans
    ]  # fmt: skip
    console.print()
    answer = one_line(explanation.answer.text)
    left_out = "deleted" if explanation.unit == "token" else f"{explanation.unit} left out"
    console.print(table((left_out, f"{answer} then, per cent", "label"), rows))
