"""keepgate write: text from a language model, printed as it is drawn."""

import sys
from typing import Annotated

from cyclopts import Parameter

from ..wording import sanitize
from .inputs import Model, at_least_one, load_for

EPILOGUE = """Examples:

  keepgate write my-model --prompt "ROMEO:"
  keepgate write my-model --prompt "ROMEO:" --length 2000 --seed 3
  keepgate write my-model --prompt "ROMEO:" --temperature 0.7 --top-p 0.9

Each token is drawn by its probability: the same seed writes the same text. A low --temperature or --top-p keeps to the
probable, a high one surprises."""


def write(
    model: Model,
    /,
    *,
    prompt: Annotated[str, Parameter(help="The beginning of the text, which the model goes on with.")],
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

    Prints the prompt and, token by token as they are drawn, what the language model writes after it.
    """
    at_least_one(length=length)
    from ..tasks.language_model import Writer

    task = load_for("write", model, "writes no text")
    pieces = Writer(task, temperature=temperature, top_p=top_p, seed=seed).write(prompt, length)
    sys.stdout.write(sanitize(prompt))
    for piece in pieces:
        sys.stdout.write(sanitize(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
