"""SQuAD's format: one JSON value with articles, their paragraphs, and questions answered in the paragraph.

Rajpurkar et al. (2016), arXiv:1606.05250; CMRC 2018 (arXiv:1810.07366) and DRCD (arXiv:1806.00920) use it
too. In SQuAD 2.0 (Rajpurkar et al. 2018, arXiv:1806.03822) "is_impossible" says that the paragraph has no answer.
"""

from collections.abc import Iterator
from typing import Any

from ...errors import CorpusError
from ..questions import NO_ANSWER, Question, locate, places
from .corpus import Corpus, LeftOut, Needs, identity
from .values import clean, field_of, kind_of, text_of


def fits(value: Any) -> bool:
    """Whether a JSON value is in SQuAD's format: articles with paragraphs, in a list or under "data"."""
    articles = value.get("data") if isinstance(value, dict) else value
    return (
        isinstance(articles, list)
        and bool(articles)
        and isinstance(articles[0], dict)
        and "paragraphs" in articles[0]
    )


def read_squad(value: Any, path: str, needs: Needs, corpus: Corpus) -> None:
    """Adds the questions of a parsed file to the corpus.

    An answer that is not at its offset is found again at the nearest place and counted as moved. A question
    none of whose answers is in its text is left out, unless only questions are needed.
    Raises CorpusError, naming the place in the JSON, where a part of the format is missing or of the wrong
    kind.
    """
    for place, context, entry in _entries(value, path):
        item_id, where = identity(entry.get("id"), place, needs), f"question {entry.get('id', place)}"
        question = text_of(entry, ("question",), path, place)
        impossible = entry.get("is_impossible", False)
        if not isinstance(impossible, bool):
            raise CorpusError(
                f"{path}, {place}: 'is_impossible' is {kind_of(impossible)}; it must be true or false"
            )
        if impossible:
            item = Question(text=context, question=question, answers=NO_ANSWER, id=item_id)
            corpus.keep(item, path, where, needs)
            continue
        listed = entry.get("answers") or []
        if not isinstance(listed, list):
            raise CorpusError(f"{path}, {place}: 'answers' is {kind_of(listed)}; it must be a list")
        answers: list[str] = []
        starts: list[int | None] = []
        for number, entry_answer in enumerate(listed):
            answer = text_of(entry_answer, ("text",), path, f"{place}.answers[{number}]")
            if not answer.strip():
                continue
            stated = entry_answer.get("answer_start")
            if stated is not None and not isinstance(stated, int):
                raise CorpusError(
                    f"{path}, {place}.answers[{number}]: 'answer_start' is {stated!r}; it counts characters"
                )
            answer, start = find_again(context, question, answer, stated)
            corpus.moved += start is not None and stated is not None and start != stated
            answers.append(answer)
            starts.append(start)
        inside = any(start is not None for start in starts)
        if needs != "question" and answers and not inside:
            corpus.left_out.append(LeftOut(path, where, "the answer is not in the text"))
            continue
        item = Question(
            text=context, question=question, answers=tuple(answers), starts=tuple(starts), id=item_id
        )
        corpus.keep(item, path, where, needs)


def find_again(text: str, question: str, answer: str, stated: int | None) -> tuple[str, int | None]:
    """The answer as it stands in the text, and where: at the place that is stated, else at the nearest one.

    An answer that is only there without the blanks around it is given without them. None if it is nowhere.
    """
    for spelling in dict.fromkeys((answer, answer.strip())):
        if stated is None:
            start = locate(text, question, spelling)
        elif stated >= 0 and text.startswith(spelling, stated):
            start = stated
        else:
            start = min(places(text, spelling), key=lambda at: abs(at - stated), default=None)
        if start is not None:
            return spelling, start
    return answer, None


def _entries(value: Any, path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every question of the file with its place in the JSON and its paragraph's text."""
    at_top = "data" if isinstance(value, dict) else ""
    for a, article in enumerate(value["data"] if isinstance(value, dict) else value):
        paragraphs = field_of(article, "paragraphs", list, path, f"{at_top}[{a}]")
        for p, paragraph in enumerate(paragraphs):
            place = f"{at_top}[{a}].paragraphs[{p}]"
            context = clean(field_of(paragraph, "context", str, path, place))
            for q, entry in enumerate(field_of(paragraph, "qas", list, path, place)):
                field_of(entry, "question", str, path, f"{place}.qas[{q}]")
                yield f"{place}.qas[{q}]", context, entry
