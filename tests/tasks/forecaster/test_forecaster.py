"""A forecaster learns series whose next steps are known, keeps their units, and is measured as by hand."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch

from keepgate.data.frequency import Frequency
from keepgate.data.series import Series, make_series
from keepgate.errors import CorpusError, SettingsError, ShapeError
from keepgate.tasks.forecaster import KIND, Forecaster, ForecasterSettings, metrics
from keepgate.tasks.forecaster.kind import hold_out
from keepgate.tasks.task import Task
from keepgate.train import TrainingConfig, fit

HOUR = Frequency("second", 3600)
SMALL: dict[str, Any] = {
    "embedding_size": 16, "hidden_size": 16, "look_back": 12, "steps_ahead": 4, "segment_steps": 3, "season": 6,
    "dropout": 0.0,
}  # fmt: skip


def wave(steps: int = 120, size: float = 1.0, level: float = 0.0, **more: Any) -> Series:
    values = level + size * np.sin(2 * np.pi * np.arange(steps) / 6)
    return make_series(values, start="2024-01-01", frequency=HOUR, **more)


def trained(items: list[Series], steps: int = 150, **changes: Any) -> Forecaster:
    task = Forecaster.build(items, ForecasterSettings(**SMALL | changes), seed=0)
    config = TrainingConfig(steps=steps, batch_size=32, learning_rate=1e-2, threads=1)
    fit(task, config, examples=task.prepare(items, training=True), progress=False)
    return task


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_a_wave_is_learnt_with_any_cell_in_its_own_units(cell: str) -> None:
    item = wave(size=50.0, level=1000.0)
    task = trained([item.up_to(100)], cell=cell, steps=300)
    assert isinstance(task, Task)
    (forecast,) = task.forecast([item.up_to(100)])
    right = item.targets[100:104, 0]
    assert np.abs(forecast.point[:, 0] - right).max() < 20, "the last value would be off by up to 87"
    assert (forecast.quantiles[0.1] <= forecast.quantiles[0.9]).all()
    assert forecast.times == tuple(item.times(np.arange(100, 104)))
    assert task.forecast([item.up_to(100)], steps=2)[0].point.shape == (2, 1)


@pytest.mark.parametrize("scaling", ["last", "standard"])
def test_a_level_that_was_never_seen_moves_the_forecast_with_it(scaling: str) -> None:
    item = wave()
    task = trained([item], scaling=scaling, steps=60)
    moved = dataclasses.replace(item, targets=item.targets + 1e4)
    first, second = (forecast.point for forecast in task.forecast([item, moved]))
    assert second - 1e4 == pytest.approx(first, abs=2e-2)


def test_series_of_other_sizes_are_learnt_together_and_a_new_one_is_forecast() -> None:
    items = [wave(size=size, level=10 * size, id=str(size)) for size in (1.0, 1000.0)]
    task = trained(items, scaling="standard")
    new = wave(size=1e6, level=5e6)
    for item, size in ((items[0], 1.0), (items[1], 1000.0), (new, 1e6)):
        (forecast,) = task.forecast([item.up_to(100)])
        assert np.abs(forecast.point[:, 0] - item.targets[100:104, 0]).max() < 0.3 * size


def test_what_is_known_ahead_and_static_values_are_used() -> None:
    rng = np.random.default_rng(0)
    signal = rng.integers(0, 2, 160).astype(float)
    items = [
        make_series(signal[:140] * slope, known=signal, static=(kind,), id=kind)
        for kind, slope in (("up", 1.0), ("down", -1.0))
    ]
    task = trained(items, scaling="last", steps=250)
    measured = task.measure(items).values()["mse"]
    assert measured < 0.15, "a coin is foreseen by who is told how it falls"
    ahead = [dataclasses.replace(item, known=item.known.copy()) for item in items]
    for item in ahead:
        item.known[140:144, 0] = [1, 1, 0, 0]
    up, down = (forecast.point[:, 0] for forecast in task.forecast(ahead))
    assert up[0] - up[3] > 0.5
    assert down[3] - down[0] > 0.5


def test_static_values_of_another_kind_are_refused_and_texts_never_seen_are_told() -> None:
    items = [wave(static=(name, 2.0 + place), id=name) for place, name in enumerate(("N", "7"))]
    task = Forecaster.build(items, ForecasterSettings(**SMALL), seed=0)
    assert task.statistics.categories == (("7", "N"), None)
    for wrong in ("many", "", np.nan):
        with pytest.raises(
            CorpusError, match=f"'static 1' is '{wrong}', and the model was trained on numbers there"
        ):
            task.forecast([wave(static=("N", wrong))])
    unseen = [wave(static=(name, 2.0)) for name in ("N", 7.0, "W", "E")]
    assert task.statistics.unseen(unseen) == [
        "static 0 is 'W' or another text in 2 of 4 series, and in none that the model was trained on: it is read as "
        "unknown."
    ]
    assert task.statistics.unseen(items) == []
    assert [task.statistics.prepared(item).categories.tolist() for item in unseen] == [[2], [1], [0], [0]]


def test_metrics_are_those_worked_by_hand() -> None:
    """A forecaster whose weights are zero forecasts the last value, with quantiles upon it."""
    values = np.array([0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0])
    item = make_series(values, start="2024-01-01", frequency=HOUR)
    settings = ForecasterSettings(
        **SMALL | {"look_back": 3, "steps_ahead": 2, "segment_steps": 1, "season": 2, "scaling": "last"}
    )
    task = Forecaster.build([item], settings, seed=0)
    with torch.no_grad():
        task.decoder.out.weight.zero_()
        task.decoder.out.bias.zero_()
    deviation = values.std()
    # Windows end at 3, 4, 5: the last values are 4, 6, 8, and what comes is (6, 8), (8, 10), (10, 20).
    errors = np.array([[2, 4], [2, 4], [2, 12]])
    measured = task.measure([item])
    found = measured.values()
    assert found["mse"] == pytest.approx((errors**2).mean() / deviation**2, rel=1e-5)
    assert found["mae"] == pytest.approx(errors.mean() / deviation, rel=1e-5)
    # The seasonal naive error before the first forecast: |4 - 0| = 4 (one lag of 2 in 0, 2, 4).
    assert found["mase"] == pytest.approx(errors.mean() / 4, rel=1e-5)
    right, last = np.array([[6, 8], [8, 10], [10, 20]]), np.array([[4], [6], [8]])
    assert found["smape"] == pytest.approx((2 * np.abs(right - last) / (right + last)).mean(), rel=1e-5)
    # Every value is above both quantiles: 0.1 and 0.9 of the error, the mean of the two.
    assert found["pinball"] == pytest.approx(0.5 * errors.mean() / deviation, rel=1e-5)
    assert found["coverage"] == 0.0
    assert measured.baselines["the last value"]["mse"] == pytest.approx(found["mse"], rel=1e-5)
    seasonal = np.array([[2, 4], [4, 6], [6, 8]])
    by_hand = ((right - seasonal) ** 2).mean() / deviation**2
    assert measured.baselines["2 steps before"]["mse"] == pytest.approx(by_hand, rel=1e-5)
    assert [record["windows"] for record in measured.records] == [2, 1]
    assert measured.records[0]["from"] == "2024-01-01 03:00"
    json.dumps(measured.records, allow_nan=False)


@pytest.mark.parametrize("number", [np.float64, np.float32])
def test_a_series_that_repeats_but_for_rounding_has_no_scaled_error(number: type) -> None:
    values = np.sin(2 * np.pi * np.arange(120) / 6).astype(number)
    assert 0 < np.abs(values[6:] - values[:-6]).mean() < 1e-5
    task = Forecaster.build([make_series(values)], ForecasterSettings(**SMALL), seed=0)
    assert np.isnan(task.measure([make_series(values)]).values()["mase"])


def test_a_slow_counter_and_a_small_change_have_a_scaled_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # A counter of some million steps changes from one to the next by less than this share of its range.
    monkeypatch.setattr(metrics, "EXACT", 0.1)
    for values in (1e5 + np.arange(600) // 3, np.where(np.arange(120) == 40, 1 + 1e-9, 1.0)):
        item = make_series(values)
        part = Forecaster.build([item], ForecasterSettings(**SMALL), seed=0).statistics.prepared(item)
        for season in (6, 1):
            (scale,) = metrics.naive_scale(part, len(values), season)
            assert scale == pytest.approx(np.abs(values[season:] - values[:-season]).mean()), season


def test_gaps_are_neither_learnt_nor_measured_and_the_forecast_is_finite() -> None:
    item = wave()
    holes = item.targets.copy()
    holes[[5, 30, 31, 32, 77, 118]] = np.nan
    # A season that is not the wave's: within its own, nothing changes that errors could be scaled by.
    task = trained([dataclasses.replace(item, targets=holes)], steps=40, season=4)
    broken = dataclasses.replace(item, targets=holes)
    full = task.measure([broken]).values()
    assert all(np.isfinite(value) for value in full.values())
    wrong = dataclasses.replace(item, targets=np.where(np.isnan(holes), 1e6, holes))
    assert task.measure([wrong]).values()["mse"] > 100 * full["mse"], "a value that is there counts"
    assert np.isfinite(task.forecast([broken])[0].point).all()


def test_a_constant_series_is_forecast_and_its_scaled_error_is_unknown() -> None:
    item = make_series(np.full(80, 7.0))
    task = trained([item], steps=60)
    assert task.forecast([item])[0].point[:, 0] == pytest.approx(7.0, abs=0.5)
    values = task.measure([item]).values()
    assert np.isnan(values["mase"])
    assert values["mse"] < 0.2


def test_it_is_rebuilt_from_its_files() -> None:
    items = [wave(id=name, static=(name, 2.0), known=np.zeros((140, 1))) for name in ("a", "b")]
    task = Forecaster.build(items, ForecasterSettings(**SMALL), seed=1)
    plain = json.loads(json.dumps(task.vocabulary_json()))
    again = KIND.task.from_files(task.settings, plain)
    again.load_state_dict(task.state_dict())
    assert np.array_equal(again.forecast(items)[0].point, task.forecast(items)[0].point)
    for name, value in (
        ("columns", None), ("frequency", {"unit": "moon", "count": 1}), ("frequency", {"unit": "step", "count": 0}),
        ("means", [1.0]), ("deviations", [0.0] * 3), ("means", ["x"]), ("categories", [3]), ("alone", 1),
    ):  # fmt: skip
        with pytest.raises(CorpusError, match="a forecaster's vocabulary"):
            Forecaster.from_files(task.settings, plain | {name: value})
    with pytest.raises(SettingsError, match="steps_ahead is left out"):
        Forecaster.from_files(ForecasterSettings(), plain)


def test_the_window_follows_from_the_data_unless_it_is_given() -> None:
    for frequency, steps, expected in (
        (HOUR, 5000, (48, 168, 24, 24)),
        (Frequency("second", 86_400), 900, (14, 56, 7, 7)),
        (Frequency("month"), 300, (12, 48, 12, 12)),
        (Frequency("step"), 900, (12, 48, 1, 12)),
        (HOUR, 40, (10, 16, 24, 4)),
        (Frequency("step"), 4, (1, 1, 1, 1)),
    ):
        settings = ForecasterSettings().for_data(frequency, [steps])
        found = (settings.steps_ahead, settings.look_back, settings.season, settings.segment_steps)
        assert found == expected, frequency
    given = ForecasterSettings(look_back=100, steps_ahead=3, season=10).for_data(HOUR, [500])
    assert (given.look_back, given.steps_ahead, given.segment_steps) == (100, 3, 10)


def test_a_window_that_no_segment_divides_is_read_whole() -> None:
    task = Forecaster.build(
        [wave()], ForecasterSettings(**SMALL | {"look_back": 11, "segment_steps": 4, "steps_ahead": 5}), 0
    )
    assert task.forecast([wave()])[0].point.shape == (5, 1)
    other = wave()
    other.targets[-11] += 3
    assert not np.allclose(task.forecast([wave()])[0].point, task.forecast([other])[0].point)


def test_what_is_held_out_is_never_trained_on_and_is_what_is_measured() -> None:
    item = wave(100)
    (training,), (measured,) = hold_out([item], ForecasterSettings(**SMALL))
    assert (len(training), len(measured), measured.first) == (80, 100, 80)
    task = Forecaster.build([training], ForecasterSettings(**SMALL), 0)
    records = task.measure([measured]).records
    assert records[0]["from"] == item.time(80)
    assert sum(record["windows"] for record in records) == 17
    short = wave(18)
    training, measured = hold_out([short], ForecasterSettings(**SMALL))
    assert training == [short], "too short to be parted, it is trained on whole"
    assert measured == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"targets": np.zeros((5, 1))}, "has 5 steps, and the model reads 12"),
        ({"frequency": Frequency("second", 60)}, "a step every 1 minute, and the model was trained on one every"),
        ({"known": np.zeros((121, 1))}, r"what is known ahead \(known 0\) goes on for 1 step .* 4 are to be forecast"),
    ],
)  # fmt: skip
def test_a_series_that_does_not_fit_is_refused(change: dict[str, Any], says: str) -> None:
    items = [wave(known=np.zeros((140, 1)))]
    task = Forecaster.build(items, ForecasterSettings(**SMALL), 0)
    with pytest.raises(CorpusError, match=says):
        task.forecast([dataclasses.replace(items[0], **change)])


def test_what_cannot_be_trained_measured_or_forecast_is_refused_with_the_numbers() -> None:
    with pytest.raises(CorpusError, match="the longest series has 15 steps, and a window needs 16"):
        Forecaster.build([wave(15)], ForecasterSettings(**SMALL), 0)
    with pytest.raises(CorpusError, match="there are no series"):
        Forecaster.build([], ForecasterSettings(**SMALL), 0)
    with pytest.raises(CorpusError, match="a model has one set of them"):
        Forecaster.build([wave(), wave(names=["other"])], ForecasterSettings(**SMALL), 0)
    task = Forecaster.build([wave()], ForecasterSettings(**SMALL), 0)
    with pytest.raises(SettingsError, match="no series to evaluate on has 16 steps"):
        task.measure([wave(15)])
    for steps in (0, 5):
        with pytest.raises(
            SettingsError, match=f"{steps} steps are asked for, and the model forecasts 1 to 4"
        ):
            task.forecast([wave()], steps=steps)
    with pytest.raises(ShapeError, match="without what comes after"):
        task.loss(task.collate(task.prepare([wave()], training=False)))
    (short,) = task.prepare([wave(9)], training=False)
    assert task.unlearnable(short) == "it has fewer than 16 steps"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"quantiles": (0.9, 0.1)}, "give levels above 0 and below 1, ascending"),
        ({"quantiles": (0.0, 0.5)}, "give levels above 0"),
        ({"look_back": 0}, "look_back is 0; it must be 1 or more"),
        ({"scaling": "max"}, 'scaling is \'max\'; it must be one of "last", "standard"'),
        ({"cell": "feedforward"}, "a forecaster's cell has a memory"),
        ({"point_loss": None}, "point_loss is None"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        ForecasterSettings(**values)
    assert message in str(error.value)


def test_forecasting_changes_nothing() -> None:
    task = Forecaster.build([wave()], ForecasterSettings(**SMALL | {"dropout": 0.5}), 0)
    state = torch.get_rng_state()
    for mode in (True, False):
        task.train(mode)
        assert np.array_equal(task.forecast([wave()])[0].point, task.forecast([wave()])[0].point)
        task.probe(wave())
        assert task.training is mode
    assert torch.equal(torch.get_rng_state(), state)
