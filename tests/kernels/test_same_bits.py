"""The C++ core gives the same bits however the work is cut: runs, threads, rows, parts, padding, trace."""

import dataclasses
from itertools import pairwise

import pytest
import torch

from keepgate.kernels import run
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE, DTYPES, made, results, same_bits, threads, values
from tests.oracles import flat

every_cell = pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

# steps, rows, inputs, units: no multiple of anything, and enough work for several threads, by rows or by units.
SIZES = [(23, 9, 11, 37), (40, 1, 33, 131), (30, 33, 7, 21), (12, 3, 70, 150)]
# More than 64 steps: a row alone crosses from one block of projected inputs to the next as well.
STEPS, ROWS, INPUTS, HIDDEN = 71, 9, 11, 37


def layer_of(cell, dtype, **options):
    layer = Recurrent(cell, INPUTS, HIDDEN, dtype=dtype, kernel="cpu", **options)
    state = tuple(torch.randn(layer.directions, ROWS, HIDDEN, dtype=dtype) for _ in cell.states)
    return layer, torch.randn(STEPS, ROWS, INPUTS, dtype=dtype), state if len(state) > 1 else state[0]


def cut(hx, rows):
    return tuple(h[:, rows].contiguous() for h in hx) if isinstance(hx, tuple) else hx[:, rows].contiguous()


def same(ours, theirs):
    for place, (mine, other) in enumerate(zip(flat(ours), flat(theirs), strict=True)):
        assert torch.equal(mine, other), f"value {place} differs by {(mine - other).abs().max()}"


@every_dtype
@every_cell
def test_twenty_runs(cell, dtype):
    with threads(2):
        call = made(cell, *SIZES[0], dtype=dtype)
        expected = results(call)
        for _ in range(20):
            same_bits(results(call), expected)


@every_dtype
@every_cell
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_any_number_of_threads(sizes, cell, dtype):
    steps, rows, *_ = sizes
    lengths = torch.tensor([(5 * row + 3) % (steps + 1) for row in range(rows)])
    for options in ({}, {"lengths": lengths, "reverse": True, "resets": torch.rand(steps, rows) < 0.1}):
        call = made(cell, *sizes, dtype=dtype, **options)
        with threads(1):
            expected = results(call)
        for count in (2, 3, 4, 8):
            with threads(count):
                same_bits(results(call), expected)


@every_dtype
@every_cell
def test_a_row_alone_or_in_a_batch_of_nine(cell, dtype):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, dtype=dtype)
    whole = values(call, "cpu")
    (d_x,) = torch.autograd.grad(whole["output"].sum(), call.x)
    for row in range(ROWS):
        at = slice(row, row + 1)
        one = dataclasses.replace(call, x=call.x[:, at], states=tuple(state[at] for state in call.states))
        alone = values(one, "cpu")
        assert torch.equal(alone["output"], whole["output"][:, at])
        for state in cell.states:
            assert torch.equal(alone[f"last {state}"], whole[f"last {state}"][at])
        assert torch.equal(torch.autograd.grad(alone["output"].sum(), one.x)[0], d_x[:, at])


@every_dtype
@every_cell
def test_any_number_of_rows_around_a_row(cell, dtype):
    layer, x, hx = layer_of(cell, dtype)
    with torch.no_grad():
        whole = layer(x, hx)[0]
        for first in range(ROWS):
            for last in range(first + 1, ROWS + 1):
                rows = slice(first, last)
                output, _ = layer(x[:, rows], cut(hx, rows))
                assert torch.equal(output, whole[:, rows]), f"rows {first} to {last}"


@every_dtype
@every_cell
def test_two_parts_at_every_cut(cell, dtype):
    layer, x, hx = layer_of(cell, dtype)
    with torch.no_grad():
        whole = flat(layer(x, hx))
        for at in range(1, STEPS):
            before, state = layer(x[:at], hx)
            after, final = layer(x[at:], state)
            same([torch.cat([before, after]), *flat(final)], whole)


@every_dtype
@every_cell
def test_gradients_in_two_parts(cell, dtype):
    # What a sequence costs in one piece it costs in two, whose states carry the gradient from part to part.
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, dtype=dtype)
    whole = run(call, "cpu")
    wanted = [call.x, *call.states]
    expected = torch.autograd.grad(whole.output.sum() + whole.final[0].sum(), wanted)
    for at in (1, 7, 16, 64, 70):
        first = run(dataclasses.replace(call, x=call.x[:at]), "cpu")
        second = run(dataclasses.replace(call, x=call.x[at:], states=first.final), "cpu")
        loss = first.output.sum() + second.output.sum() + second.final[0].sum()
        same(torch.autograd.grad(loss, wanted), expected)


@every_dtype
@every_cell
def test_step_by_step(cell, dtype):
    layer, x, hx = layer_of(cell, dtype)
    with torch.no_grad():
        whole = flat(layer(x, hx))
        state, outputs = hx, []
        for step in x:
            output, state = layer(step.unsqueeze(0), state)
            outputs.append(output)
        same([torch.cat(outputs), *flat(state)], whole)
        # And a row alone, which takes other tiles.
        state, outputs = cut(hx, slice(4, 5)), []
        for step in x[:, 4:5]:
            output, state = layer(step.unsqueeze(0), state)
            outputs.append(output)
        assert torch.equal(torch.cat(outputs), whole[0][:, 4:5])


@every_dtype
@every_cell
def test_a_stepper_is_the_whole_run(cell, dtype):
    layer, x, _ = layer_of(cell, dtype, num_layers=2)
    with torch.no_grad():
        whole = layer(x[:, :1])[0]
    stepper = layer.stepper(batch=1)
    steps = [torch.as_tensor(stepper.step(step)).clone() for step in x[:, :1]]
    assert torch.equal(torch.stack(steps).view_as(whole), whole)


@every_dtype
@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padded_with_lengths_or_alone(bidirectional, cell, dtype):
    layer, x, hx = layer_of(cell, dtype, bidirectional=bidirectional)
    lengths = [71, 0, 1, 70, 7, 16, 8, 64, 65]
    output, *final = flat(layer(x, hx, lengths=lengths))
    poisoned = x.clone()
    for row, length in enumerate(lengths):
        poisoned[length:, row] = float("nan")
    same(layer(poisoned, hx, lengths=lengths), [output, *final])
    for row, length in enumerate(lengths):
        at = slice(row, row + 1)
        assert not output[length:, row].any()
        if length:
            own = [state[:, at] for state in final]
            same(layer(x[:length, at], cut(hx, at)), [output[:length, at], *own])
        else:
            same([state[:, at] for state in final], cut(hx, at))


@every_dtype
@every_cell
def test_pieces_between_resets_or_alone(cell, dtype):
    layer, x, _ = layer_of(cell, dtype)
    resets = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    resets[7, 2] = resets[8, 2] = resets[15, 2] = resets[0, 5] = resets[66, 5] = True
    output = layer(x, resets=resets)[0]
    for row in (2, 5):
        cuts = sorted({0, STEPS, *resets[:, row].nonzero().flatten().tolist()})
        pieces = [layer(x[a:b, row : row + 1])[0] for a, b in pairwise(cuts)]
        assert torch.equal(torch.cat(pieces)[:, 0], output[:, row])


@every_dtype
@every_cell
def test_inference_training_and_trace(cell, dtype):
    layer, x, hx = layer_of(cell, dtype, num_layers=2, bidirectional=True)
    hx = tuple(torch.cat([h, -h]) for h in hx) if isinstance(hx, tuple) else torch.cat([hx, -hx])
    for lengths in (None, [71, 0, 1, 70, 7, 16, 8, 64, 65]):
        trained = flat(layer(x, hx, lengths=lengths))
        assert trained[0].requires_grad
        for context in (torch.no_grad, torch.inference_mode):
            with context():
                same(layer(x, hx, lengths=lengths), trained)
                trace = layer.trace(x, hx, lengths=lengths)
                same([trace.output, trace.final], trained)
                assert torch.equal(trace.layer(1).h, trace.output[..., :HIDDEN])
        trace = layer.trace(x, hx, lengths=lengths)
        same([trace.output, trace.final], trained)
        same(layer.eval()(x, hx, lengths=lengths), trained)


@every_dtype
@every_cell
def test_weights_packed_before_or_just_now(cell, dtype):
    # However the weights were changed, the next run sees them as they are.
    layer, x, hx = layer_of(cell, dtype)

    def fresh():
        other = Recurrent(cell, INPUTS, HIDDEN, dtype=dtype, kernel="cpu")
        other.load_state_dict(layer.state_dict())
        with torch.no_grad():
            return other(x, hx)

    def by_numpy():
        layer.weight_ih_l0.detach().numpy()[3, 2] += 1

    def by_data():
        layer.weight_ih_l0.data.mul_(0.5)

    def by_one_number():
        with torch.no_grad():
            layer.bias_ih_l0[-1] += 0.25

    def by_another_parameter():
        layer.weight_ih_l0 = torch.nn.Parameter(-layer.weight_ih_l0.detach())

    def by_swapped_memory():
        layer.weight_ih_l0.data = layer.weight_ih_l0.data.flip(0)

    with torch.no_grad():
        for change in (by_numpy, by_data, by_one_number, by_another_parameter, by_swapped_memory):
            first = layer(x, hx)
            same(layer(x, hx), first)
            change()
            same(layer(x, hx), fresh())
            assert not torch.equal(layer(x, hx)[0], first[0])
