"""bAbI's format: numbered sentences, and among them questions with an answer and the facts it rests on.

Weston et al. (2015), arXiv:1502.05698.
"""

import re
from collections.abc import Sequence

from ...errors import CorpusError
from ..questions import Question, places
from .corpus import Corpus, Needs, identity

_NUMBERED = re.compile(r"(\d+) (\S.*)")


def fits(lines: Sequence[str]) -> bool:
    """Whether these lines are numbered sentences that start at 1, questions among them marked by a tab."""
    full = [line for line in lines if line.strip()][:50]
    if not full or not full[0].startswith("1 ") or "\t" in full[0]:
        return False
    return all(_NUMBERED.fullmatch(line) for line in full) and any("\t" in line for line in lines)


def read_babi(lines: Sequence[str], path: str, needs: Needs, corpus: Corpus) -> None:
    """Adds the questions to the corpus; the text of each is the story up to it, joined by blanks.

    An answer's start is its place in the last fact that has it; None if no fact does, as with "yes" or a
    count.
    Raises CorpusError, naming the line, for a line without a number, and for a fact that the story has not
    told.
    """
    sentences: dict[int, tuple[int, int]] = {}
    story = ""
    previous = 0
    for line_number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        numbered = _NUMBERED.fullmatch(line)
        if numbered is None:
            raise CorpusError(
                f"{path}, line {line_number}: a sentence starts with its number, this line with {line[:20]!r}"
            )
        number, rest = int(numbered[1]), numbered[2]
        if number <= previous:
            sentences, story = {}, ""
        previous = number
        if "\t" not in rest:
            start = len(story) + bool(story)
            story = f"{story} {rest.strip()}" if story else rest.strip()
            sentences[number] = (start, len(story))
            continue
        question, answer, *supporting = (part.strip() for part in rest.split("\t"))
        facts = tuple(
            _fact(fact_number, sentences, path, line_number) for fact_number in " ".join(supporting).split()
        )
        item = Question(
            text=story,
            question=question,
            answers=(answer,) if answer else (),
            starts=(_start(story, answer, facts),) if answer else (),
            id=identity(None, f"{path}:{line_number}", needs),
            facts=facts,
        )
        corpus.keep(item, path, f"line {line_number}", needs)


def _fact(number: str, sentences: dict[int, tuple[int, int]], path: str, line_number: int) -> tuple[int, int]:
    if not number.isdecimal() or int(number) not in sentences:
        raise CorpusError(
            f"{path}, line {line_number}: the answer is said to rest on sentence {number}, "
            f"which this story has not told before the question"
        )
    return sentences[int(number)]


def _start(story: str, answer: str, facts: Sequence[tuple[int, int]]) -> int | None:
    inside = [start + at for start, end in facts for at in places(story[start:end], answer)]
    return max(inside, default=None)
