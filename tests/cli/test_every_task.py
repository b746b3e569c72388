"""Every kind of task goes the way of all others at the command line: trained, examined, looked at and searched."""

from pathlib import Path

import pytest

from keepgate import cells
from keepgate.cli.train_commands import train_commands
from keepgate.export import load
from keepgate.tasks import KINDS
from tests.cli.every_task import EVERY_TASK
from tests.cli.test_own_cells import SLIM


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_is_trained_examined_and_looked_at(kind: str, tmp_path: Path, keepgate) -> None:
    example, out = EVERY_TASK[kind], tmp_path / "mine"
    ran = keepgate(*example.training(tmp_path), "--out", out)
    assert ran.code == 0, ran.err
    ran = keepgate("examine", out, "--data", tmp_path / example.file)
    assert (ran.code, example.examined in ran.out.splitlines()[0]) == (0, True), ran.out + ran.err
    assert "half of a middling unit's memory" in ran.out
    ran = keepgate("look", out, *example.looking(tmp_path))
    assert (ran.code, "layer 0 forward" in ran.out) == (0, True), ran.err


def test_a_series_has_steps_also_where_its_horizon_is_too_short(tmp_path: Path, keepgate) -> None:
    example, out = EVERY_TASK["series-classifier"], tmp_path / "mine"
    assert keepgate(*example.training(tmp_path), "--out", out).code == 0
    ran = keepgate("examine", out, "--data", tmp_path / example.file, "--at-least", 6)
    assert "the longest series has 5 steps" in " ".join(ran.err.split())
    assert "token" not in ran.err


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_is_trained_with_a_cell_of_the_users_own(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    monkeypatch.setattr(cells, "_registered", dict(cells._registered))
    # A module of its own: one of the same name in another folder is refused.
    file = tmp_path / f"cell_of_{kind.replace('-', '_')}.py"
    file.write_text(SLIM)
    monkeypatch.setenv("KEEPGATE_CELL_FILES", str(file))
    training = EVERY_TASK[kind].training(tmp_path)
    ran = keepgate(*training, "--out", tmp_path / "mine", "--cell", f"{file.stem}.slim")
    assert ran.code == 0, ran.err
    assert load(tmp_path / "mine").settings.cell.startswith(f"{file.stem}.slim")


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_its_settings_are_searched(kind: str, tmp_path: Path, keepgate) -> None:
    example, out = EVERY_TASK[kind], tmp_path / "mine"
    (tmp_path / "space.toml").write_text("learning_rate = [0.01, 0.02]\n")
    search = ("--tune", 2, "--space", tmp_path / "space.toml", "--dev", tmp_path / example.file, "--jobs", 2)
    ran = keepgate(*example.training(tmp_path), "--out", out, *search)
    assert (ran.code, "Best of 2: " in ran.out) == (0, True), ran.out + ran.err
    assert load(out).kind == kind


@pytest.mark.parametrize("name", [command.name for command in train_commands()])
def test_a_setting_that_is_none_is_named_with_the_nearest(name: str, tmp_path: Path, keepgate) -> None:
    example = next(example for example in EVERY_TASK.values() if example.command == name)
    (tmp_path / "wrong.toml").write_text("hiden_size = 4\n")
    ran = keepgate(
        *example.training(tmp_path), "--out", tmp_path / "mine", "--settings", tmp_path / "wrong.toml"
    )
    assert ran.code == 2
    assert "hiden_size: there is no such setting. The model has hidden_size" in " ".join(ran.err.split())
    assert not (tmp_path / "mine").exists()
