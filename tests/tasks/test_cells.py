"""Every task has any cell with a memory, one of the user's own too: it learns, is saved, and answers without torch."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from keepgate import cells, runtime
from keepgate.equations import Step, cell, sigmoid, tanh
from keepgate.errors import SettingsError
from keepgate.export import save
from keepgate.tasks import KINDS
from keepgate.tasks.span import SpanReaderSettings
from tests.train.test_readers import EXAMPLES


@cell(gates="f g", states="h")
def slim(wx, uh, s):
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    return Step(h=f * s.h + (1 - f) * g, f=f, g=g)


@pytest.fixture(autouse=True)
def own() -> Iterator[str]:
    before = dict(cells._registered)
    yield cells.register(slim)
    cells._registered.clear()
    cells._registered.update(before)


CELLS = [*(name for name in cells.choices.CELL_NAMES if name != "feedforward"), "own"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [*((kind, "own") for kind in sorted(KINDS)), *(("span-reader", name) for name in CELLS[:-1])],
)
def test_it_learns_is_saved_and_answers_without_torch(kind: str, name: str, own: str, tmp_path: Path) -> None:
    items, _ = EXAMPLES[kind]
    settings = KINDS[kind].task.settings_type(cell=own if name == "own" else name, hidden_size=5)
    task = KINDS[kind].build(items, settings, 0, None)
    loss, _ = task.loss(task.collate(task.prepare(items, training=True)[:3]))
    loss.backward()
    recurrent = {place: weight for place, weight in task.named_parameters() if "weight_ih" in place}
    assert recurrent
    assert all(torch.isfinite(weight.grad).all() for weight in recurrent.values())
    save(task, tmp_path / "model", card={"what": "made for a test"})
    here, there = (each.predict(items[:2]) for each in (task.eval(), runtime.load(tmp_path / "model")))
    for answer, other in zip(here, there, strict=True):
        assert answer.text == other.text
        assert answer.probability == pytest.approx(other.probability, abs=1e-5)


def test_a_cell_without_memory_is_refused() -> None:
    with pytest.raises(SettingsError, match="a span reader's cell has a memory"):
        SpanReaderSettings(cell="feedforward")
