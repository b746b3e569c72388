"""Tokens and pairs are counted as a Counter of their names does, and no more are held than asked for."""

from collections import Counter

import numpy as np
import pytest

from keepgate.data import token_counts
from keepgate.data.bigrams import pairs_of
from keepgate.data.token_counts import TokenCounts


def texts(count: int, different: int) -> list[list[str]]:
    rng = np.random.default_rng(0)
    # Few are common, and one has the name of a text's end.
    return [
        [f"{k}" if k else "<end>" for k in rng.zipf(1.5, rng.integers(1, 9)) % different]
        for _ in range(count)
    ]


@pytest.mark.parametrize("piece", [1, 50, 1 << 20])
def test_counts_are_those_of_the_names(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(token_counts, "_PIECE", piece)
    counts, tokens, pairs = TokenCounts(pairs=True, most=None), Counter[str](), Counter[str]()
    for text in texts(300, 60):
        counts.add(text)
        tokens.update(text)
        pairs.update(pairs_of(text))
    assert counts.tokens() == tokens
    assert counts.pairs(1) == pairs
    assert counts.pairs(3) == {name: count for name, count in pairs.items() if count >= 3}


def test_the_commonest_are_counted_exactly_where_the_rarest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(token_counts, "_PIECE", 30)
    counts, tokens, pairs = TokenCounts(pairs=True, most=40), Counter[str](), Counter[str]()
    for number, text in enumerate(texts(2000, 10_000)):
        text = ["the", "sea", f"word{number}", *text]
        counts.add(text)
        tokens.update(text)
        pairs.update(pairs_of(text))
        assert len(counts._numbers) <= 40 + 30 + 12
        assert len(counts._keys) <= 40
    assert counts.tokens()["the"] == tokens["the"] == 2000
    assert counts.pairs(1)["the\tsea"] == pairs["the\tsea"] == 2000
    assert len(counts.tokens()) <= 40
    # What is rare at first is forgotten and found again, so that of the others a little may be missing.
    assert all(
        0.9 * tokens[token] <= count <= tokens[token] for token, count in counts.tokens().most_common(5)
    )
    assert all(0.9 * pairs[pair] <= count <= pairs[pair] for pair, count in counts.pairs(1).most_common(5))
