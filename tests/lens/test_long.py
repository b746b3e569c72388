"""100,000 steps, traced and measured in full, fit in 2 GiB."""

import os
import subprocess
import sys

import pytest

MEASURE = """
import resource, torch
from keepgate.lens.capture import *
from keepgate.lens.gradients import *
from keepgate.lens.memory import *
from keepgate.lens.interventions import *
from keepgate.lens.readers import *
from keepgate.lens.report import *
from keepgate.nn import LSTM

layer = LSTM(64, 256, init="chrono", horizon=1000)
part = capture_layer(layer, torch.randn(100_000, 1, 64)).trace.layer(0)
updates = memory_updates(part)
shares = attribute(part, torch.randn(3, 256))
assert float((shares.missing / shares.total).abs().max()) < 1e-5
left = retained_at(updates)
torch.testing.assert_close((left * updates.write).sum(0), part.c[-1], rtol=0, atol=1e-5)
del left
forgotten_from(updates, 5_000), forgotten_at(updates, 90_000)
half_lives(part), saturation(part)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


BACKWARDS = """
import resource, torch
from keepgate.lens.capture import *
from keepgate.lens.gradients import *
from keepgate.lens.memory import *
from keepgate.lens.interventions import *
from keepgate.lens.readers import *
from keepgate.lens.report import *
from keepgate.nn import LSTM

layer_run = capture_layer(LSTM(32, 64, init="chrono", horizon=1000), torch.randn(100_000, 1, 32))
assert torch.isfinite(write_influence(layer_run, lambda output: output[-1].sum())[0]).all()
assert len(gradient_of_run(layer_run, torch.ones_like(layer_run.trace.output))) == 100_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", [MEASURE, BACKWARDS], ids=["measures", "gradients"])
def test_a_hundred_thousand_steps_fit_in_two_gibibytes(script):
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 2.0
