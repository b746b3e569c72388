"""TaskEstimator: what the estimators of all kinds of tasks share."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from ...config import settings_from
from ...data.word_vectors import WordVectors
from ...tasks import KINDS
from ...tasks.task import Streams
from ...train.loop import fit
from ...train.recipes import changed, recipe

_TRAINING = ("epochs", "batch_size", "learning_rate", "threads", "bptt_steps")


@dataclass(kw_only=True, eq=False, repr=False)
class TaskEstimator(BaseEstimator):
    """A task as a scikit-learn estimator. Each kind has its own hyperparameters; these are of all:

    epochs, batch_size, learning_rate: of the training; None takes what `keepgate train` takes.
    threads: of the processor; None leaves torch's number. random_state: decides every random choice; a number, the same
    as `--seed`. verbose: a progress bar. settings: the other fields of the task's settings, by name.

    Once fitted: `task_`, the trained task, for `keepgate.export.save` and the lens; `n_iter_`, the training's steps.
    """

    kind: ClassVar[str]
    reads: ClassVar[Mapping[str, bool]] = {"two_d_array": False, "one_d_array": True, "string": True}

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    threads: int | None = None
    random_state: Any = 0
    verbose: bool = False
    settings: dict[str, Any] | None = None

    def _fit(self, items: Sequence[Any]) -> Self:
        """Trains a task of this kind on the items."""
        path, kind = getattr(self, "vectors", None), KINDS[self.kind]
        vectors = None if path is None else WordVectors(path)
        arguments = self._arguments()
        seed = arguments["random_state"]
        if not isinstance(seed, int):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        task = kind.build(items, self._settings(vectors), seed, vectors)
        if isinstance(task, Streams):
            data: dict[str, Any] = {"stream": task.stream(items)}
        else:
            self._warn_unlearnable(task, items)
            data = {"examples": task.prepare(items, training=True)}
        ((examples),) = data.values()
        chosen = {name: arguments[name] for name in _TRAINING if arguments.get(name) is not None}
        config = changed(recipe(kind.name, len(examples)), chosen | {"seed": seed})
        self.n_iter_ = fit(task, config, **data, progress=self.verbose).steps
        self.task_ = task
        return self

    def _arguments(self) -> dict[str, Any]:
        """The arguments by name, numpy's numbers, which searches choose among, as Python's."""
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params(deep=False).items()
        }

    def _settings(self, vectors: WordVectors | None) -> Any:
        """The settings of the task that the arguments say. Raises SettingsError for one that makes no sense."""
        settings_type = KINDS[self.kind].task.settings_type
        names = {field.name for field in fields(settings_type)}
        own = {name: value for name, value in self._arguments().items() if name in names}
        if vectors is not None:
            own["embedding_size"] = vectors.size
        return settings_from(settings_type, own | (self.settings or {}))

    def _warn_unlearnable(self, task: Any, items: Sequence[Any]) -> None:
        reasons = Counter(task.unlearnable(example) for example in task.prepare(items, training=False))
        del reasons[None]
        unit = KINDS[self.kind].unit
        for reason, count in reasons.items():
            warnings.warn(f"{count:,} of {len(items):,} {unit} left out: {reason}", stacklevel=4)

    def _score(self, items: Sequence[Any], name: str | None = None) -> float:
        """A metric over the items, negative where less is better; None is the one that judges a training."""
        check_is_fitted(self, "task_")
        metric = next(metric for metric in self.task_.metrics if name in (None, metric.name))
        value: float = self.task_.measure(items).values()[metric.name]
        return value if metric.higher_is_better else -value

    def __sklearn_tags__(self) -> Tags:
        """What the estimator reads."""
        tags = super().__sklearn_tags__()
        for name, value in self.reads.items():
            setattr(tags.input_tags, name, value)
        return tags
