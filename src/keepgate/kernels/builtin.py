"""torch's own kernels (oneDNN, cuDNN) for the cells that torch has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import cells
from ..equations import Cell
from .call import Call, CallResult
from .kernel import Kernel
from .tracing_state import forward_ad_active, functorch_active, legacy_vmap_active

# By the cell itself, not by its name: a user's own cell may be called "lstm" and mean something else.
_TORCH: tuple[tuple[Cell, Callable[..., tuple[Tensor, ...]]], ...] = (
    (cells.rnn_tanh, torch.rnn_tanh),
    (cells.rnn_relu, torch.rnn_relu),
    (cells.lstm, torch.lstm),
    (cells.gru, torch.gru),
)


def _torchs(cell: Cell) -> Callable[..., tuple[Tensor, ...]] | None:
    return next((function for torch_cell, function in _TORCH if torch_cell is cell), None)


class Builtin(Kernel):
    """One layer and direction a call; a ragged batch is split into rectangles at the steps where rows end."""

    name = "builtin"

    def refusal_reason(self, call: Call) -> str | None:
        """Why torch's kernels cannot run the call, or None."""
        if _torchs(call.cell) is None:
            names = ", ".join(cell.name for cell, _ in _TORCH)
            return f"torch has no kernel for the cell {call.cell.name}; it has {names}"
        if call.trace:
            return "a trace was asked for, and torch's kernels do not show their gates"
        if call.resets is not None:
            return (
                "resets were asked for, and torch's kernels carry the state from the first step to the last"
            )
        if (call.bias_ih is None) != (call.bias_hh is None):
            return "torch's kernels take two biases or none, got one"
        if call.weight_hr is not None and call.cell is not cells.lstm:
            return "torch's kernels project the output of an LSTM only"
        if functorch_active():
            return "torch.func transforms the call, and torch's kernels have no batching rule"
        if legacy_vmap_active():
            return "torch's older vmap stacks the call, and torch's kernels have no batching rule"
        if forward_ad_active():
            return "forward-mode derivatives were asked for, and torch's kernels have none"
        return None

    def forward(self, call: Call) -> CallResult:
        """Output and final states; torch's kernels trace nothing."""
        if call.rows == 0 or (call.lengths is None and not call.reverse):
            output, final = _rectangle(call, call.x, call.states)
            return CallResult(output=output, final=final)
        return _in_rectangles(call)


def _rectangle(call: Call, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Runs every row for all steps of x, forwards. x: [time, batch, input]."""
    arguments = (call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh, call.weight_hr)
    weights = [weight for weight in arguments if weight is not None]
    hx = [state.unsqueeze(0) for state in states]
    train = torch.is_grad_enabled()
    function = _torchs(call.cell)
    assert function is not None
    output, *final = function(
        x, hx if len(hx) > 1 else hx[0], weights, call.bias_ih is not None, 1, 0.0, train, False, False
    )
    return output, tuple(state.squeeze(0) for state in final)


def _in_rectangles(call: Call) -> CallResult:
    """Rows of different lengths, either direction: one rectangle for each stretch of steps in which no row ends."""
    order = _Order.of(call)
    x_flat = call.x.reshape(call.steps * call.rows, -1).index_select(0, order.gather)
    states = tuple(state.index_select(0, order.rows) for state in call.states)
    outputs, finished = [], []
    start = 0
    for steps, rows in order.rectangles():
        finished.append(tuple(state[rows:] for state in states))
        piece = x_flat[start : start + steps * rows].view(steps, rows, -1)
        output, states = _rectangle(call, piece, tuple(state[:rows].contiguous() for state in states))
        outputs.append(output.reshape(steps * rows, -1))
        start += steps * rows
    finished.append(states)
    nothing = call.x.new_zeros(1, call.output_size, dtype=outputs[0].dtype if outputs else None)
    flat = torch.cat([*outputs, nothing])
    output = flat.index_select(0, order.scatter).view(call.steps, call.rows, call.output_size)
    final = tuple(
        torch.cat(parts[::-1]).index_select(0, order.rows_back) for parts in zip(*finished, strict=True)
    )
    return CallResult(output=output, final=final)


@dataclass(frozen=True)
class _Order:
    """Index tensors between [time, batch] and rows sorted by length, longest first, packed by time.

    gather:  for each packed step, its index in the flattened [time · batch].
    scatter: the inverse; steps beyond a row's length index one row of zeros after the packed ones.
    """

    gather: Tensor
    scatter: Tensor
    rows: Tensor
    rows_back: Tensor
    lengths: list[int]

    @staticmethod
    def of(call: Call) -> "_Order":
        device = call.x.device
        lengths = torch.full((call.rows,), call.steps) if call.lengths is None else call.lengths.cpu().long()
        rows = torch.argsort(lengths, descending=True, stable=True)
        time = torch.arange(call.steps).unsqueeze(1)
        real = time < lengths[rows]
        read = (lengths[rows] - 1 - time) if call.reverse else time.expand(-1, call.rows)
        gather = (read * call.rows + rows)[real]
        scatter = torch.full((call.steps * call.rows,), len(gather))
        scatter[gather] = torch.arange(len(gather))
        return _Order(
            gather=gather.to(device),
            scatter=scatter.to(device),
            rows=rows.to(device),
            rows_back=torch.argsort(rows).to(device),
            lengths=lengths[rows].tolist(),
        )

    def rectangles(self) -> Iterator[tuple[int, int]]:
        """(steps, rows) of each stretch of steps in which no row ends."""
        start = 0
        for row in reversed(range(len(self.lengths))):
            length = self.lengths[row]
            if length > start:
                yield length - start, row + 1
                start = length
