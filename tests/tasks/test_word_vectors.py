"""Word vectors: the three formats are read alike, broken lines are named, and the rows of an embedding are theirs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from keepgate.data.labelled import LabelledText
from keepgate.data.questions import Question
from keepgate.data.tagged import tagged_text
from keepgate.data.word_vectors import WordVectors
from keepgate.errors import CorpusError, SettingsError
from keepgate.tasks import KINDS
from keepgate.tasks.ppmi import SPREAD
from keepgate.train import TrainingConfig, fit

LINES = "the 1 0 -1\nThe 9 9 9\nhouse 0 2 0\n. . . 5 5 5\nsea 0.5 -0.5 1e-1\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(LINES, id="GloVe"),
        pytest.param("5 3\n" + LINES, id="word2vec"),
        pytest.param("5 3\n" + LINES.replace("\n", " \n"), id="fastText: a blank at each end"),
        pytest.param("\ufeff" + LINES.replace(" ", "\t").replace("\n", "\r\n"), id="tabs"),
    ],
)
def test_each_format_gives_the_first_of_words_that_are_alike(content: str, tmp_path: Path) -> None:
    file = WordVectors(write(tmp_path / "v.txt", content))
    assert file.size == 3
    vectors = file.of({"the", "sea", "boat"})
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "the": [1, 0, -1],
        "sea": [0.5, -0.5, pytest.approx(0.1)],
    }
    assert (
        "2 of 3 different tokens have a vector in v.txt (3 numbers); other words taken from it: 0."
        in file.account
    )
    assert [*file.of({"sea"}, others=1)] == ["the", "sea"]
    assert [*file.of({"the"}, others=5, is_token=str.isalpha)] == ["the", "house", "sea"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "begins with ''"),
        ("the\n", "begins with 'the"),
        ("2 0\nthe\n", "begins with '2 0"),
        (LINES + "boat 1 2\n", "line 6: 2 numbers after the word, expected 3"),
        (LINES + "boat 1 2 3 4\n", "line 6: 4 numbers after the word, expected 3"),
        (LINES + "boat 1 x 3\n", "line 6: could not convert string to float: 'x'"),
        (LINES + "boat 1 nan 3\n", "line 6: a number is NaN, infinite or too large"),
        (LINES + "boat 1 1e39 3\n", "line 6: a number is NaN, infinite or too large"),
        ("haus 1 2 3\n", "for none of the 1 different token of the training data"),
        (b"\x1f\x8b\x08\x00 1 2\n", "is no UTF-8 text; unpack it"),
    ],
)
def test_what_is_no_file_of_vectors_is_named(content: str | bytes, says: str, tmp_path: Path) -> None:
    path = write(tmp_path / "v.txt", content)
    with pytest.raises(CorpusError, match=str(path)) as refused:
        WordVectors(path).of({"boat"})
    assert says in str(refused.value)
    for other, why in ((tmp_path / "none", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(CorpusError, match=why):
            WordVectors(other)


TEXTS = ["the house by the sea", "the sea by a house", "a house", "the sea"]
ITEMS = {
    "classifier": [LabelledText(text=text, label=text[-1]) for text in TEXTS],
    "tagger": [
        tagged_text(text.split(), ["X" if word == "sea" else "O" for word in text.split()]) for text in TEXTS
    ],
    "choice-reader": [Question(text=text, question="what?", answers=(text[-5:],)) for text in TEXTS],
    "span-reader": [Question(text=text, question="the?", answers=(text.split()[-1],)) for text in TEXTS * 3],
}


@pytest.mark.parametrize("kind", ITEMS)
def test_the_embeddings_begin_with_the_vectors_at_the_scale_of_the_others(kind: str, tmp_path: Path) -> None:
    file = WordVectors(write(tmp_path / "v.txt", LINES + "boat 3 -3 3\n"))
    items, task_kind = ITEMS[kind], KINDS[kind]
    settings = task_kind.task.settings_type(embedding_size=3)
    task = task_kind.build(items, settings, 0, file)
    ends = ("token.weight", "word.weight", "inputs.weight")
    weights = next(weight for name, weight in task.named_parameters() if name.endswith(ends))
    words = ["the", "house", "sea"]
    unseen = kind in ("classifier", "tagger")
    assert ("boat" in task.vocabulary) == unseen, "words that new texts may have are known too"
    rows = weights.detach()[task.vocabulary.ids([*words, *(["boat"] if unseen else [])])].numpy()
    vectors = np.array([[1, 0, -1], [0, 2, 0], [0.5, -0.5, 0.1], [3, -3, 3]][: len(rows)], np.float32)
    np.testing.assert_allclose(rows, vectors * SPREAD / vectors.std(), rtol=1e-5)
    assert "by" in task.vocabulary or kind != "choice-reader"
    # All its own: it trains, and its files say what it needs.
    fit(
        task,
        TrainingConfig(steps=2, batch_size=4),
        examples=task.prepare(items, training=True),
        progress=False,
    )
    again = task_kind.task.from_files(task.settings, task.vocabulary_json())
    again.load_state_dict(task.state_dict())
    assert torch.equal(next(again.parameters()), next(task.parameters()))
    with pytest.raises(SettingsError, match=r"embedding_size is 4, and the vectors in .* have 3 numbers"):
        task_kind.build(items, task_kind.task.settings_type(embedding_size=4), 0, file)


def test_what_reads_no_words_takes_none(tmp_path: Path) -> None:
    file = WordVectors(write(tmp_path / "v.txt", LINES))
    with pytest.raises(SettingsError, match="a language model has no use for them"):
        KINDS["language-model"].build(ITEMS["classifier"], None, 0, file)


def test_words_that_were_not_trained_on_are_told_apart_by_their_vectors(tmp_path: Path) -> None:
    """The words of the test texts occur in no training text; their vectors lie beside those that do."""
    rng = np.random.default_rng(0)
    centres = {"good": rng.normal(size=8), "bad": rng.normal(size=8)}
    names = [(f"{label}{k}", label) for k in range(24) for label in centres]
    lines = [
        " ".join([name, *(f"{x:.4f}" for x in centres[label] + 0.1 * rng.normal(size=8))])
        for name, label in names
    ]
    file = WordVectors(write(tmp_path / "v.txt", "\n".join(lines) + "\n"))
    trained_on = [LabelledText(text=f"so {name} it was", label=label) for name, label in names[:24]]
    new = [LabelledText(text=f"so {name} it was", label=label) for name, label in names[24:]]
    kind = KINDS["classifier"]
    settings = kind.task.settings_type(
        embedding_size=8, pair_size=0, hidden_size=12, min_count=1, dropout=0.1
    )
    task = kind.build(trained_on, settings, 0, file)
    config = TrainingConfig(steps=150, batch_size=12, learning_rate=1e-2)
    fit(task, config, examples=task.prepare(trained_on, training=True), progress=False)
    assert task.measure(new).values()["accuracy"] > 0.9
