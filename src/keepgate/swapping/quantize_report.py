"""QuantizeReport: what became of each layer's weights, with times where an example was run; it prints as a table."""

from dataclasses import dataclass, field

from .report import milliseconds, table


@dataclass(frozen=True, kw_only=True)
class LayerQuantization:
    """One layer of the model.

    name: its path in the model, "" for the model itself. kind: its class before, with its sizes.
    weights: the format. reason: why it was left alone; None where it was quantized.
    bytes_before, bytes_after: of its parameters and buffers.
    seconds_before, seconds_after: of all its calls in one run of the example; None where it was not run.
    """

    name: str
    kind: str
    weights: str
    reason: str | None
    bytes_before: int
    bytes_after: int
    seconds_before: float | None = None
    seconds_after: float | None = None

    @property
    def quantized(self) -> bool:
        """Whether its weights are narrow now."""
        return self.reason is None


@dataclass(frozen=True, kw_only=True)
class QuantizeReport:
    """Every layer that was looked at, in the model's order; with an example also whole-model figures, else None there.

    difference, mean_difference: the largest and the mean absolute difference between the outputs before and after.
    seconds_before, seconds_after: of one run of the whole model.
    """

    layers: tuple[LayerQuantization, ...] = field(default=())
    difference: float | None = None
    mean_difference: float | None = None
    seconds_before: float | None = None
    seconds_after: float | None = None

    @property
    def quantized(self) -> tuple[str, ...]:
        """The paths of the layers whose weights are narrow now."""
        return tuple(layer.name for layer in self.layers if layer.quantized)

    @property
    def bytes_before(self) -> int:
        """Of all these layers."""
        return sum(layer.bytes_before for layer in self.layers)

    @property
    def bytes_after(self) -> int:
        """Of all these layers."""
        return sum(layer.bytes_after for layer in self.layers)

    def __str__(self) -> str:
        if not self.layers:
            return "the model has no recurrent layer"
        timed = self.seconds_before is not None
        times = ("time before", "after") if timed else ()
        rows = [("layer", "was", "size before", "after", *times, "weights now")]
        lines = table([*rows, *[_row(layer, timed) for layer in self.layers]])
        lines += ["", f"these layers: {_size(self.bytes_before)} before, {_size(self.bytes_after)} after"]
        if timed:
            lines += [
                f"whole model: {milliseconds(self.seconds_before)} before, {milliseconds(self.seconds_after)} after",
                f"difference of the outputs: {self.difference:.2g} at most, {self.mean_difference:.2g} on average",
            ]
        return "\n".join(lines)


def _row(layer: LayerQuantization, timed: bool) -> tuple[str, ...]:
    times = (milliseconds(layer.seconds_before), milliseconds(layer.seconds_after)) if timed else ()
    return (
        layer.name or "(the model)",
        layer.kind,
        _size(layer.bytes_before),
        _size(layer.bytes_after),
        *times,
        layer.weights if layer.reason is None else f"left alone: {layer.reason}",
    )


def _size(count: int) -> str:
    return f"{count / 1024:,.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):,.1f} MiB"
