"""examine: how far back a model learns, keeps and uses what it read, and the verdict in one sentence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..data.questions import Question
from ..errors import CellError, SettingsError
from ..nn import Recurrent
from ..tasks.reader import ChoiceReader
from ..tasks.span import SpanReader
from .asked import Choices, asked_of
from .gradient import carried_by_lag, decay_length, explodes, gone_after
from .horizon import EPSILON, Horizon, horizon, spread
from .life import Saturation, half_lives, saturation
from .lyapunov import lyapunov
from .samples import Batch, Loss, Sample, rows_of
from .seen import Seen, see
from .signal import layer_of, signal_of
from .verdict import Findings, Verdict, verdict

if TYPE_CHECKING:
    from .look import Language
    from .pictures import Figure

# The gradient and the exponents are followed over so many rows, and the exponents over so many last steps.
ROWS, STEPS = 16, 300


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
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
        return gone_after(self.gradient)

    @property
    def decay(self) -> float:
        """The steps in which the gradient falls to 1/e; negative if it grows."""
        return decay_length(self.gradient)

    def as_dict(self) -> dict[str, Any]:
        """All figures as plain values, for JSON: what is no finite number is None."""
        return {
            "layer": self.name,
            "steps": self.steps,
            "horizon": self.horizon,
            "interval": list(self.interval),
            "needed": self.needed,
            "verdict": {"fault": self.verdict.fault, "sentence": self.verdict.sentence},
            "behaviour": {
                "contexts": list(self.behaviour.contexts),
                "gap": _plain(self.behaviour.gap),
                "loss": _finite(self.behaviour.loss),
                "epsilon": self.behaviour.epsilon,
                "helps": self.behaviour.helps,
                "explained": _finite(self.behaviour.explained),
            },
            "gradient": {"values": _plain(self.gradient), "gone": self.gone, "decay": _finite(self.decay)},
            "carried": None if self.carried is None else _plain(self.carried),
            "exponents": [_finite(value) for value in self.exponents],
            "half_lives": _plain(self.half_lives),
            "saturation": {
                gate: {"closed": _plain(one.closed), "open": _plain(one.open)}
                for gate, one in self.saturation.items()
            },
        }

    def figure(self, name: str, *, language: "Language" = "en") -> "Figure":
        """One figure for a paper, as SVG: "half_life", "gradient" by lag, or "horizon".

        Raises SettingsError for an unknown name, and for half-lives of a network without gates.
        """
        from .pictures import figure_of_report

        return figure_of_report(self, name, language)

    def said(self, language: "Language" = "en") -> str:
        """The verdict and the figures behind it, a line each. Raises SettingsError for an unknown language."""
        from .pictures import report_said

        return report_said(self, language)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.said()


def examine(
    model: nn.Module,
    data: Sequence[Batch] | Sequence[Question],
    *,
    loss: Loss | None = None,
    time: int | None = None,
    needed: int | None = None,
    layer: str | None = None,
    epsilon: float = EPSILON,
) -> Report:
    """How far back a model of the user's own, or a reader of ours, learns, keeps and uses what it reads, and a verdict.

        report = keepgate.lens.examine(model, [(x, targets)])
        assert report.horizon >= 120

    data:   batches (x, targets), the answer coming at the end of each row; x is a tensor whose rows are equally long or
            a PackedSequence. Of rows that differ, (x, lengths, targets): the model is called with x and lengths.
            For a reader of ours: questions with their answers, of any length. A step is then a token of the text, and
            the question always stays; an answer that a span reader has not in sight costs what a guess does.
    loss:   from the model's result and the targets to each row's loss, in nats. None takes cross entropy for whole
            numbers, and half the squared error for others; a reader of ours has its own.
    time:   the input's dimension of time; None takes the layer's (1 if it is batch first, else 0).
    needed: how many steps back what is asked for lies; None takes it from the data, for 95 of 100 rows: the rows whole,
            for questions whose facts or answers have a known place, from there on.
    layer:  the recurrent layer's name in the model; None takes the last, in a reader of ours that which reads the text.
    The model is in eval mode while it is examined, and left as it was. epsilon: see `horizon`.
    Raises SettingsError without data, without a recurrent layer, or for a loss that is not one number a row.
    """
    if not len(data):
        raise SettingsError("there is no data to examine the model with; give one batch or more")
    if isinstance(model, ChoiceReader) and not isinstance(model.encoder.layer, Recurrent):
        raise CellError("a feedforward reader has no memory to examine; use an LSTM, a GRU or an RNN")
    name, module = layer_of(model, layer or _first_reading(model))
    samples = _samples(model, data, loss, time, int(bool(module.batch_first)))
    training = model.training
    model.eval()
    try:
        behaviour = _behaviour(samples, epsilon)
        longest = max(samples, key=lambda sample: int(sample.lengths.max()))
        picked = longest.first(ROWS)
        # A reader of ours reads the text first, and with attention the question after it.
        run = 0 if isinstance(model, (ChoiceReader, SpanReader)) else None
        seen, gradient = signal_of(model, name, module, picked, run)
    finally:
        model.train(training)
    if needed is None:
        far = torch.cat([sample.needed for sample in samples]).sort().values
        needed = int(far[math.ceil(0.95 * len(far)) - 1])
    asked = int(picked.asked.max()) if isinstance(picked, Choices) else 0
    guess = math.log(len(model.choices)) if isinstance(model, ChoiceReader) else None
    return _report(name, seen, gradient, behaviour, needed, asked, guess)


def _samples(
    model: nn.Module,
    data: Sequence[Batch] | Sequence[Question],
    loss: Loss | None,
    time: int | None,
    own: int,
) -> list[Sample]:
    if not isinstance(model, (ChoiceReader, SpanReader)):
        batches: Any = data
        return [rows_of(model, batch, loss=loss, time=own if time is None else time) for batch in batches]
    questions = [one for one in data if isinstance(one, Question)]
    if len(questions) < len(data):
        raise SettingsError(
            f"a {type(model).__name__} is examined with questions that have answers; give a list of them"
        )
    if loss is not None or time is not None:
        raise SettingsError("a reader's loss and its dimension of time are its own; leave loss and time out")
    return asked_of(model, questions)


def _first_reading(model: nn.Module) -> str | None:
    """The name of the layer with which a reader of ours reads the text, as `read` shows it."""
    return "network.read_text" if isinstance(model, SpanReader) else None


def _behaviour(samples: Sequence[Sample], epsilon: float) -> Horizon:
    """Over all rows: a shorter one counts as whole where a context is longer than it is."""
    contexts = spread(max(int(sample.lengths.max()) for sample in samples))
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
    seen: Seen,
    gradient: Tensor,
    behaviour: Horizon,
    needed: int,
    asked: int,
    guess: float | None,
) -> Report:
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
        horizon=behaviour.steps,
        helps=behaviour.helps,
        explained=behaviour.explained,
        gone=gone_after(gradient),
        asked=asked,
        decay=decay_length(gradient),
        explodes=explodes(gradient),
        exponent=max(exponents),
        half_life=float(lives.quantile(0.9)) if carries else None,
        saturated=min(float((one.closed + one.open).mean()) for one in stuck.values()) if stuck else None,
        gated=bool(stuck),
        loss=behaviour.loss,
        guess=guess,
    )
    return Report(
        name=name, steps=len(seen.x), needed=needed, behaviour=behaviour, gradient=gradient,
        carried=carried_by_lag(part) if carries else None, exponents=exponents, half_lives=lives, saturation=stuck,
        verdict=verdict(found),
    )  # fmt: skip


def _plain(values: Tensor) -> list[float | None]:
    return [_finite(value) for value in values.tolist()]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _rates(seen: Seen) -> Tensor:
    """Each unit's half-life at the mean of the rows' rates, over all layers and directions."""
    found = [half_lives(part) for part in seen.trace.layers]
    return torch.cat([1 / (1 / each).nanmean(0) for each in found])


def _last_steps(seen: Seen) -> Seen:
    """The same run's last steps, from the states before them: enough to know at what rate differences fade."""
    if len(seen.x) <= STEPS or seen.layer.bidirectional:
        return seen
    start = len(seen.x) - STEPS
    parts = seen.trace.layers
    states = tuple(torch.stack([part[name][start - 1] for part in parts]) for name in seen.layer.cell.states)
    return see(seen.layer, seen.x[start:], states if len(states) > 1 else states[0])
