"""A story made longer, step by step, and what each network still answers."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from ..data.questions import Question
from ..demo.pretrained import LANGUAGES
from ..demo.stories import answer_in_story, distractors
from ..demo.story_templates import Language
from ..errors import KeepgateError
from .limits import Refusal
from .models import Model
from .replies import Plain, short

# What is told after any story is the same.
SEED = 0
# A question mark as our stories have it.
_NARROW = str.maketrans("？", "?")


def longer(text: str, *, language: Language, steps: int, to: int) -> list[str]:
    """The text, and the same with more and more sentences after it, the last of about `to` characters and no more.

    Each goes on where the one before ends, and is about as many times as long as it: who forgets soon forgets early on
    the way. Fewer than `steps` where whole sentences do not suffice for so many.
    """
    room = to - len(text)
    sentences: list[str] = []
    size = 0
    for sentence in distractors(SEED, language):
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

    right: is it what the story says, where it is one of ours; None where nobody knows.
    Raises Refusal where a network can read none of it.
    """
    stories = longer(asked.text, language=language, steps=steps, to=to)
    expected = expected_of(asked)
    answers: dict[str, list[Plain]] = {}
    for model in models:
        choices = None if model.choices is None else len(model.choices)
        questions = [model.spelt(Question(text=each, question=asked.question)) for each in stories]
        try:
            found = model.task.answer(questions)
        except KeepgateError as fault:
            raise Refusal(422, "bad_request", f"{model.name}: {fault}", {"model": model.id}) from fault
        answers[model.id] = [
            {**short(one, choices), "right": None if expected is None else one.text == expected}
            for one in found
        ]
    return {
        "lengths": [len(each) for each in stories],
        "stories": stories,
        "expected": expected,
        "answers": answers,
    }


def expected_of(asked: Question) -> str | None:
    """What the text itself says, where it is told and asked as our stories are, in either language; else None."""
    plain = asked.question.translate(_NARROW)
    for language in LANGUAGES:
        found = answer_in_story(asked.text, plain, language)
        if found is not None:
            return found
    return None
