"""The metrics give the figures that were worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepgate.errors import ShapeError
from keepgate.tasks.metrics import Scores, exact_match, f1_bag, f1_substring, mean_scores, score

# prediction, answer, exact match, F1 by the longest common substring, F1 by the bag
BY_HAND = [
    ("海賊王", "海賊王", 1, 1, 1),
    ("《海賊王》。", "海賊王", 1, 1, 1),
    ("海 賊 王", "海賊王", 1, 1, 1),
    ("想成為海賊王", "海賊王", 0, 2 / 3, 2 / 3),  # a run of 3: precision 3/6, recall 3/3
    ("海王賊", "海賊王", 0, 1 / 3, 1),  # the longest run is 1 of 3 and 3; the bags are the same
    ("王海賊", "海賊王", 0, 2 / 3, 1),  # the run 海賊
    ("索隆", "海賊王", 0, 0, 0),
    ("", "海賊王", 0, 0, 0),
    ("ONE Piece", "one piece", 1, 1, 1),
    ("One Piece, 1997", "One Piece", 0, 4 / 5, 4 / 5),  # words: a run of 2, precision 2/3, recall 2/2
    ("onepiece", "one piece", 0, 0, 0),
    ("the pirate king", "pirate king", 0, 4 / 5, 1),  # SQuAD's bag leaves articles out, CMRC's run does not
    ("king of the pirates", "pirates king", 0, 2 / 6, 4 / 5),  # a run of 1 of 4 and 2; 2 of {king of pirates}
    ("2018-05", "201805", 1, 1, 1),  # CMRC's script deletes the hyphen and joins what stood beside it
    ("1997年7月22日", "1997年", 0, 2 * 2 / (6 + 2), 4 / 8),  # tokens 1997 年 7 月 22 日; the run 1997 年
    ("50%", "50", 0, 2 / 3, 1),  # a percent sign is read aloud; SQuAD's bag drops it
    ("3.14", "314", 0, 0, 1),  # one number of CMRC's; SQuAD's bag drops the point
    ("啊啊", "啊", 0, 2 / 3, 2 / 3),  # a bag counts each token as often as both have it
    ("「」", "「」", 1, 1, 1),  # nothing is left of either: compared as they are
    ("？", "！", 0, 0, 0),
    ("？", "王", 0, 0, 0),
]


@pytest.mark.parametrize(("prediction", "answer", "exact", "substring", "bag"), BY_HAND)
def test_worked_by_hand(prediction: str, answer: str, exact: float, substring: float, bag: float) -> None:
    assert exact_match(prediction, answer) == exact
    assert f1_substring(prediction, answer) == pytest.approx(substring)
    assert f1_bag(prediction, answer) == pytest.approx(bag)


def test_each_measure_takes_the_answer_that_is_best_by_it() -> None:
    scores = score("海王賊", ["海王", "海賊王", "x"])
    assert scores == Scores(exact=0.0, f1_substring=pytest.approx(4 / 5), f1_bag=1.0)
    assert score("海賊王", ["索隆", "海賊王"]).exact == 1.0


def test_means_are_over_questions() -> None:
    assert mean_scores([Scores(1, 1, 1), Scores(0, 0.5, 0)]) == Scores(0.5, 0.75, 0.5)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ShapeError, match="there is none"):
        score("魯夫", [])
    with pytest.raises(ShapeError, match="no scores"):
        mean_scores([])


TEXTS = st.text(alphabet="海賊王索隆 ab1.,。《》-%the", max_size=12)


@given(TEXTS, TEXTS)
def test_measures_are_symmetric_between_0_and_1_and_agree_on_a_match(left: str, right: str) -> None:
    for measure in (exact_match, f1_substring, f1_bag):
        assert measure(left, right) == pytest.approx(measure(right, left))
        assert 0 <= measure(left, right) <= 1
        assert measure(left, left) == 1
    if exact_match(left, right):
        assert f1_substring(left, right) == 1


def longest_run_slowly(left: list[str], right: list[str]) -> int:
    runs = {tuple(left[i:j]) for i in range(len(left)) for j in range(i + 1, len(left) + 1)}
    return max(
        (j - i for i in range(len(right)) for j in range(i + 1, len(right) + 1) if tuple(right[i:j]) in runs),
        default=0,
    )


@given(st.text(alphabet="海賊王", min_size=1, max_size=9), st.text(alphabet="海賊王", min_size=1, max_size=9))
def test_the_longest_run_is_the_longest_of_all_runs(left: str, right: str) -> None:
    run = longest_run_slowly(list(left), list(right))
    assert f1_substring(left, right) == pytest.approx(2 * run / (len(left) + len(right)))
