"""The core computes on torch's own threads, where those are OpenMP's: beside them it needs none of its own."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import keepgate
from keepgate import _core
from keepgate.kernels.core.openmp_threads import share_torch_threads
from tests.kernels.calls import threads

LAUNCH = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

PROGRAM = """
import os
import torch
import keepgate

torch.set_num_threads(2)
before = len(os.listdir("/proc/self/task"))
layer, x = keepgate.LSTM(128, 128), torch.randn(100, 8, 128)
with torch.no_grad():
    for _ in range(20):
        layer(x)
print(len(os.listdir("/proc/self/task")) - before)
"""


def ran(wanted: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "KEEPGATE_THREADS": wanted, "OMP_NUM_THREADS": "2"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("late", "turns"), [(0.0, 3), (0.01, 1)])
def test_the_work_is_given_to_who_lends_threads_until_they_come_late(late, turns):
    layer, x = keepgate.LSTM(128, 128, kernel="cpu"), torch.randn(20, 8, 128)
    asked = []

    @LAUNCH
    def launch(work, context, count, _):
        asked.append(count)
        WORK(work)(context)  # the caller alone: the others are elsewhere
        time.sleep(late)

    with threads(2), torch.no_grad():
        expected = layer(x)[0]
        _core.borrow_threads(ctypes.cast(launch, ctypes.c_void_p).value)
        try:
            found = [layer(x)[0] for _ in range(3)]
        finally:
            share_torch_threads()
    # Beside a busy neighbour this thread itself may come back late.
    assert asked == [2] * turns if late else set(asked) == {2}
    assert all(torch.equal(one, expected) for one in found)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux shows them")
def test_threads_of_the_cores_own_are_as_many_as_are_needed():
    found = ran("own")
    assert (found.returncode, found.stdout.strip()) == (0, "1"), found.stderr


@pytest.mark.skipif(
    sys.platform != "linux", reason="looks for torch's library where Linux lists what is loaded"
)
def test_torchs_threads_are_lent_wherever_they_are_gnus():
    assert share_torch_threads() == ("libgomp" in Path("/proc/self/maps").read_text(encoding="utf-8"))


def test_another_choice_is_refused():
    found = ran("mine")
    assert found.returncode != 0
    assert "KEEPGATE_THREADS is 'mine'; \"torch\" computes on torch's threads" in found.stderr
