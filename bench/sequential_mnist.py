"""Digits read pixel by pixel, 784 steps of one number: a row of `bench/tasks.py`.

MNIST (LeCun et al. 1998); the last 5,000 training digits are the dev part, which chooses the weights.
"""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.row import Figures, Row, Target, recipe_of, trained
from keepgate.data.labelled_series import LabelledSeries
from keepgate.tasks.series_classifier import SeriesClassifier, SeriesClassifierSettings
from keepgate.train import TrainingConfig

# Well under the 70 thousand parameters that are allowed; the gates' memory begins as long as the digit.
SETTINGS = SeriesClassifierSettings(
    hidden_size=96,
    bidirectional=False,
    pooling="last",
    init="chrono",
    horizon=784,
    dropout=0.0,
    label_smoothing=0.0,
)
CONFIG = TrainingConfig(
    epochs=6, batch_size=64, learning_rate=4e-3, schedule="cosine", hold_fraction=0.0, warmup=100, ema_decay=0.998,
    keep="best", evaluate_every=860, threads=1,
)  # fmt: skip
DEV = 5000


def read(folder: Path, part: str) -> list[LabelledSeries]:
    """The digits of one part ("train" or "t10k"), each as 784 rows of one number."""
    pixels = _idx(folder / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784, 1)
    labels = _idx(folder / f"{part}-labels-idx1-ubyte.gz", 8)
    return [
        LabelledSeries(values=rows.astype(np.float32), features=("pixel",), label=str(label), id=str(number))
        for number, (rows, label) in enumerate(zip(pixels, labels.tolist(), strict=True))
    ]


def _idx(path: Path, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes())[header:], np.uint8)


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:  # noqa: ARG001
    """Trains one classifier and gives its figures."""
    digits = read(folder, "train")
    parts = {"dev": digits[-DEV:]} | ({"test": read(folder, "t10k")} if test else {})
    task = SeriesClassifier.build(digits[:-DEV], SETTINGS, seed)
    examples = task.prepare(digits[:-DEV], training=True)
    return trained(task, replace(CONFIG, seed=seed), examples, parts)


ROWS = [
    Row(
        name="sequential_mnist",
        data="MNIST pixel by pixel, 784 steps; test part",
        folder="mnist",
        targets=(Target(metric="accuracy", title="accuracy", at_least=97, aim=99),),
        published="87.2 LSTM, 96.2 GRU, 99.0 TCN, 70k parameters (Bai et al. 2018, arXiv:1803.01271)",
        train=train,
        recipe=lambda: recipe_of(SETTINGS, CONFIG),
    )
]
