"""A kernel refuses with its reason, explain shows it, and nothing falls back silently."""

import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.equations import Step, cell, tanh
from keepgate.kernels import KERNELS, Call, explain, run
from tests.equations.later_cells import LATER
from tests.kernels.calls import made

CPU, BUILTIN, REFERENCE = KERNELS


TORCHS = [cells.rnn_tanh, cells.rnn_relu, cells.lstm, cells.gru]
NOT_TORCHS = [cell for cell in (*cells.CELLS, *LATER) if cell not in TORCHS]


@pytest.mark.parametrize("cell", TORCHS, ids=lambda cell: cell.name)
def test_builtin_takes_torchs_cells(cell):
    assert BUILTIN.refusal_reason(made(cell, 2, 3, 4, 5)) is None


@pytest.mark.parametrize("cell", NOT_TORCHS, ids=lambda cell: cell.name)
def test_builtin_refuses_cells_that_torch_lacks(cell):
    assert cell.name in str(BUILTIN.refusal_reason(made(cell, 2, 3, 4, 5)))


def test_builtin_refuses_a_cell_that_only_shares_the_name():
    @cell(gates="a", states="h")
    def lstm(wx, uh, s):
        return Step(h=tanh(wx.a - uh.a))

    assert "no kernel for the cell lstm" in str(BUILTIN.refusal_reason(made(lstm, 2, 3, 4, 5)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trace": True}, "trace"),
        ({"resets": torch.zeros(2, 3, dtype=torch.bool)}, "resets"),
    ],
)
def test_builtin_refuses_what_it_lacks(options, said):
    assert said in str(BUILTIN.refusal_reason(made(cells.lstm, 2, 3, 4, 5, **options)))


def test_builtin_refuses_one_bias_of_two():
    call = made(cells.lstm, 2, 3, 4, 5)
    one = Call(
        cell=call.cell, x=call.x, states=call.states, weight_ih=call.weight_ih, weight_hh=call.weight_hh,
        bias_ih=call.bias_ih,
    )  # fmt: skip
    assert "two biases or none" in str(BUILTIN.refusal_reason(one))
    assert run(one).output.shape == (2, 3, 5)


def test_the_reference_refuses_nothing():
    for every in (*cells.CELLS, *LATER):
        assert REFERENCE.refusal_reason(made(every, 2, 3, 4, 5, trace=True)) is None


def test_a_named_kernel_that_refuses_is_an_error_with_the_reason():
    with pytest.raises(keepgate.KernelRefused, match="do not show their gates"):
        run(made(cells.lstm, 2, 3, 4, 5, trace=True), "builtin")
    layer = keepgate.LSTM(4, 5, kernel="builtin")
    with pytest.raises(keepgate.KernelRefused, match="kernel=None"):
        layer.trace(torch.randn(2, 3, 4))


def test_an_unknown_kernel_lists_the_known_ones():
    with pytest.raises(keepgate.SettingsError, match="cpu, builtin, reference"):
        keepgate.LSTM(4, 5, kernel="cuda")


def test_explain_names_every_kernel_in_order_with_its_reason():
    choices = explain(made(cells.lstm, 2, 3, 4, 5, trace=True))
    assert [choice.name for choice in choices] == ["cpu", "builtin", "reference"]
    assert [choice.reason is None for choice in choices] == [True, False, True]


def test_explaining_a_layer_names_each_layer_and_direction():
    layer = keepgate.LSTM(4, 5, 2, bidirectional=True)
    x = torch.randn(2, 3, 4)
    taken = keepgate.explain_kernels(layer, x)
    assert [(part.layer, part.reverse, part.kernel) for part in taken.parts] == [
        (0, False, "cpu"), (0, True, "cpu"), (1, False, "cpu"), (1, True, "cpu"),
    ]  # fmt: skip
    assert {part.kernel for part in keepgate.explain_kernels(layer.half(), x.half()).parts} == {"builtin"}
    assert {part.kernel for part in keepgate.explain_kernels(layer, x.half(), trace=True).parts} == {
        "reference"
    }
    text = str(keepgate.explain_kernels(layer, x.half(), trace=True))
    assert "layer 1, reverse: reference" in text
    assert "do not show their gates" in text
    assert "computes in float32 or in float64" in text
    layer.kernel = "builtin"
    assert {part.kernel for part in keepgate.explain_kernels(layer, x.half(), trace=True).parts} == {None}
    assert "kernel='builtin'" in str(keepgate.explain_kernels(layer, x.half(), trace=True))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"states": ()}, r"states: got \[\], expected \[\(3, 5\), \(3, 5\)\]"),
        ({"weight_ih": torch.zeros(20, 3)}, "weight_ih"),
        ({"weight_hh": torch.zeros(20, 4)}, "weight_hh"),
        ({"bias_ih": torch.zeros(19)}, "bias_ih"),
        ({"lengths": torch.tensor([1])}, "lengths"),
        ({"resets": torch.zeros(3, 2, dtype=torch.bool)}, "resets"),
        ({"vectors": (torch.zeros(5),)}, "vectors"),
    ],
)
def test_a_call_checks_its_shapes_once_and_says_which(changes, said, as_users_run):
    call = made(cells.lstm, 2, 3, 4, 5, dtype=torch.float32)
    given = {
        name: getattr(call, name) for name in ("x", "states", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    with pytest.raises(keepgate.ShapeError, match=said):
        Call(cell=call.cell, **(given | changes))
