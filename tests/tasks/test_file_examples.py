"""Classifiers and taggers of texts that stay in their files: the same models as of memory, resumed exactly."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keepgate.cli.__main__ import main
from keepgate.data.corpora import large
from keepgate.data.corpora.labelled import read_labelled
from keepgate.data.corpora.tagged import read_tagged
from keepgate.data.item_file import ItemFile
from keepgate.data.vocabulary import UNKNOWN
from keepgate.errors import CorpusError
from keepgate.export import load
from keepgate.tasks import file_examples, token_pairs
from keepgate.tasks.classifier import Classifier, ClassifierSettings
from keepgate.tasks.multilabel import MultilabelClassifier, MultilabelSettings
from keepgate.tasks.tagger import Tagger, TaggerSettings
from keepgate.train import Progress, TrainingConfig, fit

SIZES = {"embedding_size": 6, "pair_size": 3, "hidden_size": 4, "min_count": 1, "max_train_tokens": 6}
WORDS = [
    "Ann",
    "sees",
    "the",
    "sea",
    "and",
    "Bob",
    "hears",
    "a",
    "cat",
    "that",
    "sings",
    "海",
    "風",
    "7,5",
    "!",
]


def lines(count: int, row: Any) -> str:
    rng = np.random.default_rng(0)
    return "".join(
        json.dumps(row(k, rng.choice(WORDS, rng.integers(2, 12)).tolist())) + "\n" for k in range(count)
    )


TASKS = {
    "classifier": (
        Classifier, ClassifierSettings(**SIZES), read_labelled,
        lambda k, words: {"text": " ".join(words), "label": f"{k % 3}"},
    ),
    "multilabel": (
        MultilabelClassifier, MultilabelSettings(**SIZES), read_labelled,
        lambda k, words: {"text": " ".join(words), "label": ["a", "b"][: k % 3]},
    ),
    "tagger": (
        Tagger, TaggerSettings(**SIZES, letter_size=3), read_tagged,
        # One in seven is no legal sequence of BIO.
        lambda k, words: {
            "tokens": words, "tags": ["I-X" if k % 7 == 0 else "B-X", *["O"] * (len(words) - 1)],
            "label": f"{k % 2}",
        },
    ),
}  # fmt: skip


def read(name: str, path: Path, folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patched:
        patched.setattr(large, "LARGE", 0)
        return TASKS[name][2](path, folder=folder).items


@pytest.mark.parametrize("name", TASKS)
def test_a_task_of_texts_in_a_file_is_that_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, settings, _, row = TASKS[name]
    (tmp_path / "a.jsonl").write_text(lines(100, row))
    small, items = (read(name, tmp_path / "a.jsonl", folder, monkeypatch) for folder in (None, tmp_path))
    assert isinstance(items, ItemFile)
    one, other = (kind.build(texts, settings, seed=3) for texts in (small, items))
    assert one.vocabulary_json() == other.vocabulary_json()
    for key, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[key]), key
    examples, theirs = other.prepare(items, training=True), one.prepare(small, training=True)
    assert len(examples) == len(theirs)
    assert [examples[-1], *examples[3:9:2]] == [theirs[-1], *theirs[3:9:2]]
    assert examples.lengths.tolist() == [example.length for example in theirs]
    without = [k for k, text in enumerate(other.prepare(small, training=False)) if other.unlearnable(text)]
    assert [number for numbers in examples.unlearnable.values() for number in numbers] == without
    assert (len(without) > 9) == (name == "tagger")
    config = TrainingConfig(steps=4, batch_size=16)
    for task, data in ((one, theirs), (other, examples)):
        fit(task, config, examples=data, progress=False)
    for key, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[key]), key


def test_a_training_on_blocks_of_a_file_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, settings, _, row = TASKS["classifier"]
    (tmp_path / "a.jsonl").write_text(lines(300, row))
    monkeypatch.setattr(file_examples.FileExamples, "block", 2)
    config = TrainingConfig(steps=9, batch_size=16, checkpoint_every=4)

    def trained(path: str = "a.jsonl", **options: Any) -> Classifier:
        items = read("classifier", tmp_path / path, tmp_path, monkeypatch)
        task = kind.build(items, settings, seed=0)
        fit(task, config, examples=task.prepare(items, training=True), progress=False, **options)
        return task

    def stop(now: Progress) -> None:
        if now.step == 6:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        trained(folder=tmp_path / "run", on_step=stop)
    resumed, undisturbed = trained(folder=tmp_path / "run", resume=True), trained()
    for key, weight in undisturbed.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[key]), key


def test_counts_and_vectors_of_a_large_file_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, settings, *_ = TASKS["classifier"]
    # A word in every text, and one that stands in no other.
    content = lines(400, lambda k, words: {"text": f"common word{k} {words[0]}", "label": f"{k % 2}"})
    (tmp_path / "a.jsonl").write_text(content)
    items = read("classifier", tmp_path / "a.jsonl", tmp_path, monkeypatch)
    for name, value in (("_COUNTED", 50), ("MOST_TOKENS", 9), ("_MOST_VECTORS", 5), ("_SAMPLE", 2000)):
        monkeypatch.setattr(token_pairs, name, value)
    assert 40 < len(list(items.evenly(2000))) < 150
    task = kind.build(items, settings, seed=0)
    assert len(task.vocabulary) == 2 + 9
    assert task.vocabulary.to_json()[0] == "common"
    assert len(task.pairs) <= 2 + 50
    weight = task.encoder.inputs.token.weight.detach()
    assert 0.1 < float(weight[5:].std()) < 0.6
    assert torch.isfinite(weight).all()


def test_tokens_and_pairs_that_are_not_looked_at_have_vectors_of_the_same_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, settings, *_ = TASKS["classifier"]
    content = lines(400, lambda k, words: {"text": f"common word{k} {words[0]}", "label": f"{k % 2}"})
    (tmp_path / "a.jsonl").write_text(content)
    items = read("classifier", tmp_path / "a.jsonl", tmp_path, monkeypatch)
    monkeypatch.setattr(token_pairs, "_SAMPLE", 2000)
    inputs = kind.build(items, settings, seed=0).encoder.inputs
    for table in (inputs.token, inputs.pair):
        weight = table.weight.detach()
        # No text has an unknown token or pair.
        assert not (weight[UNKNOWN + 1 :] == 0).all(1).any()
        assert 0.28 < float(weight.std()) < 0.32


def test_the_command_trains_on_a_file_as_on_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = TASKS["tagger"][3]
    (tmp_path / "a.jsonl").write_text(lines(60, row))
    (tmp_path / "dev.jsonl").write_text(lines(20, row))
    words = ["train", "tagger", str(tmp_path / "a.jsonl"), "--dev", str(tmp_path / "dev.jsonl"), "--steps", "3",
             "--set", "hidden_size=4", "--set", "embedding_size=6", "--set", "pair_size=3"]  # fmt: skip
    printed = []
    for size, name in ((1 << 28, "small"), (0, "large")):
        monkeypatch.setattr(large, "LARGE", size)
        assert main([*words, "--out", str(tmp_path / name)]) == 0
        out = capsys.readouterr().out
        printed.append([line for line in out.splitlines() if "Trained in" not in line and name not in line])
    assert printed[0] == printed[1]
    assert "more left out, each because its tags are no legal sequence of BIO:" in "\n".join(printed[1])
    one, other = (load(tmp_path / name).state_dict() for name in ("small", "large"))
    assert all(torch.equal(weight, other[key]) for key, weight in one.items())


def test_a_text_of_several_examples_is_cut_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, settings, *_ = TASKS["tagger"]
    content = lines(
        3, lambda k, words: {"tokens": (words * 20)[: 20 + k], "tags": ["B-X"] + ["O"] * (19 + k)}
    )
    (tmp_path / "a.jsonl").write_text(content)
    items = read("tagger", tmp_path / "a.jsonl", tmp_path, monkeypatch)
    task = kind.build(items, settings, seed=0)
    examples, prepare, read_ids = task.prepare(items, training=True), task.prepare, []

    def counted(texts: Any, *, training: bool) -> Any:
        read_ids.extend(text.id for text in texts)
        return prepare(texts, training=training)

    monkeypatch.setattr(task, "prepare", counted)
    assert len(examples) > 9
    assert [example.length for example in examples] == examples.lengths.tolist()
    assert len(read_ids) == 3


def test_labels_that_are_lists_are_no_classifiers_from_a_file_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_text(lines(9, TASKS["multilabel"][3]))
    items = read("multilabel", tmp_path / "a.jsonl", tmp_path, monkeypatch)
    with pytest.raises(CorpusError, match="these texts have lists of labels"):
        Classifier.build(items, ClassifierSettings(**SIZES), seed=0)


# Peak and size of a process are its own: what getrusage tells of a child begins with its parent's peak.
CHILD = """
import re, sys
from pathlib import Path
import torch
from keepgate.cli.__main__ import main
from keepgate.data.corpora import large
from keepgate.tasks import kinds, token_pairs
import keepgate.train
large.LARGE, token_pairs._SAMPLE = 1 << 20, 1 << 20
def kib(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = kib("VmRSS")
code = main(sys.argv[1:])
print("grown by KiB", kib("VmHWM") - before)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classifier", "tagger"])
def test_a_training_on_a_large_file_takes_hardly_more_memory_than_on_a_small_one(
    tmp_path: Path, name: str
) -> None:
    content = lines(1000, lambda k, words: TASKS[name][3](k + 1 + (k % 7 == 6), words * 20))

    def grown(mebibytes: int) -> float:
        path, model = tmp_path / f"{mebibytes}.jsonl", tmp_path / f"model-{mebibytes}"
        with path.open("w") as file:
            while file.tell() < mebibytes << 20:
                file.write(content)
        command = [
            "train", name, str(path), "--out", str(model), "--steps", "5", "--threads", "1",
            "--set", "hidden_size=8", "--set", "embedding_size=8", "--batch-size", "4",
        ]  # fmt: skip
        words = [sys.executable, "-c", CHILD, *command]
        ran = subprocess.run(words, check=True, capture_output=True, text=True)
        return int(ran.stdout.split()[-1]) / 1024

    small, large = grown(2), grown(42)
    assert large - small < 20, f"{small:.0f} MiB and {large:.0f} MiB"
