"""Emitted cells, compiled around one double, and called with tensors."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from keepgate.emit.cpp import header, struct_name
from keepgate.equations import Cell

HERE = Path(__file__).parent
CSRC = HERE.parent.parent / "csrc" / "cells"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow=compatible-local", "-Werror"]


def compiler() -> str:
    """The C++ compiler that the core is built with."""
    found = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    assert found is not None, "no C++ compiler on PATH; install g++, which `make test` needs in any case"
    return found


def built(
    cells: Sequence[Cell], folder: Path, *, committed: bool = False, flags: Sequence[str] = ()
) -> ctypes.CDLL:
    """The cells as a library: from the committed csrc/cells, or emitted into `folder`."""
    if committed:
        include, listed = '#include "all.h"', "KEEPGATE_CELLS(KEEPGATE_TEST)"
    else:
        for cell in cells:
            (folder / f"{cell.name}.h").write_text(header(cell))
        include = "\n".join(f'#include "{cell.name}.h"' for cell in cells)
        listed = "\n".join(f"KEEPGATE_TEST({struct_name(cell)})" for cell in cells)
    source = folder / "steps.cc"
    source.write_text(f'#include "scalar.h"\nnamespace keepgate_test {{\n{include}\n}}\n{listed}\n')
    library = folder / "steps.so"
    where = ["-I", str(CSRC if committed else folder), "-I", str(HERE)]
    command = [compiler(), "-std=c++20", "-O1", "-ffp-contract=off", *WARNINGS, *flags, "-fPIC", "-shared"]
    done = subprocess.run(
        [*command, *where, source, "-o", library], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


@dataclass(frozen=True)
class Facts:
    """What a driver reads of a cell."""

    gates: int
    states: int
    vectors: int
    split: int
    saved: int
    dense: bool
    bias_hh: bool
    recurrent_state: int
    unit_inputs: int
    wx_gates: tuple[int, ...]
    uh_gates: tuple[int, ...]
    reads: tuple[bool, ...]


def facts(library: ctypes.CDLL, cell: Cell) -> Facts:
    count = len(cell.gates)
    numbers = (ctypes.c_int * (9 + 2 * count + len(cell.states)))()
    getattr(library, f"facts_{struct_name(cell)}")(numbers)
    (*first, dense, bias_hh, recurrent_state, unit_inputs), rest = numbers[:9], numbers[9:]
    wx_gates, uh_gates, reads = rest[:count], rest[count : 2 * count], map(bool, rest[2 * count :])
    places = recurrent_state, unit_inputs, tuple(wx_gates), tuple(uh_gates)
    return Facts(*first, bool(dense), bool(bias_hh), *places, tuple(reads))


def call(
    library: ctypes.CDLL, function: str, cell: Cell, given: Sequence[Tensor], rows: Sequence[int]
) -> list[Tensor]:
    """Calls a step on [values, units] arrays; what it writes, one array for each number of rows, starts as NaN."""
    units = given[0].shape[1]
    written = [torch.full((count, units), float("nan"), dtype=torch.float64) for count in rows]
    arrays = [array.detach().contiguous() for array in (*given, *written)]
    assert all(array.dtype == torch.float64 for array in arrays)
    addresses = [ctypes.c_void_p(array.data_ptr()) for array in arrays]
    getattr(library, f"{function}_{struct_name(cell)}")(ctypes.c_long(units), *addresses)
    return written
