"""Progress on the terminal: a bar, plain lines for a file or a pipe, one line in a notebook."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichBar

# What is over sooner needs no bar.
_QUIET_SECONDS = 2.0
# Between two plain lines, where the terminal is a file or a pipe.
_LINE_SECONDS = 10.0
# Between two writings of the one line in a notebook, and how many letters its bar has.
_NOTEBOOK_SECONDS, _BLOCKS = 0.5, 24


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The state of a training after a step; plain values, so that it can be sent from process to process.

    step: steps done, of `steps`. name: of the epoch or stage. loss: this step's, in nats.
    metrics: the last evaluation's, empty before the first.
    seconds, cpu_seconds: since the start, those before a resumption included.
    """

    step: int
    steps: int
    name: str
    loss: float
    learning_rate: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class ProgressBar:
    """A progress bar on stderr with loss, metric, speed and time left; plain lines if stderr is no terminal.

    In a notebook it is one line that is written over, on stdout: what stands on stderr looks like an error there.

    It shows nothing in the first two seconds. Trainings can share one: give it the sum of their steps.
    """

    def __init__(
        self, steps: int, name: str = "", *, unit: str = "steps", enabled: bool = True, done: int = 0
    ) -> None:
        """steps: how many there are to do, each one of `unit`; `done` of them were done before."""
        self.steps, self.unit = steps, unit
        self._name, self._enabled, self._done, self._first = name, enabled, done, done
        self._started = self._last_line = time.monotonic()
        self._console = Console(stderr=True)
        self._bar: RichBar | None = None
        self._written = 0  # letters of the line that stands in a notebook and will be written over

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._written:
            print(flush=True)

    def update(
        self,
        done: int,
        *,
        name: str = "",
        loss: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Says that `done` steps are done."""
        self._done, now = done, time.monotonic()
        if not self._enabled or now - self._started < _QUIET_SECONDS:
            return
        parts = [] if loss is None else [f"loss {loss:.4f}"]
        parts += [f"{key} {value:.3f}" for key, value in (metrics or {}).items()][:1]
        parts += [f"{self._speed(now):.1f} {self.unit}/s"]
        remaining = f"{(self.steps - done) / max(self._speed(now), 1e-9):.0f} s left"
        if self._console.is_terminal:
            self._draw(name or self._name, "  ".join(parts))
        elif self._console.is_jupyter:
            if now - self._last_line >= _NOTEBOOK_SECONDS or done == self.steps:
                self._last_line = now
                self._write_over(name or self._name, [*parts, remaining])
        elif now - self._last_line >= _LINE_SECONDS or done == self.steps:
            self._last_line = now
            steps = f"{name or self._name}: {done} of {self.steps} {self.unit}".removeprefix(": ")
            self.say(", ".join([steps, *parts, remaining]))

    def say(self, line: str | None) -> None:
        """A line of its own, above the bar; None says nothing."""
        if line is None or not self._enabled:
            return
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        elif self._console.is_jupyter:
            print(f"\r{line:<{self._written}}", flush=True)
            self._written = 0
        else:
            print(line, file=sys.stderr, flush=True)

    def _speed(self, now: float) -> float:
        return (self._done - self._first) / max(now - self._started, 1e-9)

    def _write_over(self, name: str, parts: list[str]) -> None:
        full = _BLOCKS * self._done // max(self.steps, 1)
        drawn = f"{'█' * full}{'░' * (_BLOCKS - full)} {self._done}/{self.steps}"
        line = "  ".join(filter(None, (name, drawn, *parts)))
        # What was longer must not look out from under what is shorter.
        print(f"\r{line:<{self._written}}", end="", flush=True)
        self._written = len(line)

    def _draw(self, name: str, parts: str) -> None:
        if self._bar is None:
            self._bar = RichBar(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[parts]}", markup=False),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.add_task(name, total=self.steps, parts=parts, completed=self._first)
            self._bar.start()
        self._bar.update(self._bar.tasks[0].id, completed=self._done, description=name, parts=parts)
