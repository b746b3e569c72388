"""Every kind of task goes the way of all others at the command line: trained, examined and looked at."""

from pathlib import Path

import pytest

from keepgate.tasks import KINDS
from tests.cli.every_task import EVERY_TASK


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
