"""Many processes train what one would, end together, and go on from each other's checkpoints."""

import json
import os
import random
import signal
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from keepgate.data.labelled import LabelledText
from keepgate.data.tagged import tagged_text
from keepgate.tasks.classifier import Classifier, ClassifierSettings
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings
from keepgate.tasks.tagger import Tagger, TaggerSettings
from keepgate.train import Progress, Result, TrainingConfig, fit
from keepgate.train.processes import Group
from tests.fake_task import CroppedParity, rows
from tests.train.ranks import Ended, run_ranks

CONFIG = TrainingConfig(
    batch_size=7, learning_rate=0.01, max_grad_norm=0.5, log_every=1, evaluate_every=5, checkpoint_every=4
)
WORDS = ("cat", "dog", "sea", "ship", "sun", "sail")


def texts(count: int = 23) -> list[LabelledText]:
    rng = random.Random(1)
    drawn = [[rng.choice(WORDS) for _ in range(rng.randint(2, 9))] for _ in range(count)]
    return [LabelledText(text=" ".join(words), label=("even", "odd")[len(words) % 2]) for words in drawn]


def classify(folder: Path, **options: Any) -> Result:
    """23 texts in batches of 7: the last has two rows, and with three processes one of them has none."""
    settings = ClassifierSettings(
        embedding_size=5, pair_size=0, min_count=1, hidden_size=4, dropout=0.0, mask_rate=0.0
    )
    task = Classifier.build(texts(), settings, seed=0).double()
    config = replace(CONFIG, epochs=4, ema_decay=0.9, keep="best", schedule="cosine")
    examples = task.prepare(texts(), training=True)
    return fit(task, config, examples=examples, dev=texts(), folder=folder, progress=False, **options)


def tag(folder: Path, **options: Any) -> Result:
    items = [
        tagged_text(text.text.split(), ["B-X" if word < "d" else "O" for word in text.text.split()])
        for text in texts()
    ]
    settings = TaggerSettings(
        embedding_size=5, pair_size=0, letter_size=0, min_count=1, hidden_size=4, dropout=0.0, mask_rate=0.0
    )
    task = Tagger.build(items, settings, seed=0).double()
    examples = task.prepare(items, training=True)
    return fit(task, replace(CONFIG, steps=13), examples=examples, folder=folder, progress=False, **options)


def write(folder: Path, **options: Any) -> Result:
    """Five lanes with carried states."""
    items = [LabelledText(text=" ".join(text.text for text in texts()))]
    settings = LanguageModelSettings(embedding_size=3, hidden_size=5, num_layers=2, dropout=0.0)
    task = LanguageModel.build(items, settings, seed=0).double()
    config = replace(CONFIG, epochs=3, batch_size=5, bptt_steps=16)
    return fit(task, config, stream=task.stream(items), folder=folder, progress=False, **options)


def drop_out(folder: Path, **options: Any) -> Result:
    """With dropout, random crops, and draws from Python's and numpy's generators."""
    config = replace(CONFIG, steps=13, ema_decay=0.9, evaluate_every=None)
    return fit(CroppedParity.build(), config, examples=rows(40), folder=folder, progress=False, **options)


TRAININGS: dict[str, Callable[..., Result]] = {
    "classify": classify, "tag": tag, "write": write, "drop_out": drop_out,
}  # fmt: skip
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


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trainings in one process."""
    folder = tmp_path_factory.mktemp("alone")
    for name in EXACT.split(","):
        TRAININGS[name](folder / name)
    return folder


def test_two_processes_train_what_one_does(tmp_path: Path, alone: Path) -> None:
    processes = run_ranks(2, PROGRAM, EXACT, tmp_path)
    well(processes)
    assert processes[0].out == processes[1].out
    assert not processes[1].err
    for name in EXACT.split(","):
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
