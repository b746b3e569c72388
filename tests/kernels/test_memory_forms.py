"""However the tensors lie in memory, the core computes what they say."""

import dataclasses

import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.kernels import run
from tests.kernels.calls import COMPILED, DTYPES, derivatives, made, names, results, same_bits, values

every_cell = pytest.mark.parametrize("cell", COMPILED, ids=lambda cell: cell.name)
STEPS, ROWS, INPUTS, HIDDEN = 9, 7, 5, 19


def shifted(tensor):
    """The same numbers one element into their storage, so that no vector is aligned."""
    storage = torch.full((tensor.numel() + 3,), float("nan"), dtype=tensor.dtype)
    view = storage[1 : 1 + tensor.numel()].view(tensor.shape)
    view.copy_(tensor.detach())
    return view


def spread(tensor):
    """Every second number of a larger tensor, along the last axis."""
    wide = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), float("nan"), dtype=tensor.dtype)
    wide[..., ::2] = tensor.detach()
    return wide[..., ::2]


def turned(tensor):
    """The same numbers, stored with the axes in the opposite order."""
    axes = tuple(reversed(range(tensor.dim())))
    return tensor.detach().permute(axes).contiguous().permute(axes)


def padded(tensor):
    """The same numbers as a window of a larger tensor full of NaN."""
    wide = torch.full([size + 3 for size in tensor.shape], float("nan"), dtype=tensor.dtype)
    window = wide[tuple(slice(1, 1 + size) for size in tensor.shape)]
    window.copy_(tensor.detach())
    return window


FORMS = {"shifted": shifted, "spread": spread, "turned": turned, "window": padded}


def in_form(call, form, chosen=None):
    given = {}
    for name, value in names(call).items():
        other = form(value) if chosen in (None, name) else value.detach().clone()
        assert torch.equal(other, value)
        given[name] = other.requires_grad_()
    fields = {name: value for name, value in given.items() if hasattr(call, name)}
    states = tuple(given[f"first {state}"] for state in call.cell.states)
    vectors = tuple(given[name] for name in call.cell.vectors)
    return dataclasses.replace(call, **fields, states=states, vectors=vectors)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@every_cell
@pytest.mark.parametrize("form", FORMS)
def test_every_tensor_in_another_form(form, cell, dtype):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, dtype, lengths=torch.tensor([9, 3, 0, 1, 9, 8, 5]))
    expected = results(call)
    same_bits(results(in_form(call, FORMS[form])), expected)
    for name in names(call):
        same_bits(results(in_form(call, FORMS[form], name)), expected)


@pytest.mark.parametrize("form", FORMS)
def test_a_projection_in_another_form(form):
    call = made(cells.lstm, STEPS, ROWS, INPUTS, HIDDEN, projected=6)
    same_bits(results(in_form(call, FORMS[form])), results(call))


@every_cell
def test_lengths_and_resets_in_another_form(cell):
    lengths = torch.tensor([9, 3, 0, 1, 9, 8, 5])
    resets = torch.rand(STEPS, ROWS) < 0.3
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, lengths=lengths, resets=resets)
    wide = torch.stack([lengths, lengths + 100], 1)[:, 0]
    other = dataclasses.replace(call, lengths=wide, resets=resets.T.contiguous().T)
    same_bits(results(other), results(call))
    same_bits(results(dataclasses.replace(call, lengths=lengths.int())), results(call))
    rows = resets[:, :1].expand(STEPS, ROWS)
    expanded, whole = (dataclasses.replace(call, resets=given) for given in (rows, rows.contiguous()))
    same_bits(results(expanded), results(whole))


@every_cell
@pytest.mark.parametrize("form", ["expanded", *FORMS])
def test_gradients_that_come_in_another_form(form, cell):
    # sum().backward() hands back one number, expanded: strides of zero.
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN)
    wanted = list(names(call).values())
    for name in ("output", f"last {cell.states[-1]}"):
        found = values(call, "cpu")[name]
        one = torch.full((), 0.5, dtype=found.dtype).expand(found.shape)
        given = one if form == "expanded" else FORMS[form](one)
        plain = torch.autograd.grad(found, wanted, one.contiguous(), retain_graph=True, allow_unused=True)
        other = torch.autograd.grad(found, wanted, given, allow_unused=True)
        for mine, expected in zip(other, plain, strict=True):
            assert mine is expected or torch.equal(mine, expected)


@every_cell
def test_input_and_states_that_are_expanded(cell):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN)
    row = call.x.detach()[:, :1].clone()
    states = tuple(state.detach()[:1].clone() for state in call.states)
    narrow = dataclasses.replace(
        call, x=row.expand(-1, ROWS, -1), states=tuple(state.expand(ROWS, -1) for state in states)
    )
    plain = dataclasses.replace(
        narrow, x=narrow.x.contiguous(), states=tuple(state.contiguous() for state in narrow.states)
    )
    for name, value in values(narrow, "cpu").items():
        assert torch.equal(value, values(plain, "cpu")[name])
    step = dataclasses.replace(call, x=call.x.detach()[:1].expand(STEPS, -1, -1))
    assert torch.equal(
        run(step, "cpu").output, run(dataclasses.replace(step, x=step.x.contiguous()), "cpu").output
    )


@every_cell
def test_what_is_given_is_left_as_it_was(cell):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, trace=True, lengths=torch.tensor([9, 3, 0, 1, 9, 8, 5]))
    before = {name: value.detach().clone() for name, value in names(call).items()}
    found = values(call, "cpu")
    copies = {name: value.detach().clone() for name, value in found.items()}
    derivatives(call, found)
    results(call)
    for name, value in names(call).items():
        assert torch.equal(value, before[name]), name
    # Nor does a later run write into an earlier one's results.
    for name, value in found.items():
        assert torch.equal(value, copies[name]), name


@every_cell
def test_a_state_handed_on_is_not_the_one_that_came(cell):
    # The step of a stream: the final states go back in. Old ones must not change under those who hold them.
    call = made(cell, 1, ROWS, INPUTS, HIDDEN)
    with torch.no_grad():
        first = run(call, "cpu")
        held = [state.clone() for state in first.final]
        second = run(dataclasses.replace(call, states=first.final), "cpu")
    for state, copy, later in zip(first.final, held, second.final, strict=True):
        assert torch.equal(state, copy)
        assert state.data_ptr() != later.data_ptr()


@every_cell
def test_results_do_not_share_memory(cell):
    # Changing one result in place leaves the others, as with torch's layers.
    for steps in (1, 3):
        with torch.no_grad():
            ran = run(made(cell, steps, ROWS, INPUTS, HIDDEN), "cpu")
        final = [state.clone() for state in ran.final]
        ran.output.fill_(7)
        for state, copy in zip(ran.final, final, strict=True):
            assert torch.equal(state, copy)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_no_rows_and_one_of_everything(name):
    layer = getattr(keepgate, name)(1, 1, 2, bidirectional=True)
    nothing = layer(torch.zeros(4, 0, 1))
    assert nothing[0].shape == (4, 0, 2)
    one = getattr(keepgate, name)(1, 1, 2, bidirectional=True, kernel="cpu")
    twin = getattr(torch.nn, name)(1, 1, 2, bidirectional=True)
    twin.load_state_dict(one.state_dict())
    x = torch.randn(1, 1, 1)
    torch.testing.assert_close(one(x)[0], twin(x)[0])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_weights_that_are_views_of_one_storage(name):
    # As distributed training and some optimizers keep them.
    layer = getattr(keepgate, name)(5, 19, kernel="cpu")
    x = torch.randn(6, 3, 5)
    expected = layer(x)[0]
    whole = torch.cat([torch.zeros(1), *[weight.detach().flatten() for weight in layer.parameters()]])
    at = 1
    for weight in layer.parameters():
        weight.data = whole[at : at + weight.numel()].view_as(weight)
        at += weight.numel()
    assert torch.equal(layer(x)[0], expected)
    whole.mul_(0.5)
    assert not torch.equal(layer(x)[0], expected)
    twin = getattr(keepgate, name)(5, 19, kernel="cpu")
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x)[0], twin(x)[0])
