"""`explain` where there is nothing to explain: inputs and answers that are no numbers, steps without a share."""

import math

import pytest
import torch
from torch import nn

from keepgate import SettingsError
from keepgate.lens import examine, explain

ROWS, STEPS = 9, 6


class Net(nn.Module):
    def __init__(self, outputs=1):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = nn.GRU(2, 6, batch_first=True), nn.Linear(6, outputs)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
@pytest.mark.parametrize("row", [2, 7])
def test_inputs_that_are_no_numbers_are_refused_as_they_are_by_examine(wrong, row):
    x = torch.randn(ROWS, STEPS, 2)
    x[7, 3, 0] = wrong
    with pytest.raises(SettingsError, match="at row 7, step 3") as explained:
        explain(Net(), x, row=row)
    with pytest.raises(SettingsError) as examined:
        examine(Net(), [(x, torch.randn(ROWS, 1))])
    assert str(explained.value) == str(examined.value)


def test_answers_that_are_no_numbers_are_refused():
    model = Net(outputs=3)
    nn.init.constant_(model.rnn.weight_hh_l0, math.nan)
    with pytest.raises(SettingsError, match="answers NaN to row 0"):
        explain(model, torch.randn(ROWS, STEPS, 2), labels=["a", "b", "c"])


def test_steps_that_have_no_share_have_no_sum_of_shares():
    class Words(Net):
        def __init__(self):
            super().__init__(3)
            self.embedding = nn.Embedding(9, 2)
            nn.init.zeros_(self.embedding.weight)

        def forward(self, ids):
            return super().forward(self.embedding(ids))

    report = explain(Words(), torch.randint(9, (1, STEPS)), tokens=list("abcdef"))
    assert not report.unmoved  # of fewer words the answer is another
    assert "has no share in it" in str(report)
    assert "nan" not in str(report).lower()
