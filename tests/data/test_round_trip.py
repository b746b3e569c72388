"""Tokens become numbers and come back; rows become padded tensors; batches hold every row once."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from keepgate.data.batch import bucketed, pad
from keepgate.data.text import words
from keepgate.data.vocabulary import Vocabulary
from keepgate.errors import CorpusError, SettingsError, ShapeError


def test_a_vocabulary_is_counted_the_most_frequent_first() -> None:
    vocabulary = Vocabulary.count(["b a a", "A c b 王"])
    assert vocabulary.to_json() == ["a", "b", "c", "王"]
    assert vocabulary.ids(["<pad>", "<unknown>", "a", "王", "never"]) == [0, 1, 2, 5, 1]
    assert (len(vocabulary), vocabulary.token(0), vocabulary.token(1), vocabulary.token(5)) == (
        6, "<pad>", "<unknown>", "王",
    )  # fmt: skip
    assert Vocabulary.most_frequent(Counter("baacab"), 2).to_json() == ["a", "b"]
    assert Vocabulary.most_frequent(Counter("baacab"), at_most=1).to_json() == ["a"]
    assert "a" in vocabulary
    assert "A" not in vocabulary


@given(st.lists(st.text(), max_size=5))
def test_what_was_counted_comes_back(texts: list[str]) -> None:
    vocabulary = Vocabulary.count(texts)
    again = Vocabulary.from_json(vocabulary.to_json())
    assert again == vocabulary
    assert hash(again) == hash(vocabulary)
    for text in texts:
        assert [again.token(number) for number in again.ids(words(text))] == words(text)


def test_a_text_cannot_forge_the_special_tokens() -> None:
    assert 0 not in Vocabulary.count(["<pad>"]).ids(words("<pad>"))


def test_a_broken_vocabulary_is_refused() -> None:
    with pytest.raises(CorpusError, match="'a' comes again"):
        Vocabulary(["a", "b", "a"])
    with pytest.raises(CorpusError, match="'<pad>' comes again"):
        Vocabulary(["<pad>"])
    for broken in (None, "abc", ["a", 1], {"a": 2}):
        with pytest.raises(CorpusError, match="list of tokens"):
            Vocabulary.from_json(broken)
    for number in (-1, 3):
        with pytest.raises(ShapeError, match="from 0 to 2"):
            Vocabulary(["a"]).token(number)


def test_rows_become_columns_padded_with_zero() -> None:
    ids, lengths = pad([[5, 6, 7], [], [8]])
    assert ids.tolist() == [[5, 0, 8], [6, 0, 0], [7, 0, 0]]
    assert lengths.tolist() == [3, 0, 1]
    assert ids.dtype == lengths.dtype == torch.int64
    assert pad([])[0].shape == (0, 0)


@given(st.lists(st.integers(0, 300), max_size=400), st.integers(1, 9), st.integers(0, 5), st.integers(0, 5))
def test_every_row_is_in_one_batch(lengths: list[int], batch_size: int, seed: int, epoch: int) -> None:
    batches = bucketed(lengths, batch_size, seed, epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert batches == bucketed(lengths, batch_size, seed, epoch)


def test_rows_of_a_batch_are_of_similar_length_and_epochs_differ() -> None:
    lengths = list(range(1000))
    first, second = (bucketed(lengths, 10, seed=3, epoch=epoch) for epoch in (0, 1))
    assert first != second
    assert first != bucketed(lengths, 10, seed=4, epoch=0)
    spread = [max(batch) - min(batch) for batch in first]
    assert max(spread) < 100, "of 1,000 rows in random company it would be about 800"
    longest = [max(batch) for batch in first]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="batch_size is 0"):
        bucketed([1, 2], 0, 0, 0)
