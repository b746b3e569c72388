"""A sign in the width that a vocabulary knows: ？ is typed by every Chinese keyboard where a network was taught ?."""

from ..data.questions import Question
from ..data.text import tokenize
from ..data.vocabulary import Vocabulary

# From a half-width letter or sign to its full-width twin, U+0021 to U+007E and U+FF01 to U+FF5E.
_APART = 0xFEE0
# Twins by use and not by number: the full stop, the comma and the brackets of Chinese.
_LIKE = ("。｡.．", "、､,，", "「｢", "」｣")


def in_known_widths(question: Question, vocabulary: Vocabulary) -> Question:
    """The question with each token that the vocabulary lacks in the width that it has, where it has one.

    Character for character, so that every place stays what it was; a token that is known is never touched.
    """
    return Question(text=_known(question.text, vocabulary), question=_known(question.question, vocabulary))


def twin(token: str, vocabulary: Vocabulary) -> str:
    """The token, or if the vocabulary lacks it, the same in another width that the vocabulary has, as it is written."""
    if token.lower() in vocabulary:
        return token
    return next((other for other in _others(token) if other.lower() in vocabulary), token)


def _known(text: str, vocabulary: Vocabulary) -> str:
    tokens = tokenize(text)
    letters = list(text)
    for token, start, end in zip(tokens.texts, tokens.starts, tokens.ends, strict=True):
        # A point between two digits would join them into one number.
        if not (text[start - 1 : start].isdigit() and text[end : end + 1].isdigit()):
            letters[start:end] = twin(token, vocabulary)
    return "".join(letters)


def _others(token: str) -> list[str]:
    others = ["".join(map(_narrow, token)), "".join(map(_wide, token))]
    return others + [each for alike in _LIKE if token in alike for each in alike]


def _narrow(letter: str) -> str:
    return chr(ord(letter) - _APART) if "！" <= letter <= "～" else letter


def _wide(letter: str) -> str:
    return chr(ord(letter) + _APART) if "!" <= letter <= "~" else letter
