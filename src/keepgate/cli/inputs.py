"""Texts and questions from files, from standard input, and from a person at a prompt."""

import contextlib
import os
import sys
from collections.abc import Iterator

from ..data.corpora.source import decoded, lines_of
from ..data.corpora.source import read_text as read_file
from ..errors import SettingsError

STANDARD_INPUT = "-"


def read_text(source: str) -> str:
    """The text of a file, or of standard input for "-".

    Raises CorpusError if it cannot be read, is empty, or is not UTF-8; the place of the first fault is named.
    """
    if source == STANDARD_INPUT:
        return decoded(sys.stdin.buffer.read(), "standard input")
    return read_file(source)


def read_questions(source: str) -> list[str]:
    """The questions in a file, one a line, without empty lines. Raises as `read_text`."""
    return [line.strip() for line in lines_of(read_text(source)) if line.strip()]


def checked(question: str) -> str:
    """A question from the command line. Raises SettingsError if it asks nothing or is not UTF-8."""
    try:
        # In a locale without letters Python keeps the bytes of the command line in another form.
        question = os.fsencode(question).decode() if not _is_text(question) else question
    except UnicodeDecodeError as fault:
        raise SettingsError(
            "--question is not UTF-8; set the terminal to UTF-8, or put the question into a file for --questions"
        ) from fault
    if not question.strip():
        raise SettingsError('--question is empty; ask something, for example --question "Who sails?"')
    return question.strip()


def _is_text(question: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in question)


def asked() -> Iterator[str]:
    """Questions as a person types them, until an empty line or Ctrl-D; from a pipe, one a line, without a prompt."""
    if not sys.stdin.isatty():
        yield from read_questions(STANDARD_INPUT)
        return
    with contextlib.suppress(ImportError):
        # input() then knows the arrow keys and the questions before.
        import readline  # noqa: F401
    while True:
        try:
            question = _typed().strip()
        except EOFError:
            print(file=sys.stderr)
            return
        except UnicodeDecodeError:
            print("That was not UTF-8; type it again, or set the terminal to UTF-8.", file=sys.stderr)
            continue
        if not question:
            return
        yield question


def _typed() -> str:
    """One line from the terminal. Where results go to a file, the prompt still goes to the terminal."""
    if sys.stdout.isatty():
        return input("? ")
    print("? ", end="", file=sys.stderr, flush=True)
    return input()
