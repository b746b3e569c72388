"""A disk that takes no more ends a training with a clear error; the checkpoints it has stay whole."""

import errno
import os
import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keepgate.errors import BundleError, ProcessLost
from keepgate.train import TrainingConfig, checkpoint, fit
from keepgate.train.checkpoint import Checkpoints
from keepgate.train.metrics_log import MetricsLog
from keepgate.train.processes import Processes
from keepgate.train.state import TrainingState
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


class Faults:
    """A disk on which the operation of one number fails, among all that the writing of a checkpoint needs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fault: Exception, at: int) -> None:
        self.fault, self.at, self.count, self.armed = fault, at, 0, False
        for owner, name in (
            (os, "fsync"), (os, "open"), (Path, "mkdir"), (Path, "rename"), (Path, "open"),
        ):  # fmt: skip
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name), fault))
        for owner, name in ((checkpoint, "tensors_bytes"), (Processes, "whole")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name), MemoryError()))
        monkeypatch.setattr(Checkpoints, "save", self._watched(Checkpoints.save))

    def operation(self, fault: Exception | None = None) -> None:
        self.count += self.armed
        if self.armed and self.count == self.at:
            raise fault or self.fault

    def _counted(self, function: Callable[..., Any], fault: Exception) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.operation(fault)
            result = function(*arguments, **options)
            return Written(result, self) if hasattr(result, "write") else result

        return counted

    def _watched(self, save: Callable[..., Path | None]) -> Callable[..., Path | None]:
        def watched(checkpoints: Checkpoints, state: TrainingState) -> Path | None:
            self.armed = state.step == 4
            try:
                return save(checkpoints, state)
            finally:
                self.armed = False

        return watched


class Written:
    """An open file whose every write, flush and close may fail."""

    def __init__(self, file: Any, faults: Faults) -> None:
        self.file, self.faults = file, faults

    def __enter__(self) -> "Written":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.faults.operation()

    def write(self, content: bytes) -> None:
        self.file.write(content[: len(content) // 2])
        self.faults.operation()
        self.file.write(content[len(content) // 2 :])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


SHORT = TrainingConfig(steps=6, batch_size=8, checkpoint_every=2, log_every=1, ema_decay=0.9)


def short(folder: Path, **options: Any) -> None:
    fit(Parity.build(), SHORT, examples=DATA, folder=folder, progress=False, **options)


def error_of(folder: Path) -> str | None:
    """What a training is ended with; None if it is not."""
    try:
        short(folder)
    except BundleError as fault:
        return str(fault)
    return None


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "the disk is full"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "Input/output error"),
        (MemoryError(), "not enough memory"),
    ],
    ids=["ENOSPC", "EIO", "MemoryError"],
)
def test_each_operation_that_writes_a_checkpoint_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, raised: str
) -> None:
    """The states of all processes, the tensors' bytes, the files and folders, and the removal of an older one."""
    short(tmp_path / "whole")
    last = "checkpoints/step-00000006/{}.safetensors"
    names = [last.format(name) for name in ("weights", "average", "optimiser")]
    failed, at, reached = 0, 0, True
    while reached:
        at += 1
        run = tmp_path / f"fault {at}"
        with monkeypatch.context() as patch:
            faults = Faults(patch, fault, at)
            message = error_of(run)
        reached = faults.count >= at
        failed += message is not None
        # After the folder is in place only its name, and an older one, are waited for.
        good = r".*step-0000000[24] \(step [24]\).*resume=True"
        assert message is None or re.search(f"({raised}|not enough memory){good}", message)
        entries = [entry.name for entry in (run / "checkpoints").iterdir()]
        assert not [entry for entry in entries if "step-00000004.writing" in entry]
        short(run, resume=True)
        assert not list((run / "checkpoints").glob(".*.writing*"))
        assert all((run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in names)
    # Of nine files each is opened, written, waited for and closed; five are made of tensors; then there are folders.
    assert failed > 4 * 9 + 5


def test_a_process_lost_before_a_checkpoint_is_no_fault_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise ProcessLost("another process of this training has ended")

    monkeypatch.setattr(Processes, "whole", gone)
    with pytest.raises(ProcessLost, match=r"^another process of this training has ended$"):
        short(tmp_path)
