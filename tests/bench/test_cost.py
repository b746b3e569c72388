"""The table of cost: networks of equal weights, one training for each seed, minutes to a quality that may not come."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import cost
from keepgate.data.labelled import LabelledText
from keepgate.data.tagged import TaggedText, tagged_text
from keepgate.tasks.language_model import LanguageModelSettings
from keepgate.tasks.tagger import TaggerSettings
from keepgate.train import TrainingConfig

QUICK = TrainingConfig(steps=3, batch_size=2, bptt_steps=8)
SMALL = {"embedding_size": 4, "hidden_size": 4}


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: Path, part: str) -> list[TaggedText]:
        return [tagged_text("王明來", ["B-X", "E-X", "O"], id=f"{part}{k}") for k in range(4)]

    settings = TaggerSettings(**SMALL, pair_size=0, min_count=1)
    monkeypatch.setattr(cost, "RESUMES", replace(cost.RESUMES, read=read, settings=settings))
    monkeypatch.setattr(cost, "config", lambda *_: QUICK)
    monkeypatch.setattr(cost, "LANGUAGE_MODEL", LanguageModelSettings(**SMALL))
    monkeypatch.setattr(cost, "config_for", lambda *_: QUICK)
    monkeypatch.setattr(cost, "SHARE", 1)
    monkeypatch.setattr(
        cost, "read_plain", lambda _: type("", (), {"items": [LabelledText(text="ab" * 300)]})
    )
    monkeypatch.setattr(cost, "RESULT", tmp_path / "cost.json")
    for name, case in cost.CASES.items():
        (tmp_path / case.folder).mkdir()
        monkeypatch.setitem(cost.CASES, name, replace(case, units=4, inputs=4))


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["cost", "--data", str(tmp_path), "--seeds", "0", *words])
    cost.main()


@pytest.mark.parametrize("name", cost.CASES)
def test_of_equal_weights_is_as_near_as_units_allow(name: str) -> None:
    case = replace(cost.CASES[name], units=96, inputs=64)
    (_, units), (cell, more) = (cost.network(case, network) for network in ("LSTM", "GRU, equal weights"))
    lstm = cost.weights(case, "lstm", units)
    assert (cell, units) == ("gru", 96)
    assert abs(cost.weights(case, cell, more) - lstm) <= abs(cost.weights(case, cell, more + 1) - lstm)
    assert abs(cost.weights(case, cell, more) - lstm) <= abs(cost.weights(case, cell, more - 1) - lstm)
    assert cost.network(case, "GRU, equal units") == ("gru", 96)


@pytest.mark.parametrize("name", cost.CASES)
def test_a_network_is_trained_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--cases", name, "--networks", "GRU, equal units"]
    run(monkeypatch, tmp_path, *words)
    (training,) = json.loads(cost.RESULT.read_text())[name]["GRU, equal units"]
    assert (training["cell"], training["units"], training["seed"], training["steps"]) == ("gru", 4, 0, 3)
    assert training["parameters"] > training["recurrent"] == cost.weights(cost.CASES[name], "gru", 4)
    assert len(training["curve"]) == 3
    before = cost.RESULT.read_bytes()
    run(monkeypatch, tmp_path, *words)
    assert cost.RESULT.read_bytes() == before


def test_the_table_says_how_many_seeds_came_so_far() -> None:
    training = {"units": 4, "recurrent": 1234, "parameters": 5678, "cpu_minutes": 1.0, "peak_mib": 300}
    runs = [
        {**training, "seed": 0, "quality": 0.5, "minutes_to": 0.25},
        {**training, "seed": 1, "quality": 0.7, "minutes_to": None},
    ]
    never = [{**training, "seed": 0, "quality": 0.1, "minutes_to": None}]
    cost.RESULT.write_text(json.dumps({"resume_ner": {"LSTM": runs, "GRU, equal units": never}}))
    rows = [line.split(" | ") for line in cost.cost_table(0).splitlines()[2:]]
    assert [row[1:] for row in rows] == [
        [
            "LSTM",
            "4",
            "1,234",
            "5,678",
            "2",
            "0.600 (0.500–0.700)",
            "1.0",
            "0.9: 0.25, 1 of 2 seeds",
            "300 |",
        ],
        ["GRU, equal units", "4", "1,234", "5,678", "1", "0.100", "1.0", "0.9: not reached", "300 |"],
    ]
