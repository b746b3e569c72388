"""keepgate write: text from a language model, printed as it is drawn."""

import sys
from collections.abc import Callable, Iterator
from typing import Annotated

from cyclopts import Parameter

from ..data.corpora.source import name_of
from ..errors import SettingsError
from ..wording import sanitize
from .console import id_field, print_json
from .inputs import Model, at_least_one, load_for, read_text, texts_in

EPILOGUE = """Examples:

  keepgate write my-model --prompt "ROMEO:"
  keepgate write my-model --prompt "ROMEO:" --length 2000 --seed 3
  keepgate write my-model --prompt "ROMEO:" --temperature 0.7 --top-p 0.9
  cat prompts.txt | keepgate write my-model --prompts - --length 100

Each token is drawn by its probability: the same seed writes the same text. A low --temperature or --top-p keeps to the
probable, a high one surprises.

Of several prompts, one a line, JSON lines of {"text": "..."}, or CSV or TSV with a column called text, each line of the
result is {"text": "...", "written": "..."}: the prompt and what is written after it, the same as it is after this
prompt alone. An "id" is given back."""


def write(
    model: Model,
    /,
    *,
    prompt: Annotated[
        str | None, Parameter(help="The beginning of the text, which the model goes on with.")
    ] = None,
    prompts: Annotated[
        str | None,
        Parameter(
            metavar="FILE",
            help="A file of prompts, one a line, JSON lines, or a table with a column text; - reads standard input.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    length: Annotated[int, Parameter(metavar="N", show_default=True, help="Tokens to write.")] = 500,
    temperature: Annotated[
        float, Parameter(show_default=True, help="Above 0; the scores are divided by it.")
    ] = 1.0,
    top_p: Annotated[
        float,
        Parameter(
            name="--top-p", show_default=True, help="Draw from the most probable tokens of this share only."
        ),
    ] = 1.0,
    seed: Annotated[int, Parameter(show_default=True, help="Decides every draw.")] = 0,
) -> None:
    """Go on with a text.

    Prints the prompt and, token by token as they are drawn, what the language model writes after it; of several
    prompts a line of JSON for each.
    """
    at_least_one(length=length)
    if (prompt is None) == (prompts is None):
        raise SettingsError(
            "`keepgate write` needs --prompt with the beginning of a text, or --prompts with a file of them; give one"
        )
    from ..tasks.language_model import Writer

    task = load_for(["write"], model, "writes no text")

    def written(start: str) -> Iterator[str]:
        writer = Writer(task, temperature=temperature, top_p=top_p, seed=seed)
        after: Iterator[str] = writer.write(start, length)
        return after

    if prompts is not None:
        _write_each(prompts, written)
        return
    assert prompt is not None
    pieces = written(prompt)
    sys.stdout.write(sanitize(prompt))
    for piece in pieces:
        sys.stdout.write(sanitize(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _write_each(prompts: str, written: Callable[[str], Iterator[str]]) -> None:
    """A line of JSON for each prompt of a file; a prompt that is empty has null.

    Raises SettingsError, naming the prompt, before anything is written.
    """
    path = name_of(prompts)
    items, texts = texts_in(read_text(prompts), path).items, list[Iterator[str] | None]()
    for number, item in enumerate(items, 1):
        try:
            texts.append(written(item.text) if item.text.strip() else None)
        except SettingsError as fault:
            named = f" (id {item.id})" if item.id else ""
            raise SettingsError(f"{path}, prompt {number}{named}: {fault}") from None
    for item, text in zip(items, texts, strict=True):
        after = None if text is None else "".join(text)
        print_json(id_field(item.id) | {"text": item.text, "written": after})
