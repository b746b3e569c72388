"""keepgate ask: questions about a text, answered by a trained model."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..errors import SettingsError
from .console import make_console, one_line, print_answer, print_json, print_text
from .inputs import STANDARD_INPUT, asked, checked, read_questions, read_text

if TYPE_CHECKING:
    from ..tasks.task import Task

# Said of a text or a question of whose words at least this share has never been seen by the model.
STRANGE = 0.2
# So many of them are named.
NAMED = 8

EPILOGUE = """Examples:

  keepgate ask my-model --text notes.txt --question "Who sails?"
  keepgate ask my-model --text notes.txt --questions questions.txt --json
  cat notes.txt | keepgate ask my-model --text - --question "Who sails?"
  keepgate ask my-model --text notes.txt

The last one asks for questions, one after the other."""

Model = Annotated[Path, Parameter(help="The folder that `keepgate train` wrote.")]
TextFile = Annotated[
    str,
    Parameter(
        name="--text",
        metavar="FILE",
        help="A file with the text to read, UTF-8; - reads standard input.",
        allow_leading_hyphen=True,
    ),
]


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
    if question and questions is not None:
        raise SettingsError("--question and --questions are both given; give one of them")
    if text == STANDARD_INPUT and (questions == STANDARD_INPUT or not (question or questions)):
        raise SettingsError(
            "--text - reads the text from standard input, so the questions must come with --question or from a file"
        )
    once = (
        [checked(one) for one in question]
        if question
        else read_questions(questions)
        if questions is not None
        else None
    )
    content = read_text(text)

    from ..export import load

    reader = load(model)
    _answer(
        reader, content, once if once is not None else _prompted(content), json=json, echo=len(once or ()) > 1
    )


def _prompted(content: str) -> Iterator[str]:
    """Questions from a prompt, with a word before the first about what it is and how it ends."""
    if sys.stdin.isatty():
        print_text(
            make_console(errors=True),
            f"The text has {len(content):,} characters. Ask; an empty line or Ctrl-D ends.",
            "dim",
        )
    return asked()


def _say_unknown(reader: "Task", what: str, content: str) -> None:
    """An aside where the model was taught other words than these, so that its answer says little."""
    from ..data.text import words

    read = words(content)
    strange = reader.vocabulary.unknown(read) if reader.vocabulary is not None else []
    if strange and len(strange) >= STRANGE * len(read):
        different = list(dict.fromkeys(read[place] for place in strange))
        more = ", …" if len(different) > NAMED else ""
        print_text(
            make_console(errors=True),
            f"This model has never seen {len(strange):,} of the {what}'s {len(read):,} words or signs and cannot tell "
            f"them apart: {one_line(', '.join(different[:NAMED]))}{more}",
            "yellow",
        )


def _answer(reader: "Task", content: str, questions: Iterable[str], *, json: bool, echo: bool) -> None:
    from ..data.questions import Question

    console = make_console()
    _say_unknown(reader, "text", content)
    for number, question in enumerate(questions):
        _say_unknown(reader, "question", question)
        (answer,) = reader.answer([Question(text=content, question=question)])
        if json:
            plain = answer.as_dict()
            print_json({"question": question, "answer": plain.pop("text"), **plain})
            continue
        if echo and number:
            console.print()
        print_answer(console, content, answer, question if echo else None)
