"""Peak memory of a training step, each in a process of its own.

    python -m bench.memory keepgate LSTM 100,32,128,128

Prints the bytes by which the process grew at most during three steps, over what it held with the layer, its input and
the gradient of its output; None where the system (Linux) does not tell.
"""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from bench.contenders import keepgate_layer, torch_nn
from bench.machine import THREADS
from bench.problem import CellName, Problem, Shape

ROOT = Path(__file__).parent.parent
WHO = {"keepgate": keepgate_layer, "torch.nn": torch_nn}


def row(cell: CellName, shape: Shape) -> dict[str, Any]:
    """The peak of each, in bytes; measured two at a time, since other processes' memory does not count."""
    started = {
        who: subprocess.Popen(
            [sys.executable, "-m", "bench.memory", who, cell, str(shape)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for who in WHO
    }  # fmt: skip
    found = {}
    for who, process in started.items():
        printed, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(
                f"measuring the memory of {who}'s {cell} {shape} failed; its error stands above"
            )
        found[who] = None if printed.strip() == "None" else int(printed)
    return {"cell": cell, "shape": str(shape), "bytes": found}


def peak(who: str, cell: CellName, shape: Shape) -> int | None:
    """Bytes that three training steps need at most, over what is there before them."""
    torch.set_num_threads(max(THREADS))
    # A first step of another size loads what is loaded once: libraries, and the stacks of threads.
    small = WHO[who](Problem(cell=cell, shape=Shape(2, 2, 8, 8)), "training")
    small.call()
    problem = Problem(cell=cell, shape=shape)
    runner = WHO[who](problem, "training")
    _ = problem.d_output_TBH
    gc.collect()
    if not _forget_the_peak():
        return None
    before = _status("VmRSS")
    for _ in range(3):
        runner.call()
        if runner.before is not None:
            runner.before()
    return _status("VmHWM") - before


def _forget_the_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status does not tell {name}; measure memory on Linux")


if __name__ == "__main__":
    _, who, cell, shape = sys.argv
    print(peak(who, cell, Shape.of(shape)))
