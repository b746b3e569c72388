"""A forecaster at the command line: trained, measured, forecasting, drawn and looked at."""

import json
import math
import re
from pathlib import Path

import pytest

from keepgate.cli.__main__ import main
from keepgate.data.corpora import large

QUICK = (
    "--set", "hidden_size=8", "--set", "embedding_size=8", "--set", "look_back=48", "--set", "steps_ahead=6",
    "--threads", "1", "--steps", "60", "--learning-rate", "0.01",
)  # fmt: skip


def rows(hours: int, ahead: int = 0) -> str:
    lines = ["time,load,warmth,holiday"]
    for hour in range(hours + ahead):
        day, clock = divmod(hour, 24)
        free = int(day % 7 > 4)
        load = 40 + 12 * math.sin(2 * math.pi * clock / 24) - 9 * free
        values = f"{load:.3f},{math.cos(hour):.2f}" if hour < hours else ","
        lines.append(f"2024-01-{day + 1:02} {clock:02}:00,{values},{free}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, `mine`, the series that it was trained on, and the same with rows ahead."""
    folder = tmp_path_factory.mktemp("forecaster")
    (folder / "power.csv").write_text(rows(500))
    (folder / "ahead.csv").write_text(rows(500, 6))
    words = (
        "train", "forecaster", folder / "power.csv", "--target", "load", "--past", "warmth", "--known", "holiday",
        "--out", folder / "mine", *QUICK,
    )  # fmt: skip
    assert main([str(word) for word in words]) == 0
    return folder


def test_it_is_trained_on_one_file_and_measured_on_its_end(tmp_path: Path, keepgate) -> None:
    (tmp_path / "power.csv").write_text(rows(500))
    ran = keepgate(
        "train", "forecaster", tmp_path / "power.csv", "--target", "load", "--out", tmp_path / "m", *QUICK
    )
    assert ran.code == 0, ran.err
    printed = ran.out.replace("\n", " ")
    for part in (
        "1 series of 500 steps (csv), a step every 1 hour", "forecast: load.", "Not read: warmth, holiday",
        "60 steps of", "windows", "On the end of the series, which was not trained on: MSE", "MASE",
        "coverage of the 80%",
        "24 steps before: MSE", "keepgate forecast",
    ):  # fmt: skip
        assert part in printed, part
    assert "nats" not in printed


def test_figures_of_a_window_or_two_are_told_to_say_little(tmp_path: Path, keepgate) -> None:
    (tmp_path / "power.csv").write_text(rows(3))
    words = ("--target", "load", "--out", tmp_path / "m", "--steps", 2, "--set", "hidden_size=4")
    ran = keepgate("train", "forecaster", tmp_path / "power.csv", "--dev", tmp_path / "power.csv", *words)
    assert ran.code == 0, ran.err
    printed = " ".join(ran.out.split())
    assert "2 steps of 1 window." in printed
    assert re.search(r"It learns from [1-3] windows? only, and so few say little", printed), printed
    assert re.search(r"It was measured on [1-3] windows? only", printed), printed


def test_a_table_that_memory_cannot_hold_is_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    monkeypatch.setattr(large, "LARGE", 0)
    (tmp_path / "power.csv").write_text(rows(500))
    ran = keepgate(
        "train", "forecaster", tmp_path / "power.csv", "--target", "load", "--past", "warmth", "--known", "holiday",
        "--out", tmp_path / "m", *QUICK,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "1 series of 500 steps (csv), a step every 1 hour" in ran.out.replace("\n", " ")
    mse = float(re.search(r"MSE ([\d.]+)", ran.out)[1])
    naive = float(re.search(r"the last value: MSE ([\d.]+)", ran.out)[1])
    assert mse < naive
    assert {path.name for path in (tmp_path / "m.training").iterdir()} == {"metrics.jsonl"}


def test_a_dev_part_that_was_trained_on_is_told(files: Path, tmp_path: Path, keepgate) -> None:
    words = ("train", "forecaster", files / "power.csv", "--target", "load", "--out", tmp_path / "m", *QUICK)
    ran = keepgate(*words, "--dev", files / "power.csv")
    assert "452 of the 452 steps of --dev that are forecast are in the training data too" in " ".join(
        ran.out.split()
    )


def test_it_is_measured_beside_naive_forecasts(files: Path, tmp_path: Path, keepgate) -> None:
    ran = keepgate("evaluate", files / "mine", files / "power.csv", "--out", tmp_path / "blocks.jsonl")
    assert ran.code == 0, ran.err
    assert all(part in ran.out for part in ("MSE", "MASE", "sMAPE", "pinball loss", "the last", "24 steps"))
    blocks = [json.loads(line) for line in (tmp_path / "blocks.jsonl").read_text().splitlines()]
    assert sum(block["windows"] for block in blocks) == 500 - 48 - 6 + 1
    ran = keepgate("evaluate", files / "mine", files / "power.csv", "--json")
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert figures["mse"]["low"] <= figures["mse"]["mean"] <= figures["mse"]["high"]
    assert figures["baselines"]["the last value"]["mae"] > 0
    ran = keepgate("evaluate", files / "mine", files / "power.csv", "--series-column", "x")
    assert (ran.code, "the columns that it was trained on" in " ".join(ran.err.split())) == (2, True)


def test_a_metric_without_a_value_is_a_dash_and_null(files: Path, tmp_path: Path, keepgate) -> None:
    lines = [f"2024-01-{hour // 24 + 1:02} {hour % 24:02}:00,40,0.5,0" for hour in range(100)]
    (tmp_path / "flat.csv").write_text("\n".join(["time,load,warmth,holiday", *lines, ""]))
    ran = keepgate("evaluate", files / "mine", tmp_path / "flat.csv")
    assert ran.code == 0, ran.err
    assert re.search(r"MASE +– +– ", ran.out)
    assert "nothing in these series gives a finite value of MASE." in ran.out
    printed = keepgate("evaluate", files / "mine", tmp_path / "flat.csv", "--json").out
    figures = json.loads(printed, parse_constant=pytest.fail)
    assert figures["mase"] == {"mean": None, "low": None, "high": None}
    assert figures["baselines"]["the last value"]["mase"] is None
    assert figures["mse"]["mean"] > 0


def test_it_forecasts_from_files_and_standard_input(
    files: Path, tmp_path: Path, keepgate, monkeypatch
) -> None:
    ran = keepgate("forecast", files / "mine", files / "ahead.csv", "--plot", tmp_path / "load.svg")
    assert ran.code == 0, ran.err
    (line,) = [json.loads(text) for text in ran.out.splitlines()]
    assert (line["target"], line["times"][0], len(line["forecast"])) == ("load", "2024-01-21 20:00", 6)
    assert all(low <= high for low, high in zip(*line["quantiles"].values(), strict=True))
    assert "6 steps ahead" in (tmp_path / "load.svg").read_text()
    piped = keepgate("forecast", files / "mine", "-", stdin=(files / "ahead.csv").read_bytes())
    assert json.loads(piped.out) == line
    table = keepgate("forecast", files / "mine", files / "ahead.csv", "--steps", 2, "--table").out
    assert "2024-01-21 21:00" in table
    assert "2024-01-21 22:00" not in table
    ran = keepgate("forecast", files / "mine", files / "ahead.csv", "--out", tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == line


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("", 3, "is empty"),
        ("time,lod\n2024-01-01,1\n", 3, "no column 'load', which the model was trained on; its columns are 'lod', "),
        (rows(30, 6), 3, "the series has 30 steps, and the model reads 48"),
        (rows(60, 2), 3, "goes on for 2 steps after the last value, and 6 are to be forecast"),
        (rows(60, 6).replace("40.000", "many"), 3, "'load' is 'many', which is no number"),
        ("\n".join(rows(60, 6).splitlines()[:1] + rows(60, 6).splitlines()[1::2]), 3, "a step every 2 hours"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_the_model_is_refused(
    content: str, code: int, says: str, files: Path, tmp_path: Path, keepgate
) -> None:
    (tmp_path / "data.csv").write_text(content)
    ran = keepgate("forecast", files / "mine", tmp_path / "data.csv")
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err.replace("\n", " ")
    assert "Traceback" not in ran.err


def test_a_look_shows_the_segments_the_number_and_its_lags(files: Path, tmp_path: Path, keepgate) -> None:
    ran = keepgate(
        "look", files / "mine", "--text", files / "ahead.csv", "--question", "load+3",
        "--figure", f"shares={tmp_path / 'lags.svg'}", "--html", tmp_path / "look.html",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    for part in (
        "load, 3 steps ahead (2024-01-21 22:00)",
        "update z",
        "hangs most on",
        "last",
        "the number changes by",
        "segments in the middling unit",
    ):
        assert part in " ".join(ran.out.split()), part
    picture = (tmp_path / "lags.svg").read_text()
    assert all(name in picture for name in ("load", "warmth", "holiday", "t−47"))
    for question, says in (
        ("sold", "does not forecast 'sold'"),
        ("load+9", "forecasts 1 to 6"),
        ("N:load", "no series 'N'"),
    ):
        ran = keepgate("look", files / "mine", "--text", files / "ahead.csv", "--question", question)
        assert ran.code == 2
        assert says in ran.err


def test_an_examination_says_how_long_a_look_back_has_to_be(files: Path, keepgate) -> None:
    ran = keepgate("examine", files / "mine", "--data", files / "power.csv")
    assert ran.code == 0, ran.err
    assert "1 series, read in windows of" in ran.out
    assert "of the 48 steps of a window" in ran.out.replace("\n", " ")
    found = json.loads(keepgate("examine", files / "mine", "--data", files / "power.csv", "--json").out)
    assert found["look_back"]["of"] == 48
    ran = keepgate("examine", files / "mine", "--data", files / "power.csv", "--language", "zh-TW")
    assert "look_back" in ran.out


def test_settings_with_wrong_names_and_data_that_may_be_meant_otherwise_are_asked_about(
    files: Path, tmp_path: Path, keepgate
) -> None:
    ran = keepgate("train", "forecaster", files / "power.csv", "--out", tmp_path / "m", "--set", "lookback=3")
    assert ran.code == 2
    assert "there is no such setting. The model has look_back, " in ran.err
    lines = ["date,shop,a,b", *(f"2024-01-{day:02},{shop},1,2" for day in range(1, 31) for shop in "NS")]
    (tmp_path / "shops.csv").write_text("\n".join(lines))
    ran = keepgate("train", "forecaster", tmp_path / "shops.csv", "--out", tmp_path / "m")
    assert ran.code == 3
    assert "say with --target" in ran.err.replace("\n", " ")


def test_other_commands_say_what_it_is_for(files: Path, lstm: Path, keepgate) -> None:
    for words in (
        ("predict", files / "mine", files / "power.csv"),
        ("ask", files / "mine", "--text", files / "power.csv", "--question", "Who?"),
    ):
        ran = keepgate(*words)
        assert ran.code == 2
        assert "keepgate forecast" in ran.err
    ran = keepgate("forecast", lstm, files / "power.csv")
    assert ran.code == 2
    assert "forecasts no series" in ran.err
    ran = keepgate("serve", files / "mine", "--data", lstm / "model.toml")
    assert ran.code == 3
    assert "model.toml" in ran.err
    ran = keepgate("serve", lstm, "--data", files / "power.csv")
    assert ran.code == 2
    assert "no model here reads series" in ran.err
