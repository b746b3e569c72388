"""Fixed and slow points of a layer's state under a constant input, with their stability, and the automaton they make.

From states that were visited, and from half-way between two, ‖F(s) − s‖² is minimised by Levenberg and Marquardt's
steps, with the one-step Jacobian.
Sussillo & Barak (2013), doi:10.1162/NECO_a_00409.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
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

    def plane(self) -> tuple[Float[Tensor, "points 2"], Float[Tensor, "visited 2"]]:
        """Points and visited states in the plane of the visited states' first two principal components."""
        mean = self.visited.mean(0)
        axes = torch.linalg.svd(self.visited - mean, full_matrices=False).Vh[:2]
        if len(axes) < 2:
            axes = torch.cat([axes, torch.zeros_like(axes)])
        return (self.points - mean) @ axes.T, (self.visited - mean) @ axes.T

    @torch.no_grad()
    def transitions(
        self, inputs: Float[Tensor, "symbols features"], *, settle: int = 100
    ) -> Int[Tensor, "stable symbols"]:
        """The automaton: to which stable point each of them goes by one step of each input and `settle` of `input`.

        Both are numbered among the stable points alone. -1 where it ends nearer to none of them than `SAME` of the
        spread. settle: in periods.
        """
        stable = self.points[self.is_stable]
        states = stable.repeat_interleave(len(inputs), 0)
        states = _step(self.call, states, inputs.to(states).repeat(len(stable), 1))
        for _ in range(settle * self.period):
            states = _step(self.call, states, self.input.expand(len(states), -1))
        if not len(stable):
            return torch.zeros(0, len(inputs), dtype=torch.long)
        distances, nearest = torch.cdist(states, stable).min(1)
        nearest[distances > SAME * _spread(self.visited)] = -1
        return nearest.reshape(len(stable), len(inputs))


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
    for name, value, least in (("period", period, 1), ("starts", starts, 1), ("iterations", iterations, 0)):
        if value < least:
            raise SettingsError(f"{name} is {value}; give {least} or more")
    place = layer_run.place(layer, reverse=reverse)
    part, exact = layer_run.trace.layers[place], as_keepgate_layer(layer_run.layer).double()
    weights = exact.weights_at(place)
    driving = torch.zeros(weights.input_size) if input is None else torch.as_tensor(input)
    if driving.shape != (weights.input_size,):
        raise ShapeError(
            f"input is of shape {list(driving.shape)}; this layer reads {weights.input_size} features"
        )
    visited = torch.cat([part[name][part.is_real()] for name in part.cell.states], 1).double()
    if not len(visited):
        raise ShapeError("the run has no step, and so no state to start from")
    visited = visited[torch.linspace(0, len(visited) - 1, min(starts, len(visited))).long()]
    driving = driving.to(visited)
    sizes = [part[name].shape[2] for name in part.cell.states]
    call = Call.of(weights, driving.expand(1, 1, -1), tuple(visited[:1].split_with_sizes(sizes, 1)))
    spread = _spread(visited)
    between = (visited + visited.roll(len(visited) // 2, 0)) / 2
    minima = _descend(call, torch.cat([visited, between]), (driving, period), iterations)
    residuals, matrices = _linearised(call, minima, (driving, period))
    speeds = residuals.norm(dim=1) / spread
    near = torch.cdist(minima, visited).min(1).values < FAR * spread
    chosen: list[int] = []
    for number in speeds.argsort().tolist():
        if near[number] and all(
            float((minima[number] - minima[one]).norm()) > SAME * spread for one in chosen
        ):
            chosen.append(number)
    values = torch.linalg.eigvals(matrices[chosen])
    order = values.abs().argsort(1, descending=True)
    return FixedPoints(
        points=minima[chosen], speeds=speeds[chosen], eigenvalues=values.gather(1, order), visited=visited,
        input=driving, period=period, call=call,
    )  # fmt: skip


def _descend(call: Call, states: Tensor, driven: tuple[Tensor, int], iterations: int) -> Tensor:
    """From each state, Levenberg and Marquardt's steps downhill on ‖F(s) − s‖²; a step uphill is not made."""
    identity = torch.eye(states.shape[1], dtype=states.dtype, device=states.device)
    points, spread = states.clone(), _spread(states)
    moving = torch.arange(len(states))
    damping = torch.full((len(states),), 1e-2, dtype=states.dtype, device=states.device)
    residual, matrix = _linearised(call, states, driven)
    for _ in range(iterations):
        slope = matrix - identity
        normal = slope.mT @ slope + damping[:, None, None] * identity
        moved = states - torch.linalg.solve(normal, slope.mT @ residual.unsqueeze(2)).squeeze(2)
        new_residual, new_matrix = _linearised(call, moved, driven)
        size, new_size = residual.norm(dim=1), new_residual.norm(dim=1)
        better = new_size < size
        states = torch.where(better.unsqueeze(1), moved, states)
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
    given, period = driven
    after, matrix = states, torch.eye(states.shape[1], dtype=states.dtype, device=states.device)
    for _ in range(period):
        traced = _call(call, after, given.expand(len(states), -1), trace=True)
        traced_layer = layer_trace(traced, run(traced), 0)
        after, matrix = (
            torch.cat([traced_layer[name][0] for name in traced_layer.cell.states], 1),
            jacobians(traced, traced_layer)[0] @ matrix,
        )
    return after - states, matrix


def _step(call: Call, states: Tensor, x: Float[Tensor, "rows features"]) -> Tensor:
    return torch.cat(run(_call(call, states, x)).final, 1)


def _call(call: Call, states: Tensor, x: Tensor, *, trace: bool = False) -> Call:
    sizes = [state.shape[1] for state in call.states]
    return Call.of(call.weights, x.unsqueeze(0), tuple(states.split_with_sizes(sizes, 1)), trace=trace)


def _spread(states: Tensor) -> float:
    """How far the states lie from their mean, as a length; 1 where they are all alike."""
    return float((states - states.mean(0)).norm(dim=1).square().mean().sqrt()) or 1.0
