"""Diagnosis: how far back a model learns, keeps and uses what it read, and the fault that the numbers show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...data.labelled import LabelledText
from ...data.questions import Question
from ...errors import SettingsError
from ...nn.eval_mode import eval_mode
from ...tasks.probe import Probed
from ...tasks.samples import TaskSamples
from ..capture.layer_run import LayerRun, capture_layer
from ..gradients.by_lag import decay_length, direct_path_by_lag, explodes, vanishing_lag
from ..gradients.lyapunov_exponents import lyapunov
from ..memory.time_scales import Saturation, half_lives, saturation
from .effective_context import EPSILON, Horizon, geometric_grid, horizon
from .evidence import Evidence, evidence_of, evidence_of_task
from .loss_gradient import loss_gradient_at_layer, recurrent_layer
from .samples import Batch, Loss, Rows, Sample, batch_sample
from .usual_loss import labelled
from .verdict import Findings, Verdict, verdict_of

# The gradient and the exponents are followed over so many rows, and the exponents over so many last steps.
ROWS, STEPS = 16, 300
# Beyond so many samples only the largest are cut to shorter contexts; what is nearly as long as the longest.
SAMPLES, NEARLY = 64, 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis:
    """What was found about one recurrent layer of a model, and about the model's answers. Steps are the data's own.

    name:       the layer's, in the model. steps: of the longest rows that were read.
    behaviour:  what the horizon was found from: its interval, and the loss by how much was read.
    gradient:   its length k steps before the end, relative to k = 0; gone: from where on it is below 1 % of that, None
                if nowhere; decay: the steps in which it falls to 1/e. carried: the share that the memory alone carries.
    exponents:  the largest Lyapunov exponent of each layer and direction, in nats a step, the mean over the rows.
    half_lives: of each unit's memory, in steps, the mean of the rows' rates; empty for a plain RNN.
    saturation: of each gate of the last layer, by name. verdict: one sentence, its numbers, and what to do.
    """

    name: str
    steps: int
    needed: int
    behaviour: Horizon
    gradient: Float[Tensor, " lags"]
    carried: Float[Tensor, " lags"] | None
    exponents: tuple[float, ...]
    half_lives: Float[Tensor, " units"]
    saturation: dict[str, Saturation]
    verdict: Verdict

    @property
    def horizon(self) -> int:
        """How far back the answers depend on what was read, in steps."""
        return self.behaviour.steps

    @property
    def interval(self) -> tuple[int, int]:
        """Where the horizon lies with 95 % confidence, in steps."""
        return self.behaviour.interval

    @property
    def gone(self) -> int | None:
        """The lag from which on less than 1 % of the gradient is left; None if it reaches as far as was measured."""
        return vanishing_lag(self.gradient)

    @property
    def decay(self) -> float:
        """The steps in which the gradient falls to 1/e; negative if it grows."""
        return decay_length(self.gradient)


def diagnose(
    model: nn.Module,
    data: Iterable[Batch] | Iterable[Question] | Iterable[LabelledText],
    *,
    loss: Loss | None = None,
    output: str | int | None = None,
    time: int | None = None,
    needed: int | None = None,
    layer: str | None = None,
    epsilon: float = EPSILON,
) -> Diagnosis:
    """A model's diagnosis over a data set; arguments and errors are those of `keepgate.lens.examine`."""
    batches = _listed(data)
    task = model if isinstance(model, Probed) else None
    name, module = recurrent_layer(model, layer or (task.reading_layer() if task is not None else None))
    with eval_mode(model):
        if task is not None:
            items = _task_samples(task, batches, own=(loss, time, output))
            samples = list[Sample](items)
            evidence = evidence_of_task(items, None if task.choices is None else len(task.choices))
        else:
            time = _time(batches[0], int(bool(module.batch_first))) if time is None else time
            rows = [batch_sample(model, batch, loss=loss, time=time, output=output) for batch in batches]
            rows = _labelled(rows)
            evidence = evidence_of(rows)
            samples = list[Sample](rows if evidence.padding is None else evidence.padding.rows)
        behaviour = _behaviour(_most_frequent(samples), epsilon)
        # A task of ours reads the text first, and with attention the question after it.
        picked = _longest(samples).first(ROWS)
        seen, gradient = loss_gradient_at_layer(model, name, module, picked, None if task is None else 0)
    assumed = needed is None and (task is None or evidence.quality is not None)
    if needed is None:
        far = torch.cat([sample.needed for sample in samples]).sort().values
        needed = evidence.needed or int(far[math.ceil(0.95 * len(far)) - 1])
    return _report(name, seen, gradient, behaviour, needed, assumed, int(picked.tail.max()), evidence)


def _labelled(rows: list[Rows]) -> list[Rows]:
    """The same rows; targets 0.0 and 1.0 of a model that gives logits as classes."""
    if rows[0].loss is not None or not all(sample.targets.dtype.is_floating_point for sample in rows):
        return rows
    with torch.no_grad():
        result = torch.cat([sample.answered()[0].flatten() for sample in rows])
    targets = labelled(result, torch.cat([sample.targets for sample in rows]))
    if targets.dtype.is_floating_point:
        return rows
    parts = torch.split(targets, [len(sample.targets) for sample in rows])
    return [replace(sample, targets=part) for sample, part in zip(rows, parts, strict=True)]


def _time(batch: Any, layers: int) -> int:
    """The dimension of time: the layer's, unless only the other leaves as many rows as there are targets."""
    if not isinstance(batch, Sequence) or len(batch) not in (2, 3):
        return layers
    inputs, targets = batch[0], batch[-1]
    if isinstance(inputs, Tensor) and isinstance(targets, Tensor) and inputs.dim() > 1 and targets.dim():
        rows = inputs.shape[:2]
        if rows[1 - layers] != len(targets) == rows[layers]:
            return 1 - layers
    return layers


def _most_frequent(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The largest of many samples: rows without their padding come in one for each length."""
    if len(samples) <= SAMPLES:
        return samples
    return sorted(samples, key=lambda sample: -len(sample.lengths))[:SAMPLES]


def _longest(samples: Sequence[Sample]) -> Sample:
    """Of the samples that are nearly as long as the longest, the one with the most rows."""
    steps = [int(sample.lengths.max()) for sample in samples]
    long = [sample for sample, n in zip(samples, steps, strict=True) if n >= NEARLY * max(steps)]
    return max(long, key=lambda sample: min(len(sample.lengths), ROWS))


def _listed(data: Any) -> list[Any]:
    """Batches or items as a list, whatever gives them. Raises SettingsError for none."""
    if isinstance(data, Tensor | str | Mapping) or not isinstance(data, Iterable):
        raise SettingsError(
            f"data is a {type(data).__name__}; give batches (inputs, targets), as a list, a generator or a DataLoader"
        )
    batches = list(data)
    if not batches:
        raise SettingsError("there is no data to examine the model with; give one batch or more")
    return batches


def _task_samples(task: Probed, items: Sequence[Any], own: Sequence[Any]) -> list[TaskSamples]:
    if any(setting is not None for setting in own):
        raise SettingsError(
            "a task's loss, output and dimension of time are its own; leave loss, output and time out"
        )
    if any(isinstance(item, (tuple, list)) for item in items):
        raise SettingsError(
            f"a {type(task).__name__} is examined with items that it can read (questions, labelled texts), not with "
            "batches"
        )
    return task.samples(items)


def _behaviour(samples: Sequence[Sample], epsilon: float) -> Horizon:
    """Over all rows: a shorter one counts as whole where a context is longer than it is."""
    contexts = geometric_grid(max(int(sample.lengths.max()) for sample in samples))
    lines = []
    with torch.no_grad():
        for sample in samples:
            steps = int(sample.lengths.max())
            own = [n for n in contexts if n < steps]
            found = torch.stack([sample.losses(n).double().cpu() for n in (*own, None)])
            lines.append(torch.cat([found, found[-1:].expand(len(contexts) - len(found), -1)]))
    return horizon(torch.cat(lines, 1), contexts, epsilon=epsilon)


def _report(
    name: str,
    seen: LayerRun,
    gradient: Tensor,
    behaviour: Horizon,
    needed: int,
    assumed: bool,
    asked: int,
    evidence: Evidence,
) -> Diagnosis:
    """asked: steps of a question that is read after the text; the horizon does not count them, the gradient does."""
    part = seen.trace.layer(-1)
    carries = bool(part.cell.additive)
    lives = _rates(seen) if carries else torch.zeros(0)
    stuck = saturation(part)
    tail = _last_steps(seen)
    exponents = tuple(
        float(lyapunov(tail, layer=one.layer, reverse=one.reverse, count=1).nanmean())
        for one in tail.trace.layers
    )
    found = Findings(
        needed=needed,
        assumed=assumed,
        horizon=behaviour.steps,
        helps=behaviour.helps,
        explained=behaviour.explained,
        gone=vanishing_lag(gradient),
        asked=asked,
        decay=decay_length(gradient),
        explodes=explodes(gradient),
        exponent=max(exponents),
        half_life=float(lives.quantile(0.9)) if carries else None,
        saturated=min(float((one.closed + one.open).mean()) for one in stuck.values()) if stuck else None,
        gated=bool(stuck),
        loss=behaviour.loss,
        guess=evidence.guess,
        evidence=evidence,
    )
    return Diagnosis(
        name=name, steps=len(seen.x), needed=needed, behaviour=behaviour, gradient=gradient,
        carried=direct_path_by_lag(part) if carries else None, exponents=exponents, half_lives=lives, saturation=stuck,
        verdict=verdict_of(found),
    )  # fmt: skip


def _rates(seen: LayerRun) -> Tensor:
    """Each unit's half-life at the mean of the rows' rates, over all layers and directions."""
    found = [half_lives(part) for part in seen.trace.layers]
    return torch.cat([1 / (1 / each).nanmean(0) for each in found])


def _last_steps(seen: LayerRun) -> LayerRun:
    """The same run's last steps, from the states before them: enough to know at what rate differences fade."""
    if len(seen.x) <= STEPS or seen.layer.bidirectional:
        return seen
    start = len(seen.x) - STEPS
    parts = seen.trace.layers
    states = tuple(torch.stack([part[name][start - 1] for part in parts]) for name in seen.layer.cell.states)
    return capture_layer(seen.layer, seen.x[start:], states if len(states) > 1 else states[0])
