"""A training is followed without being touched, and stopped with a reason when its gradient explodes."""

import pytest
import torch
from torch import nn

from keepgate import SettingsError, TrainingStopped
from keepgate.lens import Watch, examine
from tests.lens.faults import Recall, questions


def rows():
    return questions(8, 20, torch.Generator().manual_seed(5))


def test_it_measures_what_a_report_has_and_touches_nothing():
    model = Recall("LSTM", horizon=20).train()
    x, targets = rows()
    nn.functional.cross_entropy(model(x), targets).backward()
    before = {name: (weight.clone(), weight.grad.clone()) for name, weight in model.named_parameters()}
    watch = Watch(model, x, targets, every=10)
    moments = [watch(step) for step in range(21)]
    assert [step for step, moment in enumerate(moments) if moment is not None] == [0, 10, 20]
    assert [moment.step for moment in watch.measurements] == [0, 10, 20]
    report = examine(model, [(x, targets)])
    assert watch.measurements[0].vanishing_lag == report.vanishing_lag
    assert watch.measurements[0].decay == pytest.approx(report.decay)
    assert watch.measurements[0].half_life is not None
    assert model.training
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name][0])
        assert torch.equal(weight.grad, before[name][1])


def test_an_exploding_run_is_stopped_with_the_reason_and_only_if_it_goes_on():
    model = Recall("RNN")
    x, targets = rows()
    watch = Watch(model, x, targets, every=1, patience=3)
    watch(0)
    start = model.layer.weight_hh_l0.detach().clone()

    def scaled(by):
        with torch.no_grad():
            model.layer.weight_hh_l0.copy_(start * by)

    scaled(8)
    watch(1), watch(2)
    scaled(1)
    watch(3)
    scaled(8)
    watch(4), watch(5)
    with pytest.raises(
        TrainingStopped, match=r"explodes since step 4: at step 6.* times what it is at the end"
    ):
        watch(6)
    assert watch.measurements[-1].furthest > 100
    assert watch.measurements[0].half_life is None
    quiet = Watch(model, x, targets, every=1, patience=None)
    for step in range(10):
        quiet(step)


def test_weights_that_are_no_numbers_any_more_count_as_exploded():
    model = Recall("GRU")
    x, targets = rows()
    watch = Watch(model, x, targets, every=1, patience=1)
    with torch.no_grad():
        model.layer.weight_hh_l0.fill_(float("nan"))
    with pytest.raises(TrainingStopped, match="it is not a number; lower"):
        watch(0)


def test_numbers_below_one_are_refused():
    x, targets = rows()
    for given in ({"every": 0}, {"patience": 0}):
        with pytest.raises(SettingsError, match="give 1 or more"):
            Watch(Recall(), x, targets, **given)
    with pytest.raises(SettingsError, match="no recurrent layer"):
        Watch(nn.Linear(2, 3), x, targets)
