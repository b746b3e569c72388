"""Open stories: the same for the same seed, with answers where they are marked, and questions that truly have none."""

import random
from itertools import pairwise

import pytest

from keepgate.data.text import tokenize
from keepgate.demo.open_stories.chinese import CHINESE
from keepgate.demo.open_stories.english import ENGLISH
from keepgate.demo.open_stories.grammar import Text, chosen, slots_of, written
from keepgate.demo.open_stories.pack import Pack
from keepgate.demo.open_stories.stories import Writer, _answered, _unanswered, open_stories
from keepgate.demo.story_templates import Language

LANGUAGES: tuple[Language, ...] = ("zh", "en")
each_language = pytest.mark.parametrize("language", LANGUAGES)
each_pack = pytest.mark.parametrize("pack", [CHINESE, ENGLISH], ids=LANGUAGES)


def writers(pack: Pack, count: int) -> list[tuple[random.Random, Writer]]:
    pairs = []
    for seed in range(count):
        rng = random.Random(seed)
        writer = Writer(rng, pack)
        writer.write_all()
        pairs.append((rng, writer))
    return pairs


@each_language
def test_the_same_seed_makes_the_same_stories_and_another_makes_others(language: Language) -> None:
    first = open_stories(50, seed=3, language=language)
    assert first == open_stories(50, seed=3, language=language)
    assert first[:20] == open_stories(20, seed=3, language=language)
    others = open_stories(50, seed=4, language=language)
    assert not {story.text for story in first} & {story.text for story in others}


@each_language
def test_answers_are_spans_of_whole_tokens_and_a_third_of_the_questions_has_none(language: Language) -> None:
    stories = open_stories(600, seed=0, language=language)
    for story in stories:
        if not story.unanswerable:
            tokens, (start,) = tokenize(story.text), story.starts
            assert start in tokens.starts
            assert start + len(story.answers[0]) in tokens.ends
    assert 0.25 < sum(story.unanswerable for story in stories) / len(stories) < 0.45
    answers = {story.answers[0] for story in stories if not story.unanswerable}
    assert len(answers) > 300  # they are pointed at, and not chosen from a list


@each_pack
def test_every_place_spells_the_filler_that_holds_in_the_end(pack: Pack) -> None:
    ended = changed = 0
    for _, writer in writers(pack, 300):
        text = str(writer.text)
        for fact in writer.facts:
            for slot, (start, end) in fact.places.items():
                assert text[start:end] == fact.fillers[slot]
            ended += fact.ended
            changed += fact.places["o"][0] > fact.places["s"][1] + 40
    assert ended > 10


@each_pack
def test_what_is_asked_holds_of_one_fact_or_of_none(pack: Pack) -> None:
    answered = unanswered = 0
    for rng, writer in writers(pack, 400):
        if (pair := _answered(rng, writer.facts)) is not None:
            asked, (start, end) = pair
            (fact,) = (fact for fact in writer.facts if _matches(asked, fact))
            assert str(writer.text)[start:end] == fact.fillers[asked.slot]
            answered += 1
        if (none := _unanswered(rng, writer)) is not None:
            assert not any(_matches(none, fact) for fact in writer.facts)
            unanswered += 1
    assert min(answered, unanswered) > 100


def _matches(asked: object, fact: object) -> bool:
    """By hand: a fact that still holds and differs from what is asked in no slot but the one asked for."""
    known = {name: filler for name, filler in asked.fillers.items() if name != asked.slot}  # type: ignore[attr-defined]
    return (
        fact.relation == asked.relation  # type: ignore[attr-defined]
        and not fact.ended  # type: ignore[attr-defined]
        and {name: fact.fillers[name] for name in known} == known  # type: ignore[attr-defined]
    )


@each_pack
def test_a_pronoun_stands_for_who_was_named_before_and_a_denial_holds_of_nobody_else(pack: Pack) -> None:
    by_pronoun = denied = 0
    for _, writer in writers(pack, 300):
        text = str(writer.text)
        for earlier, fact in pairwise(writer.facts):
            by_pronoun += fact.places["s"] == earlier.places["s"]
        denied += any(fact.ended and text.count(fact.fillers["s"]) == 1 for fact in writer.facts)
    assert min(by_pronoun, denied) > 10


@each_pack
def test_patterns_mention_only_slots_that_their_relation_has(pack: Pack) -> None:
    for relation in pack.relations:
        slots = set(relation.slots)
        for pattern in (*relation.statements, *relation.ends, *relation.denials):
            assert slots_of(pattern) <= slots, pattern
        for pattern in relation.changes:
            assert slots_of(pattern) <= {*slots, "n"}, pattern
            assert "n" in slots_of(pattern), pattern
        for slot, patterns in relation.questions.items():
            for pattern in patterns:
                assert slots_of(pattern) <= slots - {slot}, pattern


def test_alternatives_are_chosen_innermost_first_and_slots_are_placed() -> None:
    pattern = chosen(random.Random(0), "<s> {{wants|wants} to be|wants to be} <o>")
    text = Text()
    text.write("So ")
    places = written(text, pattern, {"s": "Ana", "o": "a cook"})
    assert str(text) == "So Ana wants to be a cook"
    assert places == {"s": (3, 6), "o": (19, 25)}
