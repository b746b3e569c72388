"""Synthetic stories that measure memory: a fact at the very front, distractor sentences, and a question about the fact.

`魯夫說他想成為海賊王。` … `是誰想要成為海賊王?` The name is one of sixteen, so that a guess is right in 1 of 16.
What stands between fact and question is about the same people and says nothing of what they want to become.

A goal is a domain and a rank (海賊 and 王). Of the 64, eight are the test's, 海賊王 among them: one of each domain,
one of each rank. In training these never occur, with any name, while each domain and each rank does with seven
others, and every name does too. So no pair of name and goal is in both parts (896 to 128), and in neither is one
name likelier than another with any goal: who has not kept the name from the front of the story can only guess.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

from ..data.questions import Question
from ..errors import SettingsError, nearest_first
from .story_templates import STORY_TEMPLATES, Language, StoryTemplates

Split = Literal["train", "test"]
SPLITS: tuple[str, ...] = ("train", "test")


def stories(
    count: int,
    length: int | None,
    *,
    seed: int,
    split: Split = "train",
    facts: int = 1,
    language: Language = "zh",
) -> list[Question]:
    """Stories, each with its question, its answer, and where that stands; the same for the same seed.

    length: characters of a story, a line end and its question together, exactly; None is facts and question alone.
    facts: how many stand at the front, of different people with different goals; the question is about one of them, and
        `Question.facts` says where that one stands.
    Raises SettingsError for a length that no story can have, more facts than goals, an unknown split or language.
    """
    templates = _templates(language)
    if count < 0:
        raise SettingsError(f"{count} stories were asked for; ask for 0 or more")
    goals = goals_of(split, language)
    most_facts = min(len(templates.names), len(goals))
    if not 1 <= facts <= most_facts:
        raise SettingsError(f"a story of {facts} facts was asked for; there can be 1 to {most_facts}")
    bases = _bases(templates, facts, goals)
    if length is not None and not _fits(length, bases, templates):
        raise _impossible(length, bases, templates)
    rng = random.Random(f"{seed} {split} {facts} {length} {language}")
    return [_story(rng, length, templates, facts, goals, f"{split}-{seed}-{k}") for k in range(count)]


def pirate_king_story(length: int | None = None, *, seed: int = 0, language: Language = "zh") -> Question:
    """The demo's own story: 魯夫說他想成為海賊王, then distractor sentences, then 是誰想要成為海賊王?

    length: as in `stories`; None is the sentence alone. The pair is of the test part.
    Raises SettingsError as `stories` does.
    """
    templates = _templates(language)
    goal = templates.goal.format(domain=templates.domains[0], rank=templates.ranks[0])
    first = templates.fact.format(name=templates.names[0], goal=goal)
    question = templates.question.format(goal=goal)
    base = len(first) + len(question) + 1
    filler = 0 if length is None else length - base
    if not _can_fill(filler, templates):
        raise _impossible(length, {base}, templates)
    text = first + _filled(random.Random(f"article {seed} {length}"), filler, templates)
    return Question(
        text=text, question=question, answers=(templates.names[0],), starts=(text.index(templates.names[0]),),
        id="article", facts=((0, len(first)),),
    )  # fmt: skip


def vocabulary_coverage_set(language: Language = "zh") -> list[Question]:
    """Questions in which every name is an answer and every token of any story occurs."""
    templates = _templates(language)
    names, goals = templates.names, goals_of("train", language)
    distractors = [sentence.format(a=names[0], b=names[1]) for sentence in templates.distractors]
    questions = []
    for k in range(max(len(names), len(goals))):
        name, goal = names[k % len(names)], goals[k % len(goals)]
        text = templates.between.join([templates.fact.format(name=name, goal=goal), *distractors])
        questions.append(
            Question(
                text=text, question=templates.question.format(goal=goal), answers=(name,),
                starts=(text.index(name),), id=f"coverage-{k}",
            )
        )  # fmt: skip
    return questions


def distractors(seed: int, language: Language = "zh") -> Iterator[str]:
    """Distractor sentences without end, to be put after a story, each with the separator before it.

    The same for the same seed. Raises SettingsError for an unknown language.
    """
    templates = _templates(language)
    rng = random.Random(f"happenings {seed} {language}")
    while True:
        yield _distractor(rng, templates)


def answer_in_story(text: str, question: str, language: Language = "zh") -> str | None:
    """The answer to a question as stories ask it, where the text says it of one person and no other; else None.

    None too where the goal is spoken of again after that, since it may be taken back.
    Raises SettingsError for an unknown language.
    """
    templates = _templates(language)
    for goal in (*goals_of("train", language), *goals_of("test", language)):
        if question.strip() == templates.question.format(goal=goal):
            facts = {name: templates.fact.format(name=name, goal=goal) for name in templates.names}
            ends = {name: text.rindex(fact) + len(fact) for name, fact in facts.items() if fact in text}
            return next(iter(ends)) if len(ends) == 1 and goal not in text[max(ends.values()) :] else None
    return None


def names_of(language: Language = "zh") -> tuple[str, ...]:
    """The names of the people, all of whom are in both splits."""
    return _templates(language).names


def goals_of(split: Split, language: Language = "zh") -> tuple[str, ...]:
    """The goals of one split; the other has none of them. The test split has one rank of each domain, each another."""
    templates = _templates(language)
    if split not in SPLITS:
        raise SettingsError(f"split is {split!r}; choose one of {', '.join(nearest_first(split, SPLITS))}")
    ranks = len(templates.ranks)
    return tuple(
        templates.goal.format(domain=domain, rank=rank)
        for r, domain in enumerate(templates.domains)
        for k, rank in enumerate(templates.ranks)
        if (r % ranks == k) == (split == "test")
    )


def shortest(*, facts: int = 1, language: Language = "zh") -> int:
    """The length of the shortest story with so many facts that can be had of any people and goals."""
    templates = _templates(language)
    bases = _bases(templates, facts, (*goals_of("train", language), *goals_of("test", language)))
    return next(length for length in range(max(bases), max(bases) + 200) if _fits(length, bases, templates))


def _templates(language: str) -> StoryTemplates:
    if language not in STORY_TEMPLATES:
        raise SettingsError(
            f"language is {language!r}; choose one of {', '.join(nearest_first(language, STORY_TEMPLATES))}"
        )
    return STORY_TEMPLATES[language]


def _story(
    rng: random.Random, length: int | None, templates: StoryTemplates, facts: int, goals: Sequence[str], name: str
) -> Question:  # fmt: skip
    pairs = list(zip(rng.sample(templates.names, facts), rng.sample(goals, facts), strict=True))
    sentences = [templates.fact.format(name=person, goal=goal) for person, goal in pairs]
    topic = rng.randrange(facts)
    (person, goal), fact = pairs[topic], sentences[topic]
    question, front = templates.question.format(goal=goal), templates.between.join(sentences)
    start = sum(len(sentence) + len(templates.between) for sentence in sentences[:topic])
    filler = 0 if length is None else length - len(front) - len(question) - 1
    return Question(
        text=front + _filled(rng, filler, templates), question=question, answers=(person,),
        starts=(start + fact.index(person),), id=name, facts=((start, start + len(fact)),),
    )  # fmt: skip


def _filled(rng: random.Random, characters: int, templates: StoryTemplates) -> str:
    """Distractor sentences of exactly so many characters, with the separator before each."""
    parts = []
    while characters > 0:
        while True:
            sentence = _distractor(rng, templates)
            if _can_fill(characters - len(sentence), templates):
                break
        parts.append(sentence)
        characters -= len(sentence)
    return "".join(parts)


def _distractor(rng: random.Random, templates: StoryTemplates) -> str:
    """One distractor: a sentence that says nothing of what anyone wants to become, with the separator before it."""
    people = len(templates.names)
    first = int(rng.random() * people)
    second = (first + 1 + int(rng.random() * (people - 1))) % people
    sentence = templates.distractors[int(rng.random() * len(templates.distractors))]
    return templates.between + sentence.format(a=templates.names[first], b=templates.names[second])


# Beyond so many characters every number can be filled in both languages; a test counts them.
ALWAYS_FILLABLE = 64


def _can_fill(characters: int, templates: StoryTemplates) -> bool:
    return characters > ALWAYS_FILLABLE or characters in _fillable(templates)


@cache
def _fillable(templates: StoryTemplates) -> frozenset[int]:
    """The numbers of characters, up to `ALWAYS_FILLABLE`, that some sentences fill exactly."""
    names = {len(name) for name in templates.names}
    sizes = set()
    for sentence in templates.distractors:
        bare = len(templates.between) + len(sentence.replace("{a}", "").replace("{b}", ""))
        firsts = names if "{a}" in sentence else {0}
        seconds = names if "{b}" in sentence else {0}
        sizes |= {bare + first + second for first in firsts for second in seconds}
    reached = {0}
    for total in range(1, ALWAYS_FILLABLE + 1):
        if any(total - size in reached for size in sizes):
            reached.add(total)
    return frozenset(reached)


def _bases(templates: StoryTemplates, facts: int, goals: Sequence[str]) -> set[int]:
    """Lengths of facts, question and line end together, whichever people and goals are drawn."""
    fact = {len(templates.fact.format(name=name, goal=goal)) for name in templates.names for goal in goals}
    question = {len(templates.question.format(goal=goal)) for goal in goals}
    least, longest = (
        facts * end(fact) + (facts - 1) * len(templates.between) + end(question) + 1 for end in (min, max)
    )
    return set(range(least, longest + 1))


def _fits(length: int, bases: set[int], templates: StoryTemplates) -> bool:
    return all(_can_fill(length - base, templates) for base in bases)


def _impossible(length: int | None, bases: set[int], templates: StoryTemplates) -> SettingsError:
    possible = [n for n in range(max(bases), max(bases) + 3 * ALWAYS_FILLABLE) if _fits(n, bases, templates)]
    near = sorted(sorted(possible, key=lambda n: abs(n - (length or 0)))[:2])
    return SettingsError(
        f"no story has exactly {length} characters with its question: facts and question take {max(bases)}, and what "
        f"happens after them is made of whole sentences; the nearest lengths are {' and '.join(map(str, near))}"
    )
