"""A small forecaster and a small series classifier, untrained, and tables that they read."""

import csv
import io
from pathlib import Path

import numpy as np

from keepgate.data.corpora.labelled_series import read_labelled_series
from keepgate.data.corpora.series import read_series
from keepgate.tasks import Forecaster
from keepgate.tasks.forecaster import ForecasterSettings
from keepgate.tasks.series_classifier import SeriesClassifier, SeriesClassifierSettings

LOOK_BACK, AHEAD, SEGMENT, HOURS = 48, 12, 6, 120


def power() -> str:
    """A table of two series by the hour, with a covariate up to now and one that is known ahead."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["time", "series", "load", "temperature", "weekend"])
    start, draws = np.datetime64("2024-01-01T00"), np.random.default_rng(0)
    for name, level in (("north", 100.0), ("south", 40.0)):
        for hour in range(HOURS + AHEAD):
            load = level + 20 * np.sin(2 * np.pi * hour / 24) + draws.normal()
            ahead = hour >= HOURS
            rows.writerow(
                [
                    str(start + np.timedelta64(hour, "h")).replace("T", " "),
                    name,
                    "" if ahead or hour == 90 else f"{load:.2f}",
                    "" if ahead else f"{10 + 5 * np.sin(hour / 9):.2f}",
                    int(hour // 24 % 7 >= 5),
                ]
            )
    return out.getvalue()


def gestures() -> str:
    """A table of six series of two features with labels."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["series", "step", "x", "y", "label"])
    draws = np.random.default_rng(1)
    for number in range(6):
        for step in range(20 + number):
            x, y = draws.normal(size=2)
            rows.writerow([f"g{number}", step + 1, f"{x:.3f}", f"{y:.3f}", ("circle", "shake")[number % 2]])
    return out.getvalue()


def forecaster(folder: Path, **settings: object) -> Forecaster:
    """One that reads 48 hours and forecasts 12."""
    path = folder / "power.csv"
    path.write_text(power(), encoding="utf-8")
    items = read_series(
        path, series_column="series", target="load", past="temperature", known="weekend"
    ).items
    sizes = {"look_back": LOOK_BACK, "steps_ahead": AHEAD, "segment_steps": SEGMENT, "season": 24}
    chosen = ForecasterSettings(
        **{**sizes, "embedding_size": 6, "hidden_size": 5, "dropout": 0.0, **settings}
    )  # type: ignore[arg-type]
    return Forecaster.build(items, chosen, seed=0)


def series_classifier(folder: Path, **settings: object) -> SeriesClassifier:
    """One of two labels."""
    path = folder / "gestures.csv"
    path.write_text(gestures(), encoding="utf-8")
    chosen = SeriesClassifierSettings(**{"hidden_size": 5, **settings})  # type: ignore[arg-type]
    return SeriesClassifier.build(read_labelled_series(path).items, chosen, seed=0)
