"""TaskKind: what a task registers, as data: how it is trained and what a model of it is used for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .task import Task

ASK = 'keepgate ask {model} --text FILE --question "…"'


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One kind of task.

    task:   its class, whose `kind` names it in files. recipe: from the number of examples to the fields of a
            TrainingConfig that differ from the defaults.
    read:   from files to a corpus of items, with what `options` holds as keyword arguments.
    unit:   what an item is called ("questions"). asks: whether an item is a question about a text.
    use:    the command that a model's card teaches; {model} is its folder.
    """

    task: type[Task]
    recipe: Callable[[int], Mapping[str, Any]]
    read: Callable[..., Any]
    unit: str
    asks: bool
    use: str

    @property
    def name(self) -> str:
        return self.task.kind
