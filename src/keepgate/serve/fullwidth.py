"""Normalisation of character width: a Chinese keyboard types ？ where a network was trained on ?."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ..data.questions import Question
from ..data.text import tokenize
from ..data.vocabulary import Vocabulary

# Punctuation that Chinese and English use alike, though Unicode does not call it compatible.
_EQUIVALENT = str.maketrans("。、", ".,")


def normalise_widths(question: Question, vocabulary: Vocabulary) -> Question:
    """The question with each token that the vocabulary lacks in the width that it has, where it has one.

    Character for character, so that offsets stay what they were; a token of the vocabulary is never changed.
    """
    text, asked = (_normalised(part, vocabulary) for part in (question.text, question.question))
    return Question(text=text, question=asked)


def typed_question(question: str, language: str) -> str:
    """An example's question as it is typed: a Chinese keyboard types this question mark."""
    return question.replace("?", "？") if language == "zh" else question


def known_forms(tokens: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """Each token, or if the vocabulary lacks it, the vocabulary's token of the same folded form and length."""
    if all(token.lower() in vocabulary for token in tokens):
        return list(tokens)
    forms = _by_folded_form(vocabulary)
    folded = [forms.get(_fold(token), token) for token in tokens]
    return [
        token if token.lower() in vocabulary or len(form) != len(token) else form
        for token, form in zip(tokens, folded, strict=True)
    ]


def _normalised(text: str, vocabulary: Vocabulary) -> str:
    tokens = tokenize(text)
    letters = list(text)
    forms = known_forms(tokens.texts, vocabulary)
    for form, start, end in zip(forms, tokens.starts, tokens.ends, strict=True):
        # A point between two digits would join them into one number.
        if not (text[start - 1 : start].isdigit() and text[end : end + 1].isdigit()):
            letters[start:end] = form
    return "".join(letters)


@lru_cache(maxsize=16)
def _by_folded_form(vocabulary: Vocabulary) -> dict[str, str]:
    return {_fold(token): token for token in vocabulary.to_json()}


def _fold(token: str) -> str:
    return unicodedata.normalize("NFKC", token).translate(_EQUIVALENT).lower()
