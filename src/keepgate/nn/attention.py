"""Attention over states: what a question asks of a text."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Attention(nn.Module):
    """Asks over the steps of a sequence by scaled products. Luong et al. (2015), arXiv:1508.04025 ("general")."""

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.query_proj = nn.Linear(query_size, key_size, bias=False)
        self.scale = 1 / math.sqrt(key_size)

    def forward(
        self,
        query: Float[Tensor, "batch query"],
        keys: Float[Tensor, "time batch key"],
        real: Bool[Tensor, "time batch"],
    ) -> tuple[Float[Tensor, "batch key"], Float[Tensor, "time batch"]]:
        """What is read, and the weight of each step: 0 where `real` is false, summing to 1 over a row.

        A row without any real step reads zeros.
        """
        scores = torch.einsum("bk,tbk->tb", self.query_proj(query), keys) * self.scale
        weights = masked_softmax(scores, real)
        return torch.einsum("tb,tbk->bk", weights, keys), weights


def masked_softmax(
    scores: Float[Tensor, "time batch"], real: Bool[Tensor, "time batch"]
) -> Float[Tensor, "time batch"]:
    """Weights over the real steps of each row; a row without any gets zeros."""
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(~real, lowest).softmax(0)
    return weights.masked_fill(~real, 0)
