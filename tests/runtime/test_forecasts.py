"""keepgate.runtime forecasts as the torch forecaster of the same folder does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keepgate import runtime
from keepgate.data.corpora.series import read_series
from keepgate.data.frequency import Frequency
from keepgate.data.series import Series, make_series
from keepgate.errors import CorpusError, SettingsError
from keepgate.tasks import Forecaster
from keepgate.tasks.forecaster import ForecasterSettings
from tests.runtime.models import saved
from tests.runtime.test_without_torch import keepgate

HOUR = Frequency("second", 3600)
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "standard, two layers, absent quantiles": {"scaling": "standard", "num_layers": 2, "quantiles": ()},
    "segments that do not divide": {"segment_steps": 5, "steps_ahead": 7, "cell": "lstm"},
}


def items(*, covariates: bool) -> list[Series]:
    """Two series of two targets with a gap; with all kinds of covariates, or with none."""
    rng = np.random.default_rng(0)
    made = []
    for number, kind in enumerate(("up", "down")):
        targets = 100 * number + np.cumsum(rng.normal(size=(60, 2)), 0)
        targets[30, 1] = np.nan
        more: dict[str, Any] = {
            "past": rng.normal(size=(60, 1)), "known": rng.normal(size=(80, 2)), "static": (kind, float(number)),
        }  # fmt: skip
        made.append(
            make_series(
                targets, start="2024-01-01", frequency=HOUR, id=str(number), **more if covariates else {}
            )
        )
    return made


def pair(
    tmp_path: Path, *, covariates: bool = True, series: Any = None, **settings: Any
) -> tuple[Any, Any, list[Series]]:
    small = {
        "embedding_size": 6, "hidden_size": 9, "look_back": 12, "steps_ahead": 4, "segment_steps": 3, "season": 6,
    }  # fmt: skip
    series = series or items(covariates=covariates)
    task = Forecaster.build(series, ForecasterSettings(**{**small, **settings}), seed=0)
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return task.eval(), runtime.load(saved(task.eval(), tmp_path / "model")), series


@pytest.mark.parametrize("covariates", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_forecast_is_the_one_with_torch(form: str, covariates: bool, tmp_path: Path) -> None:
    task, alone, series = pair(tmp_path, covariates=covariates, **FORMS[form])
    for steps in (None, 2):
        for theirs, ours in zip(
            task.forecast(series, steps=steps), alone.forecast(series, steps=steps), strict=True
        ):
            scale = np.abs(theirs.point).max()
            assert np.abs(ours.point - theirs.point).max() < 1e-6 * scale
            assert ours.times == theirs.times
            assert ours.quantiles.keys() == theirs.quantiles.keys()
            for level, values in theirs.quantiles.items():
                assert np.abs(ours.quantiles[level] - values).max() < 1e-6 * scale
    ours, theirs = alone.predict(series), task.predict(series)
    assert [answer.text for answer in ours] == [answer.text for answer in theirs]


def test_what_cannot_be_forecast_is_refused_alike(tmp_path: Path) -> None:
    task, alone, series = pair(tmp_path)
    for model in (task, alone):
        with pytest.raises(SettingsError, match="5 steps are asked for, and the model forecasts 1 to 4"):
            model.forecast(series, steps=5)
        with pytest.raises(CorpusError, match="and the model reads 12; give a longer one"):
            model.forecast([series[0].up_to(11)])
        with pytest.raises(CorpusError, match="what is known ahead"):
            model.forecast([series[0].up_to(40)])


def test_the_command_forecasts_without_torch(tmp_path: Path) -> None:
    (given, _) = items(covariates=False)
    rows = zip(given.times(np.arange(60)), given.targets, strict=True)
    lines = ["time,a,b", *(f"{time},{a},{b}".replace("nan", "") for time, (a, b) in rows)]
    (tmp_path / "series.csv").write_text("\n".join(lines))
    series = read_series([tmp_path / "series.csv"], target="a,b").items
    task, _, _ = pair(tmp_path, series=series)
    done = keepgate("forecast", tmp_path / "model", tmp_path / "series.csv")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    (forecast,) = task.forecast(series)
    assert [record["target"] for record in records] == ["a", "b"]
    for place, record in enumerate(records):
        assert record["forecast"] == pytest.approx(forecast.point[:, place].tolist(), rel=1e-5)
