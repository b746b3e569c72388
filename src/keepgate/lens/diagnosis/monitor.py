"""Training monitor: Watch follows gradient and half-life, and stops a run whose gradient explodes."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...errors import SettingsError, TrainingStopped
from ...nn.eval_mode import eval_mode
from ..gradients.by_lag import decay_length, vanishing_lag
from ..memory.time_scales import half_lives
from ..thresholds import EXPLODED
from .batches import batch_sample
from .loss_gradient import loss_gradient_at_layer, recurrent_layer
from .samples import Loss


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measurement, at one step of a training.

    step:      of the training. vanishing_lag, decay: as a Report has them.
    furthest:  the gradient as far back as it was followed, relative to that at the end.
    half_life: of the most lasting tenth of the units, in steps; None without gates.
    """

    step: int
    vanishing_lag: int | None
    decay: float
    furthest: float
    half_life: float | None


class Watch:
    """Follows one recurrent layer of a model while it learns, on the same few rows each time.

        watch = keepgate.lens.Watch(model, x, targets, every=50)
        for step, batch in enumerate(batches):
            ...
            watch(step)

    `measurements` holds them, in order. After `patience` measurements in a row with an exploding gradient a call
    raises TrainingStopped, which says since when and by how much.

    x, targets, loss, output, layer: as `examine` takes them, of one batch. every: training steps from one measurement
    to the next. patience: None never stops. The model's mode, weights and gradients stay as they are.
    Raises SettingsError for a model without a recurrent layer, or for numbers below 1.
    """

    def __init__(
        self, model: nn.Module, x: Any, targets: Any, *, every: int = 50, patience: int | None = 3,
        loss: Loss | None = None, output: str | int | None = None, layer: str | None = None,
    ) -> None:  # fmt: skip
        if every < 1 or (patience is not None and patience < 1):
            raise SettingsError(f"every={every} and patience={patience} are counts; give 1 or more")
        self.measurements: list[Measurement] = []
        self.every, self.patience = every, patience
        self._name, self._layer = recurrent_layer(model, layer)
        time = int(bool(self._layer.batch_first))
        self._model = model
        self._rows = batch_sample(model, (x, targets), loss=loss, time=time, output=output)
        # Of the last measurements, as far as all of them explode.
        self._exploding_steps: list[int] = []

    def __call__(self, step: int) -> Measurement | None:
        """Measures at every so many steps; None at the others. Raises TrainingStopped for an exploding gradient."""
        if step % self.every:
            return None
        measurement = self._measure(step)
        self.measurements.append(measurement)
        furthest = measurement.furthest
        explodes = not math.isfinite(furthest) or (measurement.decay < 0 and furthest > EXPLODED)
        self._exploding_steps = [*self._exploding_steps, step] if explodes else []
        if self.patience is not None and len(self._exploding_steps) >= self.patience:
            raise TrainingStopped(
                f"the gradient explodes since step {self._exploding_steps[0]:,}: at step {step:,}, as far back as it "
                f"was followed, it is {_size(furthest)}; lower the learning rate, clip the "
                "gradient, or start from orthogonal recurrent weights"
            )
        return measurement

    def _measure(self, step: int) -> Measurement:
        with eval_mode(self._model):
            run, gradient, *_ = loss_gradient_at_layer(self._model, self._name, self._layer, self._rows)
        part = run.trace.layer(-1)
        additive = bool(part.cell.additive)
        lives = half_lives(part).nanmedian(0).values if additive else torch.zeros(0)
        return Measurement(
            step=step, vanishing_lag=vanishing_lag(gradient), decay=decay_length(gradient),
            furthest=float(gradient[-1]), half_life=float(lives.quantile(0.9)) if additive else None,
        )  # fmt: skip


def _size(furthest: float) -> str:
    return "not a number" if math.isnan(furthest) else f"{furthest:.3g} times what it is at the end"
