"""Dropout that suits sequences: one mask for all steps, or for all places of a token."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import SettingsError
from .checks import dropout_of


class LockedDropout(nn.Module):
    """Zeroes the same features of a row at every step, in training. Gal & Ghahramani (2016), arXiv:1512.05287."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = dropout_of(p)
        if self.p == 1:
            raise SettingsError("dropout is 1, which zeroes every feature; give less than 1")

    def forward(self, x: Float[Tensor, "time batch features"]) -> Float[Tensor, "time batch features"]:
        """x with each row's dropped features zero and the others divided by 1 - p; x itself outside training."""
        if not self.training or self.p == 0:
            return x
        mask = torch.empty(1, *x.shape[1:], device=x.device, dtype=x.dtype).bernoulli_(1 - self.p)
        return x * (mask / (1 - self.p))

    def extra_repr(self) -> str:
        """The probability of zeroing a feature."""
        return f"p={self.p}"


def drop_tokens(embeddings: Float[Tensor, "tokens embedding"], p: float) -> Float[Tensor, "tokens embedding"]:
    """The embeddings with this share of the rows zero, tokens at all their places, and the others divided by 1 - p.

    Source: embedding dropout, Gal & Ghahramani (2016), arXiv:1512.05287.
    """
    mask = torch.empty(len(embeddings), 1, device=embeddings.device, dtype=embeddings.dtype).bernoulli_(1 - p)
    return embeddings * (mask / (1 - p))
