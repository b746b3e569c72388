"""The served models: the pretrained networks and the user's own, loaded once at the start."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from ..data.labelled import LabelledText
from ..data.questions import Question
from ..demo import pretrained
from ..demo.story_templates import STORY_TEMPLATES, Language
from ..errors import SettingsError
from ..export import load
from ..nn import Recurrent
from ..tasks import KINDS
from ..tasks.answer import Answer
from ..tasks.task import Task
from .fullwidth import normalise_widths
from .limits import RequestError
from .network import layer_of, network_json
from .series.load import series_model, with_data
from .series.model import SeriesModel
from .vocabulary_coverage import language_of, vocabulary_share

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
        return {
            "id": self.id,
            "name": self.name,
            "note": self.note,
            "language": self.language,
            "vocabulary_share": self.vocabulary_share,
            **network_json(self.task),
            "shipped": self.shipped,
            "form": self.form,
            "fact": self.fact,
        }


Own = TypeVar("Own", Model, SeriesModel)


class Models:
    """The served models that read texts, in order and by id; series: those that read series, likewise."""

    def __init__(self, models: Iterable[Model], series: Iterable[SeriesModel] = ()) -> None:
        self._by_id = {model.id: model for model in models}
        self.series = {model.id: model for model in series}

    @property
    def own_are_series(self) -> bool:
        """Whether the user's own models all read series."""
        return bool(self.series) and all(model.shipped for model in self)

    def __iter__(self) -> Iterator[Model]:
        return iter(self._by_id.values())

    def __getitem__(self, name: str) -> Model:
        """The model of this id. Raises RequestError if none is served under it."""
        return _with_id(self._by_id, name, "texts")

    def of_series(self, name: str) -> SeriesModel:
        """The model of series of this id. Raises RequestError if none is served under it."""
        return _with_id(self.series, name, "series")


def _with_id(models: Mapping[str, Own], name: str, reads: str) -> Own:
    if name not in models:
        raise RequestError(
            404,
            "unknown_model",
            f"no model {name!r} that reads {reads} is served; there are {', '.join(models) or 'none'}",
            model=name,
        )
    return models[name]


def served(folders: Iterable[Path] = (), data: Sequence[Path] = ()) -> Models:
    """The shipped networks, and before them the bundles in these folders.

    data: files of series for the models that read them. Raises BundleError for a folder that is no model, CorpusError
    for a file that no model can read, SettingsError for a network without memory, and for data without such a model.
    """
    own = [_own(folder) for folder in folders]
    texts = [model for model in own if isinstance(model, Model)]
    series = [model for model in own if isinstance(model, SeriesModel)]
    if data and not series:
        raise SettingsError(
            "--data is given, and no model here reads series; leave it out, or name one that does"
        )
    shipped = map(_shipped, (*pretrained.folders().items(), *pretrained.open_folders().items()))
    return Models([*_with_unique_ids(texts), *shipped], with_data(_with_unique_ids(series), data))


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


def _own(folder: Path) -> Model | SeriesModel:
    task = load(folder)
    try:
        layer_of(task)
    except SettingsError as fault:
        raise SettingsError(f"{folder}: {fault}") from fault
    name = folder.resolve().name
    return series_model(_id_from(name), name, task) or Model(
        id=_id_from(name), name=name, note=None, language=None, shipped=False, task=task
    )


def _id_from(name: str) -> str:
    """A folder's name as an id: what is no letter, digit or mark in names is a hyphen."""
    return re.sub(r"[^\w.-]+", "-", name) or "model"


def _with_unique_ids(models: Iterable[Own]) -> Iterator[Own]:
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
