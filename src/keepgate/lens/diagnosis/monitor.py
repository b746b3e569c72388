"""Watch: follows gradient and half-life while a network learns, and stops a run whose gradient explodes."""

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
from .loss_gradient import loss_gradient_at_layer, recurrent_layer
from .samples import Loss, batch_sample


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured at one step of a training.

    step:      of the training. gone, decay: as a Report has them.
    furthest:  the gradient as far back as it was followed, relative to that at the end.
    half_life: of the most lasting tenth of the units, in steps; None without gates.
    """

    step: int
    gone: int | None
    decay: float
    furthest: float
    half_life: float | None


class Watch:
    """Follows one recurrent layer of a model while it learns, on the same few rows each time.

        watch = keepgate.lens.Watch(model, x, targets, every=50)
        for step, batch in enumerate(batches):
            ...
            watch(step)

    `moments` is what was measured so far. After `patience` measurements in a row with an exploding gradient a call
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
        self.moments: list[Measurement] = []
        self.every, self.patience = every, patience
        self._name, self._layer = recurrent_layer(model, layer)
        time = int(bool(self._layer.batch_first))
        self._model, self._rows = (
            model,
            batch_sample(model, (x, targets), loss=loss, time=time, output=output),
        )
        self._since: int | None = None

    def __call__(self, step: int) -> Measurement | None:
        """Measures at every so many steps; None at the others. Raises TrainingStopped for an exploding gradient."""
        if step % self.every:
            return None
        moment = self._measured(step)
        self.moments.append(moment)
        grown = not math.isfinite(moment.furthest) or (moment.decay < 0 and moment.furthest > EXPLODED)
        self._since = (moment.step if self._since is None else self._since) if grown else None
        if self._since is not None and self.patience is not None and self._exploded() >= self.patience:
            raise TrainingStopped(
                f"the gradient explodes since step {self._since:,}: at step {step:,}, as far back as it was followed, "
                f"it is {moment.furthest:.3g} times what it is at the end; lower the learning rate, clip the gradient, "
                "or start from orthogonal recurrent weights"
            )
        return moment

    def _exploded(self) -> int:
        return sum(moment.step >= (self._since or 0) for moment in self.moments)

    def _measured(self, step: int) -> Measurement:
        with eval_mode(self._model):
            seen, values = loss_gradient_at_layer(self._model, self._name, self._layer, self._rows)
        part = seen.trace.layer(-1)
        carries = bool(part.cell.additive)
        lives = half_lives(part).nanmedian(0).values if carries else torch.zeros(0)
        return Measurement(
            step=step,
            gone=vanishing_lag(values),
            decay=decay_length(values),
            furthest=float(values[-1]),
            half_life=float(lives.quantile(0.9)) if carries else None,
        )
