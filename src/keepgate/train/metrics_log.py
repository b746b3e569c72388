"""Metrics of a training as JSON lines in a file, and the clock that goes into them."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..errors import BundleError


class Timed(Protocol):
    """A state with counters of wall and processor time."""

    seconds: float
    cpu_seconds: float


class Clock:
    """A clock that adds wall and processor seconds to a state, and tells which of them it waited for data."""

    def __init__(self, state: Timed) -> None:
        self._state = state
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._loading = 0.0

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """A context in which the network waits for its next batch."""
        began = time.perf_counter()
        yield
        self._loading += time.perf_counter() - began

    def loaded(self) -> dict[str, float]:
        """The seconds in `loading` since it was last asked."""
        waited, self._loading = self._loading, 0.0
        return {"data_seconds": round(waited, 6)}

    def tick(self) -> dict[str, float]:
        """Adds what has passed since the last tick; the sums, to the millisecond."""
        wall, cpu = time.perf_counter(), time.process_time()
        self._state.seconds += wall - self._wall
        self._state.cpu_seconds += cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return {"seconds": round(self._state.seconds, 3), "cpu_seconds": round(self._state.cpu_seconds, 3)}


class MetricsLog:
    """The history of a run: one mapping a record, kept in memory and, given a path, as a JSON line there.

    listener: is told of each record that is added.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        self.listener: Callable[[Mapping[str, Any]], None] = lambda _: None

    def go_back_to(self, step: int) -> None:
        """Truncates the file to the records up to `step`; later steps are done again."""
        if self.path is None:
            return
        records = []
        for line in self.path.read_bytes().splitlines() if self.path.is_file() else []:
            try:
                record = json.loads(line)
                if record["step"] <= step:
                    records.append(record)
            except (ValueError, LookupError, TypeError):
                # The line that was being written when the machine went down.
                continue
        self.records = records
        self._write("".join(map(_line, records)), afresh=True)

    def last(self, name: str, otherwise: Any) -> Any:
        """The latest value of that name, or `otherwise` if there is none."""
        return next((record[name] for record in reversed(self.records) if name in record), otherwise)

    def add(self, record: Mapping[str, Any]) -> None:
        """Writes one record. Raises BundleError if the file cannot be written."""
        self.records.append(dict(record))
        self._write(_line(record))
        self.listener(record)

    def _write(self, text: str, *, afresh: bool = False) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            target = self.path.with_name(f".{self.path.name}.writing") if afresh else self.path
            with target.open("w" if afresh else "a", encoding="utf-8") as file:
                file.write(text)
            if afresh:
                os.replace(target, self.path)
        except OSError as fault:
            raise BundleError(
                f"cannot write the metrics {self.path}: {fault.strerror or fault}; free some space or choose "
                "another folder, then go on with resume=True (--resume): the checkpoints are whole"
            ) from fault


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
