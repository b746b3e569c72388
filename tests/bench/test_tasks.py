"""The scoreboard: seeds of one recipe stand together, every row prints, no test text is trained on."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import cmrc2018, ett, hotel_reviews, jsb_chorales, language_model, row, scoreboard, tagging, tasks
from bench.markdown import RESULTS
from bench.sources import SOURCES
from keepgate.data.labelled import LabelledText
from keepgate.data.questions import Question
from keepgate.data.tagged import tagged_text
from keepgate.export import load
from keepgate.tasks.tagger import Tagger, TaggerSettings

ROW = row.Row(
    name="toy",
    data="a toy",
    folder="toy",
    targets=(
        row.Target(metric="f1", title="F1", at_least=50, aim=90),
        row.Target(metric="nats", title="nats", at_least=1.5, percent=False, falls=True, digits=2),
    ),
    train=lambda _folder, seed, test, _model: {
        "parameters": 5,
        "cpu_minutes": 1.0,
        "test" if test else "dev": {"f1": 0.5 + seed / 10, "nats": 1.0 + seed},
    },
    recipe=lambda: {"steps": 3},
)


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row, "RESULTS", tmp_path / "results")
    (tmp_path / "toy").mkdir()


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """The command; what it starts as processes of its own is run in its threads."""

    def in_place(command: Sequence[str], *, check: bool) -> None:
        assert check
        assert command[1:4] == ["-m", "bench.tasks", "toy"]
        options = tasks.options_of(command[3:])
        options.figures.write_text(json.dumps(tasks.one("toy", options.seeds[0], options)))

    monkeypatch.setitem(scoreboard.ROWS, "toy", ROW)
    monkeypatch.setattr(subprocess, "run", in_place)
    monkeypatch.setattr("sys.argv", ["tasks", *words])
    tasks.main()


def test_seeds_of_one_recipe_stand_together_and_another_recipe_starts_anew_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in ("1", "0", "1"):
        run(monkeypatch, "toy", "--data", str(tmp_path), "--seeds", seed)
    results = json.loads(ROW.results.read_text())
    assert list(results["seeds"]) == ["0", "1"]
    assert results["mean"] == {"f1": pytest.approx(0.55), "nats": 1.5}
    assert results["range"] == {"f1": [0.5, 0.6], "nats": [1.0, 2.0]}
    assert results["seeds"]["0"]["machine"]["torch"]
    assert results["seeds"]["0"]["peak_mib"] > 10
    printed = scoreboard.cells(ROW)
    assert printed[1:5] == [
        "F1 / nats",
        "≥ 50 / ≤ 1.5",
        "≥ 90 / –",
        "55.0 ± 7.1 (50.0–60.0; 2) / 1.50 ± 0.71 (1.00–2.00; 2)",
    ]
    assert printed[6:8] == ["1.0", "–"], "minutes of the processor, and none by the clock"
    other = replace(ROW, recipe=lambda: {"steps": 4, "settings": {"size": 0}})
    monkeypatch.setattr(sys.modules[__name__], "ROW", other)
    words = ["toy", "--data", str(tmp_path), "--seeds", "2"]
    with pytest.raises(
        SystemExit, match=r"settings.size was not there and is 0; steps was 3 and is 4\n--anew"
    ):
        run(monkeypatch, *words)
    run(monkeypatch, *words, "--anew")
    assert list(json.loads(ROW.results.read_text())["seeds"]) == ["2"]
    assert [path.name for path in ROW.results.parent.iterdir()] == ["toy.json"]


def test_tuning_on_the_dev_part_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "toy", "--data", str(tmp_path), "--seeds", "0", "--dev-only")
    assert '"dev"' in capsys.readouterr().out
    assert not ROW.results.exists()


def test_missing_data_are_named_with_where_they_are_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ett").mkdir()
    with pytest.raises(
        SystemExit, match=r"ett/ETTh1\.csv is not there; it is had from zhouhaoyi/ETDataset(.|\n)*--data"
    ):
        run(monkeypatch, "ett", "--data", str(tmp_path), "--seeds", "0")


def test_every_row_has_the_source_of_its_data() -> None:
    assert {each.folder for each in scoreboard.ROWS.values()} == set(SOURCES)


def test_seeds_are_trained_side_by_side_and_recorded_by_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, plain = threading.Barrier(3), ROW.train

    def train(folder: Path, seed: int, test: bool, model: Path | None) -> row.Figures:
        meeting.wait(timeout=60)
        return plain(folder, seed, test, model)

    monkeypatch.setattr(sys.modules[__name__], "ROW", replace(ROW, train=train))
    run(monkeypatch, "toy", "--data", str(tmp_path), "--seeds", "0", "1", "2", "--jobs", "3")
    seeds = json.loads(ROW.results.read_text())["seeds"]
    assert list(seeds) == ["0", "1", "2"]
    assert all(each["peak_mib"] > 10 for each in seeds.values())


def test_a_seed_that_fails_is_named_and_the_others_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ROW.train

    def train(folder: Path, seed: int, test: bool, model: Path | None) -> row.Figures:
        if seed == 0:
            raise MemoryError("no room")
        return plain(folder, seed, test, model)

    monkeypatch.setattr(sys.modules[__name__], "ROW", replace(ROW, train=train))
    with pytest.raises(SystemExit, match="toy seed 0: no room"):
        run(monkeypatch, "toy", "--data", str(tmp_path), "--seeds", "0", "1", "2")
    assert list(json.loads(ROW.results.read_text())["seeds"]) == ["1", "2"]


def test_a_training_that_waits_for_its_data_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TaggerSettings(embedding_size=4, pair_size=0, hidden_size=4, min_count=1)
    texts = [tagged_text("王明來", ["B-X", "E-X", "O"], id=str(k)) for k in range(4)]
    task = Tagger.build(texts, settings, seed=0)
    collate = task.collate

    def slowly(examples: Sequence[Any]) -> Any:
        time.sleep(0.3)
        return collate(examples)

    monkeypatch.setattr(task, "collate", slowly)
    config = row.TrainingConfig(steps=5, batch_size=2, threads=1)
    result = row.fit(task, config, examples=task.prepare(texts, training=True), progress=False)
    share = row.cost(task, result)["waiting"]
    assert 1.5 / result.seconds <= share + 1e-3
    assert share <= 1
    figures = {"test": {"f1": 0.5, "nats": 1.0}, "waiting": share}
    ROW.record(0, figures)
    assert f"toy {share:.1%}" in scoreboard.waiting([ROW])


def test_a_row_without_results_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(scoreboard.ROWS) + 2
    assert all("not measured" in line for line in lines[2:])


@pytest.mark.parametrize("name", scoreboard.ROWS)
def test_recorded_seeds_have_the_recipe_that_further_ones_are_trained_with(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row, "RESULTS", RESULTS)
    assert scoreboard.ROWS[name].recipe_now()
    assert not scoreboard.ROWS[name].other_recipe()


def test_the_reviews_are_split_by_the_text_alone() -> None:
    texts = [LabelledText(text=f"review {k}", label=str(k % 2)) for k in range(2000)]
    parts = hotel_reviews.split([*texts, *texts])
    counts = {name: len(items) for name, items in parts.items()}
    assert sum(counts.values()) == 4000
    assert 350 < counts["test"] < 450
    assert 350 < counts["dev"] < 450
    of_parts = Counter(text for items in parts.values() for text in {item.text for item in items})
    assert max(of_parts.values()) == 1


def test_a_tagger_is_trained_measured_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TaggerSettings(embedding_size=4, pair_size=0, hidden_size=4, min_count=1)
    texts = [tagged_text("王明來", ["B-X", "E-X", "O"], id=str(k)) for k in range(4)]
    monkeypatch.setattr(row, "recipe", lambda *_: tagging.TrainingConfig(steps=3, batch_size=2))
    corpus = tagging.Corpus("names", lambda *_: texts, 4, settings)
    figures = tagging.train(corpus, tmp_path, 0, True, tmp_path / "model")
    assert {"f1", "precision", "recall", "accuracy", "interval"} <= set(figures["test"])
    assert set(tagging.train(corpus, tmp_path, 0, False, None)) >= {"dev", "cpu_minutes"}
    assert load(tmp_path / "model").scheme == "BMES"


def test_the_last_tenth_of_the_plays_is_kept_aside() -> None:
    train, test = language_model.split(LabelledText(text="0123456789" * 3))
    assert (len(train.text), train.text + test.text) == (27, "0123456789" * 3)


def test_the_horizons_are_averaged() -> None:
    model = {"parameters": 3, "steps": 2, "minutes": 0.5, "cpu_minutes": 0.25, "waiting": 0.01}
    models = {str(k): {**model, "test": {"mse": 1.0 + k, "mae": 1.0}} for k in range(2)}
    assert ett.summary(models) == {
        "parameters": 3, "steps": 4, "minutes": 1.0, "cpu_minutes": 0.5, "waiting": 0.01,
        "test": {"mse": 1.5, "mae": 1.0},
        "horizons": models,
    }  # fmt: skip


def test_no_text_is_both_learnt_from_and_measured_on() -> None:
    questions = [Question(text=f"文{text}", question=f"問{ask}?") for text in range(9) for ask in range(3)]
    kept, held = cmrc2018.split(questions, 4)
    assert len({each.text for each in held}) == 4
    assert {each.text for each in held}.isdisjoint(each.text for each in kept)
    assert len(kept) + len(held) == len(questions)
    assert cmrc2018.split(questions, 4) == (kept, held)


def test_the_bootstrap_knows_the_spread_of_a_mean() -> None:
    scores = cmrc2018.np.random.default_rng(0).random((400, 2)) < 0.3
    expected = (0.3 * 0.7 / 400) ** 0.5
    assert cmrc2018._bootstrap(scores.astype(float)) == pytest.approx([expected, expected], rel=0.15)


def test_the_test_part_of_the_chorales_is_left_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[str] = []

    def pieces(_: Path, part: str) -> list[jsb_chorales.Piece]:
        parts.append(part)
        return [jsb_chorales.Piece(jsb_chorales.np.eye(6, jsb_chorales.KEYS, dtype="float32"))] * 4

    monkeypatch.setattr(jsb_chorales, "read", pieces)
    monkeypatch.setattr(jsb_chorales, "CONFIG", replace(jsb_chorales.CONFIG, steps=2, batch_size=2))
    assert "test" not in jsb_chorales.train(tmp_path, 0, False, None)
    assert "test" not in parts
    assert jsb_chorales.train(tmp_path, 0, True, None)["test"]["nll"] > 0
