"""TokenPairs: embeddings of tokens and of their pairs (bigrams) with the next one, and tokens hidden at random."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..data.bigrams import pairs_of
from ..data.vocabulary import PAD, UNKNOWN, Vocabulary
from ..nn.length_mask import length_mask
from .ppmi import initialise_embeddings


class TokenPairs(nn.Module):
    """Embeddings of tokens and of pairs, side by side. tokens, pairs: how many; a pair_size of 0 leaves pairs out."""

    def __init__(self, tokens: int, pairs: int, token_size: int, pair_size: int) -> None:
        super().__init__()
        self.token = nn.Embedding(tokens, token_size, padding_idx=PAD)
        self.pair = nn.Embedding(pairs, pair_size, padding_idx=PAD) if pair_size else None

    def forward(self, ids: Int64[Tensor, "time batch 2"]) -> Float[Tensor, "time batch embedding"]:
        """The embedding of each token, and of its pair beside it."""
        tokens = self.token(ids[..., 0])
        return tokens if self.pair is None else torch.cat([tokens, self.pair(ids[..., 1])], -1)

    def initialise(
        self, texts: Sequence[Sequence[str]], vocabulary: Vocabulary, pairs: Vocabulary, seed: int
    ) -> None:
        """Gives the embeddings the vectors of the tokens and pairs of these texts."""
        ids = [np.array(vocabulary.ids(text)) for text in texts]
        pair_ids = [np.array(pairs.ids(pairs_of(text))) for text in texts]
        initialise_embeddings(self.token, self.pair, ids, pair_ids, seed)


def vocabularies(texts: Sequence[Sequence[str]], settings: Any) -> tuple[Vocabulary, Vocabulary]:
    """The vocabularies of the tokens and of the pairs of these texts.

    settings: with `min_count`, `max_pairs` and `pair_size`, whose 0 leaves pairs out.
    """
    tokens = Counter(token for text in texts for token in text)
    pairs = (
        Counter(pair for text in texts for pair in pairs_of(text)) if settings.pair_size else Counter[str]()
    )
    at_least = settings.min_count
    return (
        Vocabulary.most_frequent(tokens, at_least),
        Vocabulary.most_frequent(pairs, at_least, settings.max_pairs),
    )


def hide_tokens(
    ids: Int64[Tensor, "time batch 2"], lengths: Int64[Tensor, " batch"], rate: float
) -> Int64[Tensor, "time batch 2"]:
    """The ids with this share of the tokens, at random, unknown, and with each the two pairs that it is part of."""
    real = length_mask(ids.shape[0], lengths, ids.device)
    token = (torch.rand(real.shape, device=real.device) < rate) & real
    pair = token.clone()
    pair[:-1] |= token[1:]
    return ids.masked_fill(torch.stack([token, pair], -1), UNKNOWN)
