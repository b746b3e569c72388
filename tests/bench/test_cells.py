"""The speed benchmark's own parts: who wins is arithmetic, and arithmetic can be wrong."""

import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench import (
    agreement,
    breakdown,
    cells,
    clock,
    contenders,
    figures,
    option_tables,
    parts,
    problem,
    speed_tables,
    streaming,
    targets,
)


def row(cell: str, shape: str, mode: str, **seconds: float) -> dict:
    """A row with these medians; `torch_1` stands for torch.nn@1."""
    names = {
        "ours": "keepgate@2",
        "trace": "keepgate trace@2",
        "torch_1": "torch.nn@1",
        "torch_2": "torch.nn@2",
    }
    times = {names[name]: {"median": value, "spread": 0.01, "rounds": 5} for name, value in seconds.items()}
    return {"cell": cell, "shape": shape, "mode": mode, "times": times, "burst": 4e11, "burst_best": 4.1e11}


def result(*rows: dict) -> dict:
    rates = {"avx512": {"1": 2e11, "2": 4e11}, "avx2": {"1": 1e11, "2": 2e11}}
    ceilings = {
        "multiply_add": rates, "level_2_bytes": 2**21, "read_level_2": {"1": 1e11, "2": 2e11}, "memory_bytes": 2**30,
        "read_memory": {"1": 1e10, "2": 2e10}, "torch_product": {"1": 1e11, "2": 2e11}, "barrier_seconds": 1e-7,
    }  # fmt: skip
    machine = {"processor": "A processor", "cores": 2, "system": "Linux", "torch": "2", "numpy": "2"}
    return {
        "ceilings": ceilings, "instruction_set": "avx512", "speed": list(rows), "peers": {"jax": None},
        "machine": machine | {"date": "2026-01-01"},
    }  # fmt: skip


def test_a_ratio_is_against_torchs_faster_time():
    assert figures.ratio(row("LSTM", "1,1,1,1", "training", ours=2.0, torch_1=6.0, torch_2=8.0)) == 3.0
    assert figures.ratio(row("LSTM", "1,1,1,1", "training", ours=2.0, torch_1=8.0, torch_2=5.0)) == 2.5
    assert figures.ratio(row("LSTM", "1,1,1,1", "training", torch_1=8.0)) is None
    assert figures.ratio(None) is None


def test_the_operations_are_those_of_the_products():
    shape = problem.Shape.of("100,32,128,256")
    # One product of [100 · 32, 128 + 256] with [384, 4 · 256], by hand.
    once = 2 * (100 * 32) * (128 + 256) * (4 * 256)
    assert problem.operations("LSTM", shape, "inference") == once
    assert problem.operations("LSTM", shape, "training") == 3 * once
    assert problem.operations("GRU", shape, "inference") == once * 3 // 4
    with pytest.raises(ValueError, match="four sizes"):
        problem.Shape.of("1,2,3")


def test_a_share_is_of_the_best_the_machine_was_seen_to_do():
    shape = problem.Shape.of("100,32,128,128")
    seconds = problem.operations("LSTM", shape, "inference") / 2.05e11
    measured = row("LSTM", str(shape), "inference", ours=seconds)
    assert figures.share(result(measured), measured) == pytest.approx(0.5)
    lower = result() | {"instruction_set": "avx2"}
    assert figures.ceiling(lower) == 2e11
    assert figures.ceiling(result() | {"instruction_set": None}) == 4e11


def test_growth_is_one_when_time_follows_the_steps_and_four_when_their_square():
    times = {"linear 400@2": 1.0, "linear 1600@2": 4.0, "square 400@2": 1.0, "square 1600@2": 16.0}
    measured = {
        "steps": [400, 800, 1600],
        "times": {name: {"median": value} for name, value in times.items()},
    }
    assert figures.growth(measured, "linear") == 1.0
    assert figures.growth(measured, "square") == 4.0


def test_a_row_is_noisy_if_the_machine_or_a_contender_was_not_steady():
    quiet = row("LSTM", "1,1,1,1", "training", ours=1.0, torch_1=1.0)
    assert not figures.noisy(quiet, 4e11)
    assert figures.noisy(quiet | {"burst": 3e11}, 4e11)
    quiet["times"]["torch.nn@1"]["spread"] = 0.2
    assert figures.noisy(quiet, 4e11)


def test_every_target_of_the_table_is_compared_in_its_own_direction():
    fast = row("LSTM", "100,1,64,64", "inference", ours=1.0, trace=1.2, torch_1=4.0, torch_2=9.0)
    slow = row("LSTM", "100,1,64,64", "training", ours=1.0, trace=1.02, torch_1=2.4, torch_2=9.0)
    found = {target.what: target for target in targets.targets(result(fast, slow))}
    assert found["LSTM 100,1,64,64, inference: times faster than torch.nn"].met is True
    assert found["LSTM 100,1,64,64, training: times faster than torch.nn"].met is False
    assert found["LSTM 100,1,64,64, inference: with a trace over without"].met is False
    assert found["LSTM 100,1,64,64, training: with a trace over without"].met is True
    assert found["GRU 100,1,64,64, training: times faster than torch.nn"].met is None
    # Two of them of all training rows, whose worst is 2.4 times as fast as torch.nn.
    assert "4 met, 2 not met" in targets.report(result(fast, slow))


def test_the_targets_are_the_tables():
    assert list(targets.LSTM) == [str(shape) for shape in problem.SHAPES]
    of = problem.Shape.of
    assert targets.wanted_ratio("GRU", of("100,1,128,128"), "inference") == 4.0
    assert targets.wanted_ratio("GRU", of("100,1,256,256"), "inference") == 1.4
    assert targets.wanted_ratio("GRU", of("100,32,256,256"), "training") == 2.5
    assert targets.wanted_ratio("GRU", of("35,20,650,650"), "training") == 1.3
    assert targets.wanted_ratio("RNN", of("35,20,650,650"), "training") == 1.5


def test_rounds_are_put_together_by_their_median():
    timing = clock.Timing.of([3.0, 1.0, 2.0, 100.0, 2.0])
    assert timing.median == 2.0
    assert timing.rounds == 5
    assert timing.spread == pytest.approx(0.25)
    assert clock.quantile([4.0, 1.0, 2.0, 3.0], 0.5) == 2.5
    with pytest.raises(ValueError, match="none"):
        clock.Timing.of([])


def test_contenders_take_turns_and_the_first_call_of_a_turn_does_not_count(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(clock, "wait_until_quiet", lambda: None)
    order: list[str] = []

    def contender(name: str, rare: bool = False) -> object:
        def call() -> None:
            # The first call of a turn takes long, as it does when threads must wake.
            now[0] += 0.02 if not order or order[-1] != name else 0.004
            order.append(name)

        return clock.Contender(call=call, threads=torch.get_num_threads(), rare=rare)

    contenders = {"a": contender("a"), "b": contender("b"), "c": contender("c", rare=True)}
    found = clock.interleave(contenders, seconds=0, least=4)
    turns = [name for place, name in enumerate(order) if place == 0 or order[place - 1] != name]
    assert "".join(turns) == "abc" + "abc" + "ab" + "ab" + "abc"
    assert [timing.rounds for timing in found.values()] == [4, 4, 2]
    assert all(timing.median == pytest.approx(0.004) for timing in found.values())


def test_a_new_row_takes_the_place_of_its_own_and_no_other(tmp_path: Path):
    order = tuple({"cell": cell, "hidden": hidden} for cell in ("LSTM", "GRU") for hidden in (64, 128))
    rows: list[dict] = []
    for job in (order[2], order[0], order[2]):
        cells.replace_row(rows, job, {"times": len(rows)}, order)
    assert rows == [{**order[0], "times": 1}, {**order[2], "times": 2}]
    cells.save({"streaming": rows}, tmp_path / "results" / "a.json")
    assert json.loads((tmp_path / "results" / "a.json").read_text()) == {"streaming": rows}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["a.json"]


def test_a_row_that_fails_is_named_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def measure(job: dict, context: parts.Context) -> dict:
        if job["cell"] == "GRU":
            raise RuntimeError("an engine fell over")
        return {"times": {}}

    jobs = tuple({"cell": cell} for cell in ("GRU", "LSTM"))
    monkeypatch.setattr(parts, "PARTS", {"speed": parts.Part(jobs=jobs, measure=measure)})
    options = SimpleNamespace(only=None, cells=["GRU", "LSTM"], shapes=None, seconds=0)
    measured: dict = {"speed": [{"cell": "GRU", "times": {"before": 1}}]}
    failed = cells.measure(measured, tmp_path / "a.json", options, None)
    assert failed == ["speed, GRU: RuntimeError: an engine fell over"]
    assert [row["cell"] for row in measured["speed"]] == ["GRU", "LSTM"]
    assert measured["speed"][0] == {"cell": "GRU", "times": {"before": 1}}


def test_the_tables_show_the_fullest_result_and_among_equals_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(speed_tables, "RESULTS", tmp_path)
    assert speed_tables.printed() is None

    def write(name: str, date: str, *rows: dict, **other: str) -> None:
        measured = result(*rows) | {"machine": {"date": date, "processor": name}} | other
        (tmp_path / f"cells-{name}.json").write_text(json.dumps(measured))

    jobs = parts.PARTS["speed"].jobs
    write("a", "2026-01-02", *jobs[:2])
    write("b", "2026-01-03", jobs[0])
    write("lower", "2026-01-04", *jobs, instruction_set="avx2")
    write("gone", "2026-01-04", *[{"cell": f"no more {number}"} for number in range(9)])
    assert speed_tables.printed()["machine"]["processor"] == "a"
    write("b", "2026-01-03", *jobs[:2])
    assert speed_tables.printed()["machine"]["processor"] == "b"


@pytest.mark.parametrize("language", [0, 1])
def test_every_table_can_be_printed_from_a_measurement_that_is_not_finished(language: int):
    half = result(row("LSTM", "100,1,64,64", "training", ours=1e-3, trace=1e-3, torch_1=2.4e-3))
    for measured in (result(), half):
        for name, table in (speed_tables.TABLES | option_tables.TABLES).items():
            assert "None" not in table(measured, language), name
    assert "2.40× (" in speed_tables.speed(half, language)


def test_what_disagrees_is_found_and_named():
    small = problem.Problem(cell="GRU", shape=problem.Shape(5, 2, 3, 4))
    expected = agreement.truth(small, "training")
    assert set(expected) == {"output", "d_x", "d_weight_ih", "d_weight_hh", "d_bias_ih", "d_bias_hh"}
    for build in (
        contenders.keepgate_layer,
        contenders.keepgate_trace,
        contenders.torch_nn,
        contenders.python_loop,
    ):
        runner = build(small, "training")
        runner.call()
        assert agreement.refusal(runner, expected, peer=False) is None
        assert max(agreement.errors(runner, expected).values()) < 1e-6
    wrong = {**expected, "d_x": expected["d_x"] + 1e-4}
    assert "d_x" in agreement.refusal(runner, wrong, peer=False)
    assert agreement.refusal(runner, wrong, peer=True) is None
    assert agreement.errors(runner, {**expected, "output": expected["output"] * math.nan})["output"] != 0
    lost = {**expected, "d_x": expected["d_x"] * math.nan}
    assert "d_x" in agreement.refusal(runner, lost, peer=True)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("name", contenders.VARIANTS)
def test_an_option_is_timed_with_the_reference_s_masks_and_is_not_the_plain_layer(name: str, cell: str):
    small = problem.Problem(cell=cell, shape=problem.Shape(5, 2, 3, 4)).exact
    reference = contenders.keepgate_variant(small, "training", name, kernel="reference")
    reference.call()
    ours = contenders.keepgate_variant(small, "training", name)
    ours.call()
    assert agreement.refusal(ours, reference.results(), peer=False) is None
    plain = contenders.keepgate_layer(small, "training")
    plain.call()
    assert agreement.errors(plain, {"output": reference.results()["output"]})["output"] > 1e-3


def test_what_an_option_costs_is_its_time_over_the_plain_layer_s():
    times = {"keepgate@1": 2.0, "keepgate@2": 1.0, "keepgate zoneout@1": 3.0, "keepgate zoneout@2": 1.1}
    measured = {name: {"median": seconds, "spread": 0.01, "rounds": 5} for name, seconds in times.items()}
    one = {"cell": "GRU", "shape": "100,1,64,64", "mode": "training", "times": measured}
    assert "| – | 1.50 / 1.10 | – | – |" in option_tables.variants(result() | {"variants": [one]}, 0)


def test_ragged_ways_agree_and_lengths_are_the_same_share_of_any_number_of_steps():
    small = problem.Problem(cell="LSTM", shape=problem.Shape(7, 6, 3, 4))
    expected = agreement.truth(small, "training", ragged=True)
    for build in (contenders.keepgate_ragged, contenders.torch_packed):
        runner = build(small, "training")
        runner.call()
        assert agreement.refusal(runner, expected, peer=False) is None
    long = [
        problem.Problem(cell="LSTM", shape=problem.Shape(steps, 6, 3, 4)).lengths for steps in (1000, 4000)
    ]
    assert torch.allclose(long[0] * 4.0, long[1].float(), atol=4)
    assert min(long[0]) >= 1
    assert max(long[0]) <= 1000


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_a_training_step_finds_changed_weights_and_no_gradients(cell: str):
    small = problem.Problem(cell=cell, shape=problem.Shape(5, 2, 3, 4))
    runner = contenders.torch_nn(small, "training")
    runner.call()
    first = runner.results()
    runner.before()
    runner.call()
    assert not torch.equal(first["output"], runner.results()["output"])
    assert contenders.torch_nn(small, "inference").before is None


def test_onnx_runtime_has_the_same_weights():
    for cell in problem.CELLS:
        small = problem.Problem(cell=cell, shape=problem.Shape(5, 2, 3, 4))
        runner = contenders.onnx_runtime(small, "inference", threads=1)
        runner.call()
        assert max(agreement.errors(runner, agreement.truth(small, "inference")).values()) < 1e-5


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ("keepgate::avx512::Tile<float, 6, 4, 1>::run\nForwardMember<Lstm>::project_inputs", "projecting the inputs"),
        ("keepgate::avx512::Tile<float, 6, 4>::run\nForwardMember<Lstm>::add_recurrent_product", "recurrent product"),
        ("sigmoid (inlined)\nkeepgate::avx512::ForwardMember<Lstm>::apply_cell", "the cell's equations"),
        ("pause (inlined)\nkeepgate::Team::barrier\nForwardMember<Lstm, float>::run", "waiting for other threads"),
        ("memmove (libc.so.6)\nkeepgate::avx512::BackwardMember<Lstm>::unpack_weight_gradients", "packing the weights"),
        ("keepgate::avx512::BackwardMember<Lstm, float>::run", "the rest of the core"),
        ("at::native::add_kernel (libtorch_cpu.so)\n_PyEval_EvalFrameDefault", "torch"),
        ("_PyEval_EvalFrameDefault (python3.11)", "Python"),
    ],
)  # fmt: skip
def test_a_sample_belongs_to_the_part_that_its_stack_names(stack: str, part: str):
    assert breakdown.part_of(stack) == part


def test_the_parts_of_a_profile_name_functions_of_the_core():
    core = "\n".join(path.read_text() for path in (breakdown.ROOT / "csrc").glob("*.*"))
    system = {"sched_yield", "futex"}
    for part, pattern in breakdown.PARTS:
        names = set(re.findall(r"\w+", pattern.replace(r"\b", ""))) - system
        missing = [name for name in names if not re.search(rf"\b{name}\(", core)]
        assert not missing, f"{part}: csrc has no {missing}"


def test_a_stream_that_says_something_else_than_the_layer_is_not_timed():
    small = problem.Problem(cell="GRU", shape=problem.Shape(6, 1, 4, 4))
    for build in (streaming._torch_layer, streaming._torch_cell):
        step, x_T = build(small)
        streaming._expect_the_layers_output("a peer", step, x_T, small)
        with pytest.raises(AssertionError, match="a peer, GRU: step 0 is off by"):
            streaming._expect_the_layers_output(
                "a peer", step, x_T, small
            )  # it still carries the end of the first time
