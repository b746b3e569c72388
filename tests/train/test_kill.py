"""SIGKILL at any moment, again and again: the end has the bytes of the undisturbed run, each loss logged once."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from keepgate.cli.__main__ import main
from keepgate.data.corpora import large
from keepgate.train import TrainingConfig, fit
from tests.fake_task import CroppedParity, rows
from tests.train.ranks import ROOT

CONFIG = TrainingConfig(steps=60, batch_size=8, ema_decay=0.99, log_every=1, checkpoint_every=3, seed=3)
PROGRAM = """
import sys
from tests.train import test_kill
test_kill.kill_again_and_again(*sys.argv[1:])
"""
TEXT = "Ann sees a cat.\nBob sees the sea.\n" * 30
OPTIONS = (
    *(
        "--steps",
        "40",
        "--batch-size",
        "4",
        "--threads",
        "1",
        "--set",
        "hidden_size=4",
        "--set",
        "embedding_size=3",
    ),
    *("--set", "bptt_steps=8", "--set", "log_every=2", "--set", "checkpoint_every=3"),
)


def train(folder: Path) -> None:
    fit(
        CroppedParity.build(), CONFIG,
        examples=rows(52), folder=folder, resume=(folder / "checkpoints").exists(), progress=False,
    )  # fmt: skip


def command(folder: Path) -> None:
    """keepgate train language-model, of a text that stays in its file."""
    large.LARGE = 0
    data = folder.parent / "text.txt"
    data.write_text(TEXT)
    words = ["train", "language-model", data, "--dev", data, "--out", folder / "model", "--resume", *OPTIONS]
    code = main([*map(str, words)])
    assert code == 0, code


TRAININGS = {"fit": train, "command": command}
# So much of the time that it takes undisturbed; the command has the text to read first and the model to write last.
WITHIN = {"fit": 1 / 3, "command": 1.0}


def in_a_child(train: Callable[[Path], None], folder: Path, seconds: float | None) -> bool:
    """Whether the training came to its end before it was killed; it has nothing to load, but trains."""
    child = os.fork()
    if not child:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        try:
            train(folder)
        except BaseException as fault:
            print(repr(fault), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), f"the training failed with exit code {status}"
    return status == 0


def kill_again_and_again(training: str, folder: str, kills: str, seed: str) -> None:
    """One training after the other until so many were killed; prints what each of them left."""
    rng, place, train = random.Random(int(seed)), Path(folder), TRAININGS[training]
    with contextlib.redirect_stdout(io.StringIO()):
        # Here: the children then have nothing to load, and are killed while they train.
        train(place / "whole")
    began = time.perf_counter()
    assert in_a_child(train, place / "timed", None)
    took = time.perf_counter() - began
    killed, finished = 0, 0
    while killed < int(kills) or not finished:
        seconds = rng.uniform(0, took * WITHIN[training]) if killed < int(kills) else None
        if in_a_child(train, place / f"run-{finished}", seconds):
            finished += 1
        else:
            killed += 1
    print(json.dumps({"killed": killed, "finished": finished}))


def lasting(folder: Path) -> dict[str, bytes]:
    """All bytes of the checkpoints that do not tell the time."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted((folder / "checkpoints").glob("step-*/*"))
        if file.name not in ("clock.json", "manifest.json")
    }


def killed(training: str, folder: Path, kills: int) -> tuple[str, list[Path]]:
    """The seed of the moments, for a message, and the folder of each run that came to its end."""
    seed = str(random.SystemRandom().randrange(10**6))
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, training, str(folder), str(kills), seed],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"seed {seed}: {ran.stderr}"
    counts = json.loads(ran.stdout)
    assert counts["killed"] == kills
    return f"seed {seed}", [folder / f"run-{number}" for number in range(counts["finished"])]


def losses(log: Path) -> list[tuple[int, float]]:
    """Each step of which the loss was logged, with it."""
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return [(record["step"], record["loss"]) for record in records if "loss" in record]


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path, kills: int) -> None:
    seed, runs = killed("fit", tmp_path, kills)
    whole = tmp_path / "whole"
    assert [step for step, _ in losses(whole / "metrics.jsonl")] == list(range(1, 61))
    for run in runs:
        assert lasting(run) == lasting(whole), f"{seed}, {run}"
        assert losses(run / "metrics.jsonl") == losses(whole / "metrics.jsonl"), f"{seed}, {run}"
        left = sorted(entry.name for entry in (run / "checkpoints").iterdir())
        assert left == [".lock", "step-00000057", "step-00000060"], f"{seed}, {run}"


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_a_command_that_is_killed_at_any_moment_writes_the_same_model(tmp_path: Path, kills: int) -> None:
    """A text that stays in its file, a dev set, the best weights kept, and a line of the log for two steps."""
    seed, runs = killed("command", tmp_path, kills)
    model, log = Path("model"), Path("model.training") / "metrics.jsonl"
    whole = tmp_path / "whole"
    assert [step for step, _ in losses(whole / log)] == list(range(2, 41, 2))
    expected = {path.name: path.read_bytes() for path in (whole / model).iterdir()}
    for run in runs:
        assert {path.name: path.read_bytes() for path in (run / model).iterdir()} == expected, (
            f"{seed}, {run}"
        )
        assert losses(run / log) == losses(whole / log), f"{seed}, {run}"
        assert [path.name for path in (run / log).parent.iterdir()] == [log.name], f"{seed}, {run}"
