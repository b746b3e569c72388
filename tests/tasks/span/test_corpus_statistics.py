import json
import math

import numpy as np
import pytest

from keepgate.errors import CorpusError
from keepgate.tasks.span.corpus_statistics import CorpusStatistics

TEXTS = ["甲乙丙。", "甲乙丁。", "甲乙丙。 戊", "己甲乙"]


@pytest.fixture
def few() -> CorpusStatistics:
    return CorpusStatistics.count(TEXTS, ["丙 丙 丙?"], most_pairs=10)


def number(counted: CorpusStatistics, pair: str) -> int:
    return int(counted.pair_ids(counted.ids(list(pair)))[0])


def test_words_seen_three_times_are_known_and_questions_count_too(few: CorpusStatistics) -> None:
    assert set(few.vocabulary.to_json()) == {"甲", "乙", "丙", "。"}


def test_rarity_is_one_in_no_text_and_zero_in_every_text(few: CorpusStatistics) -> None:
    everywhere, half, unknown = few.rarity[few.ids(["甲", "丙", "龘"])]
    assert everywhere == 0
    assert unknown == 1
    assert half == pytest.approx(math.log(5 / 3) / math.log(5), abs=5e-4)


def test_only_pairs_seen_three_times_have_numbers(few: CorpusStatistics) -> None:
    assert len(few.pairs) == 1
    assert number(few, "甲乙") == 1
    assert number(few, "乙丙") == number(few, "乙甲") == 0


def test_cohesion_and_entropies_are_those_worked_by_hand(few: CorpusStatistics) -> None:
    place = number(few, "甲乙") - 1
    # 4 pairs, each of its words 4 times, 16 words in all.
    assert few.cohesion[place] == pytest.approx(math.log(4 * 16 / (4 * 4)) / 8, abs=5e-4)
    # After it: 丙, the unknown 丁, 丙, the end. Before it: the beginning three times and the unknown 己.
    assert few.right[place] == pytest.approx(1.5 * math.log(2) / 4, abs=5e-4)
    assert few.left[place] == pytest.approx((0.75 * math.log(4 / 3) + 0.25 * math.log(4)) / 4, abs=5e-4)


def test_boundaries_belong_to_the_words_they_touch(few: CorpusStatistics) -> None:
    ids = few.ids(list("己甲乙"))
    before, after, ends, begins = few.boundaries(few.pair_ids(ids)).T
    cohesion, right, left = few.cohesion[0], few.right[0], few.left[0]
    assert after[1] == before[2] == cohesion
    assert ends[2] == right
    assert begins[1] == left
    assert (before[1], ends[1], begins[2]) == tuple(np.float32((-0.3, -0.25, -0.25)))


def test_counts_survive_their_json(counted: CorpusStatistics) -> None:
    again = CorpusStatistics.from_json(json.loads(json.dumps(counted.to_json())))
    assert again.vocabulary == counted.vocabulary
    for name in ("rarity", "frequency", "pairs", "cohesion", "left", "right"):
        assert np.array_equal(getattr(again, name), getattr(counted, name)), name


def test_counts_that_do_not_fit_together_are_refused(counted: CorpusStatistics) -> None:
    plain = counted.to_json()
    for broken in (plain | {"rarity": [1.0]}, plain | {"pairs": plain["pairs"][::-1]}, plain | {"left": []}):
        with pytest.raises(CorpusError, match="counts of a span reader"):
            CorpusStatistics.from_json(broken)


def test_texts_without_a_repeated_word_are_refused() -> None:
    with pytest.raises(CorpusError, match="no word occurs 3 times in 1 texts"):
        CorpusStatistics.count(["甲乙丙"], [], most_pairs=10)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_the_shortest_texts_have_their_numbers(counted: CorpusStatistics, size: int) -> None:
    ids = counted.ids(["他"] * size)
    pairs = counted.pair_ids(ids)
    assert pairs.shape == (size,)
    assert pairs.dtype == np.int64
    assert counted.boundaries(pairs).shape == (size, 4)
