"""A user's cell runs on the C++ core as a program: as the reference has it, with all that compiled cells can."""

import copy
import pickle
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, vmap

from keepgate import CellError, SettingsError, _core, cells
from keepgate.arrays.core_cell import core_cell, core_cell_or_reason
from keepgate.equations import Step, cell, sigmoid, tanh, topological
from keepgate.equations.expr import OPERATIONS
from keepgate.kernels import explain, run
from keepgate.nn import Recurrent
from tests.kernels.calls import COMPILED, DTYPES, by_name, check, drawn, made, results, same_bits, threads
from tests.kernels.children import in_child
from tests.kernels.fuzz import fuzz
from tests.kernels.user_cells import (
    COPIES,
    LITERATURE,
    USER_CELLS,
    atr,
    everything,
    indrnn,
    inside,
    my_lstm,
    slstm,
    two_values,
)
from tests.oracles import agrees

every_user_cell = pytest.mark.parametrize("cell", USER_CELLS, ids=lambda cell: cell.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def test_everything_has_every_operation_of_the_language():
    nodes = topological([*everything.graph.next.values(), *everything.graph.traced.values()])
    # A mean over a row is no elementwise operation; the cells with a layer normalisation have it.
    assert {node.op for node in nodes} - {"symbol", "const"} == OPERATIONS.keys() - {"row_mean"}


@every_dtype
@every_user_cell
@pytest.mark.parametrize("number", range(6))
def test_it_agrees_with_the_reference(cell, dtype, number):
    # relu and maximum have corners, at which float32 and float64 may take different sides: few steps, few numbers.
    check(drawn(number, "user", cell=cell, dtype=dtype))


@every_dtype
@pytest.mark.parametrize("compiled_cell", COMPILED, ids=lambda cell: cell.name)
def test_the_interpreted_copy_of_a_compiled_cell_has_its_bits_forward_and_in_training(compiled_cell, dtype):
    copy_of_it = COPIES[compiled_cell.name]
    assert (
        core_cell_or_reason(copy_of_it).number
        >= len(_core.cells())
        > core_cell_or_reason(compiled_cell).number
    )
    for sizes in ((7, 3, 5, 16), (5, 20, 9, 33), (40, 1, 4, 65), (3, 5, 8, 128)):
        torch.manual_seed(sum(sizes))
        lengths = torch.randint(0, sizes[0] + 1, sizes[1:2])
        ragged = {"lengths": lengths, "resets": torch.rand(*sizes[:2]) < 0.2, "reverse": True}
        projected = {"projected": 5} if compiled_cell is cells.lstm else {}
        for options in ({}, {"trace": True}, ragged, projected):
            torch.manual_seed(1)
            compiled = results(made(compiled_cell, *sizes, dtype=dtype, **options))
            torch.manual_seed(1)
            same_bits(results(made(copy_of_it, *sizes, dtype=dtype, **options)), compiled)


@every_user_cell
def test_the_same_bits_with_any_threads_and_in_any_batch(cell):
    for sizes in ((23, 9, 11, 37), (30, 33, 7, 21)):
        lengths = torch.tensor([(5 * row + 3) % (sizes[0] + 1) for row in range(sizes[1])])
        for options in ({}, {"lengths": lengths, "reverse": True, "resets": torch.rand(*sizes[:2]) < 0.1}):
            call = made(cell, *sizes, dtype=torch.float32, **options)
            with threads(1):
                expected = results(call)
            for count in (2, 3):
                with threads(count):
                    same_bits(results(call), expected)
    layer, x = Recurrent(cell, 4, 21), torch.randn(9, 12, 4)
    whole, _ = layer(x)
    for row in (0, 5, 11):
        assert torch.equal(layer(x[:, row : row + 1])[0][:, 0], whole[:, row])
    assert torch.equal(torch.cat([layer(x[:, :7])[0], layer(x[:, 7:])[0]], 1), whole)


@every_user_cell
def test_step_by_step(cell):
    layer, x = Recurrent(cell, 3, 18, num_layers=2, kernel="cpu"), torch.randn(6, 2, 3)
    with torch.no_grad():
        expected = layer(x)[0]
        stepper = layer.stepper(2)
        for step, now in zip(x, expected, strict=True):
            assert torch.equal(stepper.step(step), now)


def test_layers_directions_projection_and_trace():
    layer = Recurrent(my_lstm, 5, 24, num_layers=2, bidirectional=True, proj_size=7, kernel="cpu")
    x, lengths = torch.randn(9, 4, 5), torch.tensor([9, 0, 4, 7])
    other = copy.deepcopy(layer)
    other.kernel = "reference"
    agrees(layer(x, lengths=lengths)[0], other(x, lengths=lengths)[0])
    ours, theirs = layer.trace(x, lengths=lengths), other.trace(x, lengths=lengths)
    for name in ("f", "c"):
        agrees(getattr(ours.layer(1), name), getattr(theirs.layer(1), name))


@every_user_cell
def test_a_projection_whatever_the_recurrence_is(cell):
    call = made(cell, 7, 3, 5, 16, projected=4)
    reason = by_name("cpu").refusal_reason(call)
    projects = cell.recurrent in ("dense", "none") and cell.recurrent_state == cell.states[0]
    if cell.reads_output or not projects:
        assert reason is not None
    else:
        check(call)


@pytest.mark.parametrize("cell", [slstm, indrnn, everything, inside], ids=lambda cell: cell.name)
def test_second_derivatives_vmap_and_gradients_of_each_sample(cell):
    layer = Recurrent(cell, 2, 3, dtype=torch.float64)
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}
    x = torch.randn(4, 5, 2, dtype=torch.float64)

    def loss(weights, x, kernel="cpu"):
        layer.kernel = kernel
        return functional_call(layer, weights, (x,))[0].square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(weights, x)
    for name, value in each.items():
        agrees(value[2], grad(loss)(weights, x[2])[name], "gradient")

    def steepness(weights, kernel):
        return sum(gradient.sin().sum() for gradient in grad(loss)(weights, x[0], kernel).values())

    expected = grad(steepness)(weights, "reference")
    for name, value in grad(steepness)(weights, "cpu").items():
        agrees(value, expected[name], "gradient")


def test_in_a_forked_child():
    layer, x = Recurrent(slstm, 8, 64), torch.randn(40, 16, 8)
    with torch.no_grad():
        expected = layer(x)[0]
        assert torch.equal(in_child(lambda: layer(x)[0]), expected)


# How many random cells; runs of hundreds, with a hundred calls each, found no fault of the core.
FUZZED = 60


@pytest.mark.parametrize("part", range(4))
def test_random_cells_agree_with_the_reference(part):
    for number in range(part, FUZZED, 4):
        fuzz(number, sheets=2, calls=8)


def test_a_name_finds_a_cell_that_was_registered_and_nothing_else():
    with pytest.raises(CellError, match=r"no cell 'tests\.kernels\.user_cells\.ran'.*register"):
        Recurrent("tests.kernels.user_cells.ran", 2, 3)
    name = cells.register(atr)
    assert name == "tests.kernels.user_cells.atr"
    assert Recurrent(name, 2, 3).cell is atr
    assert Recurrent("lstm", 2, 3).cell is cells.lstm
    assert cells.register(cells.gru) == "gru"
    with pytest.raises(SettingsError, match=r"made by keepgate\.equations\.cell"):
        cells.register(slstm.step)


def test_a_layer_of_a_users_cell_is_pickled():
    layer, x = Recurrent(everything, 4, 5), torch.randn(3, 2, 4)
    assert torch.equal(pickle.loads(pickle.dumps(layer))(x)[0], layer(x)[0])


def test_a_cell_declared_again_takes_no_more_room_in_the_core():
    def again():
        @cell(gates="f g")
        def twice(wx, uh, s):
            f = sigmoid(wx.f + uh.f)
            return Step(h=f * s.h + (1 - f) * tanh(wx.g + uh.g), f=f)

        return twice

    assert core_cell(again()).number == core_cell(again()).number


def test_a_cell_that_the_core_cannot_run_is_said_once():
    def wide(step):
        return cell(gates=" ".join(f"g{n}" for n in range(9)))(step)

    @wide
    def nine(wx, uh, s):
        return Step(h=tanh(sum(getattr(wx, f"g{n}") + getattr(uh, f"g{n}") for n in range(9))))

    with pytest.warns(UserWarning, match=r"nine.*9 gates; 1 to 8 fit.*reference"):
        layer = Recurrent(nine, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recurrent(nine, 2, 3)
        layer(torch.randn(4, 1, 2))


def test_the_reference_is_announced_for_a_cell_in_training_and_for_two_values_inside(monkeypatch):
    monkeypatch.setattr("keepgate.arrays.core_cell._WARNED", weakref.WeakSet())

    @cell(gates="k", states="h a b c d e f g")
    def eight(wx, uh, s):
        h = tanh(wx.k + uh.k)
        return Step(h=h, **{name: getattr(s, name) + h for name in "abcdefg"})

    explain(made(two_values, 3, 2, 4, 5))
    for build, match in (
        (
            lambda: Recurrent(eight, 2, 3, recurrent_dropout=0.5),
            "9 states.*reference runs it in training.*keepgate.explain_kernels",
        ),
        (lambda: Recurrent(two_values, 2, 3), "two_values.*inside its step.*reference"),
    ):
        with pytest.warns(UserWarning, match=match) as caught:
            build()
        assert len(caught) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            build()


def test_the_papers_gru_on_the_core_is_its_equations_in_numpy():
    call = made(cells.gru_reset_before, 9, 3, 5, 17)
    x, h, w, u, b, c = (
        tensor.detach().numpy()
        for tensor in (call.x, call.states[0], call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh)
    )
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n) = (np.split(part, 3) for part in (w, u, b + c))
    expected = []
    for now in x:
        r, z = (
            1 / (1 + np.exp(-(now @ i.T + h @ j.T + k))) for i, j, k in ((w_r, u_r, b_r), (w_z, u_z, b_z))
        )
        h = (1 - z) * np.tanh(now @ w_n.T + (r * h) @ u_n.T + b_n) + z * h
        expected.append(h)
    agrees(run(call, "cpu").output, torch.from_numpy(np.stack(expected)))


def test_every_cell_of_the_literature_runs_on_the_core():
    for known in LITERATURE:
        assert explain(made(known, 3, 2, 4, 5))[0].reason is None
