"""A classifier of series at the command line: trained, measured, looked at, and used on files and standard input."""

import json
from pathlib import Path

import numpy as np
import pytest

QUICK = ("--steps", 60, "--set", "hidden_size=8", "--learning-rate", 0.02)


def write(path: Path, count: int = 24, seed: int = 0) -> Path:
    rng, lines = np.random.default_rng(seed), ["series,label,heat,load"]
    for k in range(count):
        for step in range(5):
            heat = (3 if k % 2 else -3) if step == 2 else rng.normal()
            lines.append(f"s{k},{'up' if k % 2 else 'down'},{heat},{rng.normal()}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from keepgate.cli.__main__ import main

    folder = tmp_path_factory.mktemp("series")
    data = write(folder / "train.csv")
    words = ("train", "series-classifier", data, "--dev", data, "--out", folder / "mine", *QUICK)
    assert main([str(word) for word in words]) == 0
    return folder / "mine"


def test_it_is_trained_and_says_what_it_read(tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "train.csv")
    ran = keepgate("train", "series-classifier", data, "--out", tmp_path / "mine", "--steps", 2)
    assert ran.code == 0, ran.err
    for words in (
        "24 series of 5 steps (csv), 2 features: heat, load",
        "2 labels: down 12, up 12",
        "predict",
    ):
        assert words in ran.out.replace("\n", " ")


def test_it_is_measured_and_used(model: Path, tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "new.csv", 10, seed=5)
    ran = keepgate("evaluate", model, data, "--json")
    assert json.loads(ran.out)["accuracy"]["mean"] > 0.8
    ran = keepgate("predict", model, data)
    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [record["series"] for record in records] == [f"s{k}" for k in range(10)]
    assert set(records[0]["probabilities"]) == {"up", "down"}
    bare = "load,heat\n" + "0.1,0.2\n" * 2 + "0.1,3\n"
    ran = keepgate("predict", model, "-", "--tsv", stdin=bare.encode())
    assert ran.out.split("\t")[0] in ("up", "down")
    np.savez(tmp_path / "new.npz", x=np.zeros((2, 4, 2)))
    assert len(keepgate("predict", model, tmp_path / "new.npz").out.splitlines()) == 2


def test_the_column_of_the_series_can_be_named(model: Path, tmp_path: Path, keepgate) -> None:
    data = write(tmp_path / "new.csv", 4, seed=5)
    data.write_text(data.read_text().replace("series,", "plant,"))
    ran = keepgate("predict", model, data, "--series-column", "plant")
    assert [json.loads(line)["series"] for line in ran.out.splitlines()] == ["s0", "s1", "s2", "s3"], ran.err
    ran = keepgate("evaluate", model, data, "--series-column", "plant", "--json")
    assert json.loads(ran.out)["series"] == 4, ran.err
    for words, message in (
        (("predict", model, data), "name the column of the series with --series-column"),
        (("predict", model, data, "--text-column", "plant"), "reads series; give --series-column instead"),
        (("evaluate", model, data, "--text-column", "plant"), "a series classifier, reads no such column"),
    ):
        ran = keepgate(*words)
        assert ran.code in (2, 3)
        assert message in " ".join(ran.err.split())


def test_the_lens_is_for_it_too(model: Path, tmp_path: Path, keepgate) -> None:
    one = tmp_path / "one.csv"
    one.write_text("heat,load\n0,0\n0.1,0\n3,0\n0,0.2\n")
    ran = keepgate("look", model, "--text", one)
    assert ran.code == 0, ran.err
    assert "step 3" in ran.out
    ran = keepgate("examine", model, "--data", write(tmp_path / "t.csv", 12))
    assert ran.code == 0, ran.err


def test_broken_data_is_named_and_nothing_is_written(tmp_path: Path, keepgate, model: Path) -> None:
    data = tmp_path / "broken.csv"
    data.write_text("series,label,x\na,up,1\nb,down,\n")
    ran = keepgate("train", "series-classifier", data, "--out", tmp_path / "mine", "--steps", 2)
    assert (ran.code, "no finite number" in ran.err) == (3, True)
    ran = keepgate("train", "series-classifier", data, "--series-column", "sries", "--out", tmp_path / "mine")
    assert (ran.code, "no column 'sries'" in ran.err.replace("\n", " ")) == (3, True)
    ran = keepgate("predict", model, data)
    assert (ran.code, "which the model reads" in ran.err.replace("\n", " ")) == (3, True)
    assert not (tmp_path / "mine").exists()
