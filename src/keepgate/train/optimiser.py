"""Optimisers by name, the rate at each step, and the moving average of the weights."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from .config import TrainingConfig


def build_optimiser(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam or AdamW over the parameters that learn; weight decay is for matrices only, not for biases."""
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    matrices = [parameter for parameter in learning if parameter.dim() > 1]
    vectors = [parameter for parameter in learning if parameter.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimiser]
    return kind(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=config.betas,
        fused=True,
    )


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
    """An exponential moving average of a module's weights: what is evaluated and kept in place of the last step's."""

    def __init__(self, weights: Mapping[str, Tensor], decay: float) -> None:
        """Starts from these weights; `decay` is the share of the average that a step leaves in the end."""
        self.decay = decay
        self.weights = {name: tensor.detach().clone() for name, tensor in weights.items()}

    @torch.no_grad()
    def update(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Takes in the weights after `step`, counted from 0; early, the decay is (1 + step) / (10 + step)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in weights.items():
            if tensor.is_floating_point():
                self.weights[name].lerp_(tensor, 1 - decay)
            else:
                self.weights[name].copy_(tensor)
