"""Prefetch: the batch of each step; of data in files, made while the step before computes."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from ..tasks.task import Trainable
from .batches import Batches
from .processes import Processes


class Prefetch:
    """From a step to how many rows this process has of it, and these as a batch, None for none; in order of the steps.

    What goes wrong with a batch is raised at its own step.
    """

    def __init__(self, batches: Batches, task: Trainable, processes: Processes) -> None:
        self._batches, self._task, self._processes = batches, task, processes
        self._thread = ThreadPoolExecutor(1, "prefetch") if batches.in_files else None
        self._next: tuple[int, Future[tuple[int, Any]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def __call__(self, step: int) -> tuple[int, Any]:
        if self._thread is None:
            return self._made(step)
        following = self._next
        batch = following[1].result() if following and following[0] == step else self._made(step)
        if step + 1 < self._batches.steps:
            self._next = step + 1, self._thread.submit(self._made, step + 1)
        return batch

    def _made(self, step: int) -> tuple[int, Any]:
        rows = self._processes.share(self._batches.batch(step))
        return len(rows), self._task.collate(rows) if rows else None
