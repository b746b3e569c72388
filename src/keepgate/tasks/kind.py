"""TaskKind: what a task registers, as data: how it is trained and what a model of it is used for."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.word_vectors import WordVectors
from ..errors import SettingsError
from .task import Task

# The fields of a TrainingConfig by which the classifier and the span reader are trained.
AVERAGED_WEIGHTS = {
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup": 60,
    "hold_fraction": 0.25,
    "final_lr_ratio": 0.02,
    "betas": (0.9, 0.98),
    "max_grad_norm": 5.0,
    "ema_decay": 0.995,
}
ASK = 'keepgate ask {model} --text FILE --question "…"'


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One kind of task. What `keepgate train` says of it stands beside it, in a train.toml that is read without torch.

    task:    its class, whose `kind` names it in files. recipe: from the number of examples to the fields of a
             TrainingConfig that differ from the defaults.
    read:    from files to a corpus of items, with `columns` as keyword arguments.
    columns: the names of the columns that it can be told.
    unit:    what an item is called ("questions"). asks: whether an item is a question about a text.
    use:     the command that a model's card teaches (`usage`); {model} is its folder.
    does:    what it does, where a command trains one of several kinds ("picks an answer that it has met").
    suits:   of a corpus, whether this kind suits it, and the reason in words; for such a command too.
    examples: what is trained on, where an item gives many ("windows"). loss_unit: what its loss is counted in.
    reread:  as `read`, from files and a model, where the model knows what columns there are.
    takes_vectors: whether `build` of its class takes vectors of words.
    spills:  whether `read` takes a `folder` for the numbers of files that are too large to be read whole, or where in
             them the texts lie. measures_files: whether a model can be measured on what stays in such files, too.
    hold_out: from items and settings to those that are trained on and those that it is measured on, where no others are
             given; none where there are too few.
    """

    task: type[Task]
    recipe: Callable[[int], Mapping[str, Any]]
    read: Callable[..., Any]
    columns: tuple[str, ...] = ()
    unit: str
    asks: bool
    use: str
    does: str = ""
    suits: Callable[[Any], tuple[bool, str]] = lambda _: (True, "")
    examples: str = ""
    loss_unit: str = "nats"
    reread: Callable[..., Any] | None = None
    takes_vectors: bool = False
    spills: bool = False
    measures_files: bool = False
    hold_out: Callable[[Sequence[Any], Any], tuple[list[Any], list[Any]]] | None = None

    @property
    def name(self) -> str:
        """The kind as files name it."""
        return self.task.kind

    @property
    def title(self) -> str:
        """The kind as a person calls it ("span reader")."""
        return self.name.replace("-", " ")

    @property
    def command(self) -> str:
        """The command that uses a model of it ("predict")."""
        return self.use.split()[1]

    def read_for(self, task: Task, paths: Any, **columns: str | None) -> Any:
        """The corpus in these files as this model reads it."""
        return self.read(paths, **columns) if self.reread is None else self.reread(paths, task, **columns)

    def build(self, items: Sequence[Any], settings: Any, seed: int, vectors: WordVectors | None) -> Task:
        """A task with fresh weights, as its class builds it. Raises SettingsError for vectors that it does not take."""
        if vectors is None:
            return self.task.build(items, settings, seed)
        if not self.takes_vectors:
            raise SettingsError(
                f"vectors of words are given, and a {self.title} has no use for them; leave them out"
            )
        build: Callable[..., Task] = self.task.build
        return build(items, settings, seed, vectors)

    def usage(self, model: Path | str) -> str:
        """The command that uses the model in this folder, to be pasted into a shell."""
        return self.use.format(model=shlex.quote(str(model)))

    @property
    def option(self) -> str:
        """Its name among several kinds of one command ("span")."""
        return self.name.partition("-")[0]
