"""Pooling: states over time → one vector a row, by the last state, mean, maximum or attention."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..arrays.pooling import PoolingName
from .attention import masked_softmax
from .length_mask import length_mask


def last_states(
    states: Float[Tensor, "time batch states"], lengths: Int[Tensor, " batch"], *, bidirectional: bool
) -> Float[Tensor, "batch states"]:
    """The last state of each direction: at a row's last step forwards, at its first step backwards."""
    place = (lengths.to(states.device) - 1).clamp(min=0)
    forwards, backwards = states[place, torch.arange(states.shape[1], device=states.device)], states[0]
    if not bidirectional:
        return forwards
    units = states.shape[2] // 2
    return torch.cat([forwards[:, :units], backwards[:, units:]], 1)


class Pooling(nn.Module):
    """One vector a row from its states. "attention" weighs the steps by a learnt query.

    Yang et al. (2016), "Hierarchical attention networks for document classification", NAACL, eq. 5 to 7.
    """

    def __init__(self, kind: PoolingName, state_size: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.kind, self.bidirectional = kind, bidirectional
        self.output_size = state_size * (2 if kind == "mean+max" else 1)
        attends = kind == "attention"
        self.key_proj = nn.Linear(state_size, state_size) if attends else None
        self.query = nn.Linear(state_size, 1, bias=False) if attends else None

    def forward(
        self, states: Float[Tensor, "time batch states"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch pooled"]:
        """The pooled states; steps beyond a row's length take no part. Every row has a step or more."""
        if self.kind == "last":
            return last_states(states, lengths, bidirectional=self.bidirectional)
        real = length_mask(states.shape[0], lengths, states.device).unsqueeze(2)
        if self.kind == "attention":
            return torch.einsum("tb,tbk->bk", self.weights(states, lengths), states)
        pooled = []
        if "mean" in self.kind:
            pooled.append((states * real).sum(0) / real.sum(0))
        if "max" in self.kind:
            pooled.append(states.masked_fill(~real, -torch.inf).amax(0))
        return torch.cat(pooled, 1)

    def weights(
        self, states: Float[Tensor, "time batch states"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch"]:
        """The attention over the steps of each row, summing to 1. Only "attention" has it."""
        assert self.key_proj is not None
        assert self.query is not None
        scores = self.query(torch.tanh(self.key_proj(states))).squeeze(2)
        return masked_softmax(scores, length_mask(states.shape[0], lengths, states.device))
