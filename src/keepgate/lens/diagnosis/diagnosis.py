"""Diagnosis: how far back a model learns from, retains and uses its input, and the fault that the numbers show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...data.labelled import LabelledText
from ...data.labelled_series import LabelledSeries
from ...data.questions import Question
from ...data.series import Series
from ...errors import SettingsError
from ...nn.eval_mode import eval_mode
from ...nn.trace import LayerTrace
from ...tasks.probe import Probed
from ...tasks.samples import TaskSamples
from ..capture.layer_run import LayerRun, capture_layer
from ..gradients.by_lag import decay_length, direct_path_by_lag, explodes, vanishing_lag
from ..gradients.lyapunov_exponents import lyapunov
from ..memory.time_scales import Saturation, half_lives, saturated_states, saturation
from .batches import Batch, batch_sample, labelled_rows
from .effective_context import EPSILON, Horizon
from .evidence import Evidence, evidence_of, evidence_of_task
from .head_reads import head_reads
from .loss_gradient import loss_gradient_at_layer, recurrent_layer
from .model_io import leaves, refuse_nan_weights
from .row_horizons import RowHorizons, context_effects
from .samples import Loss, Rows, Sample
from .trial_training import trial_training
from .verdict import LARGE, Findings, Verdict, verdict_of
from .weight_scale import weight_scale

# The gradient and the exponents are followed over so many rows, and the exponents over so many last steps.
ROWS, STEPS = 16, 300
# What counts as long as the longest rows.
NEARLY = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis:
    """Measurements of one recurrent layer of a model, and of the model's answers. Steps are the data's own.

    name:       the layer's, in the model. steps: of the longest rows that it read.
    lengths:    the shortest and the longest row's steps, which are the window that the model is given.
    needed:     how far back the answers lie: given, or measured, or the whole row.
    behaviour:  the horizon with its interval, and the loss by how much was read.
    exchanged:  the same where what lies further back is another row's; None of a task of ours. rows: of single rows.
    gradient:   its norm k steps before the end, relative to k = 0. direct_path: the part that reaches back through the
                memory alone; None without an additive memory.
    exponents:  the largest Lyapunov exponent of each layer and direction, in nats a step, the mean over the rows.
    half_lives: of each unit's memory, in steps, the mean of the rows' rates; empty for a plain RNN.
    saturation: of each gate of the last layer, by name. verdict: the fault and its numbers.
    """

    name: str
    steps: int
    lengths: tuple[int, int]
    needed: int
    behaviour: Horizon
    exchanged: Horizon | None
    rows: RowHorizons
    gradient: Float[Tensor, " lags"]
    direct_path: Float[Tensor, " lags"] | None
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
    def enough(self) -> int | None:
        """The steps that would do, of a model without a fault on rows more than twice as long; None of any other."""
        measured = [each for each in (self.behaviour, self.exchanged) if each is not None]
        last = max(each.interval[1] for each in measured)
        return last if self.verdict.fault == "none" and 2 * last < self.lengths[1] else None

    @property
    def vanishing_lag(self) -> int | None:
        """The lag from which on less than 1 % of the gradient arrives; None if it reaches as far as was measured."""
        return vanishing_lag(self.gradient)

    @property
    def decay(self) -> float:
        """The steps in which the gradient falls to 1/e; negative if it grows."""
        return decay_length(self.gradient)


def diagnose(
    model: nn.Module,
    data: Iterable[Batch]
    | Iterable[Question]
    | Iterable[LabelledText]
    | Iterable[LabelledSeries]
    | Iterable[Series],
    *,
    loss: Loss | None = None,
    output: str | int | None = None,
    time: int | None = None,
    needed: int | None = None,
    layer: str | None = None,
    epsilon: float = EPSILON,
    seed: int = 0,
) -> Diagnosis:
    """A model's diagnosis over a data set; arguments and errors are those of `keepgate.lens.examine`."""
    batches = _listed(data)
    task = model if isinstance(model, Probed) else None
    name, module = recurrent_layer(model, layer or (task.reading_layer() if task is not None else None))
    with eval_mode(model):
        if task is not None:
            samples, evidence = _of_task(task, batches, (loss, time, output))
        else:
            time = _time(batches[0], int(bool(module.batch_first))) if time is None else time
            samples, evidence = _of_user(
                [batch_sample(model, batch, loss=loss, time=time, output=output) for batch in batches], seed
            )
        effects = context_effects(samples, epsilon=epsilon, seed=seed)
        longest = _longest(samples).first(ROWS)
        run, gradient, detached, at_backward_start = loss_gradient_at_layer(
            model, name, module, longest, None if task is None else task.reading_run
        )
        head = head_reads(module, longest) if evidence.padding is not None and evidence.padding.read else None
    assumed = needed is None and (task is None or evidence.quality is not None)
    needed_steps = _needed(samples, evidence, effects.rows) if needed is None else needed
    behaviour, part, exponents = effects.cut, run.trace.layer(-1), _exponents(run)
    additive = bool(part.cell.additive)
    lives = _half_lives(run) if additive else torch.zeros(0)
    saturations = saturation(part)
    findings = Findings(
        needed=needed_steps, assumed=assumed, question_steps=int(longest.tail.max()), horizon=behaviour.steps,
        context_helps=behaviour.context_helps, explained=behaviour.explained, vanishing_lag=vanishing_lag(gradient),
        decay=decay_length(gradient), explodes=explodes(gradient), exponent=max(exponents),
        half_life=float(lives.quantile(0.9)) if additive else None, saturated=_saturated(part, saturations),
        gated=bool(saturations), input_size=_size(run.input_of(-1)[part.is_real()]),
        given_size=_given_size(samples), large_columns=_large_columns(samples), weights=weight_scale(module),
        loss=behaviour.loss, guess=evidence.guess, evidence=evidence, rows=effects.rows, detached=detached,
        head=head, both=bool(run.layer.bidirectional), begun=at_backward_start and not evidence.each_step,
    )  # fmt: skip
    return Diagnosis(
        name=name, steps=len(run.x), lengths=_lengths(samples), needed=needed_steps, behaviour=effects.cut,
        exchanged=effects.exchanged, rows=effects.rows, gradient=gradient,
        direct_path=direct_path_by_lag(part) if additive else None,
        exponents=exponents, half_lives=lives, saturation=saturations, verdict=_verdict(model, samples, findings),
    )  # fmt: skip


def _verdict(model: nn.Module, samples: Sequence[Sample], findings: Findings) -> Verdict:
    """The verdict; "untrained" of a user's model only where a few steps of training help."""
    verdict = verdict_of(findings)
    user_samples = [sample for sample in samples if isinstance(sample, Rows)]
    if not user_samples or verdict.fault != "untrained" or findings.as_drawn or findings.flat:
        return verdict
    with eval_mode(model):
        return verdict_of(replace(findings, trial=trial_training(user_samples)))


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


def _of_task(
    task: Probed, items: Sequence[Any], settings: Sequence[Any]
) -> tuple[Sequence[Sample], Evidence]:
    if any(setting is not None for setting in settings):
        raise SettingsError(
            "a task's loss, output and dimension of time are its own; leave loss, output and time out"
        )
    if any(isinstance(item, (tuple, list)) for item in items):
        raise SettingsError(
            f"a {type(task).__name__} is examined with items that it can read (questions, labelled texts), not with "
            "batches"
        )
    samples: list[TaskSamples] = task.samples(items)
    return samples, evidence_of_task(samples, None if task.choices is None else len(task.choices))


def _of_user(given: list[Rows], seed: int) -> tuple[Sequence[Sample], Evidence]:
    """The rows, without what may be padding at their ends."""
    refuse_nan_weights(given[0].model)
    rows = labelled_rows(given)
    evidence = evidence_of(rows, seed=seed)
    return rows if evidence.padding is None else evidence.padding.rows, evidence


def _time(batch: Any, layers: int) -> int:
    """The dimension of time: the layer's, unless only the other leaves as many rows as there are targets."""
    if not isinstance(batch, Sequence) or len(batch) not in (2, 3):
        return layers
    inputs, targets = batch[0], batch[-1]
    if isinstance(inputs, Tensor) and isinstance(targets, Tensor) and inputs.dim() > 1 and targets.dim():
        shape = inputs.shape[:2]
        if shape[1 - layers] != len(targets) == shape[layers]:
            return 1 - layers
    return layers


def _lengths(samples: Sequence[Sample]) -> tuple[int, int]:
    """The shortest and the longest row's steps."""
    steps = torch.cat([sample.lengths for sample in samples])
    return int(steps.min()), int(steps.max())


def _longest(samples: Sequence[Sample]) -> Sample:
    """The sample with the most rows, of those that are nearly as long as the longest."""
    steps = [int(sample.lengths.max()) for sample in samples]
    long = [sample for sample, n in zip(samples, steps, strict=True) if n >= NEARLY * max(steps)]
    return max(long, key=lambda sample: min(len(sample.lengths), ROWS))


def _needed(samples: Sequence[Sample], evidence: Evidence, rows: RowHorizons) -> int:
    """Steps back to what the answers need, by what is known of it first.

    As far as a baseline has to read; where the answers are good, as far as they rest on what was read; else where
    what is asked for stands, or the whole row, for 95 of 100 rows.
    """
    if evidence.needed is not None:
        return evidence.needed
    if evidence.good and rows.interval is not None:
        return rows.steps
    distances = torch.cat([sample.needed for sample in samples]).sort().values
    return int(distances[math.ceil(0.95 * len(distances)) - 1])


def _size(values: Tensor) -> float:
    """Root mean square."""
    return float(values.double().square().mean().sqrt())


def _numbers_given(samples: Sequence[Sample]) -> list[Tensor]:
    """What a user's model reads over time that is numbers, not tokens."""
    return [
        leaf
        for sample in samples
        if isinstance(sample, Rows)
        for leaf in leaves(sample.inputs)
        if leaf.is_floating_point() and sample.runs(leaf)
    ]


def _given_size(samples: Sequence[Sample]) -> float | None:
    """Of the numbers that a user's model reads, the input whose are largest; None of tokens."""
    return max(map(_size, _numbers_given(samples)), default=None)


def _large_columns(samples: Sequence[Sample]) -> tuple[tuple[int, float], ...]:
    """The features of a single input whose numbers are far from 1, with their size, the largest first."""
    inputs = _numbers_given(samples)
    if not inputs or any(leaf.dim() != 3 or leaf.shape[2] != inputs[0].shape[2] for leaf in inputs):
        return ()
    squares = (
        torch.cat([leaf.detach().double().flatten(0, 1).cpu() for leaf in inputs]).square().mean(0).sqrt()
    )
    large = [(column, size) for column, size in enumerate(squares.tolist()) if size > LARGE]
    return tuple(sorted(large, key=lambda pair: -pair[1]))


def _saturated(traced_layer: LayerTrace, gates: Mapping[str, Saturation]) -> float | None:
    """How often the gate that is least often closed or open is so; without gates, the states."""
    return min(
        (float((gate.closed + gate.open).mean()) for gate in gates.values()),
        default=saturated_states(traced_layer),
    )


def _half_lives(run: LayerRun) -> Tensor:
    """Each unit's half-life at the mean of the rows' rates, over all layers and directions."""
    return torch.cat([1 / (1 / half_lives(traced_layer)).nanmean(0) for traced_layer in run.trace.layers])


def _exponents(run: LayerRun) -> tuple[float, ...]:
    """The largest Lyapunov exponent of each layer and direction, the mean over the rows."""
    last_steps = _last_steps(run)
    return tuple(
        float(lyapunov(last_steps, layer=traced_layer.layer, reverse=traced_layer.reverse, count=1).nanmean())
        for traced_layer in last_steps.trace.layers
    )


def _last_steps(run: LayerRun) -> LayerRun:
    """The same run's last steps, from the states before them: enough to know at what rate differences fade."""
    if len(run.x) <= STEPS or run.layer.bidirectional:
        return run
    start = len(run.x) - STEPS
    parts = run.trace.layers
    states = tuple(torch.stack([part[name][start - 1] for part in parts]) for name in run.layer.cell.states)
    return capture_layer(run.layer, run.x[start:], states if len(states) > 1 else states[0])
