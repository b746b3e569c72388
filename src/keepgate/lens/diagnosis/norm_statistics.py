"""Normalisation statistics: BatchNorm layers whose running mean and variance do not fit what they are given."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .samples import Rows

# Statistics do not fit if the mean lies so many running standard deviations away, or if a standard deviation is so many
# times the running one, or as much less.
AWAY, TIMES = 3.0, 4.0


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """name: of the layer. channel: the one that fits least. kept_mean, kept_deviation: those that it keeps there; mean,
    deviation: those of what it is given."""

    name: str
    channel: int
    kept_mean: float
    kept_deviation: float
    mean: float
    deviation: float


def unfit_statistics(samples: Sequence[Rows]) -> Unfit | None:
    """The first BatchNorm layer, in evaluation mode, that is given other numbers than it learnt; None without one."""
    model = samples[0].model
    norms = {
        name: part
        for name, part in model.named_modules()
        if isinstance(part, _BatchNorm) and part.running_mean is not None and not part.training
    }
    sums: dict[str, list[Tensor]] = {name: [] for name in norms}
    hooks = [part.register_forward_pre_hook(_summed(sums[name])) for name, part in norms.items()]
    try:
        with torch.no_grad():
            for sample in samples if norms else ():
                sample.losses()
    finally:
        for hook in hooks:
            hook.remove()
    each = (_unfit(name, part, sums[name]) for name, part in norms.items())
    return next((unfit for unfit in each if unfit is not None), None)


def _summed(sums: list[Tensor]) -> Any:
    """Hook that keeps sums of what comes, by channel: count, sum and sum of squares."""

    def keep(_part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        by_channel = inputs[0].detach().double().cpu().movedim(1, 0).flatten(1)
        sums.append(
            torch.stack(
                [
                    torch.full((len(by_channel),), by_channel.shape[1]),
                    by_channel.sum(1),
                    by_channel.square().sum(1),
                ]
            )
        )

    return keep


def _unfit(name: str, part: Any, sums: list[Tensor]) -> Unfit | None:
    if not sums:
        return None
    count, total, squares = torch.stack(sums).sum(0)
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
    kept_mean, kept_deviation = (
        part.running_mean.double().cpu(),
        (part.running_var.double().cpu() + part.eps).sqrt(),
    )
    away = (mean - kept_mean).abs() / kept_deviation / AWAY
    times = ((deviation + math.sqrt(part.eps)) / kept_deviation).log().abs() / math.log(TIMES)
    worst = torch.maximum(away, times)
    channel = int(worst.argmax())
    if float(worst[channel]) <= 1:
        return None
    return Unfit(
        name=name, channel=channel, kept_mean=float(kept_mean[channel]), kept_deviation=float(kept_deviation[channel]),
        mean=float(mean[channel]), deviation=float(deviation[channel]),
    )  # fmt: skip
