"""A story made longer, step by step, and what each network still answers."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ..data.corpora.stories import happenings, told
from ..data.corpora.telling import Language
from ..data.questions import Question
from ..errors import KeepgateError
from ..tasks.answer import Answer
from .limits import Refusal
from .models import Model
from .replies import Plain, short

# What is told after any story is the same.
SEED = 0


def longer(text: str, *, language: Language, steps: int, to: int) -> list[str]:
    """The text, and the same with more and more sentences after it, the last of about `to` characters and no more.

    Each goes on where the one before ends, and is about as many times as long as it: who forgets soon forgets early on
    the way. Fewer than `steps` where whole sentences do not suffice for so many.
    """
    room = to - len(text)
    sentences: list[str] = []
    size = 0
    for sentence in happenings(SEED, language):
        size += len(sentence)
        if size > room:
            break
        sentences.append(sentence)
    told_by = [0, *accumulate(map(len, sentences))]
    stories = [text]
    for step in range(1, steps):
        wanted = round(len(text) * (max(to / len(text), 1) ** (step / (steps - 1)) - 1))
        count = bisect_right(told_by, wanted) - 1
        story = text + "".join(sentences[:count])
        if story != stories[-1]:
            stories.append(story)
    return stories


def lengthened(models: Iterable[Model], asked: Question, *, language: Language, steps: int, to: int) -> Plain:
    """Every network's answer to the question after each of the longer stories.

    right: is it what the story says, where it is one of ours; else what most networks answer to the text as it is.
    None where neither is known.
    Raises Refusal where a network can read none of it.
    """
    stories = longer(asked.text, language=language, steps=steps, to=to)
    answers: dict[str, list[Answer]] = {}
    for model in models:
        try:
            answers[model.id] = model.task.answer(
                [Question(text=each, question=asked.question) for each in stories]
            )
        except KeepgateError as fault:
            raise Refusal(422, "bad_request", f"{model.name}: {fault}", {"model": model.id}) from fault
    expected = told(asked.text, asked.question, language) or _most(
        [each[0].text for each in answers.values()]
    )
    return {
        "lengths": [len(each) for each in stories],
        "stories": stories,
        "expected": expected,
        "answers": {
            name: [
                {**short(one), "right": None if expected is None else one.text == expected} for one in each
            ]
            for name, each in answers.items()
        },
    }


def _most(answers: Sequence[str]) -> str | None:
    """What more networks answer than anything else; None if two answers are as frequent."""
    ranked = Counter(answers).most_common(2)
    return None if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]
