"""Terminal output: texts, tables and JSON, for its width, colours and encoding."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..wording import probability, sanitize

if TYPE_CHECKING:
    from ..tasks.answer import Answer

BLOCKS = "▁▂▃▄▅▆▇█"

# Other answers than the first are named from this probability on.
_WORTH_NAMING = 0.001
_NOTHING = "no answer in the text"


class _Screen(Console):
    """rich ends the program itself when a pipe closes; __main__ decides that here."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def make_console(*, errors: bool = False, quiet: bool = False) -> Console:
    """A console on standard output, or, with `errors`, on standard error; plain text unless it is a terminal.

    quiet: what is written to it goes nowhere.
    """
    console = _Screen(stderr=errors, quiet=quiet, highlight=False, emoji=False, markup=False)
    # COLUMNS=0, as some programs leave it, is no width: rich would print nothing at all.
    if console.width < 1:
        console.width = 80
    return console


def has_blocks(console: Console) -> bool:
    """Whether the terminal has letters for a drawing; without them digits stand in."""
    return can_write(console, BLOCKS)


def can_write(console: Console, letters: str) -> bool:
    """Whether the console's encoding has these letters."""
    try:
        letters.encode(console.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def one_line(text: str) -> str:
    """The text on one line, each run of blanks as one."""
    return sanitize(" ".join(text.split()))


def seconds(value: float) -> str:
    """A duration in the unit a person would use."""
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min"


def print_text(console: Console, text: str | Text = "", style: str = "") -> None:
    """One paragraph, wrapped at the width of a terminal; in a file it stays one line."""
    console.print(
        Text(text, style=style) if isinstance(text, str) else text, soft_wrap=not console.is_terminal
    )


def print_command(console: Console, command: str) -> None:
    """A command to paste: never broken into lines, however narrow the terminal."""
    console.print(Text(f"  {command}"), soft_wrap=True)


def id_field(identity: str) -> dict[str, str]:
    """The id of what a record was read from, which stands before its other fields; none without one."""
    return {"id": identity} if identity else {}


def print_json(value: object) -> None:
    """One value as one line of JSON on standard output, in letters if the output has them, else as escapes."""
    try:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
        line.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        line = json.dumps(value, allow_nan=False)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, words: int = 1, title: str = ""
) -> Table:
    """A table with words on the left and figures on the right. words: how many columns, from the first, hold words."""
    result = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False,
        title=title or None, title_justify="left", header_style="bold",
    )  # fmt: skip
    for place, column in enumerate(columns):
        result.add_column(Text(column), justify="left" if place < words else "right", overflow="fold")
    for row in rows:
        result.add_row(*[Text(cell) if isinstance(cell, str) else cell for cell in row])
    return result


def print_answer(console: Console, text: str, answer: "Answer", question: str | None = None) -> None:
    """An answer with its probability, the sentence it stands in, and what else the model thought of."""
    if question is not None:
        print_text(console, one_line(question), "bold")
    head = (
        Text("  ")
        .append(one_line(answer.text) or _NOTHING, "bold green")
        .append(f"  {probability(answer.probability)}")
    )
    print_text(console, head)
    if answer.start is not None and answer.end is not None:
        print_text(console, Text("  ").append_text(marked_sentence(console, text, answer.start, answer.end)))
    if answer.text and any(share > answer.probability for piece, share in answer.candidates if piece):
        print_text(
            console,
            "  Chosen for its expected overlap with all likely answers, so that one below may be likelier alone.",
            "dim",
        )
    runners_up = [
        f"{one_line(piece) or _NOTHING} {probability(share)}"
        for piece, share in answer.candidates[1:]
        if share >= _WORTH_NAMING
    ]
    if runners_up:
        print_text(console, "  or: " + ", ".join(runners_up), "dim")


def marked_sentence(console: Console, text: str, start: int, end: int) -> Text:
    """The sentence around a place in the text, on one line, the place in colour, or in brackets where there is none."""
    from ..data.text import sentence_around

    first, last = sentence_around(text, start, end)
    opening, closing = ("", "") if console.color_system and not console.no_color else ("[", "]")
    prefix, marked, suffix = (
        " ".join(sanitize(part).splitlines()) for part in (text[first:start], text[start:end], text[end:last])
    )
    answer = f"{opening}{marked}{closing}"
    return Text(prefix.lstrip()).append(answer, "bold green underline").append(suffix.rstrip())
