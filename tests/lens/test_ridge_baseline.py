"""The linear baseline's interval holds how far back the answers were planted, on its grid of steps and between."""

import pytest
import torch

from keepgate.lens.diagnosis.effective_context import geometric_grid
from keepgate.lens.diagnosis.ridge_baseline import ridge_baseline

ROWS, STEPS = 150, 30


@pytest.mark.parametrize("planted", [1, 5, 13, 20, 23, 30])
def test_the_interval_holds_where_the_answer_is(planted):
    x = torch.randn(ROWS, STEPS, 1, generator=torch.Generator().manual_seed(planted))
    baseline = ridge_baseline(list(x), x[:, -planted])
    tried = [0, *geometric_grid(STEPS)]
    place = tried.index(baseline.needed)
    assert tried[place - 1] < planted <= tried[place]
    assert baseline.interval == (tried[place - 1] + 1, baseline.needed)
