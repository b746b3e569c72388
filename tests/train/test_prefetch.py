"""Batches of data in files are made while the step before computes, in order, and fail at their own step."""

import threading
from typing import Any

import pytest
import torch

from keepgate.train.batches import Batches
from keepgate.train.prefetch import Prefetch
from keepgate.train.processes import Processes


class Recorded(Batches):
    in_files, steps = True, 4

    def __init__(self) -> None:
        self.made: list[tuple[int, str]] = []
        self.second = threading.Event()

    def batch(self, step: int) -> Any:
        self.made.append((step, threading.current_thread().name))
        if step == 1:
            self.second.set()
        if step == 2:
            raise OSError("the disk is gone")
        return [step] * 3


class Task(torch.nn.Module):
    def collate(self, rows: Any) -> Any:
        return sum(rows)

    def loss(self, batch: Any, carry: Any = None) -> Any: ...


def test_the_next_batch_is_made_meanwhile_and_fails_when_it_is_asked_for() -> None:
    batches = Recorded()
    with Prefetch(batches, Task(), Processes()) as batch_of:
        assert batch_of(0) == (3, 0)
        assert batches.second.wait(60)
        assert batch_of(1) == (3, 3)
        with pytest.raises(OSError, match="the disk is gone"):
            batch_of(2)
    assert [step for step, _ in batches.made] == [0, 1, 2]
    assert batches.made[0][1] == threading.current_thread().name
    assert all(name.startswith("prefetch") for _, name in batches.made[1:])
