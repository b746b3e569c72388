"""keepgate.runtime.Recurrent gives the bits of keepgate.Recurrent, from many threads at once too."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import keepgate
from keepgate import runtime
from keepgate.arrays.loop import run_loop
from keepgate.cells import CELLS, lstm
from keepgate.errors import SettingsError, ShapeError
from tests.kernels.user_cells import USER_CELLS, indrnn, reads_memory, two_values
from tests.oracles import agrees

EVERY = [*CELLS, *USER_CELLS, two_values]  # the last is a loop in numpy
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two layers both ways": {"num_layers": 2, "bidirectional": True},
    "without bias": {"bias": False},
    "float64": {"dtype": torch.float64},
}


def twins(cell: Any, threads: int | None = None, **options: Any) -> tuple[Any, runtime.Recurrent]:
    layer = keepgate.Recurrent(cell, 5, 19, **options)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(0.5 * torch.randn_like(weight))
    weights = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    return layer, runtime.Recurrent.from_state_dict(cell, weights, threads=threads)


def same(ours: Any, theirs: Any, cell: Any) -> None:
    """The same bits where the core runs the cell, and to rounding where numpy does."""
    flat = [*ours] if isinstance(ours, tuple) else [ours]
    for array, tensor in zip(flat, theirs if isinstance(theirs, tuple) else (theirs,), strict=True):
        if cell is two_values:
            agrees(torch.from_numpy(np.array(array)), tensor.detach())
        else:
            assert np.array_equal(array, tensor.detach().numpy())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cell", EVERY, ids=lambda cell: cell.name)
def test_a_layer_gives_the_bits_that_it_gives_with_torch(cell: Any, form: str) -> None:
    layer, alone = twins(cell, **FORMS[form])
    x = torch.randn(11, 4, 5, dtype=FORMS[form].get("dtype"))
    lengths, resets = torch.tensor([11, 3, 0, 7]), torch.rand(11, 4) < 0.2
    for options in ({}, {"lengths": lengths}, {"resets": resets}, {"lengths": lengths, "resets": resets}):
        output, final = layer(x, **options)
        ours, after = alone(x.numpy(), **{name: value.numpy() for name, value in options.items()})
        same(ours, output, cell)
        same(after, final, cell)
    again, _ = layer(x, final)
    states = tuple(part.detach().numpy() for part in (final if isinstance(final, tuple) else (final,)))
    same(alone(x.numpy(), states if len(states) > 1 else states[0])[0], again, cell)


def test_a_projection_is_there_too() -> None:
    layer, alone = twins(lstm, proj_size=3, num_layers=2)
    x = torch.randn(7, 2, 5)
    same(alone(x.numpy())[0], layer(x)[0], lstm)


def test_an_input_in_any_layout_is_read_as_it_is() -> None:
    layer, alone = twins(lstm)
    x = torch.randn(4, 11, 10).transpose(0, 1)[..., ::2]
    same(alone(x.numpy())[0], layer(x)[0], lstm)
    assert alone(np.zeros((0, 2, 5), np.float32))[0].shape == (0, 2, 19)


@pytest.mark.parametrize("cell", [lstm, two_values], ids=lambda cell: cell.name)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_stepper_gives_the_bits_of_the_whole(cell: Any, batch: int) -> None:
    _, alone = twins(cell, num_layers=2)
    x = np.random.default_rng(0).normal(size=(9, batch, 5)).astype(np.float32)
    whole, final = alone(x)
    stepper = alone.stepper(batch)
    places = alone.places
    del alone, places  # the stepper lives by itself
    for _ in range(2):
        outputs = np.stack([stepper.step(step).copy() for step in x])
        assert np.array_equal(outputs, whole) or (cell is two_values and np.allclose(outputs, whole))
        last = final if isinstance(final, tuple) else (final,)
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(stepper.states, last, strict=True))
        stepper.reset()
    if batch == 1:
        step = stepper.step(x[0, 0])
        assert np.array_equal(step, outputs[0, 0]) or (
            cell is two_values and np.allclose(step, outputs[0, 0])
        )
    stepper.reset(last)
    assert np.array_equal(stepper.states[0], last[0])


def test_many_threads_run_one_layer_at_once() -> None:
    """Short and long calls, small and large, in an order that changes: each gives what it gives alone."""
    _, alone = twins(lstm, threads=2, num_layers=2, bidirectional=True)
    rng = np.random.default_rng(0)
    inputs = [
        rng.normal(size=(steps, rows, 5)).astype(np.float32) for steps in (1, 40, 300) for rows in (1, 9)
    ]
    expected = [alone(x)[0] for x in inputs]
    order = rng.integers(0, len(inputs), 400)
    with ThreadPoolExecutor(16) as pool:
        outputs = list(pool.map(lambda k: alone(inputs[k])[0], order))
    assert all(np.array_equal(output, expected[k]) for output, k in zip(outputs, order, strict=True))


def test_the_first_calls_may_come_from_many_threads() -> None:
    """Weights are packed by the first call, and sixteen may be the first."""
    x = np.ones((20, 3, 5), np.float32)
    for _ in range(20):
        _, alone = twins(lstm)
        with ThreadPoolExecutor(16) as pool:
            outputs = list(pool.map(lambda _, layer=alone: layer(x)[0], range(32)))
        assert all(np.array_equal(output, outputs[0]) for output in outputs)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"x": np.zeros((3, 2, 4), np.float32)}, r"expected float32 of shape \[time, batch, 5\]"),
        ({"x": np.zeros((3, 2, 5))}, "the input is float64"),
        ({"x": torch.zeros(3, 2, 5)}, "the input is Tensor"),
        ({"lengths": [1, 2, 3]}, "one whole number for each of the 2 rows"),
        ({"lengths": [1.0, 2.0]}, "lengths are float64"),
        ({"lengths": [-1, 2]}, "go from -1 to 2, but the input has 3 steps"),
        ({"lengths": [1, 4]}, "go from 1 to 4"),
        ({"resets": np.zeros((2, 3), bool)}, r"resets are \[2, 3\], expected \[3, 2\]"),
        ({"states": np.zeros((1, 2, 19), np.float32)}, "for each of h, c"),
        ({"states": (np.zeros((1, 2, 19)), np.zeros((1, 2, 19)))}, "expected float32"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], says: str) -> None:
    _, alone = twins(lstm)
    with pytest.raises(ShapeError, match=says):
        alone(**({"x": np.zeros((3, 2, 5), np.float32)} | options))


def weights(**changes: Any) -> dict[str, Any]:
    layer = keepgate.LSTM(5, 4)
    arrays = {name: tensor.numpy() for name, tensor in layer.state_dict().items()} | changes
    return {name: array for name, array in arrays.items() if array is not None}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"weight_ih_l0": None}, "there is no weight_ih_l0"),
        ({"weight_hh_l0": np.zeros((16, 3), np.float32)}, r"weight_hh_l0 is \(\(16, 3\), 'float32'\)"),
        ({"bias_hh_l0": None}, "bias_hh_l0 is missing"),
        ({"bias_hh_l0": np.zeros(16)}, "float64"),
        ({"extra": np.zeros(1, np.float32)}, "extra is .* expected nothing of this name"),
        ({"weight_ih_l5": np.zeros((16, 4), np.float32)}, "missing"),
        (dict.fromkeys(weights(), np.zeros((16, 5), np.int64)), "int64"),
    ],
)
def test_weights_that_are_no_layer_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        runtime.Recurrent.from_state_dict("lstm", weights(**changes))


def test_wrong_choices_are_refused() -> None:
    with pytest.raises(SettingsError, match="threads is 0"):
        runtime.Recurrent.from_state_dict("lstm", weights(), threads=0)
    with pytest.raises(SettingsError, match="give a cell"):
        runtime.Recurrent.from_state_dict(Tensor, weights())  # type: ignore[arg-type]
    layer = runtime.Recurrent.from_state_dict("lstm", weights())
    with pytest.raises(SettingsError, match="batch is 0"):
        layer.stepper(0)
    with pytest.raises(ShapeError, match=r"expected float32 of shape \[2, 5\]"):
        layer.stepper(2).step(np.zeros(5, np.float32))
    with pytest.raises(SettingsError, match="a stepper reads a stream forwards"):
        twins(lstm, bidirectional=True)[1].stepper()


@pytest.mark.parametrize("cell", [lstm, indrnn, reads_memory], ids=lambda cell: cell.name)
def test_the_loop_in_numpy_has_the_numbers_of_the_core(cell: Any) -> None:
    layer = keepgate.Recurrent(cell, 5, 7, dtype=torch.float64)
    weights = {name.removesuffix("_l0"): weight.detach().numpy() for name, weight in layer.named_parameters()}
    x = torch.randn(6, 3, 5, dtype=torch.float64)
    states = (np.zeros((3, 7)),) * len(cell.states)
    output, _ = run_loop(cell, weights, x.numpy(), states, None, None, False)
    agrees(torch.from_numpy(output), layer(x)[0].detach())
