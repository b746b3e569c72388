"""What the benchmark says of cells of one's own, narrow weights and a layer's options: who is compared with whom."""

from types import SimpleNamespace

import pytest

from bench import agreement, contenders, narrow, option_tables, parts, problem, targets
from keepgate.arrays.narrow import WEIGHT_FORMATS
from tests.bench.test_cells import result


def timed(cell: str, shape: str, mode: str = "inference", **seconds: float) -> dict:
    """A row with these medians; `reference_1` stands for reference@1 and `__` for a space."""
    times = {
        f"{name[:-2].replace('__', ' ')}@{name[-1]}": {"median": value, "spread": 0.01, "rounds": 5}
        for name, value in seconds.items()
    }
    return {"cell": cell, "shape": shape, "mode": mode, "times": times}


@pytest.mark.parametrize("cell", problem.LITERATURE)
def test_a_cell_of_the_literature_that_is_timed_agrees_with_the_reference_in_float64(cell: str):
    small = problem.Problem(cell=cell, shape=problem.Shape(5, 2, 3, 4))
    runner = contenders.keepgate_layer(small, "training")
    runner.call()
    assert agreement.refusal(runner, agreement.truth(small, "training"), peer=False) is None


@pytest.mark.parametrize("weights", WEIGHT_FORMATS)
@pytest.mark.parametrize("build", [narrow.layer, narrow.stepper])
def test_narrow_weights_agree_with_their_rounded_numbers_and_not_with_those_before(build, weights):
    small = problem.Problem(cell="GRU", shape=problem.Shape(1, 1, 33, 17))
    runner = build(small, weights)
    runner.call()
    assert agreement.refusal(runner, narrow.truth(small, weights), peer=False) is None
    assert "output" in agreement.refusal(runner, narrow.truth(small, None), peer=False)
    plain = build(small, None)
    plain.call()
    assert agreement.refusal(plain, narrow.truth(small, None), peer=False) is None


def test_steppers_are_timed_where_a_call_is_one_step():
    jobs = parts.PARTS["narrow"].jobs
    assert {job["cell"] for job in jobs} == {"LSTM", "GRU"}
    context = parts.Context(seconds=0, burst=SimpleNamespace(multiply_add=float))
    for shape, kinds in (("1,1,8,8", ("", "stepper ")), ("2,1,8,8", ("",))):
        row = parts.narrow_weights(jobs[0] | {"shape": shape}, context)
        names = {f"keepgate {kind}{weights}" for kind in kinds for weights in ("frozen", *WEIGHT_FORMATS)}
        assert set(row["times"]) == {f"{name}@{threads}" for name in names for threads in (1, 2)}
        assert not row["disagrees"]


def test_a_narrow_layer_is_held_against_the_frozen_one_and_its_stepper_against_the_frozen_one_s():
    row = timed(
        "LSTM", "1,1,128,128",
        keepgate__frozen_1=6e-6, keepgate__frozen_2=8e-6, keepgate__int8_1=4e-6, keepgate__int8_2=3e-6,
        keepgate__bfloat16_1=5e-6, keepgate__stepper__frozen_1=2e-6, keepgate__stepper__int8_1=1e-6,
    )  # fmt: skip
    printed = option_tables.narrow(result() | {"narrow": [row]}, 0)
    assert "| LSTM 1,1,128,128 | 6 | 1.20× | 2.00× | 2 | – | 2.00× |" in printed


def test_a_cell_of_the_literature_stands_in_its_own_table():
    copy = timed(
        "GRU", "100,1,64,64", keepgate_1=1.0, keepgate_2=1.0, keepgate__user_1=2.0, keepgate__user_2=2.0, loop_2=8.0
    )  # fmt: skip
    cell = timed("janet", "100,1,64,64", keepgate_1=1.0, keepgate_2=0.5, reference_1=8.0, reference_2=9.0)
    measured = result() | {"user": [copy, cell]}
    assert "| GRU 100,1,64,64 | inference | 0.50× | 0.50× | 4.00× |" in option_tables.user(measured, 0)
    assert "janet" not in option_tables.user(measured, 0)
    assert "| janet | 16× | – |" in option_tables.literature(measured, 0)
    assert "| 100, 1, 64, 64, inference |" in option_tables.literature(measured, 0)
    assert "GRU" not in option_tables.literature(measured, 0)


def test_a_target_for_many_rows_names_the_worst():
    user = [
        timed("GRU", "100,1,32,32", keepgate_1=0.8, keepgate_2=1.0, keepgate__user_1=1.0, keepgate__user_2=1.0),
        timed("GRU", "100,1,64,64", keepgate_1=1.0, keepgate_2=0.89, keepgate__user_1=1.0, keepgate__user_2=1.0),
        timed("LSTM", "100,1,64,64", keepgate_1=1.0, keepgate_2=1.0, keepgate__user_1=1.0, keepgate__user_2=1.0),
        timed("sru", "100,1,64,64", keepgate_2=1.0, reference_1=16.0, reference_2=14.0),
        timed("atr", "100,32,64,64", "training", keepgate_2=1.0, reference_1=3.0, reference_2=3.0),
    ]  # fmt: skip
    variants = [
        timed("LSTM", "100,1,64,64", keepgate_1=1.0, keepgate__layer_norm_1=1.3),
        timed("GRU", "100,1,64,64", keepgate_1=1.0, keepgate_2=1.0, keepgate__zoneout_1=1.05, keepgate__zoneout_2=1.02),
    ]  # fmt: skip
    engines = [
        timed("RNN", "100,8,128,128", keepgate_1=1.0, keepgate_2=1.0, openvino_1=1.2, ncnn_2=3.0),
        timed("RNN", "100,32,64,64", keepgate_1=1.0, keepgate_2=1.0, openvino_1=1.1),
    ]
    speed = [
        timed("LSTM", "100,1,64,64", "training", keepgate_2=1.0, **{"torch.nn_1": 1.4}),
        timed("LSTM", "100,32,64,64", "training", keepgate_2=1e-2, **{"torch.nn_1": 1.25e-2}),
        timed("LSTM", "100,32,64,64", "inference", keepgate_2=1.0, **{"torch.nn_1": 0.5}),
    ]
    narrow_rows = [
        timed("GRU", "1,1,128,128", keepgate__frozen_1=1.5, keepgate__int8_1=1.0, keepgate__bfloat16_2=1.0)
    ]
    busy = [
        timed("LSTM", "100,1,256,256", keepgate_1=1.0, keepgate_2=time) | {"neighbours": name}
        for name, time in (("x", 1.2), ("y", 1.1))
    ]
    measured = result(*speed) | {
        "user": user, "variants": variants, "engines": engines, "narrow": narrow_rows, "busy": busy,
    }  # fmt: skip
    found = {target.what: (target.measured, target.met, target.where) for target in targets.targets(measured)}
    expected = {
        "a user's copy from 32 units: speed over the compiled cell's": (0.8, True, "GRU 100,1,32,32, inference"),
        "a user's copy from 64 units: speed over the compiled cell's": (0.89, False, "GRU 100,1,64,64, inference"),
        "a cell of the literature, batch 1: speed over the reference's": (14.0, False, "sru 100,1,64,64, inference"),
        "a cell of the literature, batch 32: speed over the reference's": (3.0, True, "atr 100,32,64,64, training"),
        "layer_norm: time over the plain layer's": (1.3, False, "LSTM 100,1,64,64, inference"),
        "zoneout: time over the plain layer's": (1.05, True, "GRU 100,1,64,64, inference"),
        "weight_drop: time over the plain layer's": (None, None, ""),
        "inference: times faster than every engine": (1.1, True, "RNN 100,32,64,64, inference"),
        "inference, batch 1 to 8: times faster than every engine": (1.2, False, "RNN 100,8,128,128, inference"),
        "training: times faster than torch.nn": (1.25, True, "LSTM 100,32,64,64, training"),
        "training, batch 1: times faster than torch.nn": (1.4, False, "LSTM 100,1,64,64, training"),
        "int8 weights, batch 1: times faster than frozen float32": (1.5, False, "GRU 1,1,128,128, inference"),
        "bfloat16 weights, batch 1: times faster than frozen float32": (1.5, True, "GRU 1,1,128,128, inference"),
        "beside busy processes: time of 2 threads over one's": (1.2, False, "LSTM 100,1,256,256, inference, beside x"),
    }  # fmt: skip
    assert {what: found[what] for what in expected} == expected
    operations = problem.operations("LSTM", problem.Shape.of("100,32,64,64"), "training")
    share = found["training, batch 32 and more: share of the ceiling"]
    assert share == (pytest.approx(operations / 1e-2 / 4e11), False, "LSTM 100,32,64,64, training")
    assert "NOT MET (sru 100,1,64,64, inference)" in targets.report(measured)
