"""Every kernel agrees with the reference, for every cell it takes; the reference agrees with the cell's own step."""

import dataclasses
import itertools

import pytest
import torch

from keepgate import cells
from keepgate.kernels import KERNELS, Call, run
from tests.equations.later_cells import LATER
from tests.kernels.calls import made
from tests.oracles import agrees, flat, gradients
from tests.shapes import RAGGED, SHAPES

FAST = [kernel for kernel in KERNELS if kernel.name != "reference"]
REFERENCE = KERNELS[-1]
EVERY_CELL = [*cells.CELLS, *LATER]


def variants(cell, steps, rows):
    lengths = torch.tensor([(3 * row + 1) % (steps + 1) for row in range(rows)])
    for reverse, ragged in itertools.product((False, True), (None, lengths)):
        yield {"reverse": reverse, "lengths": ragged}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", cells.CELLS, ids=lambda cell: cell.name)
@pytest.mark.parametrize("kernel", FAST, ids=lambda kernel: kernel.name)
def test_a_kernel_agrees_or_refuses(kernel, cell, shape, dtype):
    for options in variants(cell, *shape[:2]):
        call = made(cell, *shape, dtype=dtype, **options)
        if kernel.refusal_reason(call) is not None:
            continue
        ours, theirs = kernel.forward(call), REFERENCE.forward(call)
        for mine, other in zip([ours.output, *ours.final], [theirs.output, *theirs.final], strict=True):
            agrees(mine, other)
        wanted = list(call.tensors)
        found = gradients(lambda: [kernel.forward(call).output, *kernel.forward(call).final], wanted)  # noqa: B023
        expected = gradients(lambda: [REFERENCE.forward(call).output, *REFERENCE.forward(call).final], wanted)  # noqa: B023
        for mine, other in zip(found, expected, strict=True):
            agrees(mine, other, "gradient")


@pytest.mark.parametrize(("steps", "lengths"), RAGGED)
@pytest.mark.parametrize("reverse", [False, True])
def test_ragged_rows_agree_in_every_order(steps, lengths, reverse):
    call = made(cells.lstm, steps, len(lengths), 3, 5, lengths=torch.tensor(lengths), reverse=reverse)
    for kernel in FAST:
        ours, theirs = kernel.forward(call), REFERENCE.forward(call)
        for mine, other in zip([ours.output, *ours.final], [theirs.output, *theirs.final], strict=True):
            agrees(mine, other)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda cell: cell.name)
def test_the_reference_is_the_cells_step_over_time(cell):
    call = made(cell, 4, 2, 3, 5, trace=True)
    ran = run(call, "reference")
    states = call.states
    for t in range(4):
        one = dataclasses.replace(call, x=call.x[t : t + 1], states=states)
        step = run(one, "reference")
        states = step.final
        for name, value in step.traced.items():
            agrees(value[0], ran.traced[name][t])
    assert set(ran.traced) == {*cell.states, *cell.traced}
    for mine, other in zip(ran.final, states, strict=True):
        agrees(mine, other)
    assert torch.equal(ran.output, ran.traced[cell.states[0]])


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda cell: cell.name)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_reference_is_differentiable_everywhere(cell, reverse):
    call = made(cell, 3, 2, 2, 3, lengths=torch.tensor([3, 2]), reverse=reverse)
    names = [f.name for f in dataclasses.fields(Call) if isinstance(getattr(call, f.name), torch.Tensor)]
    names = [name for name in names if name != "lengths"]

    def outputs(*tensors):
        ran = run(dataclasses.replace(call, **dict(zip(names, tensors, strict=True))), "reference")
        return (ran.output, *ran.final)

    assert torch.autograd.gradcheck(outputs, [getattr(call, name) for name in names], fast_mode=True)


def test_a_reverse_run_is_a_forward_run_over_the_turned_text():
    call = made(cells.gru, 5, 2, 3, 4)
    turned = dataclasses.replace(call, x=call.x.flip(0), reverse=True)
    for kernel in KERNELS:
        forwards, backwards = kernel.forward(call), kernel.forward(turned)
        agrees(backwards.output, forwards.output.flip(0))
        agrees(backwards.final[0], forwards.final[0])


def test_what_is_returned_does_not_depend_on_the_rows_beside_it():
    call = made(cells.lstm, 6, 5, 3, 7)
    for kernel in KERNELS:
        whole = kernel.forward(call)
        for row in range(5):
            one = dataclasses.replace(
                call, x=call.x[:, row : row + 1], states=tuple(state[row : row + 1] for state in call.states)
            )
            agrees(kernel.forward(one).output[:, 0], whole.output[:, row])
            assert len(flat(list(whole.final))) == 2
