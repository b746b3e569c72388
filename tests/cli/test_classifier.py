"""A classifier at the command line: trained, measured, looked at, and used on files and on standard input."""

import json
from pathlib import Path

import pytest

from keepgate import progress, runtime
from keepgate.export import load

QUICK = (
    "--set",
    "hidden_size=6",
    "--set",
    "embedding_size=6",
    "--set",
    "pair_size=4",
    "--set",
    "min_count=1",
)


def write(path: Path, count: int = 40) -> Path:
    lines = ["label,review"]
    for k in range(count):
        label = ("good", "bad")[k % 2]
        word = {"good": "lovely", "bad": "dirty"}[label]
        lines.append(f'{label},"the {word} room, {("number", "floor", "house")[k // 2 % 3]} {k // 2}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from keepgate.cli.__main__ import main

    folder = tmp_path_factory.mktemp("classifier")
    data = write(folder / "train.csv")
    options = ("--dev", data, "--out", folder / "mine", "--steps", 60, "--learning-rate", 0.02, *QUICK)
    assert main([str(word) for word in ("train", "classifier", data, *options)]) == 0
    return folder / "mine"


def test_it_is_trained_and_says_how_good_it_is_beside_the_majority(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv")
    out = tmp_path / "mine"
    ran = keepgate(
        "train", "classifier", data, "--dev", data, "--out", out, "--steps", 6, "--batch-size", 8, *QUICK
    )
    assert ran.code == 0, ran.err
    for said in (
        "40 texts (csv)",
        "2 labels: bad 20, good 20",
        "On --dev: accuracy",
        "always 'good'",
        "guessing",
    ):
        assert said in ran.out.replace("\n", " ")
    assert "keepgate predict" in ran.out
    assert load(out).choices == ("bad", "good")
    assert "keepgate predict mine FILE" in (out / "card.md").read_text()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--batch-size", 0], 2, "batch_size is 0; it must be 1 or more"),
        (["--learning-rate", 1e9], 4, "diverged"),
        (["--label-column", "labl"], 3, "has no column 'labl'; its columns are 'label', 'review'"),
        (["--set", "pooling=min"], 2, "pooling is 'min'"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    options: list[object], code: int, says: str, tmp_path: Path, keepgate
) -> None:
    data = write(tmp_path / "train.csv")
    ran = keepgate("train", "classifier", data, "--out", tmp_path / "mine", "--steps", 20, *QUICK, *options)
    assert ran.code == code
    assert says in ran.err
    assert not (tmp_path / "mine").exists()


def test_rare_labels_are_told_before_it_is_trained(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv", 60)
    with data.open("a", encoding="utf-8") as file:
        file.write("odd,a strange room\n")
    ran = keepgate("train", "classifier", data, "--out", tmp_path / "mine", "--steps", 2, *QUICK)
    words = ran.out.replace("\n", " ")
    assert words.index("the rarest, 'odd', 1 time (1.6%)") < words.index("weights, 2 steps")


def test_rare_labels_are_weighed_and_probabilities_calibrated_on_dev(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv", 40)
    lines = write(tmp_path / "more.csv", 60).read_text(encoding="utf-8").splitlines()
    # The label of one row in ten of --dev is wrong, so that nobody can be sure.
    wrong = [line.replace("good,", "bad,") if k % 5 == 1 else line for k, line in enumerate(lines)]
    dev, out = tmp_path / "dev.csv", tmp_path / "mine"
    dev.write_text("\n".join(wrong) + "\n", encoding="utf-8")
    options = ("--steps", 80, "--learning-rate", 0.02, "--set", "class_weights=balanced", *QUICK)
    ran = keepgate("train", "classifier", data, "--dev", dev, "--out", out, *options)
    assert ran.code == 0, ran.err
    words = " ".join(ran.out.split())
    assert words.index("Probabilities are calibrated on these 60 texts: temperature") < words.index(
        "On --dev"
    )
    assert "; calibration error " in words
    model = load(out)
    assert (model.settings.class_weights, model.label_counts) == ("balanced", [20, 20])
    ran = keepgate("evaluate", out, dev, "--json")
    assert 0 < json.loads(ran.out)["calibration_error"]["mean"] < 0.2
    ran = keepgate(
        "train", "classifier", data, "--out", tmp_path / "b", "--set", "class_weights=even", *QUICK
    )
    assert (ran.code, "class_weights is 'even'" in ran.err) == (2, True)


def test_it_begins_with_vectors_from_a_file(tmp_path: Path, keepgate) -> None:
    data, vectors = write(tmp_path / "train.csv"), tmp_path / "glove.txt"
    vectors.write_text("the 1 0 2\nlovely 1 1 1\nsplendid 1 1.1 1\nroom 0 1 0\n", encoding="utf-8")
    options = ("--steps", 2, "--set", "hidden_size=6", "--set", "min_count=1")
    ran = keepgate("train", "classifier", data, "--out", tmp_path / "mine", "--vectors", vectors, *options)
    assert ran.code == 0, ran.err
    words = " ".join(ran.out.split())
    assert "different tokens have a vector in glove.txt (3 numbers); other words taken from it: 1." in words
    model = load(tmp_path / "mine")
    assert model.settings.embedding_size == 3
    assert "splendid" in model.vocabulary
    assert "glove.txt" in (tmp_path / "mine" / "card.md").read_text()
    for out, wrong, code, says in (
        ("a", ("--vectors", vectors, "--set", "embedding_size=8"), 2, "give embedding_size=3"),
        ("b", ("--vectors", tmp_path / "none.txt"), 3, "does not exist"),
    ):
        ran = keepgate("train", "classifier", data, "--out", tmp_path / out, *options, *wrong)
        assert (ran.code, says in " ".join(ran.err.split())) == (code, True), ran.err


def test_a_loss_of_nothing_is_called_overfitting(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv", 12)
    settings = (
        "--set",
        "label_smoothing=0",
        "--set",
        "dropout=0",
        "--set",
        "mask_rate=0",
        "--set",
        "ema_decay=none",
    )
    ran = keepgate(
        "train",
        "classifier",
        data,
        "--out",
        tmp_path / "mine",
        "--steps",
        150,
        "--learning-rate",
        0.05,
        *QUICK,
        *settings,
    )
    assert "by heart (overfitting)" in ran.out.replace("\n", " ")


def test_what_answers_only_the_commonest_label_is_not_called_overfitting(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv")
    with data.open("a", encoding="utf-8") as file:
        file.writelines(f'good,"a quiet room {k}"\n' for k in range(300))
    dev = write(tmp_path / "dev.csv", 10)
    options = ("--steps", 20, "--learning-rate", 0.001, *QUICK)
    ran = keepgate("train", "classifier", data, "--dev", dev, "--out", tmp_path / "mine", *options)
    words = " ".join(ran.out.split())
    assert "learnt hardly more than what is commonest: accuracy is" in words
    assert "Overfitting" not in words


def test_it_is_measured_with_intervals_baselines_and_confusions(
    model: Path, tmp_path: Path, keepgate
) -> None:
    data = write(tmp_path / "test.csv", 30)
    ran = keepgate("evaluate", model, data)
    assert ran.code == 0, ran.err
    for said in ("accuracy", "macro F1", "balanced accuracy", "always 'good'", "right \\ predicted"):
        assert said in ran.out
    ran = keepgate("evaluate", model, data, "--json", "--out", tmp_path / "p" / "predictions.jsonl")
    figures = json.loads(ran.out)
    assert figures["texts"] == 30
    assert figures["accuracy"]["mean"] > 0.9
    assert figures["confusion"]["labels"] == ["bad", "good"]
    lines = (tmp_path / "p" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 30
    assert json.loads(lines[0])["label"] == "good"
    unknown = tmp_path / "unknown.csv"
    unknown.write_text("text,label\nlovely room,superb\n", encoding="utf-8")
    ran = keepgate("evaluate", model, unknown)
    assert "1 of 1 text cannot be right because its label is none of the model's" in ran.err.replace(
        "\n", " "
    )


def test_labels_of_dev_that_no_training_text_has_are_told(tmp_path: Path, keepgate) -> None:
    data, dev = write(tmp_path / "train.csv", 12), tmp_path / "dev.csv"
    rows = "lovely room,superb\ndirty room,awful\nlovely room again,good\n"
    dev.write_text("text,label\n" + rows, encoding="utf-8")
    ran = keepgate("train", "classifier", data, "--dev", dev, "--out", tmp_path / "m", "--steps", 1, *QUICK)
    said = " ".join(ran.out.split())
    assert "2 of 3 texts cannot be right, each because its label is none of the model's." in said


def test_the_cell_has_an_option_of_its_own(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv", 12)
    words = ("train", "classifier", data, "--steps", 1, *QUICK)
    assert keepgate(*words, "--out", tmp_path / "m", "--cell", "mingru").code == 0
    assert load(tmp_path / "m").settings.cell == "mingru"
    ran = keepgate(*words, "--out", tmp_path / "other", "--cell", "mingro")
    assert (ran.code, "'mingro'" in ran.err) == (2, True)


def test_tensorboards_files_are_written_beside_the_log(tmp_path: Path, keepgate) -> None:
    pytest.importorskip("tensorboard")
    data, board = write(tmp_path / "train.csv", 12), tmp_path / "board"
    ran = keepgate(
        "train", "classifier", data, "--steps", 2, *QUICK, "--out", tmp_path / "m", "--tensorboard", board
    )
    assert ran.code == 0, ran.err
    assert [path.name.startswith("events") for path in board.iterdir()] == [True]
    assert (tmp_path / "m.training" / "metrics.jsonl").read_text()


def test_examine_is_told_the_columns_as_evaluate_is(model: Path, tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "test.csv", 12)
    data.write_text(data.read_text().replace("label,review", "verdict,remark"))
    columns = ("--text-column", "remark", "--label-column", "verdict")
    ran = keepgate("examine", model, "--data", data, *columns, "--json")
    assert (ran.code, json.loads(ran.out)["texts"]) == (0, 12)
    ran = keepgate("examine", model, "--data", data)
    assert (ran.code, "--text-column" in ran.err) == (3, True)


def test_labels_are_predicted_from_files_and_standard_input(model: Path, tmp_path: Path, keepgate) -> None:
    text = "the lovely room\n\nthe dirty room\n"
    (tmp_path / "new.txt").write_text(text, encoding="utf-8")
    ran = keepgate("predict", model, tmp_path / "new.txt")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [record["label"] for record in records] == ["good", "bad"]
    assert sum(records[0]["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    ran = keepgate("predict", model, "-", "--tsv", stdin=text.encode())
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == ["good", "bad"]
    assert keepgate("predict", model, tmp_path / "new.txt", "--out", tmp_path / "l.jsonl").out == ""
    assert [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()] == records
    assert keepgate("predict", model, "-", "--tsv", "--out", "x", stdin=b"a").code == 2
    assert keepgate("predict", model, tmp_path / "none.txt").code == 3
    ran = keepgate("predict", model, "-", stdin=b'{"text": "the lovely room"}\n{"txt": "the dirty room"}\n')
    nothing = {"text": "", "label": None, "probability": None, "probabilities": None}
    assert [json.loads(line) for line in ran.out.splitlines()] == [records[0], nothing]
    assert "1 text without a label: standard input, line 2: the text is empty." in ran.err.replace("\n", " ")
    ran = keepgate("predict", model, "-", "--tsv", stdin=b"text,n\nthe dirty room,1\n,2\nthe lovely room,3\n")
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == ["bad", "", "good"]


@pytest.mark.parametrize("without_torch", [False, True])
def test_what_takes_long_shows_how_far_it_is(
    model: Path, keepgate, monkeypatch: pytest.MonkeyPatch, without_torch: bool
) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0)
    if without_torch:
        monkeypatch.setattr(
            "keepgate.cli.predict.load_for", lambda _command, path, _lacks: runtime.load(path)
        )
    ran = keepgate("predict", model, "-", "--tsv", stdin=b"the lovely room\nthe dirty room\n")
    assert "2 of 2 texts" in ran.err
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == ["good", "bad"]


def test_a_table_read_as_plain_text_is_told(model: Path, tmp_path: Path, keepgate) -> None:
    path = tmp_path / "new.csv"
    path.write_text("body,stars\ngood,5\n", encoding="utf-8")
    ran = keepgate("predict", model, path)
    assert len(ran.out.splitlines()) == 2
    assert "--text-column" in ran.err
    assert keepgate("predict", model, path, "--text-column", "body").err == ""


def test_look_says_which_words_the_label_rests_on(model: Path, tmp_path: Path, keepgate) -> None:
    path = tmp_path / "review.txt"
    path.write_text("the dirty room, number 4", encoding="utf-8")
    ran = keepgate("look", model, "--text", path)
    assert ran.code == 0, ran.err
    assert "bad" in ran.out
    assert "dirty" in ran.out.partition("%")[2]
    assert keepgate("look", model, "--text", path, "--html", tmp_path / "a.html").code == 0
    assert "dirty" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_what_is_for_readers_is_refused(model: Path, tmp_path: Path, keepgate, lstm: Path) -> None:
    path = tmp_path / "review.txt"
    path.write_text("the dirty room", encoding="utf-8")
    ran = keepgate("ask", model, "--text", path, "--question", "who?")
    assert (ran.code, "keepgate predict" in ran.err) == (2, True)
    assert keepgate("look", model, "--text", path, "--question", "who?").code == 2
    ran = keepgate("look", lstm, "--text", path)
    assert (ran.code, "--question" in ran.err) == (2, True)
    ran = keepgate("predict", lstm, path)
    assert (ran.code, "none of the formats" in ran.err) == (3, True)
    ran = keepgate("predict", model, path, "--series-column", "x")
    assert (ran.code, "reads texts; give --text-column" in " ".join(ran.err.split())) == (2, True)
    ran = keepgate("evaluate", lstm, path, "--text-column", "x")
    assert (ran.code, "answers questions" in ran.err) == (2, True)


def test_it_is_examined(model: Path, tmp_path: Path, keepgate) -> None:
    ran = keepgate("examine", model, "--data", write(tmp_path / "test.csv", 20))
    assert ran.code == 0, ran.err
    assert "20 texts of up to 6 tokens" in ran.out


def test_a_dev_part_that_was_trained_on_is_told(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv")
    lines = data.read_text().splitlines()
    mixed, new = tmp_path / "mixed.csv", tmp_path / "new.csv"
    mixed.write_text("\n".join([*lines[:6], "good,a lovely view", "bad,a dirty view"]) + "\n")
    new.write_text("\n".join([lines[0], "good,a lovely view", "bad,a dirty view"]) + "\n")
    options = ("--steps", 2, *QUICK)
    ran = keepgate("train", "classifier", data, "--dev", mixed, "--out", tmp_path / "a", *options)
    assert "5 of 7 texts of --dev are in the training data too" in ran.out.replace("\n", " ")
    ran = keepgate("train", "classifier", data, "--dev", new, "--out", tmp_path / "b", *options)
    assert "training data too" not in ran.out


def test_a_text_of_one_character_and_one_of_a_million_have_a_label(model: Path, keepgate) -> None:
    texts = f"好\n{'好房間 ' * 250_000}\n👩\u200d🚀 cafe\u0301 שלום\n"
    ran = keepgate("predict", model, "-", stdin=texts.encode())
    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [len(record["text"]) for record in records] == [1, 1_000_000, 14]
    assert all(record["label"] in ("good", "bad") for record in records)
