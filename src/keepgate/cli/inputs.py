"""Inputs of the commands: a model, texts and questions from files, standard input or a prompt."""

import contextlib
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

from ..data.corpora.labelled import LabelledCorpus, read_texts
from ..data.corpora.source import STANDARD_INPUT, lines_of
from ..data.corpora.source import read_text as read_file
from ..data.corpora.table import first_in, names_in
from ..errors import CorpusError, PackageMissing, SettingsError
from .console import make_console, one_line, print_text

if TYPE_CHECKING:
    from ..tasks import TaskKind

T = TypeVar("T")

Model = Annotated[Path, Parameter(help="The folder that `keepgate train` wrote.")]
TextFile = Annotated[
    str,
    Parameter(
        name="--text",
        metavar="FILE",
        help="A file with the text to read, UTF-8, or with a forecaster's series; - reads standard input.",
        allow_leading_hyphen=True,
    ),
]
TextColumn = Annotated[
    str | None, Parameter(metavar="NAME", help="The column of the texts, if it is not found.")
]
LabelColumn = Annotated[
    str | None, Parameter(metavar="NAME", help="The column of the labels, if it is not found.")
]
LabelSeparator = Annotated[
    str | None,
    Parameter(metavar="SIGN", help="What stands between the labels of a text, where it may have several."),
]
SeriesColumn = Annotated[
    str | None,
    Parameter(metavar="NAME", help="The column that says of which series a row is, if it is not found."),
]
BatchSize = Annotated[int, Parameter(help="Items read at once; it changes speed and memory only.")]


def columns_for(kind: "TaskKind", columns: dict[str, str | None]) -> dict[str, str | None]:
    """The columns that this kind's data can be told. Raises SettingsError for another that is given."""
    for name, column in columns.items():
        if column is not None and name not in kind.columns:
            asks = "answers questions" if kind.asks else "reads no such column"
            raise SettingsError(
                f"--{name.replace('_', '-')} is given, and this model, a {kind.title}, {asks}"
            )
    return {name: column for name, column in columns.items() if name in kind.columns}


def refuse_options(_: object, files: Sequence[Path]) -> None:
    """Raises ValueError where a word with a hyphen before it, other than - for standard input, stands among files."""
    for path in map(str, files):
        if path.startswith("-") and path != STANDARD_INPUT:
            raise ValueError(
                f"{path} stands where a file belongs; check how the option is spelt, or write ./{path} for a file"
            )


def at_least_one(**options: int | None) -> None:
    """Raises SettingsError for a number below 1; None is one that was not given. Names are those of the options."""
    for name, value in options.items():
        if value is not None and value < 1:
            raise SettingsError(f"--{name.replace('_', '-')} is {value}; it must be 1 or more")


def evenly(items: Sequence[T], most: int) -> list[T]:
    """So many items at most, taken evenly from all of them."""
    return [items[k * len(items) // most] for k in range(most)] if len(items) > most else list(items)


def load_for(commands: Collection[str], model: Path, lacks: str) -> Any:
    """The task in a model's folder.

    Where torch is not installed it is loaded without it. Raises SettingsError for one that none of these commands
    uses; `lacks` says what it does not do ("answers no questions"). Raises BundleError as `export.load` does.
    """
    try:
        from ..export import load
    except PackageMissing:
        return _load_runtime_for(commands, model, lacks)
    from ..tasks import KINDS

    task = load(model)
    kind = KINDS[task.kind]
    if kind.command not in commands:
        raise SettingsError(f"{model} is a {kind.title}, which {lacks}; use `{kind.usage(model)}`")
    return task


def _load_runtime_for(commands: Collection[str], model: Path, lacks: str) -> Any:
    from ..runtime import load

    task = load(model)
    if task.command not in commands:
        title = task.kind.replace("-", " ")
        raise SettingsError(f"{model} is a {title}, which {lacks}; use `keepgate {task.command}`")
    return task


def texts_in(content: str, path: str, text_column: str | None = None) -> LabelledCorpus:
    """`read_texts`, and a hint where the only column is named by the first line, which might be a text."""
    corpus, first = read_texts(content, path, text_column=text_column), first_in(content)
    if text_column is None and corpus.format in ("csv", "tsv") and len(names_in(first.strip())) == 1:
        hint = f"{path}: its first line, {one_line(first)}, is read as the name of the column of texts, not as a text."
        print_text(make_console(errors=True), hint, "yellow")
    return corpus


def read_text(path: str) -> str:
    """The text of a file, or of standard input for "-".

    Raises CorpusError if it cannot be read, is empty, or is not UTF-8; the place of the first fault is named.
    """
    if path != STANDARD_INPUT and not os.path.exists(path):
        raise CorpusError(
            f"{path} does not exist; give the name of a file, or - and the text itself on standard input"
        )
    return read_file(path)


def read_questions(path: str) -> list[str]:
    """The questions in a file, one a line, without empty lines. Raises as `read_text`."""
    return [line.strip() for line in lines_of(read_text(path)) if line.strip()]


def question_from_option(question: str) -> str:
    """A question from the command line. Raises SettingsError if it asks nothing or is not UTF-8."""
    try:
        # In a locale without letters Python keeps the bytes of the command line as lone surrogates.
        if any("\ud800" <= letter <= "\udfff" for letter in question):
            question = os.fsencode(question).decode()
    except UnicodeDecodeError as fault:
        raise SettingsError(
            "--question is not UTF-8; set the terminal to UTF-8, or put the question into a file for --questions"
        ) from fault
    if not question.strip():
        raise SettingsError('--question is empty; ask something, for example --question "Who sails?"')
    return question.strip()


def prompted_questions() -> Iterator[str]:
    """Questions as a person types them, until an empty line or Ctrl-D; from a pipe, one a line, without a prompt."""
    if not sys.stdin.isatty():
        yield from read_questions(STANDARD_INPUT)
        return
    with contextlib.suppress(ImportError):
        # input() then knows the arrow keys and the questions before.
        import readline  # noqa: F401
    while True:
        try:
            question = _read_line().strip()
        except EOFError:
            print(file=sys.stderr)
            return
        except UnicodeDecodeError:
            print("That was not UTF-8; type it again, or set the terminal to UTF-8.", file=sys.stderr)
            continue
        if not question:
            return
        yield question


def _read_line() -> str:
    """One line from the terminal. Where results go to a file, the prompt still goes to the terminal."""
    if sys.stdout.isatty():
        return input("? ")
    print("? ", end="", file=sys.stderr, flush=True)
    return input()
