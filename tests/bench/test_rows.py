"""The rows of the scoreboard, each trained for a few steps on a small slice in the form of its data."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import babi, cpp_polyphones, ptb, row, sequential_mnist, tagging
from bench.polyphones import Sentence
from keepgate.data.corpora import read
from keepgate.data.labelled import LabelledText
from keepgate.export import load

QUICK = {"steps": 3, "epochs": None, "batch_size": 4, "bptt_steps": 4, "evaluate_every": 2, "threads": 1}

STORY = """1 John went to the {}.
2 Mary went to the {}.
3 Where is John?\t{}\t1
4 John went to the {}.
5 Where is John?\t{}\t4
"""


def stories(path: Path, count: int) -> None:
    rooms = ("hall", "garden", "attic")
    path.write_text(
        "".join(
            STORY.format(
                rooms[k % 3], rooms[(k + 1) % 3], rooms[k % 3], rooms[(k + 2) % 3], rooms[(k + 2) % 3]
            )
            for k in range(count)
        )
    )


@pytest.fixture
def quick_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recipe of `keepgate train` in three steps."""
    whole = row.recipe
    monkeypatch.setattr(row, "recipe", lambda *words: replace(whole(*words), **QUICK))


@pytest.mark.usefixtures("quick_recipe")
def test_babi_is_read_task_by_task_and_the_errors_are_averaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "valid", "test"):
        stories(tmp_path / f"qa1_{part}.txt", 4)
    for part in ("train", "test"):
        stories(tmp_path / f"qa20_two-words_{part}.txt", 11)
    stories(tmp_path / "qa3_three-facts_test.txt", 2)
    assert {number: sorted(parts) for number, parts in babi.files(tmp_path).items()} == {
        1: ["test", "train", "valid"],
        20: ["test", "train"],
    }
    monkeypatch.setattr(
        babi, "config", lambda examples, seed: row.config_for("choice-reader", examples, seed)
    )
    figures = babi.train(tmp_path, 0, True, None)
    assert list(figures["tasks"]) == ["1", "20"]
    errors = [figures["tasks"][number]["test"] for number in ("1", "20")]
    assert figures["test"]["mean_error"] == pytest.approx(sum(errors) / 2, abs=1e-4)
    assert figures["test"]["learnt"] == sum(error < 0.05 for error in errors)
    assert "test" not in babi.train(tmp_path, 0, False, None)
    monkeypatch.setattr(babi, "config_together", babi.config)
    together = babi.train_together(tmp_path, 0, True, tmp_path / "model")
    assert list(together["tasks"]) == ["1", "20"]
    errors = [together["tasks"][number]["test"] for number in ("1", "20")]
    assert together["test"]["mean_error"] == pytest.approx(sum(errors) / 2, abs=1e-4)
    assert together["steps"] == 3
    assert sorted(load(tmp_path / "model").choices) == ["attic", "garden", "hall"]
    assert "test" not in babi.train_together(tmp_path, 0, False, None)


def test_the_questions_of_one_story_stay_together(tmp_path: Path) -> None:
    stories(tmp_path / "qa1_train.txt", 12)
    questions = read([tmp_path / "qa1_train.txt"]).questions
    kept, held = babi.split(questions)
    # Nine tenths of 24 questions end inside the eleventh story of two, so that it is kept whole.
    assert (len(kept), [*kept, *held]) == (22, questions)


def test_penn_treebank_is_words_and_line_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("train", "valid", "test"):
        (tmp_path / f"ptb.{part}.txt").write_text(" the <unk> sails \n the ship sails N miles \n" * 6)
    small = replace(ptb.SETTINGS, embedding_size=4, hidden_size=4)
    monkeypatch.setattr(ptb, "SETTINGS", small)
    monkeypatch.setattr(ptb, "CONFIG", replace(ptb.CONFIG, **QUICK))
    figures = ptb.train(tmp_path, 0, True, tmp_path / "model")
    assert 1 < figures["test"]["perplexity"] < 20
    assert load(tmp_path / "model").vocabulary.to_json() == [
        "\n",
        "sails",
        "the",
        "<unk>",
        "N",
        "miles",
        "ship",
    ]
    assert "test" not in ptb.train(tmp_path, 0, False, None)


@pytest.mark.usefixtures("quick_recipe")
def test_polyphones_are_turned_to_both_ends(tmp_path: Path) -> None:
    sentence = Sentence("他長得高", 1, "zhang3")
    assert cpp_polyphones.turned(sentence, 3).text == "長得高▁他長"
    lines, readings = ["他▁長▁得高", "路很▁長▁"] * 10, ["zhang3", "chang2"] * 10
    for part in ("dev", "test"):
        (tmp_path / f"{part}.sent").write_text("\n".join(lines) + "\n")
        (tmp_path / f"{part}.lb").write_text("\n".join(readings) + "\n")
    figures = cpp_polyphones.train(tmp_path, 0, True, tmp_path / "model")
    assert 0 <= figures["test"]["accuracy"] <= 1
    assert load(tmp_path / "model").choices == ("chang2", "zhang3")
    assert "test" not in cpp_polyphones.train(tmp_path, 0, False, None)


def test_a_character_is_read_as_it_was_in_training() -> None:
    texts = [
        LabelledText(text=f"{character}{k}▁{character}", label=reading)
        for k in range(4)
        for character, reading in (("長", "zhang3"), ("長", "chang2"), ("行", "xing2"), ("行", "hang2"))
    ]
    task = cpp_polyphones.ReadingClassifier.build(texts, replace(cpp_polyphones.SETTINGS, hidden_size=4), 0)
    task.readings = cpp_polyphones.readings_of(texts)
    probabilities = task.probabilities([texts[0], LabelledText(text="和▁和")])
    assert task.labels == ("chang2", "hang2", "xing2", "zhang3")
    assert [value > 0 for value in probabilities[0].tolist()] == [True, False, False, True]
    assert probabilities[0].sum() == pytest.approx(1, abs=1e-6)
    assert (probabilities[1] > 0).all()


def test_digits_are_read_pixel_by_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("train", "t10k"):
        pixels = np.arange(8 * 784, dtype=np.uint8)
        images = struct.pack(">4i", 2051, 8, 28, 28) + pixels.tobytes()
        labels = struct.pack(">2i", 2049, 8) + bytes([0, 1] * 4)
        for name, content in (("images-idx3", images), ("labels-idx1", labels)):
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(content))
    digits = sequential_mnist.read(tmp_path, "t10k")
    assert [digit.label for digit in digits[:3]] == ["0", "1", "0"]
    assert digits[1].values[:3, 0].tolist() == [16, 17, 18]
    monkeypatch.setattr(sequential_mnist, "DEV", 4)
    monkeypatch.setattr(sequential_mnist, "CONFIG", replace(sequential_mnist.CONFIG, **QUICK))
    monkeypatch.setattr(sequential_mnist, "SETTINGS", replace(sequential_mnist.SETTINGS, hidden_size=4))
    assert 0 <= sequential_mnist.train(tmp_path, 0, True, None)["test"]["accuracy"] <= 1
    assert "test" not in sequential_mnist.train(tmp_path, 0, False, None)


def test_snips_has_a_slot_for_each_word_and_an_intent(tmp_path: Path) -> None:
    (tmp_path / "valid").mkdir()
    for name, line in (("seq.in", "play jazz "), ("seq.out", "O B-genre "), ("label", "PlayMusic")):
        (tmp_path / "valid" / name).write_text(f"{line}\n")
    (text,) = tagging.read_snips(tmp_path, "dev")
    assert (text.tokens.texts, text.tags, text.label) == (("play", "jazz"), ("O", "B-genre"), "PlayMusic")
