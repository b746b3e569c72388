"""The gradient by the state after every step, of every cell and option, against autograd through a graph by hand."""

import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from keepgate import cells
from keepgate.kernels import Call, state_backward, state_gradients
from keepgate.kernels.core.state_backward import core_refusal_reason
from tests.cells.one_step import one_step
from tests.equations.later_cells import LATER
from tests.kernels.blocks import in_blocks
from tests.kernels.calls import CORE, CORE_AND_DTYPES, drawn
from tests.oracles import agrees

SIZES = {"steps": 7, "rows": 5, "inputs": 3, "trace": False}


def by_hand(call: Call, d_output: Tensor, d_final: tuple[Tensor, ...]):
    """Row by row and step by step in float64: gradients by the states after each step, before the first, and by x."""
    call = in_float64(call)
    cell = call.cell
    states = [torch.zeros(call.steps, *state.shape, dtype=torch.float64) for state in call.states]
    initial = [torch.zeros_like(state) for state in call.states]
    d_x = torch.zeros_like(call.x)
    weights = [call.weight_ih, call.bias_ih, call.weight_hh, call.bias_hh]
    zeros = torch.zeros(len(call.weight_ih), dtype=torch.float64)
    weights[1], weights[3] = (zeros if bias is None else bias for bias in (weights[1], weights[3]))
    for row in range(call.rows):
        length = call.steps if call.lengths is None else int(call.lengths[row])
        order = range(length)[::-1] if call.reverse else range(length)
        x = call.x[:, row : row + 1].detach().requires_grad_()
        start = [state[row : row + 1].detach().requires_grad_() for state in call.states]
        before, nodes, value = start, {}, 0.0
        for t in order:
            boundary = t + 1 if call.reverse else t
            if call.resets is not None and boundary < length and call.resets[boundary, row]:
                before = [torch.zeros_like(state) for state in before]
            vectors = dict(zip(cell.vectors, call.vectors, strict=True))
            step = one_step(cell, x[t], dict(zip(cell.states, before, strict=True)), *weights, **vectors)
            after = [step[name] for name in cell.states]
            if call.weight_hr is not None:
                after[0] = after[0] @ call.weight_hr.T
            # Copies, so that no state is computed from another state's node.
            before = nodes[t] = [state.clone() for state in after]
            value = value + (before[0] * d_output[t, row].double()).sum()
        value = value + sum((s * d[row].double()).sum() for s, d in zip(before, d_final, strict=True))
        leaves = [x, *start, *(state for t in nodes for state in nodes[t])]
        found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        d_x[:, row : row + 1] = found[0]
        for n in range(len(start)):
            initial[n][row] = found[1 + n]
            for place, t in enumerate(nodes):
                states[n][t, row] = found[1 + len(start) * (1 + place) + n]
    return states, initial, d_x


def in_float64(call: Call) -> Call:
    values = {
        name: tuple(v.double() for v in value) if isinstance(value, tuple) else value.double()
        for name in ("x", "states", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "vectors")
        if (value := getattr(call, name)) is not None
    }
    return replace(call, **values)


def check(call: Call) -> None:
    d_output = torch.randn(call.steps, call.rows, call.output_size, dtype=call.x.dtype)
    d_final = tuple(torch.randn_like(state) for state in call.states)
    found = state_gradients(call, d_output, d_final, wants_x=True)
    states, initial, d_x = by_hand(call, d_output, d_final)
    for mine, other in zip((*found.states, *found.initial, found.x), (*states, *initial, d_x), strict=True):
        agrees(mine, other.to(call.x.dtype), "gradient")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("cell", "dtype"), CORE_AND_DTYPES, ids=lambda value: getattr(value, "name", str(value))
)
def test_the_core_gives_the_gradient_of_every_state(cell, dtype, seed):
    call = drawn("state gradients", seed, cell=cell, dtype=dtype, **SIZES)
    assert core_refusal_reason(call) is None
    check(call)


@pytest.mark.parametrize("cell", [cells.gru_reset_before, cells.lstm, *LATER], ids=lambda cell: cell.name)
def test_the_reference_gives_it_where_the_core_refuses(cell, monkeypatch):
    monkeypatch.setattr(state_backward, "core_refusal_reason", lambda _: "not here")
    for seed in range(3):
        check(drawn("by the reference", seed, cell=cell, dtype=torch.float64, hidden=5, **SIZES))


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("refused", [False, True])
def test_blocks_of_steps_give_what_one_gives(refused, steps, monkeypatch):
    in_blocks(monkeypatch, steps)
    if refused:
        monkeypatch.setattr(state_backward, "core_refusal_reason", lambda _: "not here")
    for seed in range(12):
        lengths = torch.tensor([7, 0, 3, 6, 7])
        options = {"reverse": bool(seed % 2), "resets": torch.rand(7, 5) < 0.3, "lengths": lengths}
        check(
            drawn(
                "blocks", seed, cell=random.Random(seed).choice(CORE), dtype=torch.float64, **SIZES, **options
            )
        )


def test_none_is_zero_and_what_is_not_wanted_is_not_computed():
    call = drawn("none", cell=cells.lstm, dtype=torch.float64, projected=None, **SIZES)
    zero = torch.zeros(call.steps, call.rows, call.output_size, dtype=torch.float64)
    last = (torch.randn_like(call.states[0]), torch.zeros_like(call.states[1]))
    found = state_gradients(call, None, (last[0], None))
    assert found.x is None
    for mine, other in zip(found.states, state_gradients(call, zero, last).states, strict=True):
        assert torch.equal(mine, other)
    assert not any(d.any() for d in state_gradients(call, zero).states)


def test_nothing_stays_of_a_graph_and_modes_go_to_the_reference():
    call = drawn("modes", cell=cells.gru, dtype=torch.float64, **SIZES)
    d_output = torch.randn(call.steps, call.rows, call.output_size, dtype=torch.float64)
    plain = state_gradients(call, d_output)
    assert not any(d.requires_grad for d in (*plain.states, *plain.initial))
    with torch.autocast("cpu", enabled=True):
        assert core_refusal_reason(call) is not None
    with torch.inference_mode():
        agrees(state_gradients(call, d_output).states[0], plain.states[0], "gradient")
