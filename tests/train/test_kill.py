"""SIGKILL at any moment, again and again: the end has the bytes of the undisturbed run, each loss logged once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keepgate.train import TrainingConfig, fit
from tests.fake_task import CroppedParity, rows
from tests.train.ranks import ROOT

CONFIG = TrainingConfig(steps=60, batch_size=8, ema_decay=0.99, log_every=1, checkpoint_every=3, seed=3)
PROGRAM = """
import sys
from tests.train import test_kill
test_kill.kill_again_and_again(*sys.argv[1:])
"""


def train(folder: Path) -> None:
    fit(
        CroppedParity.build(), CONFIG,
        examples=rows(52), folder=folder, resume=(folder / "checkpoints").exists(), progress=False,
    )  # fmt: skip


def in_a_child(folder: Path, seconds: float | None) -> bool:
    """Whether the training came to its end before it was killed; it has nothing to load, but trains."""
    child = os.fork()
    if not child:
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


def kill_again_and_again(folder: str, kills: str, seed: str) -> None:
    """One training after the other until so many were killed; prints what each of them left."""
    rng, place = random.Random(int(seed)), Path(folder)
    began = time.perf_counter()
    assert in_a_child(place / "whole", None)
    took = time.perf_counter() - began
    killed, finished = 0, 0
    while killed < int(kills) or not finished:
        if in_a_child(place / f"run-{finished}", rng.uniform(0, took / 3) if killed < int(kills) else None):
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


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path, kills: int) -> None:
    seed = str(random.SystemRandom().randrange(10**6))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(kills), seed]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"seed {seed}: {ran.stderr}"
    counts = json.loads(ran.stdout)
    assert counts["killed"] == kills
    whole = tmp_path / "whole"
    expected = [json.loads(line)["loss"] for line in (whole / "metrics.jsonl").read_text().splitlines()]
    for number in range(counts["finished"]):
        folder = tmp_path / f"run-{number}"
        assert lasting(folder) == lasting(whole), f"seed {seed}, run {number}"
        records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert [record["step"] for record in records] == list(range(1, 61))
        assert [record["loss"] for record in records] == expected
        left = sorted(entry.name for entry in (folder / "checkpoints").iterdir())
        assert left == [".lock", "step-00000057", "step-00000060"], f"seed {seed}, run {number}"
