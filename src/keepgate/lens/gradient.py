"""Gradient against lag: how much of what the answer teaches reaches the state so many steps earlier."""

import copy
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingsError, ShapeError
from ..nn import Recurrent

Loss = Callable[[Tensor], Tensor]

# LENS: what falls below this share of the gradient at lag 0 is gone.
GONE = 0.01


def gradient_by_lag(
    layer: Recurrent,
    x: Float[Tensor, "time batch input"],
    *,
    loss: Loss | None = None,
    furthest: int | None = None,
    state: str | None = None,
) -> Float[Tensor, " lags"]:
    """Norm of ∂L_T/∂(states at T−k) for k = 0, 1, … `furthest`, relative to k = 0, as a mean over the rows; float64.

    The derivative is the whole one, along every path from the state to the loss, with respect to all states together
    or to one of them (`state`, "c" for example; relative to all states at lag 0, so that the shares of two compare).
    It comes from one backward pass, in float64, so that 1e-250 is a number and not yet zero.

    loss: from the last output [batch, output] to a number; None sums it. x: time first, every row of the full length.
    furthest: in steps; None goes to the state after the first step. The steps before it are run without a gradient.
    Raises ShapeError if x is not [time, batch, input] or has fewer than furthest + 1 steps, SettingsError for two
    directions or several layers, where no step is the last of all, for a state that the cell lacks, or for a loss that
    does not depend on the output.
    Source: Pascanu et al. (2013), arXiv:1211.5063.
    """
    furthest = _check(layer, x, furthest, state)
    exact = copy.deepcopy(layer).double().eval()
    exact.batch_first = False
    states = _walk(exact, x.detach().double(), furthest)
    with torch.enable_grad():
        # The output after the last step is the first of its states.
        value = (loss or torch.sum)(states[-1][0][0])
    gradients = _gradients(value, states)
    chosen = range(len(layer.cell.states)) if state is None else [layer.cell.states.index(state)]
    norms = torch.stack([_norm([step[k] for k in chosen]) for step in gradients]).flip(0)
    whole = _norm(list(gradients[-1]))
    return norms / whole


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


def gone_after(values: Float[Tensor, " lags"], *, below: float = GONE) -> int | None:
    """The first lag from which on all values are below this share of the first; None if the last is not."""
    low = values < below
    if not len(values) or not bool(low[-1]):
        return None
    return int((~low).nonzero()[-1]) + 1 if not bool(low.all()) else 0


def _check(layer: Recurrent, x: Tensor, furthest: int | None, state: str | None) -> int:
    if layer.bidirectional or layer.num_layers > 1:
        raise SettingsError(
            f"this layer has {layer.num_layers} layers in {layer.directions} directions, and a state's lag is plain "
            "only with one of each; measure a layer with num_layers=1 and bidirectional=False"
        )
    if state is not None and state not in layer.cell.states:
        raise SettingsError(
            f"a {layer.cell.name} has no state {state!r}; it has {', '.join(layer.cell.states)}"
        )
    if x.dim() != 3:
        raise ShapeError(f"x must be [time, batch, input], got {tuple(x.shape)}")
    if x.shape[0] < 1 or x.shape[1] < 1:
        raise ShapeError(f"x is {tuple(x.shape)}; give at least one step and one row")
    if furthest is None:
        return x.shape[0] - 1
    if not 0 <= furthest < x.shape[0]:
        raise ShapeError(
            f"furthest is {furthest} steps back, and x has {x.shape[0]} steps; it can be 0 to {x.shape[0] - 1}"
        )
    return furthest


def _walk(layer: Recurrent, x: Tensor, furthest: int) -> list[tuple[Tensor, ...]]:
    """All states after each of the last furthest + 1 steps, the earliest first.

    Step by step, so that every state is a place of its own in the graph, with all that follows from it behind it.
    """
    start = len(x) - furthest
    with torch.no_grad():
        state = _as_tuple(layer(x[:start])[1])
    state = tuple(each.detach().requires_grad_() for each in state)
    states = [state]
    with torch.enable_grad():
        for step in range(start, len(x)):
            state = _as_tuple(layer(x[step : step + 1], state if len(state) > 1 else state[0])[1])
            states.append(state)
    return states


def _as_tuple(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def _gradients(value: Tensor, states: list[tuple[Tensor, ...]]) -> list[tuple[Tensor, ...]]:
    if value.dim() or not value.requires_grad:
        raise SettingsError(
            "the loss must be one number that depends on the output it is given; "
            f"it is {tuple(value.shape)}{'' if value.requires_grad else ' and does not depend on it'}"
        )
    flat = [each for step in states for each in step]
    found = torch.autograd.grad(value, flat, allow_unused=True)
    whole = [torch.zeros_like(each) if one is None else one for each, one in zip(flat, found, strict=True)]
    each_step = len(states[0])
    return [tuple(whole[k : k + each_step]) for k in range(0, len(whole), each_step)]


def _norm(states: list[Tensor]) -> Tensor:
    """The mean over the rows of the length of all units together; each state is [1, batch, units]."""
    return torch.cat([state[0] for state in states], 1).norm(dim=1).mean()
