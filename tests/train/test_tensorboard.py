"""TensorBoard's files hold the figures of metrics.jsonl, once for each step, however often a training was stopped."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keepgate.errors import BundleError, SettingsError
from keepgate.train import Progress, TrainingConfig, fit
from tests.fake_task import Parity, rows

CONFIG = TrainingConfig(steps=9, batch_size=8, log_every=1, evaluate_every=3, checkpoint_every=3)


def train(folder: Path, **options: Any) -> None:
    fit(
        Parity.build(), CONFIG, examples=rows(40), dev=lambda _: {"exact": 0.5},
        folder=folder, tensorboard=folder / "board", progress=False, **options,
    )  # fmt: skip


def test_the_figures_are_those_of_the_log_after_a_stop_too(tmp_path: Path) -> None:
    def stop(now: Progress) -> None:
        if now.step == 5:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(tmp_path, on_step=stop)
    train(tmp_path, resume=True)
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [(record["step"], pytest.approx(record["loss"])) for record in records if "loss" in record]
    assert [(event.step, event.value) for event in board.Scalars("loss")] == losses
    assert [(event.step, event.value) for event in board.Scalars("metrics/exact")] == [
        (3, 0.5),
        (6, 0.5),
        (9, 0.5),
    ]
    assert {"learning_rate", "seconds", "data_seconds"} <= set(board.Tags()["scalars"])


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "board").write_text("")
    with pytest.raises(BundleError, match=r"cannot write TensorBoard's files in .*board.*another folder"):
        train(tmp_path)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingsError, match=r"pip install 'keepgate\[tensorboard\]'"):
        train(tmp_path)
