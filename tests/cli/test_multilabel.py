"""A classifier of several labels at the command line: trained from lists or a separator, measured, looked at, used."""

import json
from itertools import product
from pathlib import Path

import pytest

from keepgate.export import load

WORDS = {"price": "dear", "noise": "loud", "food": "tasty"}
QUICK = [part for name in ("hidden_size=6", "embedding_size=6", "pair_size=4", "min_count=1", "dropout=0.1")
         for part in ("--set", name)]  # fmt: skip


def rows() -> list[tuple[str, list[str]]]:
    return [
        (
            f"room {k}: " + " and ".join(["we came", *(WORDS[label] for label in labels), "we went"]),
            list(labels),
        )
        for k in range(5)
        for chosen in product((0, 1), repeat=3)
        for labels in [[label for label, taken in zip(WORDS, chosen, strict=True) if taken]]
    ]


def write(path: Path) -> Path:
    lines = [json.dumps({"text": text, "labels": labels}) for text, labels in rows()]
    if path.suffix == ".csv":
        lines = ["text,labels", *(f"{text},{'; '.join(labels)}" for text, labels in rows())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from keepgate.cli.__main__ import main

    folder = tmp_path_factory.mktemp("multilabel")
    data = write(folder / "train.jsonl")
    options = (
        "--dev",
        data,
        "--out",
        folder / "mine",
        "--steps",
        150,
        "--learning-rate",
        0.02,
        *QUICK,
        "--set",
        "mask_rate=0",
    )
    assert main([str(word) for word in ("train", "classifier", data, *options)]) == 0
    return folder / "mine"


def test_lists_of_labels_are_told_and_thresholds_chosen(tmp_path: Path, keepgate) -> None:
    data, out = write(tmp_path / "train.jsonl"), tmp_path / "mine"
    ran = keepgate("train", "classifier", data, "--dev", data, "--out", out, "--steps", 9, *QUICK)
    assert ran.code == 0, ran.err
    words = " ".join(ran.out.split())
    for said in (
        "40 texts (json lines), 20 of them with several labels, 5 with none",
        "3 labels: food 20, noise 20, price 20.",
        "Texts have lists of labels: training a multilabel classifier, which gives each text any number of labels.",
        "Thresholds from which on a label is given are chosen on these 40 texts",
        "On --dev: micro F1",
        "always every label: micro F1 66.7%",
    ):
        assert said in words
    assert load(out).labels == ("food", "noise", "price")


def test_a_separator_says_the_same_as_lists(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv")
    options = ("--label-separator", ";", "--steps", 2, *QUICK)
    ran = keepgate("train", "classifier", data, "--out", tmp_path / "a", *options)
    assert ran.code == 0, ran.err
    assert "20 of them with several labels, 5 with none" in " ".join(ran.out.split())
    ran = keepgate("evaluate", tmp_path / "a", data, "--label-separator", ";", "--json")
    assert ran.code == 0, ran.err
    assert set(json.loads(ran.out)["labels"]) == {*WORDS}
    ran = keepgate("evaluate", tmp_path / "a", data)
    assert "cannot be right, each because it has a label that the model has not" in " ".join(ran.err.split())


def test_one_label_each_stays_a_classifier_and_a_forced_kind_is_obeyed(tmp_path: Path, keepgate) -> None:
    data = tmp_path / "one.csv"
    data.write_text("text,label\nloud one,noise\ndear one,price\n" * 4, encoding="utf-8")
    ran = keepgate("train", "classifier", data, "--out", tmp_path / "a", "--steps", 2, *QUICK)
    assert (load(tmp_path / "a").kind, "training a" in ran.out) == ("classifier", False)
    ran = keepgate(
        "train", "classifier", data, "--out", tmp_path / "b", "--kind", "multilabel", "--steps", 2, *QUICK
    )
    assert ran.code == 0, ran.err
    assert load(tmp_path / "b").kind == "multilabel-classifier"
    ran = keepgate(
        "train", "classifier", write(tmp_path / "s.jsonl"), "--out", tmp_path / "c", "--kind", "classifier"
    )
    assert (ran.code, "train one with --kind multilabel" in " ".join(ran.err.split())) == (3, True)


def test_it_is_measured_by_label(model: Path, tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "test.jsonl")
    ran = keepgate("evaluate", model, data)
    assert ran.code == 0, ran.err
    for said in ("micro F1", "macro F1", "exact sets", "precision", "recall", "noise"):
        assert said in ran.out
    ran = keepgate("evaluate", model, data, "--json", "--out", tmp_path / "p.jsonl")
    figures = json.loads(ran.out)
    assert figures["micro_f1"]["mean"] > 0.95
    assert figures["labels"]["noise"]["texts"] == 20
    assert json.loads((tmp_path / "p.jsonl").read_text().splitlines()[3])["labels"] == ["noise", "food"]


def test_labels_are_predicted(model: Path, keepgate) -> None:
    texts = b"room 3: we came and dear and loud and we went\nroom 2: we came and we went\n"
    ran = keepgate("predict", model, "-", stdin=texts)
    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [record["labels"] for record in records] == [["noise", "price"], []]
    shares = records[0]["probabilities"]
    assert records[0]["probability"] == pytest.approx(
        shares["noise"] * shares["price"] * (1 - shares["food"])
    )
    ran = keepgate("predict", model, "-", "--tsv", stdin=texts)
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == ["noise;price", ""]


def test_look_explains_one_label_or_all_and_examine_says_how_far(
    model: Path, tmp_path: Path, keepgate
) -> None:
    path = tmp_path / "one.txt"
    path.write_text("room 3: we came and dear and loud and we went", encoding="utf-8")
    ran = keepgate("look", model, "--text", path, "--question", "noise")
    assert ran.code == 0, ran.err
    words = " ".join(ran.out.split())
    assert "loud" in words.partition("per cent label")[2][:150]
    assert "not noise" in words
    ran = keepgate("look", model, "--text", path, "--html", tmp_path / "a.html")
    assert ran.code == 0, ran.err
    assert "noise, price" in ran.out
    assert "noise, price" in (tmp_path / "a.html").read_text(encoding="utf-8")
    ran = keepgate("look", model, "--text", path, "--question", "luck")
    assert (ran.code, "is none of this classifier's labels" in " ".join(ran.err.split())) == (2, True)
    ran = keepgate("examine", model, "--data", write(tmp_path / "dev.jsonl"))
    assert ran.code == 0, ran.err
