"""What a forecast rests on: the lag and the feature that it was made from, and how far back a window has to reach."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from keepgate.data.series import Series, make_series
from keepgate.lens import examine, explain, read
from keepgate.lens.attribution import look_back_of
from keepgate.lens.report.forecast_plot import forecast_figure
from keepgate.tasks.forecaster import Forecaster, ForecasterSettings
from keepgate.train import TrainingConfig, fit

LAG = 2


@pytest.fixture(scope="module")
def told() -> tuple[Forecaster, Series]:
    """A forecaster of what a covariate said two steps before: its next value stands at t−1 of the covariate."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=600)
    item = make_series(np.roll(signal, LAG), past=np.stack([signal, rng.normal(size=600)], 1), names=["load"])
    settings = ForecasterSettings(
        look_back=30,
        steps_ahead=1,
        segment_steps=5,
        embedding_size=32,
        hidden_size=32,
        dropout=0.0,
        scaling="standard",
    )
    task = Forecaster.build([item], settings, seed=0)
    config = TrainingConfig(steps=400, batch_size=64, learning_rate=1e-2, threads=1)
    fit(task, config, examples=task.prepare([item], training=True), progress=False)
    return task, item


def test_the_step_and_the_feature_that_a_forecast_is_made_from_are_found(
    told: tuple[Forecaster, Series],
) -> None:
    task, item = told
    # The last step differs most from the covariate's mean, so that leaving it out changes much.
    item = item.up_to(int(np.abs(item.past[300:, 0]).argmax()) + 300 + LAG)
    explanation = explain(task, item)
    assert explanation.token_effects[0].token == f"t−{LAG - 1}"
    shares = explanation.shares.values
    step, feature = divmod(int(shares.abs().argmax()), shares.shape[1])
    assert (len(shares) - 1 - step, explanation.shares.features[feature]) == (LAG - 1, "past 0")
    assert explanation.shares.completeness == pytest.approx(1, abs=0.02)
    assert explanation.number == pytest.approx(float(task.forecast([item])[0].point[0, 0]), rel=1e-4)
    figure = explanation.figure("shares")
    assert all(word in figure.svg for word in ("load", "past 1", "t−29"))


def test_the_look_back_is_as_long_as_the_forecasts_reach(told: tuple[Forecaster, Series]) -> None:
    task, item = told
    back = look_back_of(task.series_probe(item, past=True))
    assert back is not None
    assert LAG <= back.steps <= 15
    report = examine(task, [item])
    assert report.verdict.fault in ("none", "unknown", "overfitted")
    assert report.behaviour.contexts[-1] == 6, "a step is a segment of five"


def test_a_reading_shows_the_gates_of_each_segment_and_the_number_as_forecast(
    told: tuple[Forecaster, Series],
) -> None:
    task, item = told
    reading = read(task, dataclasses.replace(item, focus=(0, 1)))
    assert reading.trace.layer(0).z.shape == (6, 1, 32)
    number = float(reading.head.margin(reading.layer_run.layer(reading.layer_run.x)[0]))
    assert number == pytest.approx(float(task.forecast([item])[0].point[0, 0]), rel=1e-4)
    with pytest.raises(KeyError, match="a forecast is a number"):
        reading.head.margins(reading.layer_run.x, "load")


def test_a_forecast_is_drawn_in_two_languages(told: tuple[Forecaster, Series]) -> None:
    task, item = told
    (forecast,) = task.forecast([item])
    assert forecast_figure(forecast).title == "load: 1 step ahead"
    assert "預測" in forecast_figure(forecast, language="zh-TW").svg
    flat = dataclasses.replace(forecast, quantiles={}, point=np.zeros_like(forecast.point))
    assert "interval" not in forecast_figure(flat).description


class Scaled(nn.Module):
    """A model that multiplies by a buffer: the gradient goes through it, while the lens keeps it as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(2, 4, batch_first=True)
        self.readout = nn.Linear(4, 1)
        self.register_buffer("scale", torch.tensor(3.0, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.layer(x)[0][:, -1]).double() * self.scale


def test_a_model_whose_answer_is_scaled_by_a_buffer_is_explained() -> None:
    torch.manual_seed(0)
    explanation = explain(Scaled(), torch.randn(1, 6, 2))
    assert explanation.shares.completeness == pytest.approx(1, abs=0.01)
