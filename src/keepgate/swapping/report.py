"""SwapReport: what a swap did to each recurrent layer, with times where an example was run; it prints as a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """One layer of the model.

    name: its path in the model, "" for the model itself. kind: its class before, with its sizes.
    reason: why it was left alone; None where it was changed.
    seconds_before, seconds_after: of all its calls in one run of the example; None where it was not run.
    """

    name: str
    kind: str
    reason: str | None
    seconds_before: float | None = None
    seconds_after: float | None = None

    def row(self, *columns: str, now: str, timed: bool) -> tuple[str, ...]:
        """Its row of a table: the columns before the times, and what it is now unless it was left alone."""
        times = (milliseconds(self.seconds_before), milliseconds(self.seconds_after)) if timed else ()
        outcome = now if self.reason is None else f"left alone: {self.reason}"
        return (self.name or "(the model)", self.kind, *columns, *times, outcome)


@dataclass(frozen=True, kw_only=True)
class LayerSwap(LayerChange):
    """One recurrent layer of the model, swapped or left alone."""

    @property
    def swapped(self) -> bool:
        """Whether the layer is keepgate's now."""
        return self.reason is None


@dataclass(frozen=True, kw_only=True)
class SwapReport:
    """Every recurrent layer of a model, in its order; with an example also whole-model figures, else None there.

    difference: the largest absolute difference between the outputs before and after.
    seconds_before, seconds_after: of one run of the whole model.
    """

    layers: tuple[LayerSwap, ...] = field(default=())
    difference: float | None = None
    seconds_before: float | None = None
    seconds_after: float | None = None

    @property
    def swapped(self) -> tuple[str, ...]:
        """The paths of the layers that are keepgate's now."""
        return tuple(layer.name for layer in self.layers if layer.swapped)

    @property
    def recurrent_share(self) -> float | None:
        """The part of the whole model's time before that its recurrent layers took, 0 to 1."""
        if self.seconds_before is None:
            return None
        return sum(layer.seconds_before or 0.0 for layer in self.layers) / self.seconds_before

    def __str__(self) -> str:
        if not self.layers:
            return "the model has no recurrent layer"
        timed = self.seconds_before is not None
        head = ("layer", "was", *(("before", "after") if timed else ()), "now")
        lines = table([head, *[layer.row(now="keepgate's", timed=timed) for layer in self.layers]])
        if timed:
            assert self.seconds_before is not None
            assert self.seconds_after is not None
            lines += [
                "",
                f"whole model: {milliseconds(self.seconds_before)} before, {milliseconds(self.seconds_after)} after; "
                f"recurrent share before: {self.recurrent_share:.0%}",
                f"largest difference of the outputs: {self.difference:.2g}",
            ]
        return "\n".join(lines)


def milliseconds(seconds: float | None) -> str:
    """A time for a table."""
    return "not run" if seconds is None else f"{1000 * seconds:.3g} ms"


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
