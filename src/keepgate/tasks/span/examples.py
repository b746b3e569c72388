"""From a question to the parts of its example, and from an example to its end."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...data.questions import Question, locate
from ...data.text import Tokens
from .batch import NOWHERE, Side, SpanExample
from .features import AnalysedText


def place_of(question: Question, tokens: Tokens) -> tuple[int, int] | tuple[None, None]:
    """The first and last token of the first answer that stands in the text, None if none does, or `NOWHERE`."""
    if question.unanswerable:
        return NOWHERE, NOWHERE
    for answer, start_given in zip(question.answers, question.starts, strict=True):
        start = locate(question.text, question.question, answer) if start_given is None else start_given
        if start is None:
            continue
        touched = [
            token
            for token, (begin, end) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
            if begin < start + len(answer) and end > start
        ]
        if touched:
            return touched[0], touched[-1]
    return None, None


def end_of(example: SpanExample, count: int) -> SpanExample:
    """The last so many tokens of a text; without a place of the answer where it begins before that."""
    begin = max(example.length - count, 0)
    assert example.first is not None
    assert example.last is not None
    if example.first == NOWHERE:
        return replace(example, text=example.text[begin:])
    places = (example.first - begin, example.last - begin) if example.first >= begin else (None, None)
    return SpanExample(example.text[begin:], example.question, *places)


def side_of(text: AnalysedText, features: NDArray[np.float32]) -> Side:
    """A text or a question as an example holds it."""
    tokens = () if text.statistics.letters is None else text.tokens.texts
    return Side(text.ids.astype(np.int32), text.pairs.astype(np.int32), features.astype(np.float16), tokens)
