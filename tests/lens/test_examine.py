"""A report says how far back a model remembers, and its verdict names the fault that was planted."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import keepgate
from keepgate import SettingsError
from keepgate.demo.pretrained import folders
from keepgate.demo.stories import stories
from keepgate.export import load
from keepgate.lens import examine
from keepgate.lens.diagnosis.verdict import Findings
from keepgate.lens.gradients import gradient_by_lag
from tests.lens.faults import Recall, planted, questions, train
from tests.lens.findings import HEALTHY, TABLE, verdict

FAULTS = ("none", "forgets", "untrained", "saturated", "exploding")


def asked(steps=30, rows=40):
    return [questions(rows, steps, torch.Generator().manual_seed(99))]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_verdict_names_the_planted_fault(fault):
    report = examine(planted(fault, 30, seed=3), asked())
    assert report.verdict.fault == fault, str(report)
    assert any(letter.isdigit() for letter in str(report.verdict)), "it is said with numbers"
    assert str(report.verdict) in str(report)


@pytest.mark.slow
def test_the_verdict_is_right_about_48_of_50_networks():
    right = []
    for fault in FAULTS:
        for seed in range(40, 50):
            steps = (25, 45)[seed % 2]
            report = examine(planted(fault, steps, seed), asked(steps, 64))
            right.append(report.verdict.fault == fault)
    assert sum(right) >= 48


def test_a_network_that_remembers_has_its_horizon_where_the_answer_is():
    model = planted("none", 30, seed=3)
    report = examine(model, asked())
    assert report.horizon == 30
    assert report.interval == (report.behaviour.contexts[-2] + 1, 30)
    assert report.behaviour.context_helps
    assert report.behaviour.explained > 0.9
    assert report.vanishing_lag is None
    assert report.half_lives.shape == (24,)
    assert set(report.saturation) == {"i", "f", "o"}
    assert report.direct_path is not None


def test_a_network_that_cannot_see_so_far_has_a_short_horizon():
    model = Recall("GRU", horizon=10)
    train(model, 6, 150)
    whole = examine(model, asked(6))
    assert whole.horizon == 6
    assert whole.verdict.fault == "none"
    # What is asked for lies 6 steps back, in texts that are longer.
    ids, targets = asked(6)[0]
    before = torch.randint(0, 3, (len(ids), 14), generator=torch.Generator().manual_seed(1))
    report = examine(model, [(torch.cat([before, ids], 1), targets)], needed=6)
    assert report.horizon == 6
    assert (report.needed, report.steps) == (6, 20)


def test_rows_longer_than_twice_the_horizon_are_said_to_be_too_long():
    model = Recall("GRU", horizon=10)
    train(model, 6, 150)
    whole = examine(model, asked(6))
    long = replace(whole, lengths=(6, 20))
    assert "rows of the last 6 steps would do, where the longest has 20:" in str(long)
    assert "最長的列有 20 步，只留最後 6 步就夠了" in long.text("zh-TW")
    # Of rows that are not so long nothing is said, nor where the network itself forgets.
    forgets = examine(planted("forgets", 30, seed=3), asked())
    assert forgets.verdict.fault == "forgets"
    for other in (whole, replace(whole, lengths=(6, 12)), replace(forgets, lengths=(30, 300))):
        assert "would do" not in str(other)


def test_the_gradient_is_that_of_the_models_own_loss():
    model = Recall("LSTM", horizon=20)
    ids, targets = asked(12, 8)[0]
    report = examine(model, [(ids, targets)])
    head = model.head

    def loss(output):
        scores = nn.functional.linear(output, head.weight.double(), head.bias.double())
        return cross_entropy(scores, targets, reduction="sum")

    with torch.no_grad():
        x = model.embedding(ids).transpose(0, 1)
    expected = gradient_by_lag(model.layer, x, loss=loss)
    torch.testing.assert_close(report.gradient, expected, rtol=1e-5, atol=1e-8)


class Odd(nn.Module):
    """Reads its layer's final states, time first, twice, and gives back more than scores."""

    def __init__(self, layer, units):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(units, 2)

    def forward(self, x):
        self.layer(x[:1])
        _, final = self.layer(x)
        h = final[0] if isinstance(final, tuple) else final
        return {"scores": self.head(h.transpose(0, 1).flatten(1))}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(3, 4, 2, bidirectional=True),
        nn.LSTM(3, 5, 2, bidirectional=True, proj_size=4),
        nn.GRU(3, 4, 2, bidirectional=True),
        nn.RNN(3, 4, 2, bidirectional=True),
        keepgate.GRU(3, 4, 2, bidirectional=True),
    ],
    ids=["LSTM", "projected", "GRU", "RNN", "ours"],
)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
def test_models_of_any_make_are_examined_and_left_alone(layer, training):
    model = Odd(layer, 16).train(training)
    for weight in model.parameters():
        weight.requires_grad_(False)
    data = [(torch.randn(steps, 5, 3), torch.randint(0, 2, (5,))) for steps in (9, 6)]

    def loss(result, targets):
        return cross_entropy(result["scores"], targets, reduction="none")

    report = examine(model, data, loss=loss)
    assert model.training is training
    assert not any(module._forward_hooks for module in model.modules())
    assert report.steps == 9
    assert len(report.gradient) == 9
    assert report.gradient[0] == pytest.approx(1.0)
    assert torch.isfinite(report.gradient).all()
    assert len(report.exponents) == 4
    assert all(map(math.isfinite, report.exponents))
    assert len(report.behaviour.gap) == len(report.behaviour.contexts)
    assert report.behaviour.contexts[-1] == 9
    assert (report.direct_path is None) == isinstance(layer, nn.RNN)


def test_numbers_are_forecast_with_half_the_squared_error():
    class Forecaster(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.GRU(1, 4, batch_first=True), nn.Linear(4, 1)

        def forward(self, x):
            return self.head(self.layer(x)[0][:, -1])

    x, y = torch.randn(6, 8, 1), torch.randn(6, 1)
    model = Forecaster()
    report = examine(model, [(x, y)])
    with torch.no_grad():
        assert report.behaviour.loss == pytest.approx(float(((model(x) - y) ** 2).mean() / 2), rel=1e-5)


def test_what_cannot_be_examined_is_refused():
    model = Recall()
    with pytest.raises(SettingsError, match="no data"):
        examine(model, [])
    with pytest.raises(SettingsError, match="no recurrent layer"):
        examine(nn.Linear(2, 3), asked())
    with pytest.raises(SettingsError, match="one number for each row"):
        examine(model, asked(), loss=lambda result, targets: cross_entropy(result, targets))
    with pytest.raises(KeyError, match="'layer'"):
        examine(model, asked(), layer="lstm")


@pytest.mark.parametrize(("changes", "fault", "words"), TABLE)
def test_each_fault_has_its_sentence(changes, fault, words):
    found = verdict(Findings(**{**HEALTHY, **changes}))
    assert found.fault == fault
    assert words in str(found)


def test_a_network_that_is_sure_of_the_wrong_answer_is_not_called_right():
    """The shipped LSTM that forgets: each word changes its answers, so that they depend on all of a story."""
    report = examine(load(folders()["zh/lstm-zero"]), stories(24, 300, seed=5))
    assert report.behaviour.context_helps
    assert report.horizon >= report.needed
    assert report.verdict.fault == "untrained"
    assert "no better than guesses" in str(report)
    assert examine(load(folders()["zh/lstm-chrono"]), stories(24, 300, seed=5)).verdict.fault == "none"
