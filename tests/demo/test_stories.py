"""Stories have the length asked for, their answer where they say, and nothing in the test that training has paired."""

import pytest

from keepgate.data.text import words
from keepgate.demo.stories import (
    answer_in_story,
    distractors,
    goals_of,
    names_of,
    pirate_king_story,
    shortest,
    stories,
    vocabulary_coverage_set,
)
from keepgate.demo.story_templates import STORY_TEMPLATES
from keepgate.errors import SettingsError

LANGUAGES = tuple(STORY_TEMPLATES)


def characters(question) -> int:
    return len(question.text) + 1 + len(question.question)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("facts", [1, 3])
def test_a_story_has_exactly_the_length_asked_for(language, facts) -> None:
    least = shortest(facts=facts, language=language)
    for length in (least, least + 30, 333, 1000):
        made = stories(20, length, seed=1, facts=facts, language=language)
        assert [characters(one) for one in made] == [length] * 20


def test_the_shortest_chinese_stories_are_of_22_and_44_characters() -> None:
    assert (shortest(), shortest(facts=3)) == (22, 44)
    (one,) = stories(1, 22, seed=3)
    name, goal = one.answers[0], one.question[6:9]
    assert f"{one.text}\n{one.question}" == f"{name}說他想成為{goal}。\n是誰想要成為{goal}?"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_length_above_the_shortest_can_be_made_or_is_refused_with_the_nearest(language) -> None:
    least = shortest(language=language)
    refused = []
    for length in range(least, least + 80):
        try:
            made = stories(3, length, seed=0, language=language)
        except SettingsError as error:
            refused.append(length)
            nearest = [int(part) for part in str(error).rsplit("are ", 1)[1].split(" and ")]
            for each in nearest:
                stories(3, each, seed=0, language=language)
        else:
            assert all(characters(one) == length for one in made)
    assert refused == ([23, 24, 25] if language == "zh" else [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_and_its_fact_stand_where_the_story_says(language) -> None:
    telling = STORY_TEMPLATES[language]
    for one in stories(60, 300, seed=5, facts=3, language=language):
        ((start, end),) = one.facts
        goal = next(g for g in goals_of("train", language) if telling.question.format(goal=g) == one.question)
        assert one.text[start:end] == telling.fact.format(name=one.answers[0], goal=goal)
        assert one.text[one.starts[0] :].startswith(one.answers[0])
        assert start <= one.starts[0] < end
    starts = {one.facts[0][0] for one in stories(60, 300, seed=5, facts=3)}
    assert starts == {0, 11, 22}, "the question is about each of the facts"


@pytest.mark.parametrize("language", LANGUAGES)
def test_training_and_test_share_no_pair_of_name_and_goal_but_every_part_of_one(language) -> None:
    pairs = {}
    for split in ("train", "test"):
        made = stories(8000, shortest(language=language), seed=1, split=split, language=language)
        pairs[split] = {(one.answers[0], one.question) for one in made}
    assert not pairs["train"] & pairs["test"]
    assert not {goal for _, goal in pairs["train"]} & {goal for _, goal in pairs["test"]}
    for part in pairs.values():
        assert {name for name, _ in part} == set(names_of(language))
    known = {word for _, goal in pairs["train"] for word in words(goal)}
    assert {word for _, goal in pairs["test"] for word in words(goal)} <= known
    assert (len(pairs["train"]), len(pairs["test"])) == (16 * 56, 16 * 8)


def test_no_name_is_likelier_with_any_goal_and_none_than_another() -> None:
    """What a network could learn without memory is nothing: each goal of the test has each name, alike."""
    made = stories(6400, 22, seed=9, split="test")
    counts = {name: sum(one.answers[0] == name for one in made) for name in names_of()}
    assert all(abs(count - 400) < 5 * 20 for count in counts.values()), counts
    king = [one.answers[0] for one in made if "海賊王" in one.question]
    assert all(abs(king.count(name) - len(king) / 16) < 5 * 7 for name in names_of())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_happens_says_nothing_of_what_anyone_wants_to_become(language) -> None:
    telling = STORY_TEMPLATES[language]
    parts = [
        part for goal in (*goals_of("train", language), *goals_of("test", language)) for part in words(goal)
    ]
    for each in telling.distractors:
        sentence = each.format(a="", b="")
        assert "成為" not in sentence
        assert "become" not in sentence
        assert not {part for part in parts if part != "the"} & set(words(sentence))


def test_the_names_share_no_character() -> None:
    together = "".join(names_of())
    assert len(set(together)) == len(together) == 32


def test_the_same_seed_makes_the_same_stories_and_another_others() -> None:
    assert stories(5, 300, seed=1) == stories(5, 300, seed=1)
    assert stories(5, 300, seed=1) != stories(5, 300, seed=2)
    assert stories(5, 300, seed=1)[:3] == stories(3, 300, seed=1)
    assert stories(1, 300, seed=1)[0].text != stories(1, 300, seed=1, split="test")[0].text
    (one,) = stories(1, 44, seed=0)
    assert one.text == "曉明說他想成為漫畫迷。羅賓說他想去看魯夫。大雄送給淑芬一盒巧克力。", (
        "stories stay the same from release to release"
    )


def test_the_article_s_own_sentence_and_question() -> None:
    alone = pirate_king_story()
    assert (alone.text, alone.question, alone.answers) == (
        "魯夫說他想成為海賊王。",
        "是誰想要成為海賊王?",
        ("魯夫",),
    )
    long = pirate_king_story(10_000, seed=4)
    assert characters(long) == 10_000
    assert long.text.startswith(alone.text)
    assert long.text.count("成為") == 1
    assert pirate_king_story(22).text == alone.text
    assert pirate_king_story(language="en").text == "Luffy says he wants to become the pirate king."
    assert "海賊王" in goals_of("test")
    with pytest.raises(SettingsError, match="no story has exactly 24 characters"):
        pirate_king_story(24)
    with pytest.raises(SettingsError, match="nearest lengths are 22 and 26"):
        pirate_king_story(24)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reader_built_from_the_primer_knows_every_token_of_every_story(language) -> None:
    known = {
        word for one in vocabulary_coverage_set(language) for word in words(f"{one.text} {one.question}")
    }
    for split in ("train", "test"):
        for one in stories(200, 600, seed=2, split=split, facts=3, language=language):
            assert set(words(f"{one.text} {one.question}")) <= known
    assert {one.answers[0] for one in vocabulary_coverage_set(language)} == set(names_of(language))
    assert not any(
        goal in one.text for one in vocabulary_coverage_set(language) for goal in goals_of("test", language)
    )


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(SettingsError, match="1 to 8"):
        stories(1, 300, seed=0, facts=9, split="test")
    with pytest.raises(SettingsError, match="0 or more"):
        stories(-1, 300, seed=0)
    with pytest.raises(SettingsError, match="test, train"):
        stories(1, 300, seed=0, split="dev")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="choose one of zh"):
        stories(1, 300, seed=0, language="zhh")  # type: ignore[arg-type]
    assert stories(0, 300, seed=0) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_facts_and_question_can_stand_alone(language) -> None:
    for one in stories(20, None, seed=3, facts=2, language=language):
        told_of = STORY_TEMPLATES[language].fact.partition("{goal}")[2]
        assert one.text.count(told_of) == 2
        assert one.text.endswith(told_of)
    assert stories(5, None, seed=3) == stories(5, None, seed=3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_else_happens_is_without_end_and_says_nothing_of_goals(language) -> None:
    endless, again = distractors(4, language), distractors(4, language)
    some = [next(endless) for _ in range(200)]
    assert some == [next(again) for _ in range(200)]
    text = "".join(some)
    assert len(set(some)) > 50
    assert not any(goal in text for split in ("train", "test") for goal in goals_of(split, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_is_told_where_the_text_says_it_of_one_person(language) -> None:
    for split in ("train", "test"):
        for one in stories(20, 200, seed=8, split=split, facts=2, language=language):
            assert answer_in_story(one.text, f" {one.question}\n", language) == one.answers[0]
    one = pirate_king_story(language=language)
    telling = STORY_TEMPLATES[language]
    twice = one.text + telling.fact.format(name=telling.names[1], goal="?")
    assert answer_in_story(twice, one.question, language) == telling.names[0]
    other = one.text.replace(telling.names[0], telling.names[1])
    assert answer_in_story(one.text + telling.between + other, one.question, language) is None
    denials = {"en": "Luffy does not want to become the pirate king.", "zh": "魯夫不想成為海賊王了。"}
    taken_back = denials[language]
    assert answer_in_story(one.text + taken_back, one.question, language) is None
    assert answer_in_story(taken_back + one.text, one.question, language) == telling.names[0]
    assert answer_in_story(one.text, "?", language) is None
    assert answer_in_story("", one.question, language) is None
