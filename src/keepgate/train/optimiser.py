"""Optimisers by name, the rate at each step, and the moving average of the weights."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Self

import torch
from torch import Tensor, nn

from .config import TrainingConfig


def build_optimiser(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over the parameters that learn; weight decay is for matrices only, not for biases."""
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    matrices = [parameter for parameter in learning if parameter.dim() > 1]
    vectors = [parameter for parameter in learning if parameter.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, fused=True)
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimiser]
    return kind(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The learning rate of step `step`, counted from 0, of `steps`: above 0 at every one of them.

    Source: constant, then linear: the recipe of the stories, where an LSTM is unstable without the decay; half a
    cosine: Loshchilov & Hutter (2017), arXiv:1608.03983.
    """
    hold = config.hold_fraction * steps
    progress = 0.0 if step < hold else (step - hold) / (steps - hold)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    factor = {"constant": 1.0, "constant-linear": 1 - progress, "cosine": cosine}[config.schedule]
    rise = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    return config.learning_rate * rise * (config.final_lr_ratio + (1 - config.final_lr_ratio) * factor)


class WeightAverage:
    """An average of a module's weights over the steps: what is evaluated and kept in place of the last step's.

    share: from a step, counted from 0, to the share that the weights after it have in the average.
    """

    def __init__(self, weights: Mapping[str, Tensor], share: Callable[[int], float]) -> None:
        self.share = share
        self.weights = {name: tensor.detach().clone() for name, tensor in weights.items()}

    @classmethod
    def of(cls, config: TrainingConfig, weights: Mapping[str, Tensor], steps: int) -> Self | None:
        """The average that a configuration asks for, of so many steps; None where it asks for none."""
        if config.average_from is not None:
            return cls(weights, even_share(int(config.average_from * steps)))
        return None if config.ema_decay is None else cls(weights, exponential_share(config.ema_decay))

    @torch.no_grad()
    def update(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Takes in the weights after `step`, counted from 0."""
        share = self.share(step)
        for name, tensor in weights.items():
            if tensor.is_floating_point():
                self.weights[name].lerp_(tensor, share)
            else:
                self.weights[name].copy_(tensor)


def exponential_share(decay: float) -> Callable[[int], float]:
    """Of an exponential moving average: the newest weights have 1 - decay, and more early, 9 / (10 + step)."""
    return lambda step: 1 - min(decay, (1 + step) / (10 + step))


def even_share(first: int) -> Callable[[int], float]:
    """Of the mean of the weights after step `first`, counted from 0, and every later one; before, the newest alone."""
    return lambda step: 1 / max(1, step - first + 1)
