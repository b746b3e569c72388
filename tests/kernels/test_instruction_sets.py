"""Every instruction set of this processor agrees with the reference, and KEEPGATE_ISA chooses one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keepgate import _core

ROOT = Path(__file__).parents[2]
# The best one is what every other test runs on.
OTHERS = [name for name in _core.isas() if name != _core.isa()]


def run_python(*arguments, isa, timeout=250):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "KEEPGATE_ISA": isa},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def passes(tests, isa):
    """Tests of this folder, by file and name, in a process of their own on that set."""
    here = [f"tests/kernels/{test}" for test in tests]
    done = run_python("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *here, isa=isa)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_core_names_the_set_it_runs_on():
    assert _core.isas()
    assert "baseline" in _core.isas() or "neon" in _core.isas()
    assert _core.isa() == os.environ.get("KEEPGATE_ISA", _core.isas()[0])


@pytest.mark.parametrize("isa", OTHERS)
def test_a_lower_set_is_taken_when_asked_for(isa):
    done = run_python("-c", "from keepgate import _core; print(_core.isa())", isa=isa)
    assert done.stdout.strip() == isa, done.stderr


@pytest.mark.parametrize("isa", OTHERS)
def test_a_lower_set_agrees_with_the_reference(isa):
    tests = [
        "test_core_agrees.py::test_a_few_of_everything",
        "test_core_agrees.py::test_lengths_resets_and_directions_together",
        "test_core_agrees.py::test_projections",
        "test_core_outside.py",
        "test_bad_numbers.py::test_gates_stay_between_their_bounds_for_any_sum",
        "test_bad_numbers.py::test_a_bad_number_in_the_input_stays_in_its_row",
        "test_same_bits.py::test_any_number_of_rows_around_a_row",
        "test_same_bits.py::test_step_by_step",
        "test_same_bits.py::test_any_number_of_threads",
        "test_user_cells.py::test_the_interpreted_copy_of_a_compiled_cell_has_its_bits_forward_and_in_training",
    ]
    passes(tests, isa)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("isa", OTHERS)
def test_a_lower_set_passes_every_test_of_the_kernels(isa):
    others = ["--ignore", "tests/kernels/test_instruction_sets.py"]
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/kernels", "tests/nn", *others]
    done = run_python(*arguments, isa=isa, timeout=1700)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("isa", ["sse9", "AVX2", "neon" if "baseline" in _core.isas() else "avx2"])
def test_a_name_that_cannot_be_is_refused_with_those_that_can(isa):
    layer = "import keepgate, torch; keepgate.LSTM(2, 3)(torch.zeros(1, 1, 2))"
    done = run_python("-c", layer, isa=isa)
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()[-1]
    assert isa in said
    for known in _core.isas():
        assert known in said
