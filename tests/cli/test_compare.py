"""The table says who remembers; every figure in it is the result's, and the files are written."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from keepgate.cli import comparison_tables
from keepgate.cli.output_paths import check_writable
from keepgate.demo.result import Comparison, GradientLine, Network, SeedRun
from keepgate.machine import machine

LENGTHS = (22, 1000)


def run(seed: int, accuracy: dict[int, float], answer: str = "") -> SeedRun:
    return SeedRun(
        seed=seed, steps=100, seconds=10.0, cpu_seconds=9.0, loss=0.1, answer=answer, probability=0.875,
        accuracy=accuracy,
    )  # fmt: skip


def network(
    name: str, cell: str | None, right: float, answer: str, *, seeds: int, gradient: float
) -> Network:
    runs = tuple(run(seed, {22: 1.0, 1000: right - 0.04 * seed}, answer) for seed in range(seeds))
    line = GradientLine(lags=(0, 100), values=(1.0, gradient))
    return Network(name=name, cell=cell, parameters=12_345, runs=runs, before=line)


def made_up(seeds: int) -> Comparison:
    return Comparison(
        networks=(
            network("rnn", "rnn", 0.0625, "索隆", seeds=seeds, gradient=2e-18),
            network("lstm-chrono", "lstm", 1.0, "魯夫", seeds=seeds, gradient=0.38),
            Network(
                name="rnn-scaled", cell="rnn", parameters=12_345, scale=1.5,
                before=GradientLine(lags=(0, 100), values=(1.0, 3e7)),
            ),
        ),
        lengths=LENGTHS, stories=256, chance=1 / 16, seeds=tuple(range(seeds)),
        sentence="魯夫說他想成為海賊王。", question="是誰想要成為海賊王?", expected="魯夫", distance=1000,
        machine=machine(), version="0",
        command="keepgate compare", finished="now",
        poolings=(
            Network(
                name="attention", cell="gru", bidirectional=True, parameters=9,
                runs=tuple(run(seed, {44: 1.0, 1000: 0.98}) for seed in range(seeds)),
            ),
        ),
    )  # fmt: skip


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keepgate):
    """Runs `keepgate compare` on the made-up result; gives what was shown, and what the run was asked for."""
    asked: dict[str, object] = {}

    def run(seeds, **settings) -> Comparison:
        asked.update(seeds=tuple(seeds), **settings)
        return made_up(len(tuple(seeds)))

    monkeypatch.setattr("keepgate.demo.run.run", run)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: (keepgate("compare", *arguments), asked)


def test_the_table_has_a_row_for_each_network_with_its_figures(compared) -> None:
    ran, asked = compared()
    assert (ran.code, ran.err) == (0, "")
    assert asked["seeds"] == (0,)
    shown = ran.out.partition("Right answers")[0]
    rows = {line.split("  ")[0]: line.split() for line in shown.splitlines()}
    assert rows["LSTM chrono"][2:] == ["12,345", "10.0", "100.0", "100%", "100%", "0.38"]
    assert rows["RNN"][1:] == ["12,345", "10.0", "100.0", "100%", "6.2%", "2e-18"]
    assert "12,345" in rows["RNN x 1.5"]
    assert max(map(cell_len, shown.splitlines())) <= 80


def test_names_that_the_table_does_not_explain_are_explained_below_it(compared) -> None:
    out = " ".join(compared()[0].out.split())
    assert "RNN (weights x 1.5) was never trained: its recurrent weights are multiplied by 1.5" in out
    assert "Window: " not in out
    window = network("feedforward", None, 0.05, "娜美", seeds=1, gradient=0.0)
    said = comparison_tables._notes(replace(made_up(1), networks=(window,)))
    assert said == ["Window: a network without memory, which sees the last 32 characters only."]


def test_the_article_s_question_is_answered_by_each_network(compared) -> None:
    out = compared()[0].out
    assert "魯夫說他想成為海賊王。 ... 1,000 characters later: 是誰想要成為海賊王?" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["RNN", "索隆", "wrong", "87.5%"] in lines
    assert ["LSTM", "chrono", "魯夫", "right", "87.5%"] in lines
    assert ["Attention", "GRU,", "both", "ways", "9", "100%", "98.0%"] in lines


def test_several_seeds_give_means_and_ranges(compared) -> None:
    ran, asked = compared("--seeds", 3)
    assert asked["seeds"] == (0, 1, 2)
    assert asked["command"] == "keepgate compare --seeds 3"
    assert "96.0%" in ran.out
    assert "92.0-100%" in ran.out
    assert "3 of 3 seeds" in ran.out
    assert "mean and range of 3 seeds" in ran.out


def test_the_report_and_the_figures_are_written(compared, tmp_path: Path) -> None:
    ran, _ = compared("--json", "figures/result.json", "--report", "pages/who.html")
    assert "pages/who.html" in ran.out
    assert "<html" in (tmp_path / "pages" / "who.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "figures" / "result.json").read_text(encoding="utf-8"))["stories"] == 256
    compared()
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize("option", ["--json", "--report", "--models"])
def test_a_file_that_cannot_be_written_is_told_before_training(option: str, compared, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    ran, asked = compared(option, "taken/result")
    assert ran.code == 3
    assert "taken/result" in ran.err
    assert asked == {}


def test_asking_whether_a_file_can_be_written_leaves_it_as_it_was(compared, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "kept.html").write_text("precious")
    compared("--report", "kept.html", "--json", "taken/result")
    assert (tmp_path / "kept.html").read_text() == "precious"
    compared("--report", "new.html", "--json", "taken/result")
    assert not (tmp_path / "new.html").exists()


def test_what_is_there_and_empty_is_not_taken_away(compared, tmp_path: Path) -> None:
    """Neither a file that somebody made nor, for whoever may do everything, /dev/null."""
    (tmp_path / "empty.json").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    for name in ("empty.json", "pipe", "device"):
        check_writable(tmp_path / name)
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("found", "by", "called"),
    [
        ("/usr/bin/keepgate", "bin/keep", "| keepgate look"),
        (None, "bin/keep", "| bin/keep look"),
        (None, "/lib/keepgate/cli/__main__.py", "| /usr/bin/python -m keepgate.cli look"),
    ],
)
def test_the_command_to_look_with_is_one_that_the_shell_finds(
    compared, monkeypatch, found, by, called
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: found)
    monkeypatch.setattr("sys.argv", [by, "compare"])
    monkeypatch.setattr("sys.executable", "/usr/bin/python")
    assert called in compared("--models", "networks")[0].out


def test_the_networks_are_kept_where_it_is_asked_for(compared, monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert compared()[1]["models"] is None
    ran, asked = compared("--models", "networks")
    assert asked["models"] == Path("networks")
    assert "keepgate look networks/lstm-chrono --text -" in ran.out
    assert "  keepgate serve\n" in ran.out
