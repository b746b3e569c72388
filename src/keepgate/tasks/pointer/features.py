"""What a pointer reader sees of a token besides its embedding: a code of its letters, and matches with the other side.

A name that was never met has a code like any other, so that it can be pointed at. Exact-match features: Chen et al.
(2017), arXiv:1704.00051; codes instead of embeddings: the hashing trick, Weinberger et al. (2009), arXiv:0902.2206.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...data.questions import Question, refuse_empty
from ...data.text import Tokens, tokenize
from ...data.vocabulary import Vocabulary

BITS = 16
SIZE = 0.5  # of each bit, plus or minus
STEM = 4  # letters in which the forms of a word agree: wants, wanted
FEATURES = BITS + 4  # the code, three matches, and whether it is the question's
_EQUIVALENT = str.maketrans("。、", ".,")
_WORD = 0xFFFFFFFF

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TextAndQuestion:
    """A text's tokens, and ids [tokens] and features [tokens, FEATURES] of them and of the question's after them."""

    tokens: Tokens
    words: NDArray[np.int32]
    features: Floats


def analyse(question: Question, vocabulary: Vocabulary) -> TextAndQuestion:
    """What is read of a question. Raises CorpusError for one that has no text or asks nothing."""
    tokens = tokenize(question.text)
    text, question_tokens = (
        [folded(token) for token in side] for side in (tokens.texts, tokenize(question.question).texts)
    )
    refuse_empty(question, text, question_tokens)
    rows = np.concatenate(
        [features(text, question_tokens, asked=False), features(question_tokens, text, asked=True)]
    )
    return TextAndQuestion(tokens, np.array(vocabulary.ids(text + question_tokens), np.int32), rows)


def folded(token: str) -> str:
    """The token in lower case and half width."""
    return unicodedata.normalize("NFKC", token).translate(_EQUIVALENT).lower()


@lru_cache(maxsize=100_000)
def code(stem: str) -> tuple[float, ...]:
    """`BITS` numbers, each plus or minus `SIZE`: FNV-1a of the code points, then the finalizer of MurmurHash3."""
    number = 2166136261
    for letter in stem:
        number = ((number ^ ord(letter)) * 16777619) & _WORD
    number = ((number ^ number >> 16) * 0x85EBCA6B) & _WORD
    number = ((number ^ number >> 13) * 0xC2B2AE35) & _WORD
    number ^= number >> 16
    return tuple(SIZE if number >> bit & 1 else -SIZE for bit in range(BITS))


def features(tokens: Sequence[str], others: Sequence[str], *, asked: bool) -> Floats:
    """[tokens, FEATURES]: of folded tokens beside those of the other side.

    Matches by the stem, the first `STEM` letters: the token; it with the next one in a row; it with the one before.
    asked: whether the tokens are the question's.
    """
    stems, other_stems = [token[:STEM] for token in tokens], [token[:STEM] for token in others]
    singles, pairs = set(other_stems), set(pairwise(other_stems))
    rows = np.zeros((len(stems), FEATURES), np.float32)
    rows[:, -1] = asked
    for k, stem in enumerate(stems):
        rows[k, :BITS] = code(stem)
        rows[k, BITS] = stem in singles
        rows[k, BITS + 1] = (stem, stems[k + 1]) in pairs if k + 1 < len(stems) else False
        rows[k, BITS + 2] = (stems[k - 1], stem) in pairs if k else False
    return rows
