"""Strip chart of gates over tokens in characters: a row a gate, a column of blocks a token, as wide as the token."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from ..wording import sanitize
from .console import BLOCKS

_DIGITS = "0123456789"
# Shorter than this and not even one wide token stands beside a label.
_NARROWEST = 4


@dataclass(frozen=True)
class Row:
    """One line of the drawing: a value for each token, 0 an empty block and 1, or more, a full one; NaN stays blank.

    colours: of a value near 0, in the middle, and near 1.
    """

    label: str
    values: Sequence[float]
    colours: tuple[str, str, str] = ("red", "yellow", "green")


@dataclass(frozen=True)
class _Column:
    """One token's place: its letters, cut where they are wider than the line, and the blank after it."""

    text: str
    width: int
    gap: int
    step: int


def draw(tokens: Sequence[str], rows: Sequence[Row], *, width: int, blocks: bool = True) -> Iterator[Text]:
    """The tokens with the rows under them, line by line, wrapped at `width` columns; an empty line between pieces.

    blocks: False draws digits, 0 closed to 9 open, for a terminal that has no blocks.
    """
    label = max([cell_len(row.label) for row in rows], default=0) + 2
    room = max(width - label, _NARROWEST)
    for number, line in enumerate(_lines(tokens, room)):
        if number:
            yield Text("")
        yield Text(" " * label + "".join(column.text + " " * column.gap for column in line).rstrip())
        for row in rows:
            chart = Text().append(set_cell_size(row.label, label), "bold")
            for column in line:
                value = row.values[column.step]
                chart.append(_block(value, blocks) * column.width, style=_colour(value, row.colours))
                chart.append(" " * column.gap)
            chart.rstrip()
            yield chart


def _lines(tokens: Sequence[str], room: int) -> Iterator[list[_Column]]:
    line: list[_Column] = []
    width = 0
    for step, token in enumerate(tokens):
        column = _column(token, step, room)
        if line and width + column.width > room:
            yield line
            line, width = [], 0
        line.append(column)
        width += column.width + column.gap
    if line:
        yield line


def _column(token: str, step: int, room: int) -> _Column:
    text = sanitize(token)
    if cell_len(text) > room:
        text = set_cell_size(text, room - 1) + "…"
    # Signs that take no column of their own (a lone accent) still get one, so that each token has a block under it.
    if cell_len(text) == 0:
        text = "·"
    wide = cell_len(text[-1]) == 2
    return _Column(text, cell_len(text), 0 if wide else 1, step)


def _block(value: float, blocks: bool) -> str:
    letters = BLOCKS if blocks else _DIGITS
    if math.isnan(value):
        return " "
    return letters[min(int(value * len(letters)), len(letters) - 1)]


def _colour(value: float, colours: tuple[str, str, str]) -> str:
    return "" if math.isnan(value) else colours[min(int(value * 3), 2)]


def stretched(values: Sequence[float]) -> list[float]:
    """The values moved and scaled so that the lowest is 0 and the highest 1; 0.5 where all are equal."""
    defined = [value for value in values if not math.isnan(value)]
    low, high = min(defined, default=0.0), max(defined, default=0.0)
    if high == low:
        return [value if math.isnan(value) else 0.5 for value in values]
    return [(value - low) / (high - low) for value in values]
