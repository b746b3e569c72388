"""TokenPairs: embeddings of tokens and of their pairs (bigrams) with the next one, and tokens hidden at random."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..data.vocabulary import PAD, UNKNOWN
from ..nn.length_mask import length_mask


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


def hide_tokens(
    ids: Int64[Tensor, "time batch 2"], lengths: Int64[Tensor, " batch"], rate: float
) -> Int64[Tensor, "time batch 2"]:
    """The ids with this share of the tokens, at random, unknown, and with each the two pairs that it is part of."""
    real = length_mask(ids.shape[0], lengths, ids.device)
    token = (torch.rand(real.shape, device=real.device) < rate) & real
    pair = token.clone()
    pair[:-1] |= token[1:]
    return ids.masked_fill(torch.stack([token, pair], -1), UNKNOWN)
