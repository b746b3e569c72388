"""A forecaster on series that stay in their files: the windows of memory, shuffled by blocks, resumed exactly."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keepgate.data import row_file
from keepgate.data.batch import BlockOrder
from keepgate.data.corpora import large
from keepgate.data.corpora.series import read_series
from keepgate.tasks.forecaster import Forecaster, ForecasterSettings, rows, windows
from keepgate.train import Progress, TrainingConfig, fit

SETTINGS = ForecasterSettings(
    embedding_size=4, hidden_size=4, look_back=12, steps_ahead=4, segment_steps=3, season=6, dropout=0.0
)


@pytest.fixture
def array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A target with gaps, a covariate that begins late, and one that is known ahead."""
    values = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    values += np.float32([0, 5, -5])
    values[30:47, 0] = values[:20, 1] = values[60:100, 2] = values[117:, :2] = np.nan
    np.save(tmp_path / "a.npy", values)
    monkeypatch.setattr(row_file, "PIECE", 7)
    monkeypatch.setattr(windows, "PIECE", 7)
    monkeypatch.setattr(rows, "_EARLIER", 5)
    return tmp_path / "a.npy"


def built(path: Path) -> tuple[Forecaster, Any]:
    items = read_series(path, target="value 0", past="value 1", known="value 2").items
    return Forecaster.build(items, SETTINGS, seed=0), items


def test_windows_of_a_file_are_those_of_memory(array: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, items = built(array)
    monkeypatch.setattr(large, "LARGE", 0)
    other, in_file = built(array)
    assert other.statistics.means == pytest.approx(task.statistics.means)
    assert other.statistics.deviations == pytest.approx(task.statistics.deviations)
    ours, theirs = other.prepare(in_file, training=True), task.prepare(items, training=True)
    assert (len(ours), ours.block, theirs.block) == (len(theirs), 1024, None)
    last = other.prepare(in_file, training=False), task.prepare(items, training=False)
    for one, two in [*zip(ours, theirs, strict=True), *zip(*last, strict=True)]:
        for name in ("values", "covariates", "ahead", "targets", "steps"):
            first, second = getattr(one, name), getattr(two, name)
            assert (first is None) == (second is None)
            if first is not None:
                np.testing.assert_allclose(first, second, atol=1e-5)
    assert np.isfinite(ours[0].covariates).all()
    assert other.measure(in_file).values()["mse"] == pytest.approx(
        task.measure(items).values()["mse"], rel=1e-3
    )


@pytest.mark.parametrize(("count", "block"), [(1000, 4), (999, 4), (5, 4), (3, 4), (64 * 4, 4)])
def test_blocks_give_every_example_once_an_epoch(count: int, block: int) -> None:
    order = BlockOrder(count, block, seed=0, epoch=0)
    batches = [order[start : start + 7] for start in range(0, count, 7)]
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    again, next_epoch = (BlockOrder(count, block, seed=0, epoch=epoch) for epoch in (0, 1))
    assert again[count // 2 : count] == order[count // 2 : count]
    assert count < 10 or next_epoch[0:count] != order[0:count]


def test_a_pool_holds_examples_of_many_blocks_and_no_others() -> None:
    order = BlockOrder(100_000, 10, seed=0, epoch=0)
    pool = order[0:640]
    assert len({index // 10 for index in pool}) == 64
    assert len({index // 10 for index in pool[:32]}) > 16


def test_a_training_on_a_file_goes_on_exactly(
    array: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(windows, "BLOCK", 2)
    config = TrainingConfig(steps=9, batch_size=16, checkpoint_every=4)

    def trained(**options: Any) -> Forecaster:
        task, items = built(array)
        fit(task, config, examples=task.prepare(items, training=True), progress=False, **options)
        return task

    def stop(now: Progress) -> None:
        if now.step == 6:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        trained(folder=tmp_path / "run", on_step=stop)
    resumed, undisturbed = trained(folder=tmp_path / "run", resume=True), trained()
    for name, weight in undisturbed.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


# Peak and size of a process are its own: what getrusage tells of a child begins with its parent's peak.
CHILD = """
import re, sys
from pathlib import Path
import torch
from keepgate.cli.__main__ import main
import keepgate.tasks.kinds, keepgate.train
def kib(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = kib("VmRSS")
code = main(sys.argv[1:])
print("grown by KiB", kib("VmHWM") - before)
sys.exit(code)
"""


@pytest.mark.slow
def test_a_training_takes_less_memory_than_its_file(tmp_path: Path) -> None:
    values = np.sin(np.arange(1_000_000) / 24).astype(np.float32)[:, None] + np.arange(7, dtype=np.float32)
    np.save(tmp_path / "dev.npy", values[:500])
    with (tmp_path / "a.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10 * len(values), 7)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(10):
            file.write(values.tobytes())
    command = [
        "train", "forecaster", str(tmp_path / "a.npy"), "--dev", str(tmp_path / "dev.npy"),
        "--out", str(tmp_path / "model"), "--steps", "30", "--threads", "1", "--set", "look_back=96",
        "--set", "steps_ahead=24", "--set", "hidden_size=8", "--set", "embedding_size=8",
    ]  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", CHILD, *command], check=True, capture_output=True, text=True)
    grown = 1024 * int(ran.stdout.split()[-1])
    assert grown < 10 * values.nbytes / 2, f"{grown:,} of {10 * values.nbytes:,}"
