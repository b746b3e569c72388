"""TaggedText: a text as tokens, the tag of each, and perhaps a label of the whole text."""

from collections.abc import Sequence
from dataclasses import dataclass

from .labelled import LabelledText
from .text import Tokens


@dataclass(frozen=True, kw_only=True)
class TaggedText(LabelledText):
    """A text with its tokens, and their tags (None, when they are to be predicted).

    focus: number of the token whose tag the lens explains; None for one that the model chooses.
    """

    tokens: Tokens
    tags: tuple[str, ...] | None = None
    focus: int | None = None

    @property
    def question(self) -> str:
        """The token whose tag is asked for; empty where none is."""
        return "" if self.focus is None else self.tokens.texts[self.focus]


def tagged_text(
    tokens: Sequence[str], tags: Sequence[str] | None = None, *, label: str | None = None, id: str = ""
) -> TaggedText:
    """A text of these tokens: side by side if each is one character, else with a blank between two.

    label: of the whole text, such as what its speaker wants.

    >>> tagged_text(["王", "明"], ["B-PER", "E-PER"]).text, tagged_text(["Mr", "Wang"]).text
    ('王明', 'Mr Wang')
    """
    gap = 0 if all(len(token) == 1 for token in tokens) else 1
    starts, at = [], 0
    for token in tokens:
        starts.append(at)
        at += len(token) + gap
    ends = tuple(start + len(token) for start, token in zip(starts, tokens, strict=True))
    return TaggedText(
        text=(" " * gap).join(tokens),
        tokens=Tokens(tuple(tokens), tuple(starts), ends),
        tags=None if tags is None else tuple(tags),
        label=label,
        id=id,
    )


def characters_of(text: str) -> Tokens:
    """Every character of a text but blanks, as a token of its own."""
    places = tuple(place for place, character in enumerate(text) if not character.isspace())
    return Tokens(tuple(text[place] for place in places), places, tuple(place + 1 for place in places))
