"""Trains a forecaster on ETTh1 for each horizon and seed, and measures it on the last four months.

    python -m bench.ett --data ett/ETTh1.csv

The split is the usual one: 12, 4 and 4 months of 30 days of hours; the series are standardised by the first part, the
look-back is 96 hours, and every window of the test part is forecast. The recipe is that of `keepgate train
forecaster`, on one thread; the weights are kept that were best on the second part, by which the settings were tuned,
and the third is read once for each seed. The figures go to `bench/results/ett.json`, beside those of other seeds of
the same recipe.
"""

import argparse
import json
import statistics
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.machine import machine
from keepgate.data.corpora.series import read_series
from keepgate.data.series import Series
from keepgate.tasks.forecaster import Forecaster, ForecasterSettings
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

RESULTS = Path(__file__).parent / "results" / "ett.json"
HORIZONS = (96, 192, 336, 720)
MONTH = 30 * 24
TRAIN, DEV, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH
# Lin et al. (2023), arXiv:2308.11200, SegRNN with the same look-back: the mean of the four horizons.
PUBLISHED = 0.4165


def main() -> None:
    options = _options()
    (series,) = read_series(options.data).items
    for seed in options.seeds:
        for horizon in options.horizons:
            figures = one(series, horizon, seed)
            print(seed, horizon, json.dumps(figures), flush=True)
            record(seed, horizon, figures)


def settings_for(horizon: int) -> ForecasterSettings:
    """The defaults, with the look-back and horizon of the comparison."""
    return ForecasterSettings(look_back=96, steps_ahead=horizon)


def config_for(windows: int, seed: int) -> TrainingConfig:
    """What `keepgate train forecaster` does, on one thread, so that seeds can be trained side by side."""
    config = recipe("forecaster", windows)
    return replace(config, threads=1, seed=seed, keep="best", evaluate_every=max(1, (config.steps or 4) // 4))


def one(series: Series, horizon: int, seed: int) -> dict[str, Any]:
    """Trains one model and gives its figures."""
    training = series.up_to(TRAIN)
    task = Forecaster.build([training], settings_for(horizon), seed)
    windows = task.prepare([training], training=True)
    dev = replace(series.up_to(DEV), first=TRAIN)
    result = fit(task, config_for(len(windows), seed), examples=windows, dev=[dev], progress=False)
    measured = task.measure([replace(series.up_to(TEST), first=DEV)], batch_size=256)
    return {
        "parameters": sum(weight.numel() for weight in task.parameters()),
        "steps": result.steps,
        "minutes": round(result.seconds / 60, 1),
        "cpu_minutes": round(result.cpu_seconds / 60, 1),
        "dev_mse": round(result.metrics["mse"], 4),
        **{name: round(value, 4) for name, value in measured.values().items()},
        "interval": [round(end, 4) for end in measured.interval("mse")],
        "baselines": measured.baselines,
    }


def record(seed: int, horizon: int, figures: dict[str, Any]) -> None:
    """Adds one model's figures to the results, beside those of the same recipe; those of another are dropped."""
    settings = asdict(settings_for(HORIZONS[0])) | {"steps_ahead": list(HORIZONS)}
    training = asdict(config_for(TRAIN, 0)) | {"steps": None, "evaluate_every": None}
    recipe_of = json.loads(json.dumps({"settings": settings, "training": training}))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    seeds = results.get("seeds", {}) if results.get("recipe") == recipe_of else {}
    own = seeds.get(str(seed), {}) | {str(horizon): {**figures, "machine": machine()}}
    seeds = dict(sorted((seeds | {str(seed): own}).items()))
    whole = [each for each in seeds.values() if set(each) == set(map(str, HORIZONS))]
    means = [statistics.mean(each[str(horizon)]["mse"] for horizon in HORIZONS) for each in whole]
    results = {
        "what": "ETTh1, the mean squared error of standardised values, look-back 96 hours, each horizon by a model of "
        "its own",
        "mean": round(statistics.mean(means), 4) if means else None,
        "range": [round(end, 4) for end in (min(means), max(means))] if means else None,
        "published": PUBLISHED,
        "recipe": recipe_of,
        "seeds": seeds,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="ETTh1.csv")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--horizons", type=int, nargs="+", default=list(HORIZONS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
