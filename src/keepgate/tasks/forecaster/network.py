"""The parts of a forecaster around its recurrent layers: segments in, several steps ahead out."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import gelu, relu

from .settings import LEAST_VARIANCE, Scaling


@dataclass(frozen=True)
class Scale:
    """Level and size of each window, taken away before the network and put back after it (Kim et al. 2022, RevIN)."""

    level: Float[Tensor, "batch targets"]
    size: Float[Tensor, "batch targets"]

    @classmethod
    def of(cls, values: Float[Tensor, "time batch targets"], scaling: Scaling) -> "Scale":
        """Of windows: the last value and 1, or mean and standard deviation."""
        if scaling == "last":
            return cls(values[-1], torch.ones_like(values[-1]))
        return cls(values.mean(0), (values.var(0, correction=0) + LEAST_VARIANCE).sqrt())

    def applied(self, values: Float[Tensor, "time batch targets"]) -> Float[Tensor, "time batch targets"]:
        """The values in units of the window."""
        return (values - self.level) / self.size

    def undone(self, values: Float[Tensor, "ahead batch targets outputs"]) -> Tensor:
        """What is in units of the window in those of the values again."""
        return values * self.size.unsqueeze(-1) + self.level.unsqueeze(-1)


class Segments(nn.Module):
    """Steps in segments, each as one vector: a linear map of all that is read in it, and a rectifier."""

    def __init__(self, steps: int, features: int, size: int) -> None:
        super().__init__()
        self.steps = steps
        self.linear = nn.Linear(steps * features, size)

    def forward(self, x: Float[Tensor, "time rows features"]) -> Float[Tensor, "segments rows size"]:
        """Where the first segment is not full, the first step stands in for what would be before it."""
        lacking = -len(x) % self.steps
        if lacking:
            x = torch.cat([x[:1].expand(lacking, -1, -1), x])
        segments = x.reshape(-1, self.steps, *x.shape[1:]).transpose(1, 2).flatten(2)
        embedded: Tensor = relu(self.linear(segments))
        return embedded


class Decoder(nn.Module):
    """From the last state to several outputs for each step ahead, all segments at once (Lin et al. 2023).

    A segment of the forecast is told apart by its place, its target, what is known ahead, and what the series has once.
    """

    def __init__(
        self,
        *,
        states: int,
        size: int,
        segment: int,
        ahead: int,
        targets: int,
        known: int,
        numbers: int,
        categories: list[int],
        outputs: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.segment, self.ahead, self.outputs = segment, ahead, outputs
        self.state = nn.Linear(states, size)
        self.place = nn.Parameter(torch.randn(math.ceil(ahead / segment), size) / 2)
        self.target = nn.Embedding(targets, size)
        nn.init.normal_(self.target.weight, std=0.5)
        self.known = nn.Linear(segment * known, size, bias=False) if known else None
        self.numbers = nn.Linear(numbers, size, bias=False) if numbers else None
        self.categories = nn.ModuleList(nn.Embedding(count, size) for count in categories)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(size, segment * outputs)

    def forward(
        self,
        state: Float[Tensor, "rows states"],
        ahead: Float[Tensor, "ahead batch known"],
        numbers: Float[Tensor, "batch numbers"],
        categories: Int64[Tensor, "batch categories"],
        target: Int64[Tensor, " targets"] | None = None,
    ) -> Float[Tensor, "ahead batch targets outputs"]:
        """The rows are the targets of each item of the batch, one after the other. target: their numbers, None all."""
        dtype, batch = state.dtype, ahead.shape[1]
        target_vectors = self.target.weight if target is None else self.target.weight[target]
        item = state.new_zeros(batch, 1)
        if self.numbers is not None:
            item = item + self.numbers(numbers.to(dtype))
        for place, embedding in enumerate(self.categories):
            item = item + embedding(categories[:, place])
        units = self.state(state).reshape(batch, -1, self.place.shape[1]) + target_vectors + item.unsqueeze(1)
        units = units.unsqueeze(2) + self.place
        if self.known is not None:
            lacking = -len(ahead) % self.segment
            ahead = torch.cat([ahead, ahead[-1:].expand(lacking, -1, -1)]).to(dtype)
            parts = ahead.reshape(-1, self.segment, *ahead.shape[1:]).permute(2, 0, 1, 3).flatten(2)
            units = units + self.known(parts).unsqueeze(1)
        steps = self.out(self.dropout(gelu(units))).reshape(*units.shape[:2], -1, self.outputs)
        return steps[:, :, : self.ahead].permute(2, 0, 1, 3)
