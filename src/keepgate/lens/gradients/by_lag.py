"""Gradient against lag: how much of what the answer teaches reaches the state so many steps earlier."""

import math
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
from .by_state import States, grad_or_zero, gradients_by_state, run_stack

Loss = Callable[[Tensor], Tensor]


def gradient_by_lag(
    layer: nn.Module,
    x: Float[Tensor, "time batch input"],
    *,
    loss: Loss | None = None,
    furthest: int | None = None,
    state: str | None = None,
    lengths: list[int] | Tensor | None = None,
) -> Float[Tensor, " lags"]:
    """Norm of ∂L/∂(states, k steps before a row's end) for k = 0, 1, … `furthest`, relative to k = 0; float64.

    The derivative is the whole one, along every path from the state to the loss, with respect to all states of all
    layers together or to one of them (`state`, "c" for example; relative to all states at lag 0, so that the shares of
    two compare). Each direction's lags count from its own end of reading. It comes from one backward pass, in float64,
    so that 1e-250 is a number and not yet zero. The mean is over the rows that are so long.

    layer: ours, or torch.nn's. x: time first. lengths: how many steps of each row are real; None where all are.
    loss: from what each direction knows at its end, [batch, directions · output], to a number; None sums it.
    furthest: in steps; None goes to the state after the first step. The steps before it are run without a gradient.
    Raises ShapeError if x is not [time, batch, input] or no row has furthest + 1 steps, SettingsError for a state that
    the cell lacks, or for a loss that does not depend on the output.
    Source: Pascanu et al. (2013), arXiv:1211.5063.
    """
    exact = as_keepgate_layer(layer).double()
    furthest, ends = _check(exact, x, furthest, state, lengths)
    cut = 1 if exact.bidirectional or lengths is not None else len(x) - furthest
    been = run_stack(exact, x.detach().double(), None, ends)
    last = torch.cat([states[0] for states in been.final[-exact.directions :]], 1).requires_grad_()
    with torch.enable_grad():
        (slope,) = grad_or_zero((loss or torch.sum)(last), [last])
    nothing: tuple[Tensor | None, ...] = (None,) * (len(exact.cell.states) - 1)
    below: list[tuple[Tensor | None, ...]] = [(None, *nothing)] * (len(been.final) - exact.directions)
    by_final = [*below, *((each, *nothing) for each in slope.chunk(exact.directions, 1))]
    return _relative(exact, gradients_by_state(been, None, by_final, cut=cut), ends, cut, furthest, state)


def gradient_of_run(
    seen: LayerRun,
    output: Float[Tensor, "time batch _"] | None,
    final: tuple[Float[Tensor, "places batch _"] | None, ...] = (),
    *,
    furthest: int | None = None,
    state: str | None = None,
) -> Float[Tensor, " lags"]:
    """`gradient_by_lag` of a layer inside a model, from what reaches the layer's results there; float64.

    output, final: the gradient of the model's loss with respect to the layer's output and to its final states, as
    autograd gives them; None where the loss does not depend on it. By the chain rule that is all the rest of the model.
    Raises SettingsError if nothing reaches the layer, and as `gradient_by_lag` does.
    """
    exact = as_keepgate_layer(seen.layer).double()
    furthest, ends = _check(exact, seen.x, furthest, state, seen.lengths)
    initial = tuple(each.double() for each in seen.initial)
    been = run_stack(exact, seen.x.double(), initial if len(initial) > 1 else initial[0], ends)
    by_output = None
    if output is not None:
        real = length_mask(len(been.output), ends, been.output.device).unsqueeze(2)
        by_output = output.double().where(real, 0.0)
    by_final = None
    if any(each is not None for each in final):
        by_final = [
            tuple(None if each is None else each[place].double() for each in final)
            for place in range(len(been.final))
        ]
    if by_output is None and by_final is None:
        raise SettingsError("the loss does not depend on this layer; give the gradient of what does")
    return _relative(exact, gradients_by_state(been, by_output, by_final), ends, 1, furthest, state)


def _relative(
    exact: Recurrent, gradients: list[States], ends: Tensor, cut: int, furthest: int, state: str | None
) -> Tensor:
    """The lengths of the gradients, by lag, relative to that of all states at lag 0."""
    everything = range(len(exact.cell.states))
    chosen = everything if state is None else [exact.cell.states.index(state)]
    part = whole = torch.zeros((), dtype=torch.float64)
    for number, steps in enumerate(gradients):
        from_step = None if number % exact.directions else cut
        part = part.hypot(_lengths_by_lag(steps, chosen, ends, furthest + 1, from_step))
        whole = whole.hypot(_lengths_by_lag(steps, everything, ends, 1, from_step))
    there = length_mask(furthest + 1, ends)
    norms = part.where(there, 0.0).sum(1) / there.sum(1)
    return norms / whole[0, ends > 0].mean()


def direct_path_by_lag(layer: LayerTrace, *, furthest: int | None = None) -> Float[Tensor, " lags"]:
    """The share of the gradient that the memory alone carries k steps back: ‖∏ a‖ over the steps since, 1 at k = 0.

    The root mean square over the units, and the mean over the rows that are so long. Beside `gradient_by_lag` it says
    how much of the way back is the direct one, along the memory.
    Raises CellError for a cell that carries no memory, such as a plain RNN.
    """
    left = retained_at(memory_updates(layer))
    size = left.double().square().mean(2).sqrt()
    ends = layer.is_real().sum(0)
    step = torch.arange(len(size), device=size.device).unsqueeze(1)
    # The step that lies k steps before a row's end of reading.
    place = step.expand_as(size) if layer.reverse else (ends - 1 - step).clamp(min=0)
    there = step < ends
    values = size.gather(0, place).where(there, 0.0).sum(1) / there.sum(1)
    return values if furthest is None else values[: furthest + 1]


def decay_length(values: Float[Tensor, " lags"]) -> float:
    """Steps in which the gradient falls to 1/e, fitted to its logarithm by least squares; inf if it does not fall.

    Negative if it grows: then it is the steps in which it grows by e. NaN for fewer than two values above zero.
    """
    lags = torch.arange(len(values), dtype=torch.float64)
    real = (values > 0) & torch.isfinite(values)
    if int(real.sum()) < 2:
        return math.nan
    x, y = lags[real] - lags[real].mean(), values[real].double().log()
    slope = float((x * (y - y.mean())).sum() / (x * x).sum())
    return -1 / slope if slope else math.inf


def vanishing_lag(values: Float[Tensor, " lags"], *, below: float = VANISHED) -> int | None:
    """The first lag from which on all values are below this share of the first; None if the last is not."""
    low = values < below
    if not len(values) or not bool(low[-1]):
        return None
    return int((~low).nonzero()[-1]) + 1 if not bool(low.all()) else 0


def explodes(values: Float[Tensor, " lags"]) -> bool:
    """Whether the gradient grows with the lag and ends above where it began, or is no number any more."""
    if not bool(torch.isfinite(values).all()):
        return True
    return len(values) > 1 and decay_length(values) < 0 and float(values[-1]) > 1


def _check(
    layer: Recurrent, x: Tensor, furthest: int | None, state: str | None, lengths: list[int] | Tensor | None
) -> tuple[int, Tensor]:
    if state is not None and state not in layer.cell.states:
        raise SettingsError(
            f"a {layer.cell.name} has no state {state!r}; it has {', '.join(layer.cell.states)}"
        )
    if x.dim() != 3:
        raise ShapeError(f"x must be [time, batch, input], got {tuple(x.shape)}")
    if x.shape[0] < 1 or x.shape[1] < 1:
        raise ShapeError(f"x is {tuple(x.shape)}; give at least one step and one row")
    ends = torch.full((x.shape[1],), x.shape[0]) if lengths is None else check_lengths(
        lengths, steps=x.shape[0], rows=x.shape[1]
    )  # fmt: skip
    longest = int(ends.max())
    if longest < 1:
        raise ShapeError("every row has length 0; give one with a step")
    furthest = longest - 1 if furthest is None else furthest
    if not 0 <= furthest < longest:
        raise ShapeError(
            f"furthest is {furthest} steps back, and x has {longest} steps; it can be 0 to {longest - 1}"
        )
    return furthest, ends


def _lengths_by_lag(steps: States, which: Sequence[int], ends: Tensor, lags: int, cut: int | None) -> Tensor:
    """The length of the gradient at some of the states together, [lags, batch], each lag counted from the row's end.

    cut: the number of the first step that there is; None for a reverse direction, which has all and ends at step 0.
    """
    lengths = _length(torch.cat([steps[k] for k in which], 2))
    if cut is None:
        return lengths[:lags]
    place = ends - cut - torch.arange(lags).unsqueeze(1)
    return lengths.gather(0, place.clamp(min=0).to(lengths.device))


def _length(values: Tensor) -> Tensor:
    """The length over the last dimension; a square of 1e-200 would already be zero."""
    largest = values.abs().amax(-1)
    return largest * (values / largest.where(largest > 0, 1.0).unsqueeze(-1)).norm(dim=-1)
