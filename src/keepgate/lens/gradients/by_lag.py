"""Gradient by lag: the norm of ∂loss/∂state, k steps before the end, as it vanishes or explodes with k."""

import math
import statistics
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...errors import SettingsError, ShapeError
from ...nn import Recurrent
from ...nn.input_format import check_lengths
from ...nn.length_mask import length_mask
from ...nn.trace import LayerTrace
from ..capture.layer_run import LayerRun, as_keepgate_layer
from ..memory.additive import memory_updates, retained_at
from ..thresholds import VANISHED
from .by_state import StackRun, States, grad_or_zero, gradients_by_state, rerun_in_float64, run_stack

Loss = Callable[[Tensor], Tensor]


def gradient_by_lag(
    layer: nn.Module,
    x: Float[Tensor, "time batch input"],
    *,
    loss: Loss | None = None,
    max_lag: int | None = None,
    state: str | None = None,
    lengths: list[int] | Tensor | None = None,
) -> Float[Tensor, " lags"]:
    """Norm of ∂L/∂s_{T-k}, k steps before a row's last step T, for k = 0, 1, … `max_lag`, relative to k = 0; float64.

    Where nothing arrives at the last steps (the loss reads the first step only), relative to the first k with any; 0 at
    every lag where the gradient is 0 everywhere.

    The total derivative, along every path from the states to the loss, with respect to all states of all layers
    together, or to one kind of state (`state`, "c" for example). One kind, too, is relative to all states at lag 0, so
    that the curves of two kinds can be compared. Each direction's lags count from its own end of reading. The mean at
    lag k is over the rows with more than k steps.

    layer: keepgate's or torch.nn's. x: time first. lengths: how many steps of each row are real; None where all are.
    loss: from the output of each direction at its end, [batch, directions · output], to a number; None sums it.
    max_lag: the largest k, in steps; None goes to the state after the first step.
    Raises ShapeError if x is not [time, batch, input] or no row has max_lag + 1 steps, SettingsError for a state that
    the cell lacks, or for a loss that does not depend on the output.
    Source: Pascanu et al. (2013), arXiv:1211.5063.
    """
    exact = as_keepgate_layer(layer).double()
    max_lag, ends = _max_lag_and_ends(exact, x, max_lag, state, lengths)
    stack_run = run_stack(exact, x.detach().double(), None, ends)
    last = torch.cat([h for h, *_ in stack_run.last_layer().final], 1).requires_grad_()
    with torch.enable_grad():
        d_last = grad_or_zero((loss or torch.sum)(last), last)
    zeros: list[Tensor | None] = [None] * (len(stack_run.final) - exact.directions)
    d_h = [*zeros, *d_last.chunk(exact.directions, 1)]
    d_final = [(d, *(None for _ in exact.cell.states[1:])) for d in d_h]
    return _norms_by_lag(stack_run, gradients_by_state(stack_run, None, d_final), max_lag, state)


def gradient_of_run(
    layer_run: LayerRun,
    grad_output: Float[Tensor, "time batch _"] | None,
    grad_final: tuple[Float[Tensor, "places batch _"] | None, ...] = (),
    *,
    max_lag: int | None = None,
    state: str | None = None,
) -> Float[Tensor, " lags"]:
    """`gradient_by_lag` of a layer inside a model, from the loss's gradient at the layer's output and final states.

    grad_output, grad_final: ∂loss/∂output and ∂loss/∂final states of the layer, as autograd gives them; None where the
    loss does not depend on it. Of a layer that reads in both directions, each one's lags count from the last step of
    its reading that the loss takes anything from: of a backward one that is taken at the rows' last step, its first.
    Raises SettingsError if both are None, and as `gradient_by_lag` does.
    """
    max_lag, _ = _max_lag_and_ends(layer_run.layer, layer_run.x, max_lag, state, layer_run.lengths)
    stack_run = rerun_in_float64(layer_run)
    d_output, d_final = None, None
    if grad_output is not None:
        real = length_mask(len(grad_output), stack_run.ends, grad_output.device).unsqueeze(2)
        d_output = grad_output.double().where(real, 0.0)
    if any(d is not None for d in grad_final):
        places = range(len(stack_run.final))
        d_final = [tuple(None if d is None else d[place].double() for d in grad_final) for place in places]
    if d_output is None and d_final is None:
        raise SettingsError("the loss does not depend on this layer; give the gradient of what does")
    return _norms_by_lag(stack_run, gradients_by_state(stack_run, d_output, d_final), max_lag, state)


def _norms_by_lag(
    stack_run: StackRun, gradients: list[States], max_lag: int, state: str | None
) -> Float[Tensor, " lags"]:
    """Norms of the gradients by lag, the mean over the rows, relative to all states at the first lag with any."""
    names, ends = stack_run.calls[0].cell.states, stack_run.ends
    bidirectional, every = stack_run.directions > 1, range(len(names))

    def of_place(place: int, indices: Sequence[int]) -> Tensor:
        values = _norm(torch.cat([gradients[place][k] for k in indices], 2))
        return _by_lag(values, ends, len(values), reverse=stack_run.calls[place].reverse)

    unread = [
        (of_place(place, every) != 0).int().argmax(0) if bidirectional else None
        for place in range(len(gradients))
    ]

    def norms(indices: Sequence[int]) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for place, skipped in enumerate(unread):
            total = total.hypot(_without_first(of_place(place, indices), skipped)[: max_lag + 1])
        return _row_mean(total, ends)

    overall = norms(every)
    first = overall[overall != 0][:1]
    # A loss of exactly 0, or a head of zeros, sends nothing back: 0 at every lag, not 0 / 0.
    return (overall if state is None else norms([names.index(state)])) / (first if len(first) else 1.0)


def direct_path_by_lag(layer: LayerTrace, *, max_lag: int | None = None) -> Float[Tensor, " lags"]:
    """Gradient along the memory alone (the LSTM's constant error carousel), k steps back from the end; 1 at k = 0.

    With every gate held fixed, ∂c_T/∂c_{T-k} is the product of the last k forget gates: root mean square over the
    units, mean over the rows with more than k steps. Compare `gradient_by_lag`, the gradient along every path.
    Raises CellError for a cell without an additive memory, such as a plain RNN.
    """
    retained = retained_at(memory_updates(layer)).double().square().mean(2).sqrt()
    ends, lags = layer.is_real().sum(0), len(retained)
    if max_lag is not None:
        lags = min(lags, max_lag + 1)
    return _row_mean(_by_lag(retained, ends, lags, reverse=layer.reverse), ends)


def decay_length(values: Float[Tensor, " lags"]) -> float:
    """Steps in which the gradient falls to 1/e (e-folding), by a least-squares fit of its logarithm; inf if constant.

    Negative if it grows: minus the steps in which it grows e-fold. NaN for fewer than two values above zero.
    """
    lags = ((values > 0) & torch.isfinite(values)).nonzero().flatten()
    if len(lags) < 2:
        return math.nan
    slope = statistics.linear_regression(lags.tolist(), values[lags].double().log().tolist()).slope
    return -1 / slope if slope else math.inf


def vanishing_lag(values: Float[Tensor, " lags"], *, below: float = VANISHED) -> int | None:
    """Smallest lag from which on all values stay below `below`; None if the last value does not.

    values: relative to lag 0, as `gradient_by_lag` gives them.
    """
    above = (~(values < below)).nonzero()
    lag = int(above[-1]) + 1 if len(above) else 0
    return lag if lag < len(values) else None


def explodes(values: Float[Tensor, " lags"]) -> bool:
    """Whether the gradient grows with the lag and is above 1 (all states at lag 0) at the last, or is not finite."""
    if not bool(torch.isfinite(values).all()):
        return True
    return len(values) > 1 and decay_length(values) < 0 and float(values[-1]) > 1


def _max_lag_and_ends(
    layer: Recurrent, x: Tensor, max_lag: int | None, state: str | None, lengths: list[int] | Tensor | None
) -> tuple[int, Tensor]:
    if state is not None and state not in layer.cell.states:
        raise SettingsError(
            f"a {layer.cell.name} has no state {state!r}; it has {', '.join(layer.cell.states)}"
        )
    if x.dim() != 3:
        raise ShapeError(f"x must be [time, batch, input], got {tuple(x.shape)}")
    steps, rows = x.shape[:2]
    if steps < 1 or rows < 1:
        raise ShapeError(f"x is {tuple(x.shape)}; give at least one step and one row")
    ends = check_lengths([steps] * rows if lengths is None else lengths, steps=steps, rows=rows)
    longest = int(ends.max())
    if longest < 1:
        raise ShapeError("every row has length 0; give one with a step")
    max_lag = longest - 1 if max_lag is None else max_lag
    if not 0 <= max_lag < longest:
        raise ShapeError(
            f"max_lag is {max_lag}, but the longest row has {longest} steps; it can be 0 to {longest - 1}"
        )
    return max_lag, ends


def _by_lag(
    values: Float[Tensor, "time batch"], ends: Tensor, lags: int, *, reverse: bool
) -> Float[Tensor, "lags batch"]:
    """Values over time, indexed by their distance from each row's end of reading; 0 where the row is shorter.

    ends: each row's length.
    """
    ends = ends.to(values.device)
    lag = torch.arange(lags, device=values.device).unsqueeze(1).expand(-1, len(ends))
    step = lag if reverse else (ends - 1 - lag).clamp(min=0)
    return values.gather(0, step).where(lag < ends, 0.0)


def _without_first(
    values: Float[Tensor, "lags batch"], skipped: Tensor | None
) -> Float[Tensor, "lags batch"]:
    """Each row's values from a lag of its own on, and 0 beyond its last."""
    if skipped is None:
        return values
    lag = torch.arange(len(values), device=values.device).unsqueeze(1) + skipped
    return values.gather(0, lag.clamp(max=len(values) - 1)).where(lag < len(values), 0.0)


def _row_mean(values: Float[Tensor, "lags batch"], ends: Tensor) -> Float[Tensor, " lags"]:
    """Mean at each lag k over the rows with more than k steps."""
    return values.sum(1) / length_mask(len(values), ends, values.device).sum(1)


def _norm(values: Tensor) -> Tensor:
    """L2 norm over the last dimension, scaled first so that squares do not underflow: (1e-200)² is 0."""
    largest = values.abs().amax(-1)
    return largest * (values / largest.where(largest > 0, 1.0).unsqueeze(-1)).norm(dim=-1)
