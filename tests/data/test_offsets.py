"""Every token knows its place, and a sentence is found around one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keepgate.data.questions import Question, locate, places
from keepgate.data.text import sentence_around, sentence_starts, tokenize, words
from keepgate.errors import CorpusError, ShapeError


@given(st.text())
@example("他花了1,000.5元。naïve e\u0301 कि \U0002000b 3.14.15, a_b…")
@example("\ud800 lone half")
@example("\u3000全形 空白\u00a0x\u2028y")
def test_tokens_cover_all_but_blanks_and_point_at_themselves(text: str) -> None:
    tokens = tokenize(text)
    assert len(tokens) == len(tokens.starts) == len(tokens.ends)
    end = 0
    for token, start, stop in zip(tokens.texts, tokens.starts, tokens.ends, strict=True):
        assert text[start:stop] == token != ""
        assert not any(character.isspace() for character in token)
        assert text[end:start].strip() == ""
        end = stop
    assert text[end:].strip() == ""
    assert words(text) == [token.lower() for token in tokens.texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("是誰想要成為海賊王?", ["是", "誰", "想", "要", "成", "為", "海", "賊", "王", "?"]),
        ("Mary went.", ["Mary", "went", "."]),
        ("在2019年花3.5億", ["在", "2019", "年", "花", "3.5", "億"]),
        ("1,000, 3.14.", ["1,000", ",", "3.14", "."]),
        ("A1.5b v2", ["A1.5b", "v2"]),
        ("don't", ["don", "'", "t"]),
        ("カナ한국어", ["カ", "ナ", "한국어"]),
        ("𠀋字々", ["𠀋", "字", "々"]),
        ("हिन्दी e\u0301a", ["हिन्दी", "e\u0301a"]),
        ("a_b…", ["a", "_", "b", "…"]),
        ("", []),
        (" \t\r\n\u3000", []),
    ],
)
def test_a_chinese_character_is_a_token_and_so_is_a_word(text: str, expected: list[str]) -> None:
    assert list(tokenize(text).texts) == expected


STORY = "「我想成為海賊王！」魯夫說。他走了 Mr. Smith ate 3.5 kg. He\n  slept…好？！對"


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("海賊王", "「我想成為海賊王！」"),
        ("魯夫", "魯夫說。"),
        ("Smith", "他走了 Mr. Smith ate 3.5 kg."),
        ("5", "他走了 Mr. Smith ate 3.5 kg."),
        ("He", "He"),
        ("slept", "slept…好？！"),
        ("對", "對"),
        ("！」魯夫", "「我想成為海賊王！」魯夫說。"),
    ],
)
def test_the_sentence_around_a_place(inside: str, sentence: str) -> None:
    at = STORY.index(inside)
    start, end = sentence_around(STORY, at, at + len(inside))
    assert STORY[start:end] == sentence


@given(st.text(alphabet="魯夫。！？」.!? \naB1"), st.data())
def test_a_sentence_holds_what_it_is_around(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = sentence_around(text, start, end)
    assert 0 <= first <= start <= end <= last <= len(text)
    starts = sentence_starts(text)
    assert starts == sorted(set(starts))
    assert starts[0] == 0


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 4), (2, 1)])
def test_a_place_outside_the_text_is_refused(start: int, end: int) -> None:
    with pytest.raises(ShapeError, match="text of 3 characters"):
        sentence_around("魯夫。", start, end)


def test_an_answer_is_located_where_the_question_is_answered() -> None:
    text = "魯夫今天去海邊。索隆說他想成為劍豪。魯夫說他想成為海賊王。"
    assert locate(text, "誰想成為海賊王?", "魯夫") == text.rindex("魯夫")
    assert locate(text, "今天誰去海邊?", "魯夫") == 0
    assert locate(text, "?", "魯夫") == 0, "the first of equals"
    assert locate(text, "誰?", "娜美") is None
    assert locate(text, "誰?", "") is None


def test_whole_tokens_come_before_parts_of_them() -> None:
    assert locate("The north. There is no way.", "where?", "no") == 20
    assert locate("The north.", "where?", "no") == 4
    assert locate("The north.", "where?", "no", whole=True) is None


def test_a_long_text_is_searched_in_a_moment() -> None:
    """Every sentence is read once, however often the answer stands in it."""
    text = "魯夫在海邊。" * 50_000
    assert locate(text, "誰在海邊?", "魯夫") == 0


def test_places_overlap() -> None:
    assert list(places("啦啦啦", "啦啦")) == [0, 1]
    assert list(places("abc", "")) == []


def test_a_question_refuses_answers_that_are_not_where_it_says() -> None:
    with pytest.raises(
        CorpusError, match=r"'魯夫' is said to start at character 1, where the text has '夫說'"
    ):
        Question(text="魯夫說", question="誰?", answers=("魯夫",), starts=(1,), id="a")
    with pytest.raises(CorpusError, match="2 answers and 1 starts"):
        Question(text="魯夫說", question="誰?", answers=("魯夫", "夫"), starts=(0,))
    with pytest.raises(CorpusError, match="said to start at character -1"):
        Question(text="魯夫說", question="誰?", answers=("說",), starts=(-1,))
    with pytest.raises(CorpusError, match="characters 0 to 9"):
        Question(text="魯夫說", question="誰?", facts=((0, 9),))
    assert Question(text="x", question="y", answers=("a", "b")).starts == (None, None)
