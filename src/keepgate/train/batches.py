"""Batches by step: epochs over a list, a curriculum made as it goes, or lanes of a long stream."""

import dataclasses
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..data.batch import blocks_of, bucketed
from ..data.token_file import TokenFile
from ..errors import SettingsError
from ..tasks.task import Crops, OnDemand, Trainable
from .config import TrainingConfig
from .randomness import seed_for


@dataclasses.dataclass(frozen=True)
class CurriculumStage:
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


class Batches:
    """The examples of each step of a training, which follow from the seed and the step alone."""

    steps: int
    per_epoch: int
    # Whether they are read from files, which takes time that a step need not wait for.
    in_files: bool = False

    def batch(self, step: int) -> Sequence[Any]:
        """The examples of one step."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """The fingerprint of the data, stored in checkpoints to refuse resuming on other data."""
        raise NotImplementedError

    def carries(self, step: int) -> bool:  # noqa: ARG002
        """Whether the states after the step before belong to this one."""
        return False

    def name(self, step: int) -> str:
        """What the progress bar shows at this step."""
        return f"epoch {step // self.per_epoch + 1} of {-(-self.steps // self.per_epoch)}"


class EpochBatches(Batches):
    """Epochs over a list of examples, each in another order, similar lengths together."""

    def __init__(self, task: Trainable, config: TrainingConfig, examples: Sequence[Any]) -> None:
        if not examples:
            raise SettingsError("there are no examples to train on; give at least one")
        self.task, self.config, self.examples = task, config, examples
        self.in_files = isinstance(examples, OnDemand) and examples.block is not None
        self.per_epoch = -(-len(examples) // config.batch_size)
        self.steps = config.steps_for(self.per_epoch)
        self._made: int | None = None

    def batch(self, step: int) -> Sequence[Any]:
        epoch, place = divmod(step, self.per_epoch)
        if self._made != epoch:
            self._examples, self._order, self._made = *self._epoch(epoch), epoch
        return [self._examples[index] for index in self._order(place)]

    def describe(self) -> dict[str, Any]:
        examples = self.examples
        sha256 = examples.sha256 if isinstance(examples, OnDemand) else fingerprint(examples)
        return {"examples": len(examples), "sha256": sha256}

    def _epoch(self, epoch: int) -> tuple[Sequence[Any], Callable[[int], list[int]]]:
        """The examples, which may be cropped, and from the number of a batch to its examples' places."""
        examples, size, seed = self.examples, self.config.batch_size, self.config.seed
        if isinstance(examples, OnDemand) and examples.block is not None:
            return examples, blocks_of(len(examples), examples.lengths, examples.block, size, seed, epoch)
        early = epoch * self.per_epoch < self.config.crop_until * self.steps
        if early and isinstance(self.task, Crops):
            rng = random.Random(seed_for(seed, "crop", epoch))
            examples = [self.task.crop(example, rng) for example in examples]
        lengths = (
            np.broadcast_to(examples.lengths, len(examples)).tolist()
            if isinstance(examples, OnDemand)
            else [example.length for example in examples]
        )
        batches = bucketed(lengths, size, seed=seed, epoch=epoch)
        assert len(batches) == self.per_epoch, (
            f"{len(batches)} batches in epoch {epoch}, expected {self.per_epoch}"
        )
        return examples, batches.__getitem__


class CurriculumBatches(Batches):
    """Curriculum learning: stages, one after the other."""

    def __init__(self, config: TrainingConfig, stages: Sequence[CurriculumStage]) -> None:
        self.config, self.stages = config, stages
        self.steps = sum(stage.steps for stage in stages)
        if not self.steps or any(stage.steps < 0 for stage in stages):
            raise SettingsError(
                f"the stages have {[stage.steps for stage in stages]} steps; give at least one step in all"
            )
        if config.epochs is not None or config.steps not in (None, self.steps):
            raise SettingsError(
                f"the stages have {self.steps} steps together, and the configuration asks for "
                f"{f'{config.steps} steps' if config.epochs is None else f'{config.epochs} epochs'}; leave that out"
            )

    def batch(self, step: int) -> Sequence[Any]:
        examples = self._stage(step).make(step, seed_for(self.config.seed, "stage", step))
        if not examples:
            raise SettingsError(f"the stage {self._stage(step).name!r} made no examples for step {step}")
        return examples

    def name(self, step: int) -> str:
        return self._stage(step).name

    def describe(self) -> dict[str, Any]:
        stages = [f"{stage.steps} steps: {stage.name}" for stage in self.stages]
        return {"stages": stages, "sha256": fingerprint(self.batch(0))}

    def _stage(self, step: int) -> CurriculumStage:
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]


class LaneBatches(Batches):
    """A stream of numbers cut into `batch_size` contiguous lanes, read `bptt_steps` at a time, states carried on.

    An example is one lane's next bptt_steps + 1 numbers, the last of which begins the next one: inputs and their
    successors. Each epoch begins again without carried states; what does not fill the lanes is left out.
    """

    def __init__(self, config: TrainingConfig, stream: Sequence[Any]) -> None:
        self.lane = len(stream) // config.batch_size
        self.per_epoch = (self.lane - 1) // config.bptt_steps
        if self.per_epoch < 1:
            raise SettingsError(
                f"a stream of {len(stream)} is too short for {config.batch_size} lanes of {config.bptt_steps} steps "
                "and one more; give a longer stream, a smaller batch_size or smaller bptt_steps"
            )
        self.config, self.stream, self.in_files = config, stream, isinstance(stream, TokenFile)
        self.steps = config.steps_for(self.per_epoch)

    def batch(self, step: int) -> Sequence[Any]:
        """The lanes' next pieces, in the order of the lanes."""
        begin = step % self.per_epoch * self.config.bptt_steps
        starts = (lane * self.lane + begin for lane in range(self.config.batch_size))
        return [self.stream[start : start + self.config.bptt_steps + 1] for start in starts]

    def carries(self, step: int) -> bool:
        return step % self.per_epoch > 0

    def describe(self) -> dict[str, Any]:
        stream = self.stream
        sha256 = stream.sha256 if isinstance(stream, TokenFile) else fingerprint([stream])
        return {"stream": len(stream), "sha256": sha256}


def batches_for(
    task: Trainable,
    config: TrainingConfig,
    *,
    examples: Sequence[Any] | None = None,
    stages: Sequence[CurriculumStage] | None = None,
    stream: Sequence[Any] | None = None,
) -> Batches:
    """The batches of what was given. Raises SettingsError unless it is one of examples, stages and stream."""
    names = [
        name
        for name, data in (("examples", examples), ("stages", stages), ("stream", stream))
        if data is not None
    ]
    if len(names) != 1:
        raise SettingsError(
            f"{' and '.join(names) or 'nothing'} given to train on; give one of examples, stages and stream"
        )
    if stream is not None:
        return LaneBatches(config, stream)
    if stages is not None:
        return CurriculumBatches(config, stages)
    return EpochBatches(task, config, examples or ())


def fingerprint(examples: Sequence[Any]) -> str:
    """A SHA-256 that changes with any number or letter in the examples."""
    total = hashlib.sha256()
    for example in examples:
        _take(total, example)
    return total.hexdigest()


def _take(total: Any, value: Any) -> None:
    """Feeds a value to the hash, by its content: never by its address, which changes from run to run."""
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
