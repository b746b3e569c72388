"""A story lengthened step by step, and each network's answer at each length."""

from bisect import bisect_right
from collections.abc import Iterable

from ..data.questions import Question
from ..demo.pretrained import LANGUAGES
from ..demo.stories import answer_in_story, distractors
from ..demo.story_templates import Language
from ..errors import KeepgateError
from .limits import RequestError
from .models import Model
from .serialize import JsonObject, answer_summary

# The same distractors follow any story.
SEED = 0
# A question mark as our stories have it.
_NARROW = str.maketrans("？", "?")


def longer(text: str, *, language: Language, steps: int, to: int) -> list[str]:
    """The text, and the same with more and more distractors after it, the last of about `to` characters and no more.

    Each goes on where the one before ends, and is about as many times as long as it: who forgets soon forgets early on
    the way. Fewer than `steps` where whole sentences do not suffice for so many.
    """
    sentences: list[str] = []
    ends = [0]  # characters after so many sentences
    for sentence in distractors(SEED, language):
        if len(text) + ends[-1] + len(sentence) > to:
            break
        sentences.append(sentence)
        ends.append(ends[-1] + len(sentence))
    stories = [text]
    for step in range(1, steps):
        distractor_length = round(len(text) * (max(to / len(text), 1) ** (step / (steps - 1)) - 1))
        story = text + "".join(sentences[: bisect_right(ends, distractor_length) - 1])
        if story != stories[-1]:
            stories.append(story)
    return stories


def lengthened(
    models: Iterable[Model], question: Question, *, language: Language, steps: int, to: int
) -> JsonObject:
    """Every network's answer to the question after each of the longer stories.

    right: is it what the story says, where it is one of ours; None where nobody knows.
    Raises RequestError where a network can read none of it.
    """
    stories = longer(question.text, language=language, steps=steps, to=to)
    expected = expected_of(question)
    answers: dict[str, list[JsonObject]] = {}
    for model in models:
        choices = None if model.choices is None else len(model.choices)
        questions = [Question(text=story, question=question.question) for story in stories]
        try:
            predicted = model.answers(questions)
        except KeepgateError as fault:
            raise RequestError(422, "bad_request", f"{model.name}: {fault}", model=model.id) from fault
        answers[model.id] = [
            {
                **answer_summary(answer, choices),
                "right": None if expected is None else answer.text == expected,
            }
            for answer in predicted
        ]
    return {
        "lengths": [len(story) for story in stories],
        "stories": stories,
        "expected": expected,
        "answers": answers,
    }


def expected_of(question: Question) -> str | None:
    """The answer that the text gives, where text and question are of our stories' form; else None."""
    asked = question.question.translate(_NARROW)
    answers = (answer_in_story(question.text, asked, language) for language in LANGUAGES)
    return next((answer for answer in answers if answer is not None), None)
