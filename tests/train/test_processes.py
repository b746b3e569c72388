"""Many processes train what one would, end together, and go on from each other's checkpoints."""

import json
import os
import signal
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from keepgate.train import Progress
from keepgate.train.processes import Group
from tests.train.ranks import Ended, run_ranks
from tests.train.trainings import TRAININGS

PROGRAM = """
import sys
from tests.train import test_processes
test_processes.in_this_process(*sys.argv[1:])
"""


def in_this_process(names: str, folder: str, stop: str = "0", resume: str = "") -> None:
    """What each process of a test does. stop: after this step the last process is sent SIGTERM."""
    last = int(os.environ["RANK"]) == int(os.environ["WORLD_SIZE"]) - 1

    def on_step(now: Progress) -> None:
        if last and now.step == int(stop):
            os.kill(os.getpid(), signal.SIGTERM)

    for name in names.split(","):
        # Only the first may see the folder: the others are on other hosts.
        place = Path(folder) / name if os.environ["RANK"] == "0" else Path("/proc/no such place") / name
        try:
            result = TRAININGS[name](place, on_step=on_step, resume=bool(resume))
            print(json.dumps({"name": name, "loss": result.loss, "metrics": result.metrics}))
        except KeyboardInterrupt as stopped:
            print(stopped)


def final(folder: Path) -> dict[str, torch.Tensor]:
    newest = max((folder / "checkpoints").glob("step-*"))
    tensors = {
        name: load_file(newest / f"{name}.safetensors") for name in ("weights", "average", "best", "carry")
    }
    return {f"{group}.{name}": tensor for group, named in tensors.items() for name, tensor in named.items()}


def history(folder: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if "seconds" not in key} for record in records]


def assert_same(folder: Path, alone: Path) -> None:
    """To rounding of float64: the sums are taken in another order."""
    ours, theirs = final(folder), final(alone)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-9, atol=1e-11, msg=name)
    for record, other in zip(history(folder), history(alone), strict=True):
        assert record.keys() == other.keys()
        for key in record:
            assert record[key] == pytest.approx(other[key], rel=1e-9)


def well(processes: list[Ended]) -> None:
    assert [process.code for process in processes] == [0] * len(processes), (
        processes[0].err + processes[-1].err
    )


EXACT = "classify,tag,write"
EVERY = ",".join(name for name in TRAININGS if name != "drop_out")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trainings in one process."""
    folder = tmp_path_factory.mktemp("alone")
    for name in EVERY.split(","):
        TRAININGS[name](folder / name)
    return folder


def test_two_processes_train_what_one_does(tmp_path: Path, alone: Path) -> None:
    processes = run_ranks(2, PROGRAM, EVERY, tmp_path)
    well(processes)
    assert processes[0].out == processes[1].out
    assert not processes[1].err
    for name in EVERY.split(","):
        assert_same(tmp_path / name, alone / name)


def test_stopped_on_one_process_all_stop_and_another_number_goes_on(tmp_path: Path, alone: Path) -> None:
    """Three processes, then two, then one; with three, one has no row of the last batch."""
    for count, stop, resume in ((3, 6, ""), (2, 9, "yes")):
        processes = run_ranks(count, PROGRAM, EXACT, tmp_path, stop, resume)
        well(processes)
        assert all(process.out.count(f"stopped at step {stop} of") == 3 for process in processes)
        assert processes[0].err.count("stopping after this step") <= 1
    for name in EXACT.split(","):
        TRAININGS[name](tmp_path / name, resume=True)
        assert_same(tmp_path / name, alone / name)


def test_the_same_number_goes_on_to_the_same_bytes_and_drops_out_differently_in_each(tmp_path: Path) -> None:
    well(run_ranks(2, PROGRAM, "drop_out", tmp_path / "whole"))
    well(run_ranks(2, PROGRAM, "drop_out", tmp_path / "parts", 6))
    well(run_ranks(2, PROGRAM, "drop_out", tmp_path / "parts", 0, "yes"))
    last = "drop_out/checkpoints/step-00000013"
    for file in ("weights.safetensors", "average.safetensors", "optimiser.safetensors"):
        assert (tmp_path / "parts" / last / file).read_bytes() == (
            tmp_path / "whole" / last / file
        ).read_bytes()
    assert history(tmp_path / "parts" / "drop_out") == history(tmp_path / "whole" / "drop_out")


DRAWS = """
import random, torch, numpy as np
from keepgate.train.processes import joined
with joined() as processes:
    processes.seed_step(0, 5)
    print([float(torch.rand(())), random.random(), float(np.random.rand())])
"""


def test_each_process_draws_numbers_of_its_own() -> None:
    one, other = (json.loads(process.out) for process in run_ranks(2, DRAWS))
    assert all(here != there for here, there in zip(one, other, strict=True))


OTHER_DATA = """
import os
from pathlib import Path
from keepgate.train import TrainingConfig, fit
from tests.fake_task import Parity, rows
fit(Parity.build(), TrainingConfig(steps=2), examples=rows(40 + int(os.environ["RANK"])), progress=False)
"""


def test_processes_with_other_data_are_refused() -> None:
    processes = run_ranks(2, OTHER_DATA)
    assert all(process.code for process in processes)
    for process in processes:
        assert "process 1 was given another training than process 0:" in process.err
        assert "data.examples: 40 in process 0, 41 here" in process.err


def test_a_process_waits_until_another_thread_has_dropped_what_was_exchanged_last() -> None:
    group, held = object.__new__(Group), [torch.zeros(2)]
    group._exchanged = weakref.ref(held[0])
    thread = threading.Timer(0.1, held.clear)
    thread.start()
    group.settle()
    assert group._exchanged() is None
    assert not held
    thread.join()
