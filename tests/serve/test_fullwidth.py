"""A sign in the width that a vocabulary knows."""

import pytest

from keepgate.data.questions import Question
from keepgate.data.text import tokenize
from keepgate.data.vocabulary import Vocabulary
from keepgate.serve.fullwidth import known_forms, normalise_widths


@pytest.mark.parametrize(
    ("known", "typed", "read"),
    [
        ("?", "？", "?"),
        ("？", "?", "？"),
        ("?？", "？", "？"),  # known as it is: left alone
        ("。", ".", "。"),
        ("。", "｡", "。"),
        (".", "。", "."),
        ("，", ",", "，"),
        ("!", "？", "？"),  # its twin is unknown as well
    ],
)
def test_a_sign_is_read_in_the_width_that_is_known(known: str, typed: str, read: str) -> None:
    assert known_forms([typed], Vocabulary(known)) == [read]


def test_a_word_in_wide_letters_is_one_that_is_known() -> None:
    assert known_forms(["Ｌｕｆｆｙ"], Vocabulary(["luffy"])) == ["luffy"]


def test_every_place_stays_what_it_was() -> None:
    asked = Question(text="３．５是多少？ Ｌｕｆｆｙ, ok。", question="誰？")
    found = normalise_widths(asked, Vocabulary(["?", "luffy", "."]))
    assert found.question == "誰?"
    assert len(found.text) == len(asked.text)
    assert "luffy" in found.text
    assert tokenize(found.text).starts == tokenize(asked.text).starts


def test_a_point_that_would_join_two_numbers_stays_apart() -> None:
    asked = Question(text="3。5", question="?")
    assert normalise_widths(asked, Vocabulary(["."])).text == "3。5"
