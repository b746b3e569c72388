"""NaN, infinities, enormous numbers and denormals stay in the rows they came in, and give what the reference gives."""

import dataclasses

import pytest
import torch

from keepgate import cells
from keepgate.equations import Step, cell, step_of, topological
from tests.equations.formulas import FORMULAS, every_triple
from tests.kernels.calls import CORE, DTYPES, derivatives, made, names, results, values
from tests.kernels.user_cells import everything

every_cell = pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
BAD = [float("nan"), float("inf"), float("-inf")]

# Rows and units that share tiles with others: seven rows, nineteen units.
STEPS, ROWS, INPUTS, HIDDEN = 9, 7, 5, 19


def with_number(call, name, place, number):
    """The call again, with one number of one of its tensors replaced."""
    changed = {key: value.detach().clone().requires_grad_() for key, value in names(call).items()}
    with torch.no_grad():
        changed[name][place] = number
    fields = {key: value for key, value in changed.items() if hasattr(call, key)}
    states = tuple(changed[f"first {state}"] for state in call.cell.states)
    vectors = tuple(changed[name] for name in call.cell.vectors)
    return dataclasses.replace(call, **fields, states=states, vectors=vectors)


def alike(ours, theirs, within=1e-5):
    """Finite, infinite and NaN in the same places, and the same but for rounding."""
    for name, value in ours.items():
        other = theirs[name]
        if value is None or other is None:
            assert value is other or not (value if other is None else other).any(), name
            continue
        value, other = value.detach(), other.detach()
        scale = max(1.0, float(other[other.isfinite()].abs().max())) if other.isfinite().any() else 1.0
        try:
            torch.testing.assert_close(value, other, rtol=0, atol=within * scale, equal_nan=True)
        except AssertionError as wrong:
            wrong.add_note(name)
            raise


@every_dtype
@every_cell
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_bad_number_in_the_input_stays_in_its_row(bad, cell, dtype):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, dtype, trace=True)
    clean = results(call, "cpu")
    for row, step in ((0, 4), (3, 0), (6, 8)):
        hurt = with_number(call, "x", (step, row, 2), bad)
        found = results(hurt, "cpu")
        others = [other for other in range(ROWS) if other != row]
        for name in ("output", "gradient of x", *[f"trace {name}" for name in cell.traced]):
            assert torch.equal(found[name][:, others], clean[name][:, others]), name
        for state in cell.states:
            assert torch.equal(found[f"last {state}"][others], clean[f"last {state}"][others])
            assert torch.equal(
                found[f"gradient of first {state}"][others], clean[f"gradient of first {state}"][others]
            )
        # The steps before it had not seen it.
        assert torch.equal(found["output"][:step, row], clean["output"][:step, row])
        if bad != bad:
            assert found["output"][step:, row].isnan().all()
            assert found["gradient of weight_ih"].isnan().any()
            alike(found, results(hurt, "reference"))


@every_dtype
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_every_operation_gives_of_bad_numbers_what_the_reference_gives(bad, dtype):
    hurt = with_number(made(everything, STEPS, ROWS, INPUTS, HIDDEN, dtype, trace=True), "x", (4, 3, 2), bad)
    alike(values(hurt, "cpu"), values(hurt, "reference"))


def gradients_of(call, kernel, upstream):
    """Those of x and of the first states, whatever reaches the output."""
    wanted = {name: value for name, value in names(call).items() if name == "x" or name.startswith("first")}
    output = values(call, kernel)["output"]
    options = {"allow_unused": True, "materialize_grads": True}
    return dict(
        zip(wanted, torch.autograd.grad(output, list(wanted.values()), upstream, **options), strict=True)
    )


@every_dtype
@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_every_operations_gradient_of_bad_numbers_is_the_references(formula, dtype):
    # Both values are states, which no product with a weight mixes.
    @cell(gates="a", states="h m", recurrent="none")
    def formula_alone(wx, uh, s):
        return Step(h=formula(s.h, s.m) + wx.a, m=s.m)

    a, b, upstream = (column.unsqueeze(1) for column in every_triple(dtype))
    call = made(formula_alone, 1, len(a), 1, 1, dtype)
    call = dataclasses.replace(call, states=(a.requires_grad_(), b.requires_grad_()))
    ours, theirs = (gradients_of(call, kernel, upstream.unsqueeze(0)) for kernel in ("cpu", "reference"))
    # The core's sigmoid of -inf is not 0 but the smallest that it gives, so that an infinite gradient passes it.
    closed = ((a == float("-inf")) & upstream.isinf()).flatten()
    has_sigmoid = any(node.op == "sigmoid" for node in topological(formula_alone.analysis.backward.values()))
    for name, gradient in theirs.items():
        kept = ~closed if has_sigmoid else slice(None)
        found, expected = ours[name].flatten()[kept], gradient.flatten()[kept]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True)


@every_dtype
def test_a_gradient_that_is_no_number_passes_a_compiled_relu_as_it_passes_torchs(dtype):
    x, _, upstream = (column.unsqueeze(1) for column in every_triple(dtype))
    call = made(cells.rnn_relu, 1, len(x), 1, 1, dtype, bias="none")
    call = dataclasses.replace(call, x=x.unsqueeze(0).requires_grad_())
    expected = gradients_of(call, "reference", upstream.unsqueeze(0))["x"]
    for kernel in ("cpu", "builtin"):
        found = gradients_of(call, kernel, upstream.unsqueeze(0))["x"]
        assert found.isfinite().equal(expected.isfinite())
        torch.testing.assert_close(found, expected, equal_nan=True)


@cell(gates="a", states="h", recurrent="none")
def step_alone(wx, uh, s):
    return Step(h=step_of(wx.a))


def test_a_step_of_nan_is_none():
    call = made(step_alone, 1, 3, 1, HIDDEN, bias="none")
    with torch.no_grad():
        call.weight_ih.fill_(1)
        call.x.copy_(torch.tensor([float("nan"), float("inf"), float("-inf")]).view(1, 3, 1))
    for kernel in ("cpu", "reference"):
        assert values(call, kernel)["output"].mean(-1).tolist() == [[0, 1, 0]]


@every_cell
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_bad_number_in_a_state_stays_in_its_row(bad, cell):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN)
    clean = results(call, "cpu")
    for state in cell.states:
        found = results(with_number(call, f"first {state}", (2, 5), bad), "cpu")
        others = [other for other in range(ROWS) if other != 2]
        assert torch.equal(found["output"][:, others], clean["output"][:, others])
        assert torch.equal(found["gradient of x"][:, others], clean["gradient of x"][:, others])
        if bad != bad:
            assert found["output"][0, 2].isnan().any()


@every_cell
@pytest.mark.parametrize("place", [0, -1])
def test_a_nan_in_the_weights_shows(place, cell):
    # It spreads as far as the reference spreads it: a unit's own at once, through the recurrence to all.
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, trace=True)
    for name in names(call):
        if name == "x" or name.startswith("first"):
            continue
        at = (place,) * names(call)[name].dim()
        hurt = with_number(call, name, at, float("nan"))
        found = results(hurt, "cpu")
        assert found["output"].isnan().any()
        alike(found, results(hurt, "reference"))


@every_cell
def test_a_nan_before_a_reset_is_forgotten(cell):
    resets = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    resets[5, 3] = True
    for step in (2, 7):
        for reverse in (False, True):
            call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, resets=resets, reverse=reverse)
            hurt = with_number(call, "x", (step, 3, 0), float("nan"))
            found = results(hurt, "cpu")
            beyond = slice(5, None) if step < 5 else slice(0, 5)
            assert found["output"][beyond, 3].isfinite().all()
            assert found["gradient of x"][beyond, 3].isfinite().all()
            alike(found, results(hurt, "reference"))


@every_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_nothing_beyond_a_length_is_read_forwards_or_backwards(reverse, cell):
    lengths = torch.tensor([9, 3, 0, 1, 9, 8, 5])
    beyond = torch.arange(STEPS).unsqueeze(1) >= lengths
    resets = torch.rand(STEPS, ROWS) < 0.3
    options = {"lengths": lengths, "reverse": reverse, "resets": resets, "trace": True}
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, **options)
    poison = call.x.detach().clone()
    poison[beyond] = float("nan")
    hurt = dataclasses.replace(call, x=poison.requires_grad_(), resets=resets | beyond)
    weight = torch.randn(STEPS, ROWS, HIDDEN, dtype=torch.float64)
    bad_weight = weight.masked_fill(beyond.unsqueeze(2), float("nan"))
    clean, found = values(call, "cpu"), values(hurt, "cpu")
    for name, value in found.items():
        assert torch.equal(value, clean[name]), name
    expected = torch.autograd.grad(clean["output"], list(names(call).values()), weight, allow_unused=True)
    grads = torch.autograd.grad(found["output"], list(names(hurt).values()), bad_weight, allow_unused=True)
    for name, grad, other in zip(names(call), grads, expected, strict=True):
        assert grad is other or torch.equal(grad, other), name
    assert not grads[0][beyond].any()


SATURATING = [cells.rnn_tanh, cells.lstm, cells.gru, cells.peephole]


def enormous(cell, dtype, size):
    """One input, so that no two infinities meet in a sum whose order could matter."""
    call = made(cell, 3, 6, 1, HIDDEN, dtype, trace=True)
    x = torch.full_like(call.x, size) * torch.tensor([1, -1, 1, -1, 0, 1e-3], dtype=dtype).view(1, 6, 1)
    weight = call.weight_ih.detach().sign()
    return dataclasses.replace(call, x=x.requires_grad_(), weight_ih=weight.requires_grad_())


@every_dtype
@every_cell
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_enormous_inputs(size, cell, dtype):
    call = enormous(cell, dtype, size)
    ours, theirs = values(call, "cpu"), values(call, "reference")
    for name, value in ours.items():
        # Relative, for the states of a relu or of mingru are as large as the input.
        torch.testing.assert_close(value, theirs[name], rtol=1e-5, atol=1e-5)
    if cell in SATURATING:
        # Nothing flows back through a gate that is as open or as closed as can be.
        alike(derivatives(call, ours), derivatives(call, theirs))


@every_dtype
@pytest.mark.parametrize("cell", SATURATING, ids=lambda cell: cell.name)
def test_the_largest_inputs_there_are(cell, dtype):
    for size in (torch.finfo(dtype).max, float("inf")):
        call = enormous(cell, dtype, size)
        with torch.no_grad():
            call.x[:, 4] = 0  # not infinity times zero
        ours, theirs = values(call, "cpu"), values(call, "reference")
        for name, value in ours.items():
            assert value.isfinite().all()
            torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-5)


@every_dtype
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "peephole"])
def test_gates_stay_between_their_bounds_for_any_sum(name, dtype):
    # Every gate of one unit and no recurrence: from tiny to enormous, sigmoid within 0 to 1 and tanh within -1 to 1.
    cell = cells.by_name(name)
    powers = torch.logspace(-44, 38, 83)
    sums = torch.cat([torch.linspace(-120, 120, 4801), powers, -powers]).to(dtype)
    call = made(cell, 1, len(sums), 1, 1, dtype, bias="none", trace=True)
    with torch.no_grad():
        call.weight_ih.fill_(1)
        for weight in (call.weight_hh, *call.states, *call.vectors):
            weight.zero_()
        call.x.copy_(sums.view(1, -1, 1))
    ours, precise = values(call, "cpu"), sums.double()
    for gate in cell.traced:
        is_tanh = gate in ("g", "n")
        exact = precise.tanh() if is_tanh else precise.sigmoid()
        found = ours[f"trace {gate}"].detach().flatten().double()
        assert found.min() >= (-1 if is_tanh else 0)
        assert found.max() <= 1
        # Relative: near 0 a tanh is its argument, and an almost closed gate is not quite closed. What is almost too
        # small for a normal number may be anything as small.
        small = torch.finfo(dtype).tiny ** 0.98
        normal = exact.abs() > small
        error = (found - exact).abs()[normal] / exact.abs()[normal]
        worst = precise[normal][error.argmax()]
        assert error.max() <= 16 * torch.finfo(dtype).eps, f"{gate} at {worst}: {error.max()}"
        assert (found.abs()[~normal] <= small).all()


@every_dtype
def test_denormals_are_numbers_and_the_processor_keeps_them(dtype):
    tiny = torch.finfo(dtype).tiny / 64
    call = made(cells.rnn_tanh, 2, 3, 1, 5, dtype, bias="none")
    with torch.no_grad():
        call.weight_ih.fill_(1)
        call.weight_hh.fill_(0)
        call.x.fill_(tiny)
    for _ in range(2):
        assert torch.equal(values(call, "cpu")["output"], torch.full((2, 3, 5), tiny, dtype=dtype))
        assert (torch.full((9,), tiny, dtype=dtype) * 2 != 0).all()


@every_cell
def test_a_very_long_sequence(cell):
    # 200,000 steps of one row: in one piece as in ten, and its end as the reference has it.
    steps = 200_000
    call = made(cell, steps, 1, 2, 3)
    with torch.no_grad():
        whole = values(call, "cpu")
        states = call.states
        for start in range(0, steps, steps // 10):
            part = dataclasses.replace(call, x=call.x[start : start + steps // 10], states=states)
            found = values(part, "cpu")
            assert torch.equal(found["output"], whole["output"][start : start + steps // 10])
            states = tuple(found[f"last {state}"] for state in cell.states)
        before = dataclasses.replace(call, x=call.x[: steps - 100])
        before = tuple(values(before, "cpu")[f"last {state}"] for state in cell.states)
        end = dataclasses.replace(call, x=call.x[steps - 100 :], states=before)
        alike({"output": whole["output"][-100:]}, {"output": values(end, "reference")["output"]}, 1e-12)
    # Gradients reach the first step, and the last hundred are those of the end alone.
    ours = torch.autograd.grad(values(call, "cpu")["output"][-1].sum(), [call.x, call.weight_ih])
    assert ours[0].isfinite().all()
    end = dataclasses.replace(end, x=end.x.detach().requires_grad_())
    theirs = torch.autograd.grad(values(end, "reference")["output"][-1].sum(), end.x)[0]
    torch.testing.assert_close(ours[0][-100:], theirs, rtol=0, atol=1e-12)
    if cell is not cells.rnn_relu:
        assert torch.autograd.grad(values(call, "cpu")["output"][0].sum(), call.x)[0][0].any()
