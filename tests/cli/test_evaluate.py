"""The figures of an evaluation are the means of its questions' scores, with an honest interval."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from keepgate.tasks.measure import Measurement, Rows


@pytest.fixture
def data(tmp_path: Path, text: Path) -> Path:
    path = tmp_path / "dev.jsonl"
    story = text.read_text(encoding="utf-8")
    goals = {"海賊王": "魯夫", "航海士": "娜美"}
    lines = [
        {"text": story, "question": f"是誰想要成為{goal}?", "answer": name} for goal, name in goals.items()
    ]
    lines.append({"text": story, "question": "是誰?", "answer": ""})
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_the_figures_agree_with_the_predictions(lstm: Path, data: Path, tmp_path: Path, keepgate) -> None:
    out = tmp_path / "folder" / "predictions.jsonl"
    ran = keepgate("evaluate", lstm, data, "--out", out, "--json")
    figures = json.loads(ran.out)
    predictions = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (figures["questions"], figures["left_out"]) == (2, 1)
    for name in ("exact", "f1_substring", "f1_bag"):
        mean = sum(one[name] for one in predictions) / 2
        assert figures[name]["mean"] == pytest.approx(mean)
        assert figures[name]["low"] <= mean <= figures[name]["high"]
    assert [one["prediction"] in one["answers"] for one in predictions] == [
        one["exact"] == 1 for one in predictions
    ]
    assert "1 left out" in ran.err


def test_the_table_is_in_per_cent_with_its_interval(lstm: Path, data: Path, keepgate) -> None:
    ran = keepgate("evaluate", lstm, data)
    assert "2 questions (json lines)" in ran.out
    for name in ("exact match", "F1, longest common substring", "F1, bag of words"):
        assert name in ran.out
    assert " to " in ran.out


def test_predictions_that_cannot_be_written_are_a_broken_file(lstm: Path, data: Path, keepgate) -> None:
    ran = keepgate("evaluate", lstm, data, "--out", data / "predictions.jsonl")
    assert ran.code == 3
    assert "dev.jsonl/predictions.jsonl: a part of this path is a file" in ran.err
    assert ran.out == ""


def test_the_interval_is_as_wide_as_the_binomial_says() -> None:
    values = np.array([1.0] * 300 + [0.0] * 700)
    measured = Measurement(records=[{}] * 1000, scores={"x": lambda rows: float(values[rows].mean())})
    assert measured.values()["x"] == pytest.approx(0.3)
    low, high = measured.interval("x")
    half = 1.96 * (0.3 * 0.7 / 1000) ** 0.5
    assert low == pytest.approx(0.3 - half, abs=0.004)
    assert high == pytest.approx(0.3 + half, abs=0.004)
    assert measured.interval("x") == (low, high)


def test_drawings_without_the_metric_are_left_out_of_the_interval() -> None:
    # Of five items two have the metric, so that one drawing in thirteen (3/5 to the fifth) has it of none.
    values = np.array([np.nan, np.nan, np.nan, 0.25, 0.75])

    def mean(rows: Rows) -> float:
        has_it = rows[np.isfinite(values[rows])]
        return float(values[has_it].mean()) if len(has_it) else math.nan

    def of_none(_: Rows) -> float:
        return math.nan

    measured = Measurement(records=[{}] * 5, scores={"x": mean, "y": of_none})
    assert measured.interval("x") == (0.25, 0.75)
    assert np.isnan(measured.interval("y")).all()


def test_what_the_model_cannot_answer_is_told(lstm: Path, tmp_path: Path, text: Path, keepgate) -> None:
    path = tmp_path / "dev.jsonl"
    story = text.read_text(encoding="utf-8")
    path.write_text(json.dumps({"text": story, "question": "誰?", "answer": "香吉士"}), encoding="utf-8")
    ran = keepgate("evaluate", lstm, path)
    assert "1 of 1 question cannot be right because its answer is none of the choices" in ran.err.replace(
        "\n", " "
    )
    assert "always '香吉士'" in ran.out.replace("\n", " ")


def test_no_batch_is_refused(lstm: Path, data: Path, keepgate) -> None:
    ran = keepgate("evaluate", lstm, data, "--batch-size", 0)
    assert (ran.code, ran.err.strip()) == (2, "keepgate: --batch-size is 0; it must be 1 or more")
