"""A training stopped anywhere and taken up again ends with the same bytes as one that never stopped."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keepgate.errors import BundleError, SettingsError
from keepgate.export import folder
from keepgate.train import CurriculumStage, Progress, Result, TrainingConfig, fit
from tests.fake_task import CroppedParity, Parity, Row, made, rows

ROOT = Path(__file__).parents[2]
RUN = TrainingConfig(
    steps=60, batch_size=8, ema_decay=0.99, log_every=7, checkpoint_every=20, evaluate_every=25, seed=3
)
STAGED = TrainingConfig(ema_decay=0.9, log_every=7, checkpoint_every=20, optimiser="adamw", weight_decay=0.1)
STAGES = [CurriculumStage(25, made, "short"), CurriculumStage(35, made, "long")]
DATA = rows(52)


class Pulled(Exception):
    """The plug was."""


def dev(task: Any) -> dict[str, float]:
    """Metrics that change with every weight, from an evaluation that draws numbers of its own."""
    torch.rand(3), random.random(), np.random.rand()
    return {"sum": float(sum(weight.double().abs().sum() for weight in task.parameters()))}


def in_epochs(folder: Path, **options: Any) -> Result:
    return fit(CroppedParity.build(), RUN, examples=DATA, dev=dev, folder=folder, progress=False, **options)


def in_stages(folder: Path, **options: Any) -> Result:
    return fit(Parity.build(), STAGED, stages=STAGES, folder=folder, progress=False, **options)


def averaged(folder: Path, **options: Any) -> Result:
    config = replace(
        RUN, ema_decay=None, average_from=0.4, optimiser="sgd", learning_rate=0.1, weight_decay=1e-3
    )
    return fit(Parity.build(), config, examples=DATA, folder=folder, progress=False, **options)


def pulled_after(step: int) -> Callable[[Progress], None]:
    def on_step(now: Progress) -> None:
        if now.step == step:
            raise Pulled

    return on_step


def lasting(folder: Path) -> dict[str, bytes]:
    """All bytes of the checkpoints that do not tell the time."""
    files = sorted((folder / "checkpoints").glob("step-*/*"))
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in files
        if file.name not in ("clock.json", "manifest.json")
    }


def history(folder: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in each.items() if "seconds" not in key} for each in records]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Path]:
    """Trainings that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    in_epochs(folder / "epochs")
    in_stages(folder / "stages")
    averaged(folder / "averaged")
    return {in_epochs: folder / "epochs", in_stages: folder / "stages", averaged: folder / "averaged"}


@pytest.mark.parametrize("train", [in_epochs, in_stages, averaged])
@pytest.mark.parametrize("stops", [(1,), (20,), (21, 39), (26, 27, 28), (59,), (60,)])
def test_resumed_ends_with_the_same_bytes(tmp_path: Path, whole: dict, train: Callable, stops: tuple) -> None:
    resume = False
    for step in stops:
        with pytest.raises(Pulled):
            train(tmp_path, resume=resume, on_step=pulled_after(step))
        resume = True
    train(tmp_path, resume=True)
    assert lasting(tmp_path) == lasting(whole[train])
    assert history(tmp_path) == history(whole[train])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(
    tmp_path: Path, whole: dict, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def on_step(now: Progress) -> None:
        if now.step == 33:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt, match=r"step 33 of 60.*step-00000033.*resume=True.*--resume"):
        in_epochs(tmp_path, on_step=on_step)
    assert "once more stops at once" in capfd.readouterr().err
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    in_epochs(tmp_path, resume=True)
    last = "checkpoints/step-00000060"
    assert {name: content for name, content in lasting(tmp_path).items() if last in name} == {
        name: content for name, content in lasting(whole[in_epochs]).items() if last in name
    }


def test_ctrl_c_twice_stops_at_once_and_loses_no_checkpoint(tmp_path: Path, whole: dict) -> None:
    def on_step(now: Progress) -> None:
        if now.step == 33:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="at once"):
        in_epochs(tmp_path, on_step=on_step)
    in_epochs(tmp_path, resume=True)
    assert lasting(tmp_path) == lasting(whole[in_epochs])


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.train import test_resume
from keepgate.export import folder

def on_step(now):
    if str(now.step) == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    if now.step == 40 and sys.argv[2] == "written":
        folder._put_in_place = lambda new, old: os.kill(os.getpid(), signal.SIGKILL)
    if now.step == 40 and sys.argv[2] == "removed":
        rmtree = folder.shutil.rmtree
        folder.shutil.rmtree = lambda path, **options: (
            os.kill(os.getpid(), signal.SIGKILL) if "step-00000000" in path.name else rmtree(path, **options)
        )

test_resume.in_epochs(Path(sys.argv[1]), on_step=on_step)
"""


@pytest.mark.parametrize("moment", ["37", "written", "removed"])
def test_kill_9_loses_no_more_than_since_the_last_checkpoint(
    tmp_path: Path, whole: dict, moment: str
) -> None:
    """Between two checkpoints, while one is written, while an old one is removed."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert max(entry.name for entry in (tmp_path / "checkpoints").glob("step-*")) == (
        "step-00000040" if moment == "removed" else "step-00000020"
    )
    in_epochs(tmp_path, resume=True)
    assert lasting(tmp_path) == lasting(whole[in_epochs])
    assert not list((tmp_path / "checkpoints").glob(".*.writing-*"))


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    first = in_epochs(tmp_path)
    steps: list[Progress] = []
    again = in_epochs(tmp_path, resume=True, on_step=steps.append)
    assert not steps
    assert (again.loss, again.metrics, again.history) == (first.loss, first.metrics, first.history)
    assert again.seconds == pytest.approx(first.seconds, abs=0.1)


def test_resume_without_a_checkpoint_starts_from_the_beginning(
    tmp_path: Path, whole: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(CroppedParity.build(), RUN, examples=DATA, dev=dev, folder=tmp_path, resume=True)
    assert "starting from the beginning" in capsys.readouterr().err
    assert lasting(tmp_path) == lasting(whole[in_epochs])


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    in_epochs(tmp_path)
    names = sorted(entry.name for entry in (tmp_path / "checkpoints").iterdir())
    assert names == [".lock", "step-00000040", "step-00000060"]


def test_an_evaluation_changes_nothing(tmp_path: Path, whole: dict) -> None:
    fit(CroppedParity.build(), RUN, examples=DATA, folder=tmp_path, progress=False)
    assert {name: content for name, content in lasting(tmp_path).items() if "state" not in name} == {
        name: content for name, content in lasting(whole[in_epochs]).items() if "state" not in name
    }


def test_generators_outside_go_on_as_if_nothing_had_been_trained() -> None:
    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    expected = drawn()
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    fit(Parity.build(), TrainingConfig(steps=3), examples=DATA, progress=False)
    assert drawn() == expected


def test_another_run_is_refused_and_the_differences_listed(tmp_path: Path) -> None:
    fit(
        Parity.build(),
        TrainingConfig(steps=2, learning_rate=0.01),
        examples=DATA,
        folder=tmp_path,
        progress=False,
    )
    other = TrainingConfig(steps=4, learning_rate=0.02, max_grad_norm=None)
    with pytest.raises(SettingsError) as raised:
        fit(Parity.build(hidden_size=9), other, examples=DATA, folder=tmp_path, resume=True, progress=False)
    message = str(raised.value)
    assert "training.learning_rate: 0.01 in the checkpoint, 0.02 now" in message
    assert "training.max_grad_norm: 1.0 in the checkpoint, not given now" in message
    assert "training.steps: 2 in the checkpoint, 4 now" in message
    assert "task.hidden_size: 8 in the checkpoint, 9 now" in message
    assert "training.seed" not in message


def test_other_data_are_refused(tmp_path: Path) -> None:
    fit(Parity.build(), TrainingConfig(steps=2), examples=DATA, folder=tmp_path, progress=False)
    other = [*DATA[:-1], Row((1, 2, 3))]
    with pytest.raises(SettingsError, match=r"data\.sha256"):
        fit(
            Parity.build(),
            TrainingConfig(steps=2),
            examples=other,
            folder=tmp_path,
            resume=True,
            progress=False,
        )


def test_how_often_it_saves_may_change(tmp_path: Path) -> None:
    fit(Parity.build(), TrainingConfig(steps=2), examples=DATA, folder=tmp_path, progress=False)
    often = TrainingConfig(steps=2, checkpoint_every=1, log_every=1)
    fit(Parity.build(), often, examples=DATA, folder=tmp_path, resume=True, progress=False)


def test_a_folder_with_a_training_is_not_overwritten(tmp_path: Path, whole: dict) -> None:
    before = lasting(whole[in_epochs])
    with pytest.raises(SettingsError, match=r"holds a training already.*step 60.*resume=True"):
        in_epochs(whole[in_epochs])
    assert lasting(whole[in_epochs]) == before


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    def on_step(now: Progress) -> None:
        in_epochs(tmp_path, resume=True)

    with pytest.raises(BundleError, match="another training is writing"):
        in_epochs(tmp_path, on_step=on_step)


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "optimiser.safetensors", "state.json", "manifest.json"]
)
@pytest.mark.parametrize("harm", ["altered", "cut", "gone"])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used_when_asked(
    tmp_path: Path, whole: dict, name: str, harm: str
) -> None:
    with pytest.raises(Pulled):
        in_epochs(tmp_path, on_step=pulled_after(47))
    file = tmp_path / "checkpoints" / "step-00000040" / name
    content = file.read_bytes()
    if harm == "altered":
        file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.unlink()
    with pytest.raises(BundleError, match=rf'{name}.*step 20.*resume="previous"'):
        in_epochs(tmp_path, resume=True)
    in_epochs(tmp_path, resume="previous")
    assert lasting(tmp_path) == lasting(whole[in_epochs])
    assert (tmp_path / "checkpoints" / "damaged-step-00000040").is_dir()


@pytest.mark.parametrize("name", ["state.json", "clock.json", "settings.toml", "optimiser.safetensors"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe\x00"])
def test_a_checkpoint_made_by_hand_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    fit(Parity.build(), TrainingConfig(steps=2), examples=DATA, folder=tmp_path, progress=False)
    path = tmp_path / "checkpoints" / "step-00000002"
    files = {file.name: file.read_bytes() for file in path.iterdir() if file.name != "manifest.json"}
    folder.write(path, files | {name: content}, kind="checkpoint")
    with pytest.raises((BundleError, SettingsError), match="step-00000002"):
        fit(
            Parity.build(),
            TrainingConfig(steps=2),
            examples=DATA,
            folder=tmp_path,
            resume=True,
            progress=False,
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step", 1),
        ("step", "2"),
        ("unlogged_losses", ["x"]),
        ("first_loss", [1.0]),
        ("random", {"torch": "zz"}),
        ("random", {"torch": "00", "cuda": [], "numpy": ["MT19937", [], 0, 0, 0.0], "python": [3, [], None]}),
    ],
)
def test_numbers_of_a_checkpoint_made_by_hand_are_checked(tmp_path: Path, field: str, value: object) -> None:
    training = TrainingConfig(steps=2)
    fit(Parity.build(), training, examples=DATA, folder=tmp_path, progress=False)
    path = tmp_path / "checkpoints" / "step-00000002"
    files = {file.name: file.read_bytes() for file in path.iterdir() if file.name != "manifest.json"}
    state = json.loads(files["state.json"]) | {field: value}
    folder.write(path, files | {"state.json": json.dumps(state).encode()}, kind="checkpoint")
    with pytest.raises(BundleError, match="step-00000002 is not a checkpoint that keepgate wrote"):
        fit(Parity.build(), training, examples=DATA, folder=tmp_path, resume=True, progress=False)


def test_a_line_half_written_when_the_machine_went_down_is_forgotten(tmp_path: Path, whole: dict) -> None:
    with pytest.raises(Pulled):
        in_epochs(tmp_path, on_step=pulled_after(47))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 46, "lo')
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    in_epochs(tmp_path, resume=True)
    assert history(tmp_path) == history(whole[in_epochs])


def test_time_before_a_stop_counts(tmp_path: Path) -> None:
    with pytest.raises(Pulled):
        in_stages(tmp_path, on_step=pulled_after(45))
    before = json.loads((tmp_path / "checkpoints/step-00000040/clock.json").read_text())
    result = in_stages(tmp_path, resume=True)
    assert result.seconds > before["seconds"] > 0
    assert result.cpu_seconds > before["cpu_seconds"] > 0
    assert result.steps == 60
