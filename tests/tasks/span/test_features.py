import numpy as np
import pytest

from keepgate.tasks.span.corpus_statistics import CorpusStatistics
from keepgate.tasks.span.features import (
    NEAR,
    OF_THE_WORD,
    QUESTION_FEATURES,
    TEXT_FEATURES,
    AnalysedText,
    analyse,
    compare,
)

TEXT, QUESTION = "他住海邊。她住山上,「海邊」很遠;住海邊好。", "誰住海邊。"


def both(
    counted: CorpusStatistics, text: str = TEXT, question: str = QUESTION
) -> tuple[AnalysedText, dict[str, np.ndarray]]:
    side = analyse(text, counted)
    features, _ = compare(side, analyse(question, counted))
    return side, dict(zip(TEXT_FEATURES, features.T, strict=True))


def test_every_feature_has_one_name_and_every_value_is_moderate(counted: CorpusStatistics) -> None:
    text, question = analyse(TEXT, counted), analyse(QUESTION, counted)
    of_text, of_question = compare(text, question)
    assert of_text.shape == (len(text.words), len(TEXT_FEATURES))
    assert of_question.shape == (len(question.words), len(QUESTION_FEATURES))
    assert len(set(TEXT_FEATURES)) == len(TEXT_FEATURES)
    assert set(TEXT_FEATURES) > OF_THE_WORD
    for features in (of_text, of_question):
        assert features.dtype == np.float32
        assert np.isfinite(features).all()
        assert np.abs(features).max() <= 2


def test_a_match_is_as_long_as_the_run_of_equal_tokens_around_it(counted: CorpusStatistics) -> None:
    text, features = both(counted)
    by_hand = [3 if near else 0 for near in (0, 1, 1, 1, 0)]  # 他住海邊。
    assert list(features["match length"][:5] * 8) == by_hand
    alone = text.words.index("山") - 1  # the 住 of 她住山上
    assert features["match length"][alone] * 8 == 1
    assert (features["matches"][alone], features["matches 2"][alone]) == (1, 0)


def test_punctuation_never_matches(counted: CorpusStatistics) -> None:
    text, features = both(counted)
    signs = [place for place, word in enumerate(text.words) if word in "。,;"]
    assert len(signs) == 4
    assert not features["matches"][signs].any()


def test_sums_of_matches_reach_so_many_tokens_and_stop_at_the_ends(counted: CorpusStatistics) -> None:
    text, features = both(counted)
    weights = features["matches"] * text.rarity
    asked = analyse(QUESTION, counted)
    whole = (asked.rarity * ~asked.kinds[:, 3]).sum() + 1e-3
    for near in NEAR:
        for place in range(len(text.words)):
            expected = weights[max(0, place - near) : place + near + 1].sum() / whole
            assert features[f"match within {near}"][place] == pytest.approx(min(expected, 2), abs=1e-6)


def test_a_part_shares_the_rarity_of_the_question_that_it_holds(counted: CorpusStatistics) -> None:
    text, features = both(counted, "她住山上。她到高雄港。", "誰到高雄港?")
    sentence = text.words.index("雄")
    found = sum(float(counted.rarity[counted.ids([word])[0]]) for word in "到高雄港")
    assert found > 1
    whole = found + 1 + 1e-3  # 誰 is unknown, its rarity is 1; the mark does not count
    assert features["share of sentence"][sentence] == pytest.approx(found / whole, abs=1e-6)
    assert features["share 2 of sentence"][0] == 0
    assert features["rank of sentence"][sentence] == pytest.approx(1, abs=0.02)


def test_the_nearness_of_a_match_fades(counted: CorpusStatistics) -> None:
    _, features = both(counted, "海邊一二三四", "海邊?")
    after = features["after match, fading 5"]
    assert after == pytest.approx(np.exp(-np.array([0, 0, 1, 2, 3, 4]) / 5), abs=1e-6)
    assert features["before match, fading 5"] == pytest.approx([1, 1, 0, 0, 0, 0], abs=1e-6)
    nothing = both(counted, "一二三四", "海邊?")[1]
    assert not nothing["after match, fading 5"].any()


def test_kinds_are_told_apart(counted: CorpusStatistics) -> None:
    _, features = both(counted, "1999年 Taipei 。「カ", "?")
    kinds = [
        [name for name in ("number", "word", "character", "pause") if features[name][place]]
        for place in range(6)
    ]
    assert kinds == [["number"], ["character"], ["word"], ["pause"], [], ["character"]]
    assert features["four digits"].tolist() == [1, 0, 0, 0, 0, 0]
    assert features["quoted"].tolist() == [0, 0, 0, 0, 1, 1]


def test_a_text_of_one_sign_can_be_compared(counted: CorpusStatistics) -> None:
    features, asked = compare(analyse("。", counted), analyse("?", counted))
    assert np.isfinite(features).all()
    assert np.isfinite(asked).all()
