"""The core computes on torch's own threads, where those are OpenMP's: beside them it needs none of its own."""

import os
import subprocess
import sys

import pytest

from keepgate.kernels.threads import lend

PROGRAM = """
import os
import torch
import keepgate

def threads():
    return len(os.listdir("/proc/self/task"))

torch.set_num_threads(2)
torch.randn(600, 600) @ torch.randn(600, 600)
before = threads()
layer, x = keepgate.LSTM(128, 128), torch.randn(100, 8, 128)
for _ in range(20):
    layer(x)[0].sum().backward()
print(threads() - before)
"""


def ran(wanted: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "KEEPGATE_THREADS": wanted, "OMP_NUM_THREADS": "2"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux shows them")
@pytest.mark.parametrize(("wanted", "more"), [("torch", 0), ("own", 1)])
def test_how_many_threads_there_are_beside_torchs(wanted, more):
    if wanted == "torch" and not lend():
        pytest.skip("this torch does not compute on GNU's OpenMP")
    found = ran(wanted)
    assert (found.returncode, found.stdout.strip()) == (0, str(more)), found.stderr


def test_another_choice_is_refused():
    found = ran("mine")
    assert found.returncode != 0
    assert "KEEPGATE_THREADS is 'mine'; \"torch\" computes on torch's threads" in found.stderr
