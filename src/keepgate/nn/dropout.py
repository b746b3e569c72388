"""Dropout that suits sequences: one mask for all steps."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import SettingsError


class LockedDropout(nn.Module):
    """Zeroes the same features of a row at every step, in training. Gal & Ghahramani (2016), arXiv:1512.05287."""

    def __init__(self, p: float) -> None:
        super().__init__()
        if isinstance(p, bool) or not 0 <= p < 1:
            raise SettingsError(
                f"dropout is {p!r}; it is the probability of zeroing a feature, from 0 up to but not 1"
            )
        self.p = float(p)

    def forward(self, x: Float[Tensor, "time batch features"]) -> Float[Tensor, "time batch features"]:
        """x with each row's dropped features zero and the others divided by 1 - p; x itself outside training."""
        if not self.training or self.p == 0:
            return x
        mask = torch.empty(1, *x.shape[1:], device=x.device, dtype=x.dtype).bernoulli_(1 - self.p)
        return x * (mask / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"
