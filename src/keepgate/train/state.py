"""TrainingState: all that changes in a training, and so what a checkpoint holds and processes share."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..tasks.task import Carry, Trainable
from .config import TrainingConfig
from .optimiser import WeightAverage, build_optimiser
from .processes import Processes

Tensors = Mapping[str, Mapping[str, Tensor]]
COUNTERS = ("step", "unlogged_losses", "first_loss", "best_score")


@dataclass
class TrainingState:
    """Task, optimiser, averages and counters of a training: all that changes, and so what a checkpoint holds.

    carry: recurrent states after the last batch, for a stream. first_loss: before the first step, in nats.
    best, best_score: weights and value of the evaluation with the best first metric, the last of equals; the higher the
        better.
    """

    task: Trainable
    optimiser: torch.optim.Optimizer
    average: WeightAverage | None
    step: int = 0
    unlogged_losses: list[float] = field(default_factory=list)
    first_loss: float | None = None
    carry: Carry | None = None
    best: dict[str, Tensor] = field(default_factory=dict)
    best_score: float | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def start(cls, task: Trainable, config: TrainingConfig, steps: int) -> "TrainingState":
        """The state before the first of so many steps."""
        average = WeightAverage.of(config, task.state_dict(), steps)
        return cls(task, build_optimiser(config, task.parameters()), average)

    def take_average(self) -> None:
        """Gives the task the averaged weights, where there is an average."""
        if self.average is not None:
            self.task.load_state_dict(self.average.weights)

    def note_best(self, metrics: Mapping[str, float], *, higher_is_better: bool) -> None:
        """Keeps a copy of the task's weights if the first metric is as good as at any evaluation before, and finite."""
        score = float(next(iter(metrics.values()), math.nan)) * (1 if higher_is_better else -1)
        if math.isfinite(score) and (self.best_score is None or score >= self.best_score):
            self.best_score = score
            self.best = {name: tensor.clone() for name, tensor in self.task.state_dict().items()}

    def finish(self, config: TrainingConfig, processes: Processes) -> None:
        """Gives the task the weights to keep, in every process, and puts it into evaluation mode."""
        self.take_average()
        if config.keep == "best" and self.best:
            self.task.load_state_dict(self.best)
        weights = processes.from_first(lambda: _on_cpu({"weights": self.task.state_dict()})["weights"])
        if not processes.first:
            self.task.load_state_dict(weights)
        self.task.eval()

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All tensors by group and name; carried states by number, what the optimiser keeps by kind and parameter."""
        return {
            "weights": self.task.state_dict(),
            "average": self.average.weights if self.average else {},
            "best": self.best,
            "optimiser": dict(self._of_optimiser()),
            "carry": {str(number): states for number, states in enumerate(self.carry or ())},
        }

    def counters(self) -> dict[str, Any]:
        """All else that decides what comes next, but the generators, as plain values."""
        return {name: getattr(self, name) for name in COUNTERS}

    def put(self, tensors: Tensors, counters: Mapping[str, Any]) -> None:
        """Takes what `tensors` and `counters` gave, but the task's weights."""
        parameters = dict(self.task.named_parameters())
        device = next(iter(parameters.values())).device
        if self.average:
            for name, tensor in self.average.weights.items():
                tensor.copy_(tensors["average"][name])
        self.optimiser.state.clear()
        for name, tensor in tensors["optimiser"].items():
            kind, _, parameter = name.partition("/")
            target = parameters[parameter]
            self.optimiser.state[target][kind] = tensor.to(target.device)
        self.best, carry = dict(tensors["best"]), tensors["carry"]
        self.carry = tuple(carry[str(number)].to(device) for number in range(len(carry))) or None
        for name in COUNTERS:
            setattr(self, name, counters[name])

    def follow_first(self, processes: Processes) -> None:
        """Puts this process where the first one is, each with its own part of the carried states."""
        tensors, counters = processes.from_first(lambda: (_on_cpu(self.tensors()), self.counters()))
        if not processes.first:
            self.task.load_state_dict(tensors["weights"])
            self.put(tensors, counters)
        self.carry = processes.part(self.carry)

    def _of_optimiser(self) -> Iterator[tuple[str, Tensor]]:
        """What the optimiser keeps of each parameter: "exp_avg/encoder.weight"."""
        for name, parameter in self.task.named_parameters():
            for kind, value in self.optimiser.state.get(parameter, {}).items():
                yield f"{kind}/{name}", value


def _on_cpu(tensors: Tensors) -> Tensors:
    return {group: {name: tensor.cpu() for name, tensor in named.items()} for group, named in tensors.items()}
