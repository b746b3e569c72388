"""The C++ core agrees with the reference: every cell, every width, every option, values and gradients."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from keepgate import cells
from keepgate.kernels import run
from tests.kernels.calls import (
    COMPILED,
    DTYPES,
    HIDDEN,
    INPUTS,
    ROWS,
    STEPS,
    by_name,
    check,
    drawn,
    made,
    ragged,
    threads,
)
from tests.kernels.user_cells import two_values

# Compiled ones, and one with a product inside its step.
EVERY = (*COMPILED, cells.gru_reset_before)
every_cell = pytest.mark.parametrize("cell", EVERY, ids=lambda cell: cell.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

# Each with a wrinkle that the others lack; together every option, beside every other.
FEW = (
    {"steps": 40, "rows": 9, "inputs": 5, "hidden": 17, "lengths": None, "resets": None, "trace": False},
    {"steps": 7, "rows": 6, "inputs": 16, "hidden": 48, "reverse": True, "trace": False},
    {"steps": 3, "rows": 13, "inputs": 1, "hidden": 33, "bias": "none"},
    {"steps": 40, "rows": 1, "inputs": 17, "hidden": 65, "trace": False, "lengths": None},
    {"steps": 12, "rows": 5, "inputs": 2, "hidden": 7, "trace": True, "bias": "ih"},
)


@every_dtype
@every_cell
def test_a_few_of_everything(cell, dtype):
    for number, sizes in enumerate(FEW):
        check(drawn("few", number, cell=cell, dtype=dtype, **sizes))


@every_dtype
@every_cell
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_width(hidden, cell, dtype):
    for number in range(2):
        check(drawn("width", hidden, number, cell=cell, dtype=dtype, hidden=hidden))


@every_dtype
@every_cell
def test_every_number_of_rows_and_steps(cell, dtype):
    for rows in ROWS:
        check(drawn("rows", rows, cell=cell, dtype=dtype, rows=rows, steps=11))
    for steps in STEPS:
        check(drawn("steps", steps, cell=cell, dtype=dtype, steps=steps, rows=5))


@every_cell
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("resets", [False, True], ids=["", "resets"])
@pytest.mark.parametrize("lengths", [False, True], ids=["", "lengths"])
def test_lengths_resets_and_directions_together(lengths, resets, reverse, cell):
    ends = torch.tensor([9, 0, 1, 5, 9, 2, 8, 0, 3]) if lengths else None
    begins = torch.rand(9, 9) < 0.3 if resets else None
    for trace in (False, True):
        check(made(cell, 9, 9, 3, 5, lengths=ends, resets=begins, reverse=reverse, trace=trace))


@every_dtype
def test_projections(dtype):
    for number in range(10):
        projected = (1, 2, 3, 7, 4, 8, 6, 16, 5, 17)[number]
        sizes = {"hidden": HIDDEN[number + 3], "projected": projected, "steps": 12}
        check(drawn("projection", number, cell=cells.lstm, dtype=dtype, **sizes))


@every_cell
def test_gradients_through_a_trace(cell):
    for number in range(3):
        call = drawn("through", number, cell=cell, dtype=torch.float64, trace=True, steps=9)
        check(call, through_trace=True)


@every_dtype
@every_cell
@pytest.mark.parametrize("count", [2, 3, 8])
def test_several_threads(count, cell, dtype):
    # Enough work to be shared: by rows, and by units where the rows are few.
    with threads(count):
        for sizes in ((30, 20, 33, 65), (40, 1, 40, 130), (40, 3, 16, 200)):
            steps, rows, inputs, hidden = sizes
            call = drawn(
                "threads", count, sizes, cell=cell, dtype=dtype, steps=steps, rows=rows, inputs=inputs, hidden=hidden,
                projected=None,
            )  # fmt: skip
            check(call)


@every_cell
def test_the_core_takes_every_option(cell):
    lengths = torch.tensor([2, 0, 1])
    options = {"lengths": lengths, "resets": torch.rand(2, 3) < 0.5, "reverse": True, "trace": True}
    for name, value in options.items():
        assert by_name("cpu").refusal_reason(made(cell, 2, 3, 4, 5, **{name: value})) is None
    assert (
        by_name("cpu").refusal_reason(made(cell, 2, 3, 4, 5, torch.float32, bias="none", **options)) is None
    )


def test_the_core_refuses_what_it_lacks_with_a_reason():
    call = made(two_values, 2, 3, 4, 5)
    assert "two_values multiplies more than one value" in str(by_name("cpu").refusal_reason(call))
    half = made(cells.lstm, 2, 3, 4, 5, torch.float16)
    assert "float16" in str(by_name("cpu").refusal_reason(half))
    away = made(cells.lstm, 2, 3, 4, 5)
    away = type(away)(
        cell=away.cell, x=away.x.to("meta"), states=tuple(state.to("meta") for state in away.states),
        weight_ih=away.weight_ih.to("meta"), weight_hh=away.weight_hh.to("meta"),
    )  # fmt: skip
    assert by_name("cpu").refusal_reason(away) is None or "meta" in str(by_name("cpu").refusal_reason(away))


def test_the_core_is_asked_first_for_each_of_its_cells():
    for cell in EVERY:
        call = made(cell, 2, 3, 4, 5)
        assert torch.equal(run(call).output, run(call, "cpu").output)


_sizes = st.fixed_dictionaries(
    {
        "steps": st.integers(1, 30),
        "rows": st.integers(1, 24),
        "inputs": st.integers(1, 40),
        "hidden": st.integers(1, 70),
    }
)


def _anything(cell, dtype, sizes, seed, count):
    with threads(count):
        check(drawn(seed, cell=cell, dtype=dtype, **sizes))


_anywhere = given(
    st.sampled_from(EVERY), st.sampled_from(DTYPES), _sizes, st.integers(0, 999), st.integers(1, 3)
)
test_anything = settings(max_examples=60, deadline=None, derandomize=True)(_anywhere(_anything))
test_anything_for_longer = pytest.mark.slow(settings(max_examples=3000, deadline=None)(_anywhere(_anything)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@every_dtype
@every_cell
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_width_with_every_number_of_rows_and_steps(hidden, cell, dtype):
    for rows in ROWS:
        for steps in STEPS:
            check(drawn("all", rows, steps, cell=cell, dtype=dtype, hidden=hidden, rows=rows, steps=steps))


@pytest.mark.slow
@every_cell
@pytest.mark.parametrize("inputs", [*INPUTS, 3, 15, 31, 64, 65, 300])
def test_every_number_of_inputs(inputs, cell):
    for dtype in DTYPES:
        for rows in (1, 4, 7, 20):
            lengths = ragged(40, rows, random.Random(rows))
            check(made(cell, 40, rows, inputs, 21, dtype))
            check(made(cell, 40, rows, inputs, 21, dtype, lengths=lengths, reverse=True))
