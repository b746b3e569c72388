"""What is served: the networks that come with the package and those named at the start, loaded once."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..data.questions import Question
from ..demo import pretrained
from ..demo.story_templates import Language
from ..emit.unicode import equations_of
from ..equations import Cell
from ..errors import SettingsError
from ..export import load
from ..nn import Recurrent
from ..tasks.choice.reader import ChoiceReader
from ..tasks.span import SpanReader
from ..tasks.task import Task
from .known import familiar
from .limits import Refusal
from .widths import in_known_widths

# So many of the answers that a reader chooses from are told.
MOST_CHOICES = 64
# What the page calls them: the cell, and how its biases began.
_NAMES = {"rnn": ("RNN", None), "lstm-zero": ("LSTM", "zero"), "lstm-chrono": ("LSTM", "chrono"),
          "gru-chrono": ("GRU", "chrono")}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """One network. id: how a request names it. note: how its biases began, for a shipped one.

    language: of the stories that it was trained on; None where that is not known, which it is of no model of one's own.
    knows:    how much of a story in each language its vocabulary has, 0 to 1.
    """

    id: str
    name: str
    note: str | None
    language: Language | None
    shipped: bool
    task: Task

    @cached_property
    def knows(self) -> dict[Language, float]:
        """The share of a story's tokens, in each language, that its vocabulary has."""
        return familiar(self.task)

    @property
    def told(self) -> Language:
        """The language in which it is told a story: its own, else that of which it knows more."""
        if self.language is not None:
            return self.language
        return max(pretrained.LANGUAGES, key=lambda language: self.knows[language])

    @property
    def layer(self) -> Recurrent:
        """The layer that reads the text."""
        return layer_of(self.task)

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The answers that it chooses from; None where it points into the text instead."""
        return self.task.choices if isinstance(self.task, ChoiceReader) else None

    def spelt(self, question: Question) -> Question:
        """The question as its vocabulary spells it: signs of another width in the one that it knows, place by place.

        A reader that points gives back what it read, and is given what was typed.
        """
        if not isinstance(self.task, ChoiceReader):
            return question
        return in_known_widths(question, self.task.vocabulary)

    def as_dict(self) -> dict[str, object]:
        """What the page knows of it."""
        layer, cell = self.layer, self.layer.cell
        return {
            "id": self.id,
            "name": self.name,
            "note": self.note,
            "language": self.language,
            "knows": self.knows,
            "cell": cell.name.partition("_")[0],
            "kind": self.task.kind,
            "parameters": sum(each.numel() for each in self.task.parameters()),
            "hidden_size": layer.hidden_size,
            "layers": [
                {"layer": number, "reverse": reverse}
                for number in range(layer.num_layers)
                for reverse in (False, True)[: layer.directions]
            ],
            "gates": list(gates_of(cell)),
            "states": sorted(cell.states, key=lambda state: state != cell.memory_state),
            "memory": cell.memory_state,
            "keeps": cell.retain_gate,
            "writes": cell.input_gate,
            "shipped": self.shipped,
            "choices": list(self.choices or ())[:MOST_CHOICES],
            "equations": [
                {"phase": one.phase, "name": one.name, "text": one.text} for one in equations_of(cell)
            ],
        }


class Models:
    """All that is served, in order; by id."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._by_id = {model.id: model for model in models}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._by_id.values())

    def __getitem__(self, name: str) -> Model:
        """The model of this id. Raises Refusal if none is served under it."""
        if name not in self._by_id:
            raise Refusal(
                404,
                "unknown_model",
                f"no model {name!r} is served; there are {', '.join(self._by_id)}",
                {"model": name},
            )
        return self._by_id[name]


def served(named: Iterable[Path] = ()) -> Models:
    """The shipped networks, and before them the bundles in these folders.

    Raises BundleError for a folder that is no model, SettingsError for a network without memory.
    """
    own = [_own(folder, task) for folder in named for task in (load(folder),)]
    return Models([*_told_apart(own), *map(_shipped, pretrained.folders().items())])


def layer_of(task: Task) -> Recurrent:
    """The layer that reads a reader's text. Raises SettingsError if it has no memory to look into."""
    if isinstance(task, SpanReader):
        return task.network.text_encoder
    if isinstance(task, ChoiceReader) and isinstance(task.encoder.layer, Recurrent):
        return task.encoder.layer
    raise SettingsError(f"this {task.kind} has no memory to look into; serve one with an RNN, LSTM or GRU")


def gates_of(cell: Cell) -> tuple[str, ...]:
    """The names of a cell's gates: the one that keeps first, then the one that lets in."""
    order = (cell.retain_gate, cell.input_gate)
    gates = set(cell.analysis.gates.values())
    return tuple(
        sorted((name for name in cell.traced if name in gates), key=lambda name: _place(name, order))
    )


def _place(name: str, order: tuple[str | None, ...]) -> int:
    return order.index(name) if name in order else len(order)


def _shipped(item: tuple[str, Path]) -> Model:
    name, folder = item
    language, _, contestant = name.partition("/")
    called, note = _NAMES[contestant]
    return Model(
        id=name,
        name=called,
        note=note,
        language="en" if language == "en" else "zh",
        shipped=True,
        task=load(folder),
    )


def _own(folder: Path, task: Task) -> Model:
    try:
        layer_of(task)
    except SettingsError as fault:
        raise SettingsError(f"{folder}: {fault}") from fault
    name = folder.resolve().name
    return Model(id=_spelt(name), name=name, note=None, language=None, shipped=False, task=task)


def _spelt(name: str) -> str:
    """A folder's name as an id: what is no letter, digit or mark in names is a hyphen."""
    return re.sub(r"[^\w.-]+", "-", name) or "model"


def _told_apart(models: list[Model]) -> Iterable[Model]:
    seen: dict[str, int] = {}
    for model in models:
        seen[model.id] = seen.get(model.id, 0) + 1
        if seen[model.id] == 1:
            yield model
            continue
        number = seen[model.id]
        yield Model(
            id=f"{model.id}-{number}", name=f"{model.name} ({number})", note=model.note, language=model.language,
            shipped=False, task=model.task,
        )  # fmt: skip
