"""A disk that takes no more ends a training with a clear error; the checkpoints it has stay whole."""

import resource
import shutil
from pathlib import Path

import pytest

from keepgate.errors import BundleError
from keepgate.train import TrainingConfig, fit
from keepgate.train.metrics_log import MetricsLog
from tests.fake_task import Parity, rows
from tests.small_disk import on_a_small_disk

DATA = rows(40)
RUN = TrainingConfig(steps=40, batch_size=8, checkpoint_every=1, ema_decay=0.9)


# One checkpoint takes 52 kB in whole pages; two fit, and the third does not while both are there.
@on_a_small_disk(kilobytes=160)
def test_a_full_disk(tmp_path: Path, disk: Path) -> None:
    with pytest.raises(BundleError) as raised:
        fit(Parity.build(), RUN, examples=DATA, folder=disk / "run", progress=False)
    message = str(raised.value)
    assert str(disk / "run" / "checkpoints" / "step-") in message
    assert "the disk is full" in message
    assert "resume=True (--resume) goes on from it" in message
    left = sorted((disk / "run" / "checkpoints").glob("step-*"))
    assert left
    assert not list((disk / "run" / "checkpoints").glob(".*.writing*"))
    moved = tmp_path / "more room"
    shutil.copytree(disk / "run", moved)
    fit(Parity.build(), RUN, examples=DATA, folder=tmp_path / "whole", progress=False)
    fit(Parity.build(), RUN, examples=DATA, folder=moved, resume=True, progress=False)
    weights = "checkpoints/step-00000040/weights.safetensors"
    assert (moved / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_step(now: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))

    try:
        with pytest.raises(
            BundleError, match=r"step-00000001.*ulimit -f.*step-00000000 .step 0.*resume=True"
        ):
            fit(Parity.build(), RUN, examples=DATA, folder=tmp_path, progress=False, on_step=on_step)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    fit(Parity.build(), RUN, examples=DATA, folder=tmp_path, resume=True, progress=False)


def test_no_room_for_the_metrics() -> None:
    log = MetricsLog(Path("/dev/full"))
    with pytest.raises(BundleError, match=r"cannot write the metrics /dev/full: No space left.*resume=True"):
        log.add({"step": 1})


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(BundleError, match=r"cannot write checkpoints in .*run.*choose another folder"):
        fit(Parity.build(), RUN, examples=DATA, folder=tmp_path / "run", progress=False)
    assert (tmp_path / "run").read_text() == "a file"
