"""What a tagger's files hold beside settings and weights, the texts that it tags, and its answers in them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, get_args

from ...data.tagged import TaggedText, characters_of
from ...data.text import sentence_around, tokenize
from ...data.vocabulary import Vocabulary
from ...errors import CorpusError, SettingsError
from ..answer import Answer
from .schemes import OUTSIDE, SchemeName

_SCHEMES = get_args(SchemeName)


@dataclass(frozen=True)
class TaggerContent:
    """Vocabularies of tokens, pairs and letters (None where tokens are characters), tags and more; see `Tagger`."""

    tokens: Vocabulary
    pairs: Vocabulary
    letters: Vocabulary | None
    tags: list[str]
    scheme: SchemeName
    characters: bool
    text_labels: list[str]

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """The content whose JSON this is. Raises CorpusError for another form."""
        tags: Any = plain.get("tags")
        scheme: Any = plain.get("scheme")
        characters = plain.get("characters")
        # A folder of a version that knew no labels of whole texts has none.
        labels: Any = plain.get("text_labels", [])
        are_lists = all(
            isinstance(names, list) and all(isinstance(name, str) for name in names)
            for names in (tags, labels)
        )
        if not are_lists or scheme not in _SCHEMES or not isinstance(characters, bool):
            raise CorpusError(
                'a tagger\'s vocabulary has "tokens", "pairs" and "tags", all lists of texts, "letters", a list too or '
                f'null, a "scheme" ({", ".join(_SCHEMES)}), "characters", true or false, and may have "text_labels"'
            )
        tokens, pairs = (Vocabulary.from_json(plain.get(name)) for name in ("tokens", "pairs"))
        letters = plain.get("letters")
        return cls(
            tokens,
            pairs,
            None if letters is None else Vocabulary.from_json(letters),
            tags,
            scheme,
            characters,
            labels,
        )


def check_tags(tags: Sequence[str]) -> None:
    """Raises CorpusError unless there are two tags or more, all different."""
    if len(set(tags)) < 2 or len(set(tags)) < len(tags):
        raise CorpusError(f"a tagger needs two or more different tags, got {list(tags)}")


def check_text_labels(labels: Sequence[str]) -> None:
    """Raises CorpusError unless there are none, or two labels or more, all different."""
    if len(labels) == 1 or len(set(labels)) < len(labels):
        raise CorpusError(
            f"a tagger that labels whole texts too needs two or more different labels, got {list(labels)}; "
            "leave the label out of every text, or give texts with others"
        )


def text_to_tag(text: str, question: str | None, characters: bool) -> TaggedText:
    """A text to be tagged, cut into characters or words.

    question: a piece of the text, whose first token's tag is asked for. Raises SettingsError for one that is not in it.
    """
    tokens = characters_of(text) if characters else tokenize(text)
    if question is None:
        return TaggedText(text=text, tokens=tokens)
    start = text.find(question.strip())
    if start < 0 or not question.strip():
        raise SettingsError(
            f"{question!r} is not in the text; give a piece of it, whose tag is to be explained, or leave it out"
        )
    focus = next(number for number, end in enumerate(tokens.ends) if end > start)
    return TaggedText(text=text, tokens=tokens, focus=focus)


def letters_in(items: Iterable[TaggedText]) -> Counter[str]:
    """How often each letter occurs in the tokens of these texts."""
    letters = Counter[str]()
    for item in items:
        letters.update("".join(item.tokens.texts))
    return letters


def lower(tokens: Sequence[str]) -> list[str]:
    """The tokens as a vocabulary counts and looks them up."""
    return [token.lower() for token in tokens]


def tokens_to_look_up(item: TaggedText) -> list[str]:
    """The tokens of a text, in lower case. Raises CorpusError if there are none."""
    text = lower(item.tokens.texts)
    if not text:
        raise CorpusError(f"text {item.id!r} is empty; give one with something in it")
    return text


def first_entity(tags: Sequence[str]) -> int:
    """The first token that is tagged other than O; the first of all if none is."""
    return next((place for place, tag in enumerate(tags) if tag != OUTSIDE), 0)


def answer_at(item: TaggedText, candidates: tuple[tuple[str, float], ...]) -> Answer:
    """The most probable tag as an answer, with the token that has it and the sentence around."""
    focus = item.focus or 0
    start, end = item.tokens.starts[focus], item.tokens.ends[focus]
    first, last = sentence_around(item.text, start, end)
    return Answer(*candidates[0], start, end, item.text[first:last], candidates)
