"""Fixed and slow points of a layer's state under a constant input, with their stability.

From states that were visited, and from half-way between two, ‖F(s) − s‖² is minimised by Levenberg and Marquardt's
steps, with the one-step Jacobian.
Sussillo & Barak (2013), doi:10.1162/NECO_a_00409.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ...errors import SettingsError, ShapeError
from ...kernels import Call, run
from ...nn.trace import layer_trace
from ..capture.layer_run import LayerRun, as_keepgate_layer
from ..compact_repr import compact_repr
from .step_jacobian import jacobians

# Where a step moves the state by less than this share of how far apart the visited states are, it is fixed.
FIXED = 1e-6
# Points nearer to each other than this share are one point; points further from all that was visited are left out.
SAME, FAR = 1e-2, 2.0
# Steps read in one call, so that their outputs need little memory.
AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPoints:
    """Points at which a step moves the state least, the slowest first; all states side by side, h and then c.

    points:      where they are. speeds: how far a step moves each, relative to the spread of the visited states.
    eigenvalues: of the Jacobian there, the largest first; all below 1 in size: what comes near stays near.
    visited:     the states that were started from. input: what was read at every step.
    period:      a step is so many steps of the network.
    """

    points: Float[Tensor, "points states"]
    speeds: Float[Tensor, " points"]
    eigenvalues: Complex[Tensor, "points states"]
    visited: Float[Tensor, "visited states"]
    input: Float[Tensor, " features"]
    period: int
    call: Call

    __repr__ = compact_repr

    @property
    def is_fixed(self) -> Tensor:
        """Whether the state stays there for good; at the others it moves slowly."""
        return self.speeds < FIXED

    @property
    def is_stable(self) -> Tensor:
        """Whether it is fixed and draws the states around it to itself."""
        return self.is_fixed & (self.eigenvalues[:, 0].abs() < 1)

    def onto_plane(self, states: Float[Tensor, "rows states"]) -> Float[Tensor, "rows 2"]:
        """States in the plane of the visited states' first two principal components."""
        mean = self.visited.mean(0)
        axes = torch.linalg.svd(self.visited - mean, full_matrices=False).Vh[:2]
        if len(axes) < 2:
            axes = torch.cat([axes, torch.zeros_like(axes)])
        return (states - mean) @ axes.T

    def plane(self) -> tuple[Float[Tensor, "points 2"], Float[Tensor, "visited 2"]]:
        """Points and visited states in that plane."""
        return self.onto_plane(self.points), self.onto_plane(self.visited)


@torch.no_grad()
def fixed_points(
    layer_run: LayerRun,
    input: Float[Tensor, " features"] | Sequence[float] | None = None,
    *,
    layer: int = -1,
    reverse: bool = False,
    period: int = 1,
    starts: int = 256,
    iterations: int = 100,
) -> FixedPoints:
    """Fixed and slow points of one layer and direction under a constant input, from states that it visited; float64.

    input: what is read at every step; None is zeros. Each input has points of its own.
    period: 2 finds what comes back every other step, and so on: a network may hold a memory by going round.
    starts: visited states to start from, evenly over all rows and steps. Points far from all of them are left out.
    Raises ShapeError for an input of another size, or a run without a step; SettingsError for a period or starts below
    1, or iterations below 0; CellError for a cell without a graph.
    """
    check_at_least(1, period=period, starts=starts)
    check_at_least(0, iterations=iterations)
    call, visited = visited_states(layer_run, starts, layer=layer, reverse=reverse)
    driving = torch.zeros(call.weights.input_size) if input is None else torch.as_tensor(input)
    if driving.shape != (call.weights.input_size,):
        raise ShapeError(
            f"input is of shape {list(driving.shape)}; this layer reads {call.weights.input_size} features"
        )
    between = (visited + visited.roll(len(visited) // 2, 0)) / 2
    starting = torch.cat([visited, between])
    return points_from(
        call, starting, visited=visited, input=driving.to(visited), period=period, iterations=iterations
    )


def check_at_least(least: int, **settings: int) -> None:
    """Raises SettingsError for a setting below `least`."""
    for name, value in settings.items():
        if value < least:
            raise SettingsError(f"{name} is {value}; give {least} or more")


def visited_states(
    layer_run: LayerRun, most: int, *, layer: int, reverse: bool = False
) -> tuple[Call, Float[Tensor, "visited states"]]:
    """One layer and direction as a call of one step from its first initial state, and states it visited; float64.

    Raises ShapeError for a run without a step.
    """
    place = layer_run.place(layer, reverse=reverse)
    part, exact = layer_run.trace.layers[place], as_keepgate_layer(layer_run.layer).double()
    visited = torch.cat([part[name][part.is_real()] for name in part.cell.states], 1).double()
    if not len(visited):
        raise ShapeError("the run has no step, and so no state to start from")
    visited = visited[torch.linspace(0, len(visited) - 1, min(most, len(visited))).long()]
    weights, initial = (
        exact.weights_at(place),
        tuple(part.initial[name][:1].double() for name in part.cell.states),
    )
    return Call.of(weights, visited.new_zeros(1, 1, weights.input_size), initial), visited


def points_from(
    call: Call,
    starts: Tensor,
    *,
    visited: Tensor,
    input: Tensor,
    period: int,
    iterations: int,
    far: float = FAR,
) -> FixedPoints:
    """Where so many steps of descent lead from these starts, each point once, without those far from all visited."""
    spread = spread_of(visited)
    ends = descend(call, starts, (input, period), iterations)
    residuals, matrices = _linearised(call, ends, (input, period))
    speeds = residuals.norm(dim=1) / spread
    near = torch.cdist(ends, visited).min(1).values < far * spread
    distinct: list[int] = []
    for number in speeds.argsort().tolist():
        if near[number] and bool((torch.cdist(ends[[number]], ends[distinct]) > SAME * spread).all()):
            distinct.append(number)
    values = torch.linalg.eigvals(matrices[distinct])
    order = values.abs().argsort(1, descending=True)
    return FixedPoints(
        points=ends[distinct], speeds=speeds[distinct], eigenvalues=values.gather(1, order), visited=visited,
        input=input, period=period, call=call,
    )  # fmt: skip


def descend(call: Call, states: Tensor, driven: tuple[Tensor, int], iterations: int) -> Tensor:
    """From each state, Levenberg and Marquardt's steps downhill on ‖F(s) − s‖²; a step uphill is not made."""
    identity = torch.eye(states.shape[1], dtype=states.dtype, device=states.device)
    points, spread = states.clone(), spread_of(states)
    moving = torch.arange(len(states))
    damping = torch.full((len(states),), 1e-2, dtype=states.dtype, device=states.device)
    residual, matrix = _linearised(call, states, driven)
    for _ in range(iterations):
        slope = matrix - identity
        normal = slope.mT @ slope + damping[:, None, None] * identity
        new_states = states - torch.linalg.solve(normal, slope.mT @ residual.unsqueeze(2)).squeeze(2)
        new_residual, new_matrix = _linearised(call, new_states, driven)
        size, new_size = residual.norm(dim=1), new_residual.norm(dim=1)
        better = new_size < size
        states = torch.where(better.unsqueeze(1), new_states, states)
        residual = torch.where(better.unsqueeze(1), new_residual, residual)
        matrix = torch.where(better[:, None, None], new_matrix, matrix)
        damping = (damping * torch.where(better, 0.2, 5.0)).clamp(min=1e-12)
        points[moving] = states
        # Nothing is gained any more: it has arrived, or no step leads downhill.
        goes_on = (torch.minimum(size, new_size) > 1e-3 * FIXED * spread) & (damping < 1e6)
        if not bool(goes_on.any()):
            break
        moving, states, damping = moving[goes_on], states[goes_on], damping[goes_on]
        residual, matrix = residual[goes_on], matrix[goes_on]
    return points


def _linearised(call: Call, states: Tensor, driven: tuple[Tensor, int]) -> tuple[Tensor, Tensor]:
    """F(s) − s of each state and the Jacobian of F there. driven: the input, and how many steps F makes."""
    constant_input, period = driven
    after, matrix = states, torch.eye(states.shape[1], dtype=states.dtype, device=states.device)
    for _ in range(period):
        traced = _call(call, after, constant_input.expand(1, len(states), -1), trace=True)
        traced_layer = layer_trace(traced, run(traced), 0)
        after, matrix = (
            torch.cat([traced_layer[name][0] for name in traced_layer.cell.states], 1),
            jacobians(traced, traced_layer)[0] @ matrix,
        )
    return after - states, matrix


def read_constantly(call: Call, states: Tensor, input: Float[Tensor, " features"], steps: int) -> Tensor:
    """The states, side by side, after so many steps of the same input."""
    for first in range(0, steps, AT_ONCE):
        x = input.expand(min(AT_ONCE, steps - first), len(states), -1)
        states = torch.cat(run(_call(call, states, x)).final, 1)
    return states


def states_apart(call: Call, states: Tensor) -> tuple[Tensor, ...]:
    """The cell's states, which stand side by side, one by one."""
    return states.split_with_sizes([state.shape[1] for state in call.states], 1)


def spread_of(states: Tensor) -> float:
    """How far the states lie from their mean, as a length; 1 where they are all alike."""
    return float((states - states.mean(0)).norm(dim=1).square().mean().sqrt()) or 1.0


def _call(call: Call, states: Tensor, x: Tensor, *, trace: bool = False) -> Call:
    return Call.of(call.weights, x, states_apart(call, states), trace=trace)
