"""SeriesModel: one served model that reads series, with the series to choose from."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...data.labelled_series import LabelledSeries
from ...data.series import Series
from ...lens import read
from ...lens.readers import Reading
from ...tasks.answer import Answer
from ...tasks.task import Task
from ..limits import RequestError, bad_request
from ..network import network_json
from ..serialize import JsonObject
from .request_models import WindowRequest

# Series of a table that are listed.
MAX_LISTED = 2000

Item = Series | LabelledSeries


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesModel(ABC):
    """One served model that reads series. id: how a request names it. data: the series of the files that were given.

    lock: held by whoever runs the network: shares are taken while its gates are held as they were. tables: the series
    of the last table, under its text.
    """

    id: str
    name: str
    task: Any
    data: Sequence[Item] = ()
    lock: Any = field(default_factory=threading.Lock)
    tables: dict[str, Sequence[Item]] = field(default_factory=dict)

    @abstractmethod
    def in_table(self, table: str) -> Sequence[Item]:
        """The series in a table's text. Raises CorpusError as reading its file does."""

    @abstractmethod
    def in_file(self, path: Path) -> Sequence[Item]:
        """The series in a file. Raises CorpusError for one without the columns that the model reads."""

    @abstractmethod
    def window(self, item: Any, body: WindowRequest) -> Item:
        """What is read of a series. Raises RequestError for a window or number that there is not."""

    @abstractmethod
    def facts(self) -> JsonObject:
        """What the page needs to know beside the network: names and sizes."""

    @abstractmethod
    def drawn(self, reading: Reading, series: Any) -> JsonObject:
        """The window as it is drawn: times, values, and what is predicted. series: all of it, not only the window."""

    @abstractmethod
    def rests_on(self, reading: Reading) -> JsonObject:
        """What the answer rests on, as `keepgate look` measures it."""

    @abstractmethod
    def length(self, item: Any) -> int:
        """Steps of a series."""

    @property
    @abstractmethod
    def look_back(self) -> int | None:
        """Steps of a window; None where all of a series is read."""

    def before_changes(self, reading: Reading) -> Answer:
        """The answer with which one under changes is compared."""
        return reading.answer

    @cached_property
    def network(self) -> JsonObject:
        """The model as the page needs it."""
        task: Task = self.task
        return {
            "id": self.id,
            "name": self.name,
            "note": None,
            "shipped": False,
            **network_json(task),
            "look_back": self.look_back,
            **self.facts(),
            "data": bool(self.data),
        }

    def items(self, body: WindowRequest) -> Sequence[Item]:
        """The series of a request's table. Raises RequestError where there is none to choose from."""
        if body.table is None:
            if not self.data:
                raise RequestError(
                    422, "no_table", "there is no table yet; give one, or serve with --data FILE"
                )
            return self.data
        if not body.table.strip():
            raise RequestError(422, "no_table", "the table is empty; give one with a row for each step")
        if body.table not in self.tables:
            self.tables.clear()
            self.tables[body.table] = self.in_table(body.table)
        return self.tables[body.table]

    def chosen(self, body: WindowRequest) -> Item:
        """The series that a request names. Raises RequestError for one that there is not."""
        items = self.items(body)
        if body.series >= len(items):
            raise bad_request(f"series is {body.series}; the table has {len(items):,}, counted from 0")
        return items[body.series]

    def reading(self, body: WindowRequest, most: int) -> Reading:
        """The model's reading of a window of at most so many steps. Raises as `lens.read` does, and RequestError."""
        item = self.window(self.chosen(body), body)
        steps = self.look_back or self.length(item)
        if steps > most:
            whole = self.look_back is None
            remedy = "give a shorter series" if whole else "serve a model that looks back less far"
            raise RequestError(
                422, "too_long",
                f"{steps:,} steps would be read, and at most {most:,} are read here; {remedy}",
                tokens=steps, limit=most,
            )  # fmt: skip
        return read(self.task, item)

    def listed(self, body: WindowRequest) -> list[JsonObject]:
        """The series of a request's table, to choose from: names, steps, and the label of each that has one."""
        return [
            {"id": item.id, "steps": self.length(item), "label": getattr(item, "label", None)}
            for item in self.items(body)[:MAX_LISTED]
        ]
