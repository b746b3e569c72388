"""Only the gradients that are asked for come, whichever they are, and each is what it is among all."""

import dataclasses
import itertools

import pytest
import torch

from keepgate import cells
from tests.kernels.calls import COMPILED, derivatives, made, names, values

every_cell = pytest.mark.parametrize("cell", COMPILED, ids=lambda cell: cell.name)


def wanting(call, wanted):
    """The call again with the same numbers, of which only those named in `wanted` require a gradient."""

    def asked(name, value):
        return value.detach().requires_grad_(name in wanted)

    given = {name: asked(name, value) for name, value in names(call).items()}
    changes = {name: value for name, value in given.items() if hasattr(call, name)}
    states = tuple(given[f"first {state}"] for state in call.cell.states)
    vectors = tuple(given[name] for name in call.cell.vectors)
    return dataclasses.replace(call, **changes, states=states, vectors=vectors)


def compare(call, wanted, everything):
    some = wanting(call, wanted)
    found = values(some, "cpu")
    assert any(value.requires_grad for value in found.values())
    grads = derivatives(some, found)
    assert grads.keys() == {f"gradient of {name}" for name in wanted}
    for name, value in grads.items():
        assert torch.equal(value, everything[name]), name


@every_cell
def test_each_alone_and_each_missing(cell):
    call = made(cell, 9, 5, 3, 17)
    everything = derivatives(call, values(call, "cpu"))
    for name in names(call):
        compare(call, {name}, everything)
        compare(call, set(names(call)) - {name}, everything)


@pytest.mark.parametrize("projected", [None, 3])
def test_every_combination(projected):
    call = made(cells.lstm, 5, 4, 3, 6, projected=projected, lengths=torch.tensor([5, 0, 2, 4]))
    everything = derivatives(call, values(call, "cpu"))
    for wanted in itertools.product((False, True), repeat=len(names(call))):
        if any(wanted):
            compare(call, set(itertools.compress(names(call), wanted)), everything)


@every_cell
def test_nothing_wanted_and_nothing_kept(cell):
    call = wanting(made(cell, 5, 4, 3, 6), set())
    assert not any(value.requires_grad for value in values(call, "cpu").values())
    call = made(cell, 5, 4, 3, 6)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            assert not any(value.requires_grad for value in values(call, "cpu").values())


@every_cell
def test_only_some_results_carry_a_gradient_back(cell):
    # The gradient of one result, the others unused: none may be read as anything but zero.
    call = made(cell, 5, 4, 3, 6)
    for name in ("output", *[f"last {state}" for state in cell.states]):
        ours, theirs = values(call, "cpu")[name], values(call, "reference")[name]
        wanted = list(names(call).values())
        found = torch.autograd.grad(ours.square().sum(), wanted, allow_unused=True)
        expected = torch.autograd.grad(theirs.square().sum(), wanted, allow_unused=True)
        for mine, other in zip(found, expected, strict=True):
            torch.testing.assert_close(
                torch.zeros(()) if mine is None else mine.sum(),
                torch.zeros(()) if other is None else other.sum(),
                rtol=1e-12, atol=1e-12, check_dtype=False,
            )  # fmt: skip


@every_cell
def test_a_second_backward_with_retain_graph(cell):
    call = made(cell, 5, 4, 3, 6)
    output = values(call, "cpu")["output"]
    first = torch.autograd.grad(output.sum(), call.x, retain_graph=True)
    assert torch.equal(torch.autograd.grad(output.sum(), call.x)[0], first[0])
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(output.sum(), call.x)


@pytest.mark.parametrize("changed", ["x", "weight_ih", "weight_hh", "first h", "first c", "weight_hr"])
def test_an_in_place_change_of_what_backward_needs_is_caught(changed):
    call = made(cells.lstm, 5, 4, 3, 6, projected=2)
    found = values(call, "cpu")
    with torch.no_grad():
        names(call)[changed].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(found["output"].sum(), call.x)


def test_an_in_place_change_of_a_result_is_caught_or_harmless():
    call = made(cells.lstm, 5, 4, 3, 6)
    expected = torch.autograd.grad(values(call, "cpu")["output"].sum() * 2, call.x)[0]
    for name in ("output", "last h", "last c"):
        found = values(call, "cpu")
        found[name].mul_(2 if name == "output" else 7)
        try:
            grad = torch.autograd.grad(found["output"].sum() * (1 if name == "output" else 2), call.x)[0]
        except RuntimeError as refused:
            assert "modified by an inplace operation" in str(refused)  # noqa: PT017 - either is right
        else:
            assert torch.equal(grad, expected)
