"""keepgate ask: questions about a text, answered by a trained model."""

import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..data.corpora import questions_in
from ..data.corpora.source import STANDARD_INPUT, name_of
from ..errors import CorpusError, SettingsError
from ..wording import count_of
from .console import make_console, one_line, print_answer, print_json, print_text
from .inputs import (
    Model,
    TextFile,
    load_for,
    prompted_questions,
    question_from_option,
    read_questions,
    read_text,
)

if TYPE_CHECKING:
    from ..data.vocabulary import Vocabulary

# A text or question with at least this share of unknown words is told of, and so many of them are named.
_UNKNOWN_SHARE = 0.2
_NAMED = 8

EPILOGUE = """Examples:

  keepgate ask my-model --text notes.txt --question "Who sails?"
  keepgate ask my-model --text notes.txt --questions questions.txt --json
  cat notes.txt | keepgate ask my-model --text - --question "Who sails?"
  keepgate ask my-model --text notes.txt

The last one asks for questions, one after the other. Questions about many texts, each in a line of JSON with its text,
are answered by `keepgate predict`."""


def ask(
    model: Model,
    /,
    *,
    text: TextFile,
    question: Annotated[tuple[str, ...], Parameter(help="What to ask; may be given several times.")] = (),
    questions: Annotated[
        str | None,
        Parameter(
            metavar="FILE",
            help="A file with one question a line; - reads standard input.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    json: Annotated[bool, Parameter(help="One JSON object a line for each question.")] = False,
) -> None:
    """Answer questions about a text.

    Prints each answer with its probability and the sentence it stands in. Without a question it asks for them one
    after the other, until an empty line or Ctrl-D.
    """
    lines = _questions(text, question, questions)
    content = read_text(text)

    from ..data.questions import Question

    reader = load_for(["ask"], model, "answers no questions")
    console = make_console()
    _tell_questions(model, text, content)
    _tell_unknown(reader.vocabulary, "text", content)
    several = lines is not None and len(lines) > 1
    for number, line in enumerate(_prompted(content) if lines is None else lines):
        _tell_unknown(reader.vocabulary, "question", line)
        (answer,) = reader.predict([Question(text=content, question=line)])
        if json:
            fields = answer.as_dict()
            print_json({"question": line, "answer": fields.pop("text"), **fields})
            continue
        if several and number:
            console.print()
        print_answer(console, content, answer, line if several else None)


def _questions(text: str, question: tuple[str, ...], questions: str | None) -> list[str] | None:
    """The questions of the options; None if they come from the prompt. Raises SettingsError if they clash."""
    if question and questions is not None:
        raise SettingsError("--question and --questions are both given; give one of them")
    if text == STANDARD_INPUT and (questions == STANDARD_INPUT or not (question or questions)):
        raise SettingsError(
            "--text - reads the text from standard input, so the questions must come with --question or from a file"
        )
    if questions is not None:
        return read_questions(questions)
    return [question_from_option(line) for line in question] or None


def _prompted(content: str) -> Iterator[str]:
    """Questions from a prompt, with a word before the first about what it is and how it ends."""
    if sys.stdin.isatty():
        hint = f"The text has {len(content):,} characters. Ask; an empty line or Ctrl-D ends."
        print_text(make_console(errors=True), hint, "dim")
    return prompted_questions()


def _tell_questions(model: Path, path: str, content: str) -> None:
    """An aside where the text is JSON that holds questions of its own."""
    if content.lstrip()[0] not in "[{":
        return
    try:
        count = len(questions_in(content, name_of(path)).questions)
    except CorpusError:
        return
    print_text(
        make_console(errors=True),
        f"--text is JSON with {count_of(count, 'questions')} of its own, and is read as it stands, as one text; "
        f"`keepgate predict {quote(str(model))} {quote(path)}` answers them.",
        "yellow",
    )


def _tell_unknown(vocabulary: "Vocabulary | None", name: str, content: str) -> None:
    """An aside where many words are not in the model's vocabulary, so that its answer says little."""
    from ..data.text import words

    tokens = words(content)
    places = [] if vocabulary is None else vocabulary.unknown(tokens)
    if not places or len(places) < _UNKNOWN_SHARE * len(tokens):
        return
    different = list(dict.fromkeys(tokens[place] for place in places))
    print_text(
        make_console(errors=True),
        f"{len(places):,} of the {name}'s {len(tokens):,} words or signs are not in this model's vocabulary (too rare "
        "in what it was trained on, or never in it) and all look alike to it: "
        f"{one_line(', '.join(different[:_NAMED]))}"
        f"{', …' if len(different) > _NAMED else ''}",
        "yellow",
    )
