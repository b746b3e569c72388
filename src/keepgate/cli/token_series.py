"""Time series of one traced layer, a value for each token: its gates, and how far its states move."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.table import Table

from ..errors import SettingsError
from ..wording import percent, sanitize
from .console import table

if TYPE_CHECKING:
    from ..nn.trace import LayerTrace


@dataclass(frozen=True)
class TokenSeries:
    """One gate, or the movement of one state, over the tokens: the mean over the units, or one unit; NaN if undefined.

    letter: the gate's or state's name in the cell's equations. remark: what it does, or what its letter means.
    """

    letter: str
    label: str
    values: list[float]
    is_gate: bool
    remark: str = ""

    def part(self, tokens: slice) -> "TokenSeries":
        """The same over some of the tokens."""
        return replace(self, values=self.values[tokens])


def token_series(layer: "LayerTrace", letters: Sequence[str], unit: int | None) -> list[TokenSeries]:
    """The layer's gates, the one that keeps first, then how far each state moves; only `letters` if there are any.

    Raises SettingsError for a letter or a unit that the layer does not have.
    """
    from ..lens.memory import relative_state_change

    cell = layer.cell
    # What is a gate follows from the equations, as on the page and in the report.
    gates = [letter for letter in cell.traced if letter in cell.analysis.gates.values()]
    gates.sort(key=lambda letter: letter != cell.retain_gate)
    for letter in letters:
        if letter not in (*gates, *cell.states):
            raise SettingsError(
                f"this {cell.name} has no row {letter!r}; it has {', '.join((*gates, *cell.states))}"
            )
    units = layer[cell.states[0]].shape[2]
    if unit is not None and not 0 <= unit < units:
        raise SettingsError(f"--unit is {unit}; this layer has units 0 to {units - 1}")
    series = []
    for letter in gates:
        values = layer[letter][:, 0].mean(1) if unit is None else layer[letter][:, 0, unit]
        remark = {cell.retain_gate: "keeps", cell.input_gate: "lets in"}.get(letter, "")
        label = f"{cell.letters.get(letter, '').removesuffix(' gate')} {letter}".strip()
        series.append(TokenSeries(letter, label, values.tolist(), True, remark))
    for letter in reversed(cell.states) if unit is None else ():
        values = relative_state_change(layer, letter)[:, 0]
        series.append(
            TokenSeries(letter, f"{letter} moves", values.tolist(), False, cell.letters.get(letter, ""))
        )
    return [row for row in series if not letters or row.letter in letters]


def summary_table(tokens: Sequence[str], series: Sequence[TokenSeries]) -> Table:
    """Mean, lowest and highest value of each series, with the tokens at which they stand."""
    rows = []
    for row in series:
        defined = [place for place, value in enumerate(row.values) if not math.isnan(value)]
        if not defined:
            rows.append((row.label, row.remark, "", "", ""))
            continue
        low, high = (pick(defined, key=row.values.__getitem__) for pick in (min, max))
        mean = math.fsum(row.values[place] for place in defined) / len(defined)
        lowest, highest = (f"{row.values[place]:.2f}  {sanitize(tokens[place])}" for place in (low, high))
        rows.append((row.label, row.remark, f"{mean:.2f}", lowest, highest))
    return table(("", "", "mean", "lowest, at", "highest, at"), rows, words=2)


def describe(layer: "LayerTrace", unit: int | None, step: str) -> str:
    """How long the layer's memory lasts, by the gate that retains it; or that its cell has no such gate.

    step: what a step of the layer is called.
    """
    from ..lens.memory import retention_of_first_write
    from ..lens.memory.time_scales import half_life

    cell = layer.cell
    if cell.retain_gate is None:
        if cell.additive:
            return "No gate of this cell keeps its memory by being open."
        states = " and ".join(f"{cell.letters.get(state, '')} {state}".strip() for state in cell.states)
        return f"This cell has no gate that keeps: each {step} rewrites the whole {states}."
    keep = layer[cell.retain_gate] if unit is None else layer[cell.retain_gate][:, :, unit : unit + 1]
    half_lives = half_life(keep)[0].sort().values
    half = _steps(float(half_lives[len(half_lives) // 2]), step)
    if len(half_lives) > 1:
        half += f" in the middling unit, {_steps(float(half_lives[-1]), step)} in the most lasting one"
    retained = retention_of_first_write(keep, reverse=layer.reverse)[0]
    first, last = ("last", "first") if layer.reverse else ("first", "last")
    gate = f"{cell.letters.get(cell.retain_gate, '')} {cell.retain_gate}".strip()
    return (
        f"The {gate} keeps: it is open to {float(keep.mean()):.2f} on average. Half-life of {cell.memory_state}: "
        f"{half}. Of what the {first} of {len(keep):,} {step}s wrote, {percent(float(retained.mean()))} is left "
        f"after the {last}."
    )


def _steps(count: float, step: str) -> str:
    if math.isinf(count):
        return "endless"
    return f"{count:.1f} {step}s" if count < 10 else f"{count:,.0f} {step}s"
