"""TaskKind: what a task registers, as data: how it is trained, and its part of the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .task import Task


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One kind of task.

    task:   its class, whose `kind` names it in files. recipe: from the number of examples to the fields of a
            TrainingConfig that differ from the defaults. use: the command that a model's card teaches; {model} is its
            folder.
    """

    task: type[Task]
    recipe: Callable[[int], Mapping[str, Any]]
    use: str

    @property
    def name(self) -> str:
        return self.task.kind
