"""Stories made to measure memory: who wants to become what stands at the very front, then anything else happens.

`魯夫說他想成為海賊王。` … `是誰想要成為海賊王?` The name is one of sixteen, so that a guess is right in 1 of 16.
What stands between fact and question is about the same people and says nothing of what they want to become.

A goal is a realm and a rank (海賊 and 王). Of the 64, eight are the test's, 海賊王 among them: one of each realm,
one of each rank. In training these never occur, with any name, while each realm and each rank does with seven
others, and every name does too. So no pair of name and goal is in both parts (896 to 128), and in neither is one
name likelier than another with any goal: who has not kept the name from the front of the story can only guess.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

from ..data.questions import Question
from ..errors import SettingsError, nearest_first
from .story_templates import TELLINGS, Language, Telling

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
    """So many stories, each with its question, its answer, and where that stands; the same for the same seed.

    length: characters of a story, a line end and its question together, exactly; None is facts and question alone.
    facts: how many stand at the front, of different people with different goals; the question is about one of them, and
        `Question.facts` says where that one stands.
    Raises SettingsError for a length that no story can have, more facts than goals, an unknown split or language.
    """
    telling = _telling(language)
    if count < 0:
        raise SettingsError(f"{count} stories were asked for; ask for 0 or more")
    goals = goals_of(split, language)
    most = min(len(telling.names), len(goals))
    if not 1 <= facts <= most:
        raise SettingsError(f"a story of {facts} facts was asked for; there can be 1 to {most}")
    if length is not None:
        _check(length, telling, facts, goals)
    rng = random.Random(f"{seed} {split} {facts} {length} {language}")
    return [_story(rng, length, telling, facts, goals, f"{split}-{seed}-{k}") for k in range(count)]


def article(length: int | None = None, *, seed: int = 0, language: Language = "zh") -> Question:
    """The article's own case: 魯夫說他想成為海賊王, then a story about others; 是誰想要成為海賊王?

    length: as in `stories`; None is the sentence alone. The pair is of the test part.
    Raises SettingsError as `stories` does.
    """
    telling = _telling(language)
    goal = telling.goal.format(realm=telling.realms[0], rank=telling.ranks[0])
    first = telling.fact.format(name=telling.names[0], goal=goal)
    question = telling.question.format(goal=goal)
    left = 0 if length is None else length - len(first) - len(question) - 1
    if not _can_fill(left, telling):
        raise _impossible(length, {len(first) + len(question) + 1}, telling)
    text = first + _filled(random.Random(f"article {seed} {length}"), left, telling)
    return Question(
        text=text, question=question, answers=(telling.names[0],), starts=(text.index(telling.names[0]),),
        id="article", facts=((0, len(first)),),
    )  # fmt: skip


def primer(language: Language = "zh") -> list[Question]:
    """Questions in which every name is an answer and every token of any story occurs: what a reader is built from."""
    telling = _telling(language)
    names, goals = telling.names, goals_of("train", language)
    happened = [each.format(a=names[0], b=names[1]) for each in telling.happenings]
    questions = []
    for k in range(max(len(names), len(goals))):
        name, goal = names[k % len(names)], goals[k % len(goals)]
        text = telling.between.join([telling.fact.format(name=name, goal=goal), *happened])
        asked = telling.question.format(goal=goal)
        questions.append(
            Question(text=text, question=asked, answers=(name,), starts=(text.index(name),), id=f"primer-{k}")
        )
    return questions


def happenings(seed: int, language: Language = "zh") -> Iterator[str]:
    """What else happens, without end: sentences to be put after a story, each with what stands before it.

    The same for the same seed. Raises SettingsError for an unknown language.
    """
    telling = _telling(language)
    rng = random.Random(f"happenings {seed} {language}")
    while True:
        yield _happening(rng, telling)


def told(text: str, question: str, language: Language = "zh") -> str | None:
    """The answer to a question as stories ask it, where the text says it of one person and no other; else None.

    Raises SettingsError for an unknown language.
    """
    telling = _telling(language)
    for goal in (*goals_of("train", language), *goals_of("test", language)):
        if question.strip() == telling.question.format(goal=goal):
            who = [name for name in telling.names if telling.fact.format(name=name, goal=goal) in text]
            return who[0] if len(who) == 1 else None
    return None


def names_of(language: Language = "zh") -> tuple[str, ...]:
    """The people, all of whom are in both parts."""
    return _telling(language).names


def goals_of(split: Split, language: Language = "zh") -> tuple[str, ...]:
    """The goals of one part; the other has none of them. Of each realm one rank is the test's, another of each."""
    telling = _telling(language)
    if split not in SPLITS:
        raise SettingsError(f"split is {split!r}; choose one of {', '.join(nearest_first(split, SPLITS))}")
    ranks = len(telling.ranks)
    return tuple(
        telling.goal.format(realm=realm, rank=rank)
        for r, realm in enumerate(telling.realms)
        for k, rank in enumerate(telling.ranks)
        if (r % ranks == k) == (split == "test")
    )


def shortest(*, facts: int = 1, language: Language = "zh") -> int:
    """The length of the shortest story with so many facts that can be had of any people and goals."""
    telling = _telling(language)
    bases = _bases(telling, facts, (*goals_of("train", language), *goals_of("test", language)))
    return next(length for length in range(max(bases), max(bases) + 200) if _fits(length, bases, telling))


def _telling(language: str) -> Telling:
    if language not in TELLINGS:
        raise SettingsError(
            f"language is {language!r}; choose one of {', '.join(nearest_first(language, TELLINGS))}"
        )
    return TELLINGS[language]


def _story(
    rng: random.Random, length: int | None, telling: Telling, facts: int, goals: Sequence[str], name: str
) -> Question:
    people, wanted = rng.sample(telling.names, facts), rng.sample(goals, facts)
    sentences = [telling.fact.format(name=one, goal=goal) for one, goal in zip(people, wanted, strict=True)]
    asked = rng.randrange(facts)
    question = telling.question.format(goal=wanted[asked])
    start = sum(len(each) + len(telling.between) for each in sentences[:asked])
    front = telling.between.join(sentences)
    left = 0 if length is None else length - len(front) - len(question) - 1
    text = front + _filled(rng, left, telling)
    at = start + sentences[asked].index(people[asked])
    return Question(
        text=text, question=question, answers=(people[asked],), starts=(at,), id=name,
        facts=((start, start + len(sentences[asked])),),
    )  # fmt: skip


def _filled(rng: random.Random, characters: int, telling: Telling) -> str:
    """What happens, in exactly so many characters, what stands before each sentence counted in."""
    parts = []
    while characters > 0:
        while True:
            sentence = _happening(rng, telling)
            if _can_fill(characters - len(sentence), telling):
                break
        parts.append(sentence)
        characters -= len(sentence)
    return "".join(parts)


def _happening(rng: random.Random, telling: Telling) -> str:
    """One sentence that says nothing of what anyone wants to become, with what stands before it."""
    people = len(telling.names)
    first = int(rng.random() * people)
    second = (first + 1 + int(rng.random() * (people - 1))) % people
    sentence = telling.happenings[int(rng.random() * len(telling.happenings))]
    return telling.between + sentence.format(a=telling.names[first], b=telling.names[second])


# Beyond so many characters every number can be filled in both languages; a test counts them.
_ALWAYS = 64


def _can_fill(characters: int, telling: Telling) -> bool:
    return characters > _ALWAYS or characters in _fillable(telling)


@cache
def _fillable(telling: Telling) -> frozenset[int]:
    """The numbers of characters, up to `_ALWAYS`, that some sentences fill exactly."""
    names = {len(name) for name in telling.names}
    sizes = set()
    for each in telling.happenings:
        bare = len(telling.between) + len(each.replace("{a}", "").replace("{b}", ""))
        firsts = names if "{a}" in each else {0}
        seconds = names if "{b}" in each else {0}
        sizes |= {bare + first + second for first in firsts for second in seconds}
    reached = {0}
    for total in range(1, _ALWAYS + 1):
        if any(total - size in reached for size in sizes):
            reached.add(total)
    return frozenset(reached)


def _bases(telling: Telling, facts: int, goals: Sequence[str]) -> set[int]:
    """What facts, question and line end can come to, whoever and whatever is drawn."""
    fact = {len(telling.fact.format(name=name, goal=goal)) for name in telling.names for goal in goals}
    asked = {len(telling.question.format(goal=goal)) for goal in goals}
    least = facts * min(fact) + (facts - 1) * len(telling.between) + min(asked) + 1
    most = facts * max(fact) + (facts - 1) * len(telling.between) + max(asked) + 1
    return set(range(least, most + 1))


def _fits(length: int, bases: set[int], telling: Telling) -> bool:
    return all(_can_fill(length - base, telling) for base in bases)


def _check(length: int, telling: Telling, facts: int, goals: Sequence[str]) -> None:
    bases = _bases(telling, facts, goals)
    if not _fits(length, bases, telling):
        raise _impossible(length, bases, telling)


def _impossible(length: int | None, bases: set[int], telling: Telling) -> SettingsError:
    possible = [each for each in range(max(bases), max(bases) + 3 * _ALWAYS) if _fits(each, bases, telling)]
    near = sorted(sorted(possible, key=lambda each: abs(each - (length or 0)))[:2])
    return SettingsError(
        f"no story has exactly {length} characters with its question: facts and question take {max(bases)}, and what "
        f"happens after them is made of whole sentences; the nearest lengths are {' and '.join(map(str, near))}"
    )
