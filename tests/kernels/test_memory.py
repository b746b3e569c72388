"""Repeated calls take no more memory; a training step takes no more at its peak than torch's own layer."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import keepgate
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE

PAGE = 4096


def resident():
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell")


@linux
@pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)
def test_repeated_training_does_not_grow(cell):
    layer = Recurrent(cell, 16, 33, 2, bidirectional=True, kernel="cpu")
    x = torch.randn(20, 6, 16)

    def work():
        for _ in range(30):
            layer(x, lengths=[20, 3, 0, 7, 20, 1])[0].sum().backward()
            layer.zero_grad()
            layer.trace(x)

    work()
    gc.collect()
    before = resident()
    for _ in range(4):
        work()
    gc.collect()
    # A leak of one plane a call would be 120 · 20 · 6 · 48 · 4 bytes, 2.7 MB.
    assert resident() - before < 1_500_000


@linux
def test_layers_that_are_gone_leave_nothing_behind():
    # Packed weights go with their layer: a cache that held on to them would keep 300 times a megabyte.
    x = torch.randn(3, 2, 128)

    def work(count):
        for _ in range(count):
            layer = keepgate.LSTM(128, 256, kernel="cpu")
            with torch.no_grad():
                layer(x)
            layer(x)[0].sum().backward()

    work(5)
    gc.collect()
    before = resident()
    work(40)
    gc.collect()
    assert resident() - before < 20_000_000


@linux
def test_changed_weights_leave_no_old_packs_behind():
    layer = keepgate.LSTM(128, 256, kernel="cpu")
    x = torch.randn(3, 2, 128)

    def work(count):
        for _ in range(count):
            with torch.no_grad():
                layer.weight_ih_l0.mul_(0.999)
                layer(x)

    work(5)
    before = resident()
    work(60)
    assert resident() - before < 20_000_000


# What three training steps add to the peak of a process that has its layer and its input.
_PEAK = """
import resource, sys, torch
import keepgate
torch.set_num_threads(2)
kind, steps, rows, inputs, hidden = sys.argv[1], *map(int, sys.argv[2:])
name, where = kind.split(".")
module = keepgate if where == "keepgate" else torch.nn
options = {"kernel": "cpu"} if where == "keepgate" else {}
layer = getattr(module, name)(inputs, hidden, **options)
# Small first: what is loaded and started once is no matter of the step.
layer(torch.randn(2, 2, inputs))[0].sum().backward()
x = torch.randn(steps, rows, inputs, requires_grad=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(3):
    layer(x)[0].sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def peak(kind, sizes):
    """Kilobytes that training steps add to the process that makes them."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, kind, *map(str, sizes)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(400, 32, 128, 128), (100, 64, 512, 512), (1000, 16, 64, 64)], ids=str)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_the_peak_of_a_training_step_is_at_most_torchs(name, sizes):
    ours, theirs = peak(f"{name}.keepgate", sizes), peak(f"{name}.torch", sizes)
    assert ours <= theirs, f"{ours} kB against torch's {theirs} kB"
