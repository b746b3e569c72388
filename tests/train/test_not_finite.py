"""NaN or infinity stops a training, which names the step, the tensor and the last good checkpoint."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from keepgate.errors import TrainingStopped
from keepgate.train import Progress, TrainingConfig, fit
from tests.fake_task import Parity, Row, Rows, rows

DATA = rows(40)


class Poisoned(Parity):
    """Goes wrong at its fifth batch in a way of its own."""

    how = ""
    batches = 0

    def collate(self, examples: list[Row]) -> Rows:
        batch = super().collate(examples)
        self.batches += 1
        if self.batches == 5:
            self.poison(batch)
        return batch

    def poison(self, batch: Rows) -> None:
        if self.how == "input":
            batch.extra.weight[2] = torch.nan
        elif self.how == "weight":
            with torch.no_grad():
                self.memory.weight_hh_l0[3, 1] = torch.inf

    def loss(self, batch: Rows, carry: object = None) -> tuple[Tensor, None]:
        return self.poisoned(super().loss(batch)[0]), None

    def poisoned(self, loss: Tensor) -> Tensor:
        if self.how == "loss" and self.batches == 5:
            return loss / torch.zeros(())
        if self.how == "gradient" and self.batches == 5:
            # The value is 0, the slope of the root there is infinite.
            return loss + (self.head.bias - self.head.bias.detach()).abs().sum().sqrt()
        if self.how == "all gradients" and self.batches == 5:
            return loss * 1e38
        return loss


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("input", "input extra.weight is NaN or infinite (1 of 8 values)"),
        ("weight", "weight memory.weight_hh_l0 is NaN or infinite (1 of 192 values)"),
        ("loss", "loss is NaN or infinite (1 of 1 values)"),
        ("gradient", "gradient of head.bias is NaN or infinite (2 of 2 values)"),
        ("all gradients", "norm of all gradients is NaN or infinite"),
    ],
)
def test_it_names_step_tensor_and_last_good_checkpoint(tmp_path: Path, how: str, named: str) -> None:
    task = Poisoned.build()
    task.how = how
    run = TrainingConfig(steps=9, batch_size=8, checkpoint_every=2)
    with pytest.raises(TrainingStopped) as raised:
        fit(task, run, examples=DATA, folder=tmp_path, progress=False)
    last = tmp_path / "checkpoints" / "step-00000004"
    assert f"step 4: {named}" in str(raised.value)
    assert f"the last good checkpoint is {last} (step 4)" in str(raised.value)
    assert re.search("lower learning_rate", str(raised.value))
    # It is good: a task without the fault goes on from it.
    result = fit(Parity.build(), run, examples=DATA, folder=tmp_path, resume=True, progress=False)
    assert result.steps == 9


def test_without_a_folder_it_says_that_nothing_was_saved() -> None:
    task = Poisoned.build()
    task.how = "loss"
    with pytest.raises(TrainingStopped, match=r"step 4: loss .*no folder was given"):
        fit(task, TrainingConfig(steps=9, batch_size=8), examples=DATA, progress=False)


def test_weights_that_broke_in_the_last_step_are_not_saved(tmp_path: Path) -> None:
    task = Parity.build()

    def on_step(now: Progress) -> None:
        if now.step == 4:
            with torch.no_grad():
                task.head.weight[0, 0] = torch.nan

    run = TrainingConfig(steps=4, batch_size=8, checkpoint_every=2)
    with pytest.raises(TrainingStopped, match=r"step 4: weight head\.weight .*step-00000002"):
        fit(task, run, examples=DATA, folder=tmp_path, progress=False, on_step=on_step)
