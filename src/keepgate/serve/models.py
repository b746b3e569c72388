"""The served models: the pretrained networks and the user's own, loaded once at the start."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from ..data.labelled import LabelledText
from ..data.questions import Question
from ..demo import pretrained
from ..demo.story_templates import STORY_TEMPLATES, Language
from ..emit.unicode import equations_of
from ..equations import Cell
from ..equations.simplify import ONE
from ..errors import CellError, SettingsError
from ..export import load
from ..nn import Recurrent
from ..tasks import KINDS
from ..tasks.answer import Answer
from ..tasks.probe import SeriesProbed
from ..tasks.task import Task
from ..wording import LANGUAGES, meaning
from .fullwidth import normalise_widths
from .limits import RequestError
from .vocabulary_coverage import language_of, vocabulary_share

# Of the answers that a reader chooses from, so many are listed.
MAX_CHOICES = 64
# The page's names for them: the cell, and the initialisation of its biases.
_DISPLAY_NAMES = {"rnn": ("RNN", None), "lstm-zero": ("LSTM", "zero"), "lstm-chrono": ("LSTM", "chrono"),
          "gru-chrono": ("GRU", "chrono"), "open-rnn": ("RNN", "open"), "open-lstm": ("LSTM", "open"),
          "open-gru": ("GRU", "open"), "mingru-chrono": ("minGRU", "chrono"),
          "open-mingru": ("minGRU", "open")}  # fmt: skip


# A person who types a story writes of Nami as she, where the stories that networks learnt write he of everybody.
_EITHER = {"他": "[他她]", "he": "s?he"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """One served model. id: how a request names it. note: the initialisation of its biases, for a shipped one.

    language: of the training stories; None for the user's own models.
    shipped: whether it comes with the package.
    """

    id: str
    name: str
    note: str | None
    language: Language | None
    shipped: bool
    task: Task

    @cached_property
    def vocabulary_share(self) -> dict[Language, float]:
        """The share of a story's tokens, in each language, that its vocabulary has."""
        return vocabulary_share(self.task)

    @property
    def story_language(self) -> Language:
        """The language of the stories for it: its own, else the one that its vocabulary covers better."""
        if self.language is not None:
            return self.language
        return language_of(self.task)

    @property
    def layer(self) -> Recurrent:
        """The layer that reads the text."""
        return layer_of(self.task)

    @property
    def form(self) -> str | None:
        """The question that it learnt, as a regular expression with the goal in a group; None where it learnt many."""
        return self._form("question")

    @property
    def fact(self) -> str | None:
        """The sentence that answers it, of him or her and without its full stop, in the same way."""
        return self._form("fact")

    def _form(self, sentence: Literal["question", "fact"]) -> str | None:
        if not self.shipped or self.choices is None or self.language is None:
            return None
        templates = STORY_TEMPLATES[self.language]
        name, domain, rank = (
            f"(?:{'|'.join(words)})" for words in (templates.names, templates.domains, templates.ranks)
        )
        goal = templates.goal.format(domain=domain, rank=rank)
        before, _, after = getattr(templates, sentence).rstrip("。.").partition("{goal}")
        before, after = (
            re.sub("他|\\bhe\\b", lambda pronoun: _EITHER[pronoun[0]], re.escape(part)).replace(
                re.escape("{name}"), name
            )
            for part in (before, after)
        )
        return f"^{before}({goal}){after}$"

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The answers that it chooses from; None where it points into the text instead."""
        return self.task.choices

    def normalise_widths(self, question: Question) -> Question:
        """The question with characters of another width in the one that its vocabulary knows.

        A span reader, which answers with a piece of the text, gets the question as it was typed.
        """
        if self.choices is None or self.task.vocabulary is None:
            return question
        return normalise_widths(question, self.task.vocabulary)

    def item(self, question: Question) -> Question | LabelledText:
        """The question as the task takes it; the text alone for a task that is asked nothing."""
        return question if KINDS[self.task.kind].asks else self.task.item(question.text)

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """The task's answer to each question. Raises as the task does."""
        return self.task.predict([self.item(self.normalise_widths(question)) for question in questions])

    def as_dict(self) -> dict[str, object]:
        """The model as the page needs it."""
        layer, cell = self.layer, self.layer.cell
        return {
            "id": self.id,
            "name": self.name,
            "note": self.note,
            "language": self.language,
            "vocabulary_share": self.vocabulary_share,
            "cell": cell.name,
            "kind": self.task.kind,
            "parameters": sum(weight.numel() for weight in self.task.parameters()),
            "layer_parameters": sum(weight.numel() for weight in layer.parameters()),
            "hidden_size": layer.hidden_size,
            "layers": [
                {"layer": number, "reverse": reverse}
                for number in range(layer.num_layers)
                for reverse in (False, True)[: layer.directions]
            ],
            "gates": list(gates_of(cell)),
            "letters": {
                language: {name: meaning(cell.letters, name, language) for name in cell.letters}
                for language in LANGUAGES
            },
            "states": sorted(cell.states, key=lambda state: state != cell.memory_state),
            "memory": cell.memory_state,
            "keeps": cell.retain_gate,
            "keeps_closed": gate_that_keeps_closed(cell),
            "erases_without_write": erases_without_write(cell),
            "shipped": self.shipped,
            "form": self.form,
            "fact": self.fact,
            "choices": list(self.choices or ())[:MAX_CHOICES],
            "equations": [
                {"phase": line.phase, "name": line.name, "text": line.text} for line in equations_of(cell)
            ],
        }


class Models:
    """The served models, in order and by id."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._by_id = {model.id: model for model in models}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._by_id.values())

    def __getitem__(self, name: str) -> Model:
        """The model of this id. Raises RequestError if none is served under it."""
        if name not in self._by_id:
            raise RequestError(
                404,
                "unknown_model",
                f"no model {name!r} is served; there are {', '.join(self._by_id)}",
                model=name,
            )
        return self._by_id[name]


def served(folders: Iterable[Path] = ()) -> Models:
    """The shipped networks, and before them the bundles in these folders.

    Raises BundleError for a folder that is no model, SettingsError for a network without memory.
    """
    own = [_own(folder, task) for folder in folders for task in (load(folder),)]
    return Models(
        [
            *_with_unique_ids(own),
            *map(_shipped, (*pretrained.folders().items(), *pretrained.open_folders().items())),
        ]
    )


def layer_of(task: Task) -> Recurrent:
    """The layer that reads a task's text. Raises SettingsError for a task without memory."""
    try:
        layer = task.get_submodule(task.reading_layer())
    except CellError as fault:
        raise SettingsError(
            f"this {task.kind} has no memory to look into; serve one with an RNN, LSTM or GRU"
        ) from fault
    assert isinstance(layer, Recurrent)
    return layer


def erases_without_write(cell: Cell) -> bool:
    """Whether a step of the cell that writes nothing still erases, as an LSTM's does and a GRU's does not."""
    update = cell.additive.get(cell.memory_state)
    return update is not None and update.keep_without_write is not ONE


def gate_that_keeps_closed(cell: Cell) -> str | None:
    """The gate that keeps as far as it is closed, as a minGRU's; None where an open one keeps, or none does."""
    block = cell.analysis.retain_block
    return block[0] if cell.retain_gate is None and block is not None and block[0] in gates_of(cell) else None


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
    display_name, note = _DISPLAY_NAMES[contestant]
    return Model(
        id=name,
        name=display_name,
        note=note,
        language="en" if language == "en" else "zh",
        shipped=True,
        task=load(folder),
    )


def _own(folder: Path, task: Task) -> Model:
    if isinstance(task, SeriesProbed):
        raise SettingsError(
            f"{folder}: this {task.kind} reads series, and the page texts; use `keepgate look`"
        )
    try:
        layer_of(task)
    except SettingsError as fault:
        raise SettingsError(f"{folder}: {fault}") from fault
    name = folder.resolve().name
    return Model(id=_id_from(name), name=name, note=None, language=None, shipped=False, task=task)


def _id_from(name: str) -> str:
    """A folder's name as an id: what is no letter, digit or mark in names is a hyphen."""
    return re.sub(r"[^\w.-]+", "-", name) or "model"


def _with_unique_ids(models: Iterable[Model]) -> Iterator[Model]:
    """The models; of several with one id, the later ones are numbered."""
    counts: Counter[str] = Counter()
    for model in models:
        counts[model.id] += 1
        number = counts[model.id]
        yield (
            model
            if number == 1
            else replace(model, id=f"{model.id}-{number}", name=f"{model.name} ({number})")
        )
