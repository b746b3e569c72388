"""A run whose form came twice in a row is prepared: it computes the same, and no mode, form or change slips past it."""

import copy

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

import keepgate
from keepgate.kernels.core import fast_path
from keepgate.kernels.core.fast_path import _PreparedRun
from tests.oracles import agrees

pytestmark = pytest.mark.usefixtures("as_users_run")


def states_of(cell, rows=2):
    count = len(cell.cell.states)
    states = tuple(torch.randn(rows, 5) for _ in range(count))
    return states if count > 1 else states[0]


def prepared(kind=nn.LSTMCell, *, frozen=True):
    """A swapped cell whose step is prepared, and torch's with the same numbers."""
    theirs = nn.ModuleList([kind(4, 5)])
    ours = copy.deepcopy(theirs)
    keepgate.swap(ours, frozen=frozen)
    cell = ours[0]
    with torch.no_grad():
        for _ in range(2):
            cell(torch.randn(2, 4), states_of(cell))
    assert isinstance(plan_of(cell), _PreparedRun)
    return cell, theirs[0]


def plan_of(cell):
    return cell._places[0].fast_path._prepared


def same(cell, theirs, x, hx):
    ours, right = cell(x, hx), theirs(x, hx)
    for mine, other in zip(*((r if isinstance(r, tuple) else (r,)) for r in (ours, right)), strict=True):
        agrees(mine, other)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_it_computes_what_torch_does(kind, frozen, monkeypatch):
    cell, theirs = prepared(kind, frozen=frozen)
    monkeypatch.setattr(type(cell), "_step", None)  # the general path
    monkeypatch.setattr(
        type(cell._places[0].fast_path), "_takes", None
    )  # and the one that looks at each tensor
    with torch.no_grad():
        for _ in range(3):
            same(cell, theirs, torch.randn(2, 4), states_of(cell))


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_layer_computes_what_torchs_does(kind, frozen, steps, batch_first, monkeypatch):
    theirs = nn.ModuleList([kind(4, 5, batch_first=batch_first)])
    ours = copy.deepcopy(theirs)
    keepgate.swap(ours, frozen=frozen)
    layer = ours[0]

    def compare(x, hx=None):
        (output, final), (right, right_final) = layer(x, hx), theirs[0](x, hx)
        agrees(output, right)
        for mine, other in zip(
            *(state if isinstance(state, tuple) else (state,) for state in (final, right_final)), strict=True
        ):
            agrees(mine, other)
        return output, right, right_final

    shape = (1, steps, 4) if batch_first else (steps, 1, 4)
    with torch.no_grad():
        for _ in range(2):
            *_, hx = compare(torch.randn(shape))
        monkeypatch.setattr(type(layer._places[0].fast_path), "_takes", lambda *_: pytest.fail("looked at"))
        compare(torch.randn(shape))
        monkeypatch.undo()
        for _ in range(2):
            *_, hx = compare(torch.randn(shape), hx)
        monkeypatch.setattr(type(layer._places[0].fast_path), "_takes", lambda *_: pytest.fail("looked at"))
        compare(torch.randn(shape), hx)
        monkeypatch.undo()
        compare(torch.randn(shape))
        compare(torch.randn(8 if batch_first else 3, 3 if batch_first else 8, 4))
    output, right, _ = compare(torch.randn(shape))
    assert output.requires_grad is not frozen
    if not frozen:
        output.sum().backward()
        right.sum().backward()
        for mine, other in zip(layer.parameters(), theirs[0].parameters(), strict=True):
            agrees(mine.grad, other.grad, "gradient")


def test_forms_that_change_each_time_are_not_prepared_and_one_that_stays_is(monkeypatch):
    layer, prepared_forms = keepgate.LSTM(4, 5), []
    keepgate.freeze(layer)
    monkeypatch.setattr(
        fast_path,
        "_PreparedRun",
        lambda *args: prepared_forms.append(args[2][0].shape) or _PreparedRun(*args),
    )
    short, long, wanted = torch.randn(1, 2, 4), torch.randn(3, 2, 4), torch.randn(1, 2, 4, requires_grad=True)
    with torch.no_grad():
        for x in (short, short, *(short, long) * 5):
            layer(x)
        assert prepared_forms == [short.shape]
        for x in (wanted, wanted):
            layer(x)
    assert prepared_forms == [short.shape, wanted.shape]


def test_an_input_that_must_be_copied_is_no_form_to_prepare():
    layer = keepgate.LSTM(4, 5)
    keepgate.freeze(layer)
    with torch.no_grad():
        for _ in range(3):
            layer(torch.randn(2, 3, 4).transpose(0, 1))
    assert plan_of(layer) is None


FORMS = {
    "rows": (torch.randn(3, 4), (torch.randn(3, 5), torch.randn(3, 5))),
    "strides": (torch.randn(4, 2).T, (torch.randn(2, 5), torch.randn(2, 5))),
    "strides of a state": (torch.randn(2, 4), (torch.randn(5, 2).T, torch.randn(2, 5))),
    "one row as a vector": (torch.randn(4), (torch.randn(5), torch.randn(5))),
    "a parameter": (nn.Parameter(torch.randn(2, 4)), (torch.randn(2, 5), torch.randn(2, 5))),
    "a negated view": (
        torch.randn(2, 4, dtype=torch.cfloat).conj().imag,
        (torch.randn(2, 5), torch.randn(2, 5)),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_step_of_another_form_is_looked_at_again(form):
    cell, theirs = prepared()
    x, hx = FORMS[form]
    assert plan_of(cell)(x, hx) is None
    with torch.no_grad():
        for _ in range(3):
            same(cell, theirs, x, hx)


def test_what_does_not_fit_is_refused_as_ever():
    cell, _ = prepared()
    x, (h, c) = torch.randn(2, 4), states_of(cell)
    for wrong, hx in (
        (torch.randn(2, 3), (h, c)),
        (x, (h,)),
        (x, (h, c, c)),
        (x, (h[:, :4], c)),
        (x.double(), (h, c)),
    ):
        with pytest.raises((ValueError, RuntimeError)):
            cell(wrong, hx)


def test_gradients_are_kept():
    cell, theirs = prepared(frozen=False)
    x, hx = torch.randn(2, 4), states_of(cell)
    same(cell, theirs, x, hx)
    cell(x, hx)[0].sum().backward()
    theirs(x, hx)[0].sum().backward()
    for mine, other in zip(cell.parameters(), theirs.parameters(), strict=True):
        agrees(mine.grad, other.grad, "gradient")
    frozen, theirs = prepared()
    x.requires_grad_()
    assert torch.autograd.grad(frozen(x, hx)[0].sum(), x)[0].abs().max() > 0


def test_changed_parameters_are_seen():
    cell, theirs = prepared(frozen=False)
    x, hx = torch.randn(2, 4), states_of(cell)
    with torch.no_grad():
        for layer in (cell, theirs):
            layer.weight_hh.mul_(2)
        same(cell, theirs, x, hx)
        for layer in (cell, theirs):
            layer.bias_ih = nn.Parameter(torch.arange(20.0))
        same(cell, theirs, x, hx)


def traced(run):
    torch.jit.trace(lambda a: (run(), a)[1], torch.randn(2), check_trace=False)


MODES = {
    "autocast": lambda run: within(torch.autocast("cpu"), run),
    "inference": lambda run: within(torch.inference_mode(), run),
    "fake tensors": lambda run: within(FakeTensorMode(), run),
    "a dispatch mode": lambda run: within(FlopCounterMode(display=False), run),
    "forward derivatives": lambda run: within(forward_ad.dual_level(), run),
    "vmap": lambda run: torch.func.vmap(lambda a: (run(), a)[1])(torch.randn(3, 2)),
    "grad": lambda run: torch.func.grad(lambda a: (run(), a.sum())[1])(torch.randn(3)),
    "jit.trace": traced,
}


def within(mode, run):
    with mode:
        run()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("mode", MODES)
def test_a_mode_of_torchs_leaves_it_aside(mode):
    cell, theirs = prepared()
    x, hx, plan = torch.randn(2, 4), states_of(cell), plan_of(cell)
    seen = []
    with torch.no_grad():
        MODES[mode](lambda: seen.append(plan(x, hx)))
        assert seen == [None]
        assert plan(x, hx) is not None
        same(cell, theirs, x, hx)
