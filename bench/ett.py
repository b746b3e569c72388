"""The forecaster on ETTh1, a model for each of four horizons: a row of `bench/tasks.py`.

The split is the usual one: 12, 4 and 4 months of 30 days of hours; the series are standardised by the first part, the
look-back is 96 hours, and every window of the test part is forecast. The recipe is that of `keepgate train
forecaster`, on one thread; the weights are kept that were best on the second part, by which the settings were tuned,
and the third is read once for each seed.
"""

import statistics
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.row import Figures, Row, Target, cost, measured
from keepgate.data.corpora.series import read_series
from keepgate.data.series import Series
from keepgate.tasks.forecaster import Forecaster, ForecasterSettings
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

HORIZONS = (96, 192, 336, 720)
MONTH = 30 * 24
TRAIN, DEV, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH


def settings_for(horizon: int) -> ForecasterSettings:
    """The defaults, with the look-back and horizon of the comparison."""
    return ForecasterSettings(look_back=96, steps_ahead=horizon)


def config_for(windows: int, seed: int) -> TrainingConfig:
    """What `keepgate train forecaster` does, on one thread, so that seeds can be trained side by side."""
    config = recipe("forecaster", windows)
    return replace(config, threads=1, seed=seed, keep="best", evaluate_every=max(1, (config.steps or 4) // 4))


def one(series: Series, horizon: int, seed: int, test: bool) -> Figures:
    """Trains one model and gives its figures."""
    training = series.up_to(TRAIN)
    task = Forecaster.build([training], settings_for(horizon), seed)
    windows = task.prepare([training], training=True)
    parts = {"dev": replace(series.up_to(DEV), first=TRAIN), "test": replace(series.up_to(TEST), first=DEV)}
    result = fit(task, config_for(len(windows), seed), examples=windows, dev=[parts["dev"]], progress=False)
    measurements = {
        part: measured(task.measure([items], batch_size=256))
        for part, items in parts.items()
        if part == "dev" or test
    }
    return cost(task, result) | measurements


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:  # noqa: ARG001
    """Trains a model for each horizon, and gives the figures of each and their means."""
    (series,) = read_series(folder / "ETTh1.csv").items
    horizons = {str(horizon): one(series, horizon, seed, test) for horizon in HORIZONS}
    return summary(horizons)


def summary(horizons: Mapping[str, Figures]) -> Figures:
    """The mean of every metric over the horizons, the sum of the minutes, and the parameters of the largest model."""
    models = list(horizons.values())
    parts = [part for part in ("dev", "test") if part in models[0]]
    return {
        "parameters": max(model["parameters"] for model in models),
        **{
            name: round(sum(model[name] for model in models), 1)
            for name in ("steps", "minutes", "cpu_minutes")
        },
        "waiting": round(statistics.mean(model["waiting"] for model in models), 4),
        **{
            part: {
                name: round(statistics.mean(model[part][name] for model in models), 4)
                for name in ("mse", "mae")
            }
            for part in parts
        },
        "horizons": dict(horizons),
    }


def recipe_of() -> Mapping[str, Any]:
    """What the seeds have in common."""
    settings = asdict(settings_for(HORIZONS[0])) | {"steps_ahead": list(HORIZONS)}
    return {
        "settings": settings,
        "training": asdict(config_for(TRAIN, 0)) | {"steps": None, "evaluate_every": None},
    }


ROWS = [
    Row(
        name="ett",
        data="ETTh1, look-back 96 hours, mean of the horizons 96, 192, 336 and 720, a model for each",
        folder="ett",
        targets=(
            Target(metric="mse", title="MSE", at_least=0.45, aim=0.4165, percent=False, falls=True, digits=4),
        ),
        published="0.4165, SegRNN (Lin et al. 2023, arXiv:2308.11200)",
        train=train,
        recipe=recipe_of,
    )
]
