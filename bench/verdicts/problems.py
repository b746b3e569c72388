"""Data whose answer lies at a known place: keywords, marked numbers, tags, next tokens and series."""

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Generator, Tensor

PADDING, KEYS, VOCABULARY = 0, 4, 20


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows with their answers: x is `[N, T]` tokens or `[N, T, F]` numbers; lengths in steps."""

    x: Tensor
    lengths: Tensor
    y: Tensor

    def part(self, which: Tensor | slice) -> "Rows":
        return replace(self, x=self.x[which], lengths=self.lengths[which], y=self.y[which])


class Problem(Protocol):
    """A distribution of rows; `needed`: how many of a row's last steps hold the answer, None where it has none."""

    @property
    def needed(self) -> int | None: ...

    def draw(self, rows: int, generator: Generator) -> Rows: ...


def _lengths(rows: int, shortest: int, steps: int, generator: Generator) -> Tensor:
    return torch.randint(shortest, steps + 1, (rows,), generator=generator)


def _places(place: str, lengths: Tensor, generator: Generator) -> Tensor:
    """A step in each row: among the first three, the last three, or any."""
    drawn = torch.rand(len(lengths), generator=generator)
    if place == "any":
        return (drawn * lengths).long()
    near = (drawn * lengths.clamp(max=3)).long()
    return near if place == "start" else lengths - 1 - near


def _reach(place: str, steps: int) -> int:
    return 3 if place == "end" else steps


@dataclass(frozen=True, kw_only=True)
class Keyword:
    """Which of four key tokens stands in the row."""

    steps: int = 20
    shortest: int | None = None
    place: str = "any"
    padding: str = "right"
    signal: bool = True
    classes: int = KEYS

    @property
    def needed(self) -> int | None:
        return _reach(self.place, self.steps) if self.signal else None

    def draw(self, rows: int, generator: Generator) -> Rows:
        lengths = _lengths(rows, self.shortest or self.steps, self.steps, generator)
        x = torch.randint(KEYS + 1, VOCABULARY, (rows, self.steps), generator=generator)
        y = torch.randint(0, self.classes, (rows,), generator=generator)
        x[torch.arange(rows), _places(self.place, lengths, generator)] = y + 1
        x[torch.arange(self.steps) >= lengths[:, None]] = PADDING
        if self.padding == "left":
            x = torch.stack([row.roll(self.steps - int(n)) for row, n in zip(x, lengths, strict=True)])
        if not self.signal:
            y = torch.randint(0, self.classes, (rows,), generator=generator)
        return Rows(x=x, lengths=lengths, y=y)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """The number (or numbers) at the one marked step: `[N]`, or `[N, outputs]`."""

    steps: int = 20
    shortest: int | None = None
    place: str = "any"
    outputs: int | None = None
    signal: bool = True
    scale: float = 1.0
    sign: bool = False

    @property
    def needed(self) -> int | None:
        return _reach(self.place, self.steps) if self.signal else None

    def draw(self, rows: int, generator: Generator) -> Rows:
        lengths = _lengths(rows, self.shortest or self.steps, self.steps, generator)
        features = self.outputs or 1
        x = torch.rand(rows, self.steps, features + 1, generator=generator) * 2 - 1
        at = torch.arange(rows), _places(self.place, lengths, generator)
        x[..., -1] = 0
        x[(*at, -1)] = 1
        y = x[at][:, :features]
        x[torch.arange(self.steps) >= lengths[:, None]] = 0
        if not self.signal:
            y = torch.rand(rows, features, generator=generator) * 2 - 1
        if self.sign:
            y = (y > 0).long()
        return Rows(x=x * self.scale, lengths=lengths, y=y if self.outputs else y[:, 0])


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Whether two bits (tokens 1 and 2) among others are alike: no single token says anything."""

    steps: int = 8

    @property
    def needed(self) -> int | None:
        return self.steps

    def draw(self, rows: int, generator: Generator) -> Rows:
        x = torch.randint(KEYS + 1, VOCABULARY, (rows, self.steps), generator=generator)
        bits = torch.randint(0, 2, (rows, 2), generator=generator)
        places = torch.rand(rows, self.steps, generator=generator).argsort(1)[:, :2]
        x.scatter_(1, places, bits + 1)
        return Rows(x=x, lengths=torch.full((rows,), self.steps), y=(bits[:, 0] == bits[:, 1]).long())


@dataclass(frozen=True, kw_only=True)
class Tags:
    """A tag each step, `[N, T]`: the group of the token `back` steps before, or of the row's first token."""

    steps: int = 16
    back: int | None = 1
    shortest: int | None = None

    @property
    def needed(self) -> int | None:
        return self.steps if self.back is None else self.back + 1

    def draw(self, rows: int, generator: Generator) -> Rows:
        lengths = _lengths(rows, self.shortest or self.steps, self.steps, generator)
        x = torch.randint(1, VOCABULARY, (rows, self.steps), generator=generator)
        y = x[:, :1].expand(-1, self.steps) % 4 if self.back is None else x.roll(self.back, 1) % 4
        x[torch.arange(self.steps) >= lengths[:, None]] = PADDING
        return Rows(x=x, lengths=lengths, y=y.contiguous())


@dataclass(frozen=True, kw_only=True)
class NextToken:
    """A language with a period, `[N, T]`: each token repeats the one so many steps before, with a few misprints."""

    steps: int = 24
    period: int = 2

    @property
    def needed(self) -> int | None:
        return self.period

    def draw(self, rows: int, generator: Generator) -> Rows:
        x = torch.randint(1, 9, (rows, self.steps + 1), generator=generator)
        for step in range(self.period, self.steps + 1):
            x[:, step] = x[:, step - self.period]
        return Rows(x=x[:, :-1], lengths=torch.full((rows,), self.steps), y=x[:, 1:].contiguous())


@dataclass(frozen=True, kw_only=True)
class Series:
    """A window of a series and its next values: waves that the last steps tell, or a value `lag` steps back."""

    steps: int = 24
    lag: int | None = None
    ahead: int | None = None
    level: float = 0.0
    scale: float = 1.0

    @property
    def needed(self) -> int | None:
        return self.lag or 3

    def draw(self, rows: int, generator: Generator) -> Rows:
        ahead = self.ahead or 1
        if self.lag is None:
            frequency = 0.3 + 0.5 * torch.rand(rows, 1, generator=generator)
            phase = 6.3 * torch.rand(rows, 1, generator=generator)
            values = torch.sin(frequency * torch.arange(self.steps + ahead) + phase)
        else:
            values = torch.rand(rows, self.steps + ahead, generator=generator) * 2 - 1
            for step in range(self.steps, self.steps + ahead):
                values[:, step] = values[:, step - self.lag]
        values = self.level + self.scale * values
        y = values[:, self.steps :]
        return Rows(
            x=values[:, : self.steps, None],
            lengths=torch.full((rows,), self.steps),
            y=y if self.ahead else y[:, 0],
        )
