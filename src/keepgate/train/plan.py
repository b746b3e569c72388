"""Which examples come at which step: epochs over a list, or stages that make theirs on the fly."""

import dataclasses
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..data.batch import bucketed
from ..errors import SettingsError
from ..tasks.task import Crops, Task
from .randomness import seed_for
from .settings import Run


@dataclasses.dataclass(frozen=True)
class Stage:
    """Some steps of a training whose examples are made as it goes; the next stage may make longer ones.

    steps: how many.
    make: from the step, counted from 0 over all stages, and a seed that is new at each step, to that step's
        batch of examples. It depends on these two only, which is why a run can be stopped anywhere and go on
        exactly.
    name: what the progress bar shows, "100 characters" for example.
    """

    steps: int
    make: Callable[[int, int], Sequence[Any]]
    name: str = ""


class InEpochs:
    """A list of examples, over and over; in each epoch in another order, similar lengths together."""

    def __init__(self, task: Task, run: Run, examples: Sequence[Any]) -> None:
        if not examples:
            raise SettingsError("there are no examples to train on; give at least one")
        if run.steps is None and run.epochs is None:
            raise SettingsError("neither steps nor epochs is given; say how long to train")
        self.task, self.run, self.examples = task, run, examples
        self.per_epoch = -(-len(examples) // run.batch_size)
        self.steps = run.steps if run.steps is not None else (run.epochs or 0) * self.per_epoch
        self._made: int | None = None
        self._batches: list[list[Any]] = []

    def batch(self, step: int) -> Sequence[Any]:
        """The examples of one step. What comes when follows from the seed and the step alone."""
        epoch, place = divmod(step, self.per_epoch)
        if self._made != epoch:
            self._batches, self._made = self._epoch(epoch), epoch
        return self._batches[place]

    def name(self, step: int) -> str:
        """What the progress bar shows at this step."""
        return f"epoch {step // self.per_epoch + 1} of {-(-self.steps // self.per_epoch)}"

    def describe(self) -> dict[str, Any]:
        """What a checkpoint holds of the data, to know it again."""
        return {"examples": len(self.examples), "sha256": fingerprint(self.examples)}

    def _epoch(self, epoch: int) -> list[list[Any]]:
        examples = self.examples
        early = epoch * self.per_epoch < self.run.crop_until * self.steps
        if early and isinstance(self.task, Crops):
            rng = random.Random(seed_for(self.run.seed, "crop", epoch))
            examples = [self.task.crop(example, rng) for example in examples]
        lengths = [example.length for example in examples]
        batches = bucketed(lengths, self.run.batch_size, seed=self.run.seed, epoch=epoch)
        assert len(batches) == self.per_epoch, (
            f"{len(batches)} batches in epoch {epoch}, expected {self.per_epoch}"
        )
        return [[examples[index] for index in batch] for batch in batches]


class InStages:
    """Stages, one after the other."""

    def __init__(self, run: Run, stages: Sequence[Stage]) -> None:
        self.run, self.stages = run, stages
        self.steps = sum(stage.steps for stage in stages)
        if not self.steps or any(stage.steps < 0 for stage in stages):
            raise SettingsError(
                f"the stages have {[stage.steps for stage in stages]} steps; give at least one step in all"
            )
        if run.epochs is not None or run.steps not in (None, self.steps):
            raise SettingsError(
                f"the stages have {self.steps} steps together, and the run asks for "
                f"{f'{run.steps} steps' if run.epochs is None else f'{run.epochs} epochs'}; leave that out"
            )

    def batch(self, step: int) -> Sequence[Any]:
        """The examples of one step."""
        examples = self._stage(step).make(step, seed_for(self.run.seed, "stage", step))
        if not examples:
            raise SettingsError(f"the stage {self._stage(step).name!r} made no examples for step {step}")
        return examples

    def name(self, step: int) -> str:
        """What the progress bar shows at this step."""
        return self._stage(step).name

    def describe(self) -> dict[str, Any]:
        """What a checkpoint holds of the data, to know it again."""
        stages = [f"{stage.steps} steps: {stage.name}" for stage in self.stages]
        return {"stages": stages, "sha256": fingerprint(self.batch(0))}

    def _stage(self, step: int) -> Stage:
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]


Plan = InEpochs | InStages


def plan(task: Task, run: Run, examples: Sequence[Any] | None, stages: Sequence[Stage] | None) -> Plan:
    """The plan for what was given. Raises SettingsError unless it is either examples or stages."""
    if examples is not None and stages is None:
        return InEpochs(task, run, examples)
    if stages is not None and examples is None:
        return InStages(run, stages)
    raise SettingsError(
        f"{'both' if stages is not None else 'neither'} of examples and stages given; give one of them"
    )


def fingerprint(examples: Sequence[Any]) -> str:
    """A SHA-256 that changes with any number or letter in the examples."""
    total = hashlib.sha256()
    for example in examples:
        _take(total, example)
    return total.hexdigest()


def _take(total: Any, value: Any) -> None:
    """Feeds a value to the sum, by its content: never by its address, which changes from run to run."""
    total.update(type(value).__name__.encode())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _take(total, getattr(value, field.name))
    elif isinstance(value, torch.Tensor):
        _take(total, value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    elif isinstance(value, np.ndarray):
        total.update(repr(value.shape).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Mapping):
        _take(total, list(value.items()))
    elif isinstance(value, (list, tuple)):
        if all(isinstance(item, (int, float, str, bool, type(None))) for item in value):
            total.update(repr(value).encode())
        else:
            for item in value:
                _take(total, item)
    elif isinstance(value, (int, float, str, bytes, bool, type(None))):
        total.update(repr(value).encode())
