"""The core without Python: every cell with every option, here, on another processor, and under sanitizers."""

import os
import platform
from pathlib import Path

import pytest

from keepgate import _core
from tests.kernels.drivers import driver, driver_here, run
from tests.kernels.native_cells import cells_file
from tests.kernels.user_cells import slstm
from tests.tools import CROSS_COMPILER, EMULATOR, needs

NEON = [
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    f"-DCMAKE_CXX_COMPILER={CROSS_COMPILER}",
]


@pytest.mark.parametrize("isa", _core.isas())
def test_every_cell_with_every_option_has_the_same_bits_with_any_threads(tmp_path: Path, isa: str):
    said = run([driver_here(), cells_file(tmp_path), "check"], KEEPGATE_ISA=isa)
    assert said.startswith(f"{isa}: "), said


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a process cannot be kept to one processor")
def test_a_team_that_is_dissolved_in_the_middle_of_a_run_has_the_same_bits(tmp_path: Path):
    # With one processor for all, member 0 waits for the others longer than it would work for them.
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        run([driver_here(), cells_file(tmp_path), "check"])
    finally:
        os.sched_setaffinity(0, processors)


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if isa not in ("baseline", "neon")])
def test_instruction_sets_agree(tmp_path: Path, isa: str):
    # What an sLSTM sums up has no bound, and instruction sets round apart in it.
    native, cells, numbers = driver_here(), cells_file(tmp_path, without=slstm), str(tmp_path / "numbers")
    run([native, cells, "dump", numbers], KEEPGATE_ISA="baseline")
    run([native, cells, "compare", numbers], KEEPGATE_ISA=isa)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="compares NEON with x86-64")
@needs("an ARM compiler with an emulator")
def test_neon_agrees(tmp_path: Path):
    cells, numbers = cells_file(tmp_path, without=slstm), str(tmp_path / "numbers")
    run([driver_here(), cells, "dump", numbers, "3"], KEEPGATE_ISA="baseline")
    neon = driver("neon", *NEON, "-DCMAKE_EXE_LINKER_FLAGS=-static")
    said = run([EMULATOR, neon, cells, "compare", numbers, "3"], KEEPGATE_ISA="neon")
    assert said.startswith("neon: "), said


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(tmp_path: Path, sanitizer: str, isa: str):
    native = driver(sanitizer.replace(",", "-"), f"-DKEEPGATE_SANITIZE={sanitizer}")
    run(
        [native, cells_file(tmp_path), "check"],
        KEEPGATE_ISA=isa,
        TSAN_OPTIONS="halt_on_error=1",
        OMP_NUM_THREADS="1",
    )
