"""RuntimeTask: a task's model on numpy arrays and the C++ core, without torch; and the list of them, written out."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from ..arrays.encoder import TimeDelay
from ..arrays.functions import quiet
from ..arrays.recurrent import Recurrent
from ..arrays.weight_table import WeightTable
from .answer import Answer

# By the kind that a model's files name: the folder whose runtime.py has its class, `RUNTIME`.
RUNTIMES = {
    "choice-reader": "choice",
    "classifier": "classifier",
    "forecaster": "forecaster",
    "language-model": "language_model",
    "multilabel-classifier": "multilabel",
    "pointer-reader": "pointer",
    "series-classifier": "series_classifier",
    "span-reader": "span",
    "tagger": "tagger",
}

R = TypeVar("R")


class RuntimeTask:
    """A trained model that only answers. Many threads may use it at once.

    A subclass is built from `(settings, vocabulary, table)`: the settings, what `vocabulary_json` gave, and the weights
    as a `WeightTable`. It has an `item` and an `_answer`.
    layer: the one that reads the text. settings_type: as that of the torch task. command: that uses it ("predict").
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type]
    command: ClassVar[str]
    settings: Any
    layer: Recurrent | TimeDelay

    def __init__(self, settings: Any, vocabulary: Mapping[str, Any], table: WeightTable) -> None:
        raise NotImplementedError

    def item(self, text: str, question: str | None = None) -> Any:
        """What is read of a text, and what is asked about it, as one item, as the torch task's `item`."""
        raise NotImplementedError

    def _answer(self, item: Any) -> Answer:
        """The answer to one item."""
        raise NotImplementedError

    def answer(self, text: str, question: str | None = None) -> Answer:
        """The answer to a question about a text, its label, the tag of its first entity, or the token after it.

        Raises SettingsError for a question that is missing, or given to a task that is asked none; CorpusError where
        there is nothing to read; BundleError if the scores are not finite.
        """
        return self.predict([self.item(text, question)])[0]

    def predict(self, items: Iterable[Any], *, batch_size: int | None = None) -> list[Answer]:  # noqa: ARG002
        """One answer for each item, in order; a text stands for `item(text)`. Raises as `answer`.

        batch_size: has no say here, where each item is read by itself; torch tasks take it.
        """
        return self.each(items, self._answer)

    def each(
        self,
        items: Iterable[Any],
        result_of: Callable[[Any], R],
        on_progress: Callable[[int], None] | None = None,
    ) -> list[R]:
        """`result_of` each of `items(items)`. on_progress: is told how many are done."""
        results = []
        with quiet():
            for item in self.items(items):
                results.append(result_of(item))
                if on_progress is not None:
                    on_progress(len(results))
        return results

    def items(self, items: Iterable[Any]) -> list[Any]:
        """The items, with `item(text)` in place of a text."""
        return [self.item(item) if isinstance(item, str) else item for item in items]

    def run(self, x: Any, states: Any = None, **options: Any) -> tuple[Any, Any]:
        """The layer that reads the text, on numbers of one's own; see `keepgate.runtime.Recurrent`."""
        return self.layer(x, states, **options) if isinstance(self.layer, Recurrent) else self.layer(x)

    def stepper(self, batch: int = 1) -> Any:
        """The same layer for streams, one step a call. Raises SettingsError for one that reads both ways."""
        return self.layer.stepper(batch)


def runtime_of(kind: str) -> type[RuntimeTask]:
    """The class of a kind that is in `RUNTIMES`."""
    task: type[RuntimeTask] = import_module(f".{RUNTIMES[kind]}.runtime", __package__).RUNTIME
    return task
