"""The table says who has the rule; every figure in it is the result's, and the files are written."""

import json

import pytest

from keepgate.demo.formal.result import FormalComparison, FoundAutomaton, SeedRun, Trained
from keepgate.machine import machine


def trained(language, network, right, *, seeds, automaton=None):
    runs = tuple(
        SeedRun(
            seed=seed, steps=5, seconds=9.0, cpu_seconds=8.0, loss=0.1,
            accuracy={40: 1.0, 500: right - 0.1 * seed}, automaton=automaton,
        )
        for seed in range(seeds)
    )  # fmt: skip
    return Trained(
        language=language, level="regular", network=network, parameters=17_000, chance=0.5, runs=runs
    )


def made_up(seeds):
    two = FoundAutomaton(states=2, right=True, periods=(1, 2))
    return FormalComparison(
        trained=(
            trained("parity", "lstm", 1.0, seeds=seeds, automaton=two),
            trained("parity", "transformer", 0.5, seeds=seeds),
        ),
        longest=40, lengths=(40, 500), strings=256, seeds=tuple(range(seeds)), machine=machine(), version="0",
        command="keepgate formal", finished="now",
    )  # fmt: skip


@pytest.fixture
def compared(monkeypatch, tmp_path, keepgate):
    asked = {}

    def run(languages, networks, **settings):
        asked.update(languages=tuple(languages), networks=tuple(networks), **settings)
        return made_up(len(settings["seeds"]))

    monkeypatch.setattr("keepgate.demo.formal.run.run", run)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: (keepgate("formal", *arguments), asked)


def test_the_table_has_a_row_for_each_network(compared):
    ran, asked = compared()
    assert (ran.code, ran.err) == (0, "")
    assert len(asked["languages"]) == 7
    assert asked["networks"] == ("rnn", "lstm", "gru", "transformer")
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["parity", "LSTM", "17,000", "8", "50%", "100%", "100%", "2", "states"] in rows
    assert ["transformer", "17,000", "8", "100%", "50.0%"] in rows


def test_any_cell_is_compared_with_the_transformer(compared):
    _, asked = compared("parity", "reverse", "--cell", "mingru", "--cell", "lstm", "--seeds", 3)
    assert asked["languages"] == ("parity", "reverse")
    assert asked["networks"] == ("mingru", "lstm", "transformer")
    assert asked["command"] == "keepgate formal parity reverse --cell mingru --cell lstm --seeds 3"


def test_several_seeds_give_means_ranges_and_how_many_have_the_automaton(compared):
    ran, _ = compared("--seeds", 3)
    assert "90.0%" in ran.out
    assert "80.0-100%" in ran.out
    assert "3 of 3" in ran.out


def test_figures_and_json_are_written(compared, tmp_path):
    ran, asked = compared("--json", "out/formal.json", "--figures", "figures")
    assert "figures" in ran.out
    assert asked["pictures"].name == "figures"
    assert json.loads((tmp_path / "out" / "formal.json").read_text(encoding="utf-8"))["longest"] == 40
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["accuracy-parity.svg"]


def test_a_file_that_cannot_be_written_is_told_before_training(compared, tmp_path):
    (tmp_path / "taken").write_text("")
    ran, asked = compared("--json", "taken/formal.json")
    assert ran.code == 3
    assert asked == {}


def test_an_unknown_language_or_cell_is_told_on_one_line(keepgate):
    for arguments in (("parities",), ("parity", "--cell", "lstn")):
        ran = keepgate("formal", *arguments)
        assert ran.code == 2
        assert len(ran.err.splitlines()) == 1
        assert "Traceback" not in ran.err
