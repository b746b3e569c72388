"""examine: how far back a model learns, keeps and uses what it read, and the verdict in one sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from ..errors import SettingsError
from .attach import attach
from .gradient import carried_by_lag, decay_length, explodes, gone_after, gradient_of_run
from .horizon import EPSILON, Horizon, horizon, losses_by_context, spread
from .life import Saturation, half_lives, saturation
from .lyapunov import lyapunov
from .seen import Seen, see
from .verdict import Findings, Verdict, verdict

if TYPE_CHECKING:
    from .look import Language
    from .pictures import Figure

Batch = tuple[Tensor, Tensor]
Loss = Callable[[Any, Tensor], Float[Tensor, " rows"]]

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

    def figure(self, name: str, *, language: "Language" = "en") -> "Figure":
        """One figure for a paper, as SVG: "half_life", "gradient" by lag, or "horizon".

        Raises SettingsError for an unknown name, and for half-lives of a network without gates.
        """
        from .pictures import figure_of_report

        return figure_of_report(self, name, language)

    def __str__(self) -> str:
        low, high = self.interval
        signal = "as far as was measured" if self.gone is None else f"{self.gone:,} steps back"
        lines = [
            f"{self.name}: {self.verdict}",
            f"  the answers depend on the last {self.horizon:,} steps ({low:,} to {high:,} with 95 % confidence)",
            f"  the gradient reaches {signal} (decay length {self.decay:.1f} steps)",
            f"  largest Lyapunov exponents: {', '.join(f'{value:+.3f}' for value in self.exponents)} nats a step",
        ]
        if len(self.half_lives):
            halves = self.half_lives.sort().values
            middle, longest = float(halves[len(halves) // 2]), float(halves[-1])
            lines.append(
                f"  half of a middling unit's memory is gone after {middle:.1f} steps, at most {longest:.1f}"
            )
        return "\n".join(lines)


def examine(
    model: nn.Module,
    data: Sequence[Batch],
    *,
    loss: Loss | None = None,
    time: int | None = None,
    needed: int | None = None,
    layer: str | None = None,
    epsilon: float = EPSILON,
) -> Report:
    """How far back a model of the user's own learns, keeps and uses what it reads, with a verdict.

        report = keepgate.lens.examine(model, [(x, targets)])
        assert report.horizon >= 120

    data:   batches of an input and its targets; all rows of a batch are equally long, and the answer comes at the end.
    loss:   from the model's result and the targets to each row's loss, in nats. None takes cross entropy for whole
            numbers, and half the squared error for others.
    time:   the input's dimension of time; None takes the layer's (1 if it is batch first, else 0).
    needed: how many steps back what is asked for lies; None takes the longest rows whole.
    layer:  the recurrent layer's name in the model; None takes the last.
    The model is in eval mode while it is examined, and left as it was. epsilon: see `horizon`.
    Raises SettingsError without data, without a recurrent layer, or for a loss that is not one number a row.
    """
    if not data:
        raise SettingsError("there is no data to examine the model with; give one batch or more")
    name, module = layer_of(model, layer)
    time = int(bool(module.batch_first)) if time is None else time
    training = model.training
    model.eval()
    try:
        behaviour = _behaviour(model, data, loss or _loss, time, epsilon)
        x, targets = max(data, key=lambda batch: batch[0].shape[time])
        rows = slice(0, ROWS)
        picked = x[rows] if time else x[:, rows]
        seen, gradient = signal_of(model, name, module, picked, targets[rows], loss)
    finally:
        model.train(training)
    return _report(name, seen, gradient, behaviour, needed)


def _report(name: str, seen: Seen, gradient: Tensor, behaviour: Horizon, needed: int | None) -> Report:
    part = seen.trace.layer(-1)
    carries = bool(part.cell.carried)
    lives = _rates(seen) if carries else torch.zeros(0)
    stuck = saturation(part)
    tail = _last_steps(seen)
    exponents = tuple(
        float(lyapunov(tail, layer=one.layer, reverse=one.reverse, count=1).nanmean())
        for one in tail.trace.layers
    )
    needed = behaviour.contexts[-1] if needed is None else needed
    found = Findings(
        needed=needed,
        horizon=behaviour.steps,
        helps=behaviour.helps,
        explained=behaviour.explained,
        gone=gone_after(gradient),
        decay=decay_length(gradient),
        explodes=explodes(gradient),
        exponent=max(exponents),
        half_life=float(lives.quantile(0.9)) if carries else None,
        saturated=min(float((one.closed + one.open).mean()) for one in stuck.values()) if stuck else None,
        gated=bool(stuck),
    )
    return Report(
        name=name, steps=len(seen.x), needed=needed, behaviour=behaviour, gradient=gradient,
        carried=carried_by_lag(part) if carries else None, exponents=exponents, half_lives=lives, saturation=stuck,
        verdict=verdict(found),
    )  # fmt: skip


def layer_of(model: nn.Module, wanted: str | None) -> tuple[str, Any]:
    """The recurrent layer of that name, or the last, and its name. Raises KeyError and SettingsError."""
    with attach(model) as known:
        name = known.names[-1] if wanted is None else wanted
        return name, known.module(name)


def _behaviour(model: nn.Module, data: Sequence[Batch], loss: Loss, time: int, epsilon: float) -> Horizon:
    """Over all batches: shorter rows count as whole where a context is longer than they are."""
    contexts = spread(max(x.shape[time] for x, _ in data))
    lines = []
    for x, targets in data:
        steps = x.shape[time]
        own = [n for n in contexts if n < steps] + [steps]
        found = losses_by_context(
            lambda cut, targets=targets: _rows(loss, model(cut), targets), x, own, time=time
        )
        lines.append(torch.cat([found, found[-1:].expand(len(contexts) - len(own), -1)]))
    return horizon(torch.cat(lines, 1), contexts, epsilon=epsilon)


def signal_of(
    model: nn.Module, name: str, module: nn.Module, x: Tensor, targets: Tensor, loss: Loss | None
) -> tuple[Seen, Tensor]:
    """The layer's longest run, and by lag the gradient that reaches its states from the loss of these rows.

    Raises SettingsError for packed rows, or for a loss that is not one number a row.
    """
    results: list[tuple[Tensor, ...]] = []

    def leaves(_module: nn.Module, _given: Any, result: Any) -> Any:
        output, final = result
        if not isinstance(output, Tensor):
            raise SettingsError(
                "the layer is given packed rows; examine it with rows of one length, which need no packing"
            )
        states = final if isinstance(final, tuple) else (final,)
        fresh = [each.detach().requires_grad_() for each in (output, *states)]
        results.append(tuple(fresh))
        return fresh[0], tuple(fresh[1:]) if isinstance(final, tuple) else fresh[1]

    hook = module.register_forward_hook(leaves)
    try:
        with attach(model) as seen, torch.enable_grad():
            value = _rows(loss or _loss, model(x), targets).sum()
    finally:
        hook.remove()
    runs = seen.runs(name)
    longest = max(range(len(runs)), key=lambda k: len(runs[k].x))
    output, *final = torch.autograd.grad(value, results[longest], allow_unused=True)
    if output is not None and getattr(module, "batch_first", False) and output.dim() == 3:
        output = output.transpose(0, 1)
    return runs[longest], gradient_of_run(runs[longest], output, tuple(final))


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


def _rows(loss: Loss, result: Any, targets: Tensor) -> Tensor:
    found = loss(result, targets)
    if found.dim() != 1:
        raise SettingsError(f"the loss is of shape {tuple(found.shape)}; give one number for each row")
    return found


def _loss(result: Any, targets: Tensor) -> Tensor:
    if targets.dtype.is_floating_point:
        return mse_loss(result, targets, reduction="none").flatten(1).mean(1) / 2
    return cross_entropy(result, targets, reduction="none").reshape(len(targets), -1).mean(1)
