"""Ablation of writes and clamping of forget gates at some steps; the network is run again from the changed memory."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ShapeError
from ...kernels import Call, run
from ...nn.trace import layer_trace
from ..capture.layer_run import LayerRun
from ..memory.additive import memory_updates
from .rerun import LAST_FORWARD, Rerun, Site, Steps, check_steps, resume, run_above, states_given_memory


def ablate_writes(layer_run: LayerRun, steps: Steps, site: Site = LAST_FORWARD) -> Rerun:
    """Ablation of single writes, one variant a step: the input gate is set to 0 there and the network is run on.

    An LSTM with i_t := 0 still forgets as f_t says. In a GRU one gate does both, so that with 1 - z_t := 0 its memory
    stays as it was. The step's output and all later gates follow from the changed memory.
    Raises CellError for a cell without an additive memory, ShapeError for a step outside its row, SettingsError for a
    run with resets.
    """
    return ablate_spans(layer_run, _single_steps(steps), site)


def hold_memory(layer_run: LayerRun, steps: Steps, site: Site = LAST_FORWARD) -> Rerun:
    """Clamping of the forget gate to 1 (keep all), one variant a step: the step erases nothing and still writes.

    s_t := s_{t-1} + b_t, with the step's own write b_t; also in a GRU, whose single gate could not do both.
    Raises as `ablate_writes` does.
    """
    return _change_spans(layer_run, _single_steps(steps), site, no_write=False, no_erase=True)


def ablate_spans(layer_run: LayerRun, spans: Sequence[tuple[int, int]], site: Site = LAST_FORWARD) -> Rerun:
    """Ablation of all writes in a span of steps [start, end); one variant a span.

    Each step of the span is run from the state that the changed step before it left.
    Raises as `ablate_writes` does, and ShapeError for an empty span.
    """
    return _change_spans(layer_run, spans, site, no_write=True, no_erase=False)


@torch.no_grad()
def counterfactual(
    layer_run: LayerRun,
    no_write: Sequence[int] = (),
    no_erase: Sequence[int] = (),
    site: Site = LAST_FORWARD,
) -> Rerun:
    """One variant with several changes: writes ablated at the steps `no_write`, forget gates clamped at `no_erase`.

    All in one run, in the order of reading, each change made to the state that the earlier ones led to. A step in both
    leaves the memory unchanged.
    Raises as `ablate_writes` does, and ShapeError for several rows.
    """
    if not isinstance(site.rows, int):
        raise ShapeError(f"rows are {site.rows}; several changes are made in one row, so give its number")
    place = layer_run.place(site.layer, reverse=site.reverse)
    traced_layer, call = layer_run.trace.layers[place], layer_run.call(place)
    steps = sorted({*no_write, *no_erase}, reverse=traced_layer.reverse)
    row = torch.tensor([site.rows])
    check_steps(traced_layer, torch.tensor(steps, dtype=torch.long), row.expand(len(steps)))
    length = int(traced_layer.is_real().sum(0)[row])
    order = range(length - 1, -1, -1) if traced_layer.reverse else range(length)
    output = traced_layer[call.cell.states[0]][:, row].clone()
    states = tuple(state[row] for state in call.states)
    begin = 0
    for step in [*steps, None]:
        end = length if step is None else order.index(step)
        unchanged = list(order[begin:end])
        if unchanged:
            result = run(Call.of(call.weights, call.x[unchanged][:, row], states))
            output[unchanged], states = result.output, result.final
        if step is not None:
            states = counterfactual_step(
                call, call.x[step, row], states, no_write=step in no_write, no_erase=step in no_erase
            )
            output[step], begin = states[0], end + 1
    return run_above(layer_run, place, output, states, row)


def counterfactual_step(
    call: Call, x: Float[Tensor, "rows input"], states: tuple[Tensor, ...], *, no_write: bool, no_erase: bool
) -> tuple[Tensor, ...]:
    """All states after one step from `states`, with its write ablated or its forget gate clamped to 1, or both."""
    step_call = Call.of(call.weights, x.unsqueeze(0), states, trace=True)
    traced_layer = layer_trace(step_call, run(step_call), 0)
    updates = memory_updates(traced_layer)
    factor = updates.keep_without_write[0] if no_write else updates.keep[0]
    memory = updates.initial if no_erase else factor * updates.initial
    if not no_write:
        memory = memory + updates.write[0]
    rows = torch.arange(len(x))
    return states_given_memory(step_call, traced_layer, memory, (torch.zeros_like(rows), rows))


@torch.no_grad()
def _change_spans(
    layer_run: LayerRun, spans: Sequence[tuple[int, int]], site: Site, *, no_write: bool, no_erase: bool
) -> Rerun:
    place = layer_run.place(site.layer, reverse=site.reverse)
    traced_layer, call = layer_run.trace.layers[place], layer_run.call(place)
    starts, ends = torch.tensor(spans, dtype=torch.long).reshape(-1, 2).unbind(1)
    rows = torch.as_tensor(site.rows).expand(len(spans))
    if bool((starts >= ends).any()):
        raise ShapeError(f"spans are {list(spans)}; each must end after it starts")
    check_steps(traced_layer, starts, rows)
    check_steps(traced_layer, ends - 1, rows)
    first, last = (ends - 1, starts) if traced_layer.reverse else (starts, ends - 1)
    states = tuple(traced_layer.state_before(name)[first, rows] for name in call.cell.states)
    outputs: list[tuple[Tensor, Tensor, Tensor]] = []
    for k in range(int((ends - starts).max())) if len(spans) else ():
        inside = ends - starts > k
        step = torch.where(inside, first - k if traced_layer.reverse else first + k, last)
        changed = counterfactual_step(call, call.x[step, rows], states, no_write=no_write, no_erase=no_erase)
        states = tuple(
            torch.where(inside.unsqueeze(1), new, old) for new, old in zip(changed, states, strict=True)
        )
        outputs.append((step[inside], inside.nonzero()[:, 0], states[0][inside]))
    output, final = resume(call, traced_layer, states, last, rows)
    for step, variant, value in outputs:
        output[step, variant] = value
    return run_above(layer_run, place, output, final, rows)


def _single_steps(steps: Steps) -> list[tuple[int, int]]:
    return [(step, step + 1) for step in torch.as_tensor(steps).tolist()]
