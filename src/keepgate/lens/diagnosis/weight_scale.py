"""Weight scale: how large a recurrent layer's weights are, and whether they are still as they were first drawn."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# Fewer weights do not show how they are distributed.
FEWEST = 100
# Of numbers that are drawn evenly, the Kolmogorov-Smirnov statistic times √n is above this once in a million times; of
# a layer whose weights three steps of Adam have moved, from 10 on.
DRAWN = 2.7
# A block is orthogonal if no entry of W Wᵀ is further from the identity's.
ORTHOGONAL = 1e-3
# Weights are nearly spread as they were drawn if no share of them has moved further than this: by no step of Adam of
# the usual size and hardly by many of a gradient that is clipped to nothing.
NEARLY = 0.1


@dataclass(frozen=True, kw_only=True)
class WeightScale:
    """Of a layer's weights, without its biases.

    ratio:    their root mean square, relative to that with which torch draws them, evenly within ±1/√hidden.
    as_drawn: whether they are spread as torch draws them, or those of the states are orthogonal: not yet trained.
    nearly:   whether they nearly are.
    """

    ratio: float
    as_drawn: bool
    nearly: bool = False


def weight_scale(layer: nn.Module) -> WeightScale | None:
    """Of a recurrent layer; None where its weights are not parameters that are trained, or too few."""
    parameters = dict(layer.named_parameters(recurse=False))
    weights = {name: weight.detach() for name, weight in parameters.items() if name.startswith("weight_")}
    flat = (
        torch.cat([weight.flatten() for weight in weights.values()]).double().cpu()
        if weights
        else torch.zeros(0)
    )
    trained = all(weight.requires_grad for weight in parameters.values())
    if len(flat) < FEWEST or not trained or not bool(flat.isfinite().all()):
        return None
    size: Any = layer.hidden_size
    relative = flat * math.sqrt(int(size))
    states = [weight.double() for name, weight in weights.items() if name.startswith("weight_hh")]
    apart = _uneven(relative.abs())
    return WeightScale(
        ratio=float(relative.square().mean().sqrt()) * math.sqrt(3),
        as_drawn=apart * math.sqrt(len(flat)) < DRAWN or (bool(states) and all(map(_orthogonal, states))),
        nearly=apart < NEARLY,
    )


def _uneven(values: Tensor) -> float:
    """How far they are from being spread evenly between 0 and 1: the Kolmogorov-Smirnov statistic."""
    count = len(values)
    return float((values.sort().values - (torch.arange(count) + 0.5) / count).abs().max())


def _orthogonal(weight: Tensor) -> bool:
    """Whether each gate's block is."""
    if weight.dim() != 2 or weight.shape[0] % weight.shape[1]:
        return False
    blocks = weight.reshape(-1, weight.shape[1], weight.shape[1])
    return bool((blocks @ blocks.mT - torch.eye(weight.shape[1]).to(blocks)).abs().max() < ORTHOGONAL)
