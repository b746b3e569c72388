"""Items in batches of similar length, as the lens examines a task with them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..data.questions import Question
from ..data.text import Tokens
from ..errors import SettingsError

# Items and tokens that are run at once.
ROWS, TOKENS = 64, 65_536
S = TypeVar("S")


def in_batches(
    examples: Sequence[Any], usable: Callable[[Any], bool], make: Callable[[list[int]], S], what: str
) -> list[S]:
    """What `make` gives for the places of the usable examples, in batches of similar length, the longest first.

    Raises SettingsError if none is usable; `what` says of what there is none.
    """
    places = [place for place, example in enumerate(examples) if usable(example)]
    if not places:
        raise SettingsError(
            f"none of the {len(examples)} {what} that this model can give; examine it with data of the kind that "
            "it was trained on"
        )
    places.sort(key=lambda place: -examples[place].length)
    batches: list[S] = []
    while places:
        size = max(1, min(ROWS, TOKENS // max(1, examples[places[0]].length)))
        rows, places = places[:size], places[size:]
        batches.append(make(rows))
    return batches


def steps_back(question: Question, tokens: Tokens) -> int:
    """How many tokens from a text's end what is asked for lies: where the facts begin on which the answer rests, else
    where the answer stands, else the whole text."""
    places = [start for start, _ in question.facts] or [
        start for start in question.starts if start is not None
    ]
    return sum(end > min(places, default=0) for end in tokens.ends)
