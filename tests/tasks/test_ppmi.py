import numpy as np
import torch

from keepgate.tasks.ppmi import SPREAD, vectors
from keepgate.tasks.span.corpus_statistics import CorpusStatistics

# 貓 and 狗 stand among the same words, 書 among others.
TEXTS = [
    *("我家的貓很愛吃魚", "我家的狗很愛吃肉", "他寫的書有三百頁"),
    *("我家的貓很愛睡覺", "我家的狗很愛睡覺", "他寫的書有兩萬字"),
] * 3


def embedded(
    texts: list[np.ndarray], counted: CorpusStatistics, word_size: int, pair_size: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    return vectors(
        texts, [counted.pair_ids(text) for text in texts], words=len(counted.vocabulary),
        pair_count=len(counted.pairs) + 1, word_size=word_size, pair_size=pair_size, seed=seed,
    )  # fmt: skip


def made(seed: int = 0, word_size: int = 4) -> tuple[CorpusStatistics, torch.Tensor, torch.Tensor]:
    counted = CorpusStatistics.count(TEXTS, [], most_pairs=20)
    texts = [counted.ids(list(text)) for text in TEXTS]
    return counted, *embedded(texts, counted, word_size, 3, seed)


def test_words_in_the_same_company_are_alike() -> None:
    counted, words, _ = made()
    cat, dog, book = (words[counted.vocabulary.ids([word])[0]] for word in "貓狗書")
    alike = torch.nn.functional.cosine_similarity
    assert alike(cat, dog, 0) > 0.99
    assert alike(cat, book, 0) < 0.9


def test_padding_has_zeros_and_the_rest_one_spread() -> None:
    counted, words, pairs = made()
    assert words.shape == (len(counted.vocabulary), 4)
    assert pairs.shape == (len(counted.pairs) + 1, 3)
    for table in (words, pairs):
        assert not table[0].any()
        assert abs(table.std().item() - SPREAD) < 0.01


def test_the_same_seed_gives_the_same_bits() -> None:
    assert all(torch.equal(one, other) for one, other in zip(made(3)[1:], made(3)[1:], strict=True))


def test_more_numbers_than_the_texts_can_fill_stay_zero() -> None:
    _, words, _ = made(word_size=200)
    assert words.shape[1] == 200
    assert not words[:, 100:].any()


def test_texts_of_one_word_have_no_company() -> None:
    counted = CorpusStatistics.count(["水"] * 3, [], most_pairs=5)
    words, pairs = embedded([counted.ids(["水"])] * 3, counted, 2, 2, 0)
    assert np.isfinite(words.numpy()).all()
    assert pairs.shape == (1, 2)
