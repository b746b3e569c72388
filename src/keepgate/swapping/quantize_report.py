"""QuantizeReport: what became of each layer's weights, with times where an example was run; it prints as a table."""

from dataclasses import dataclass, field

from .report import LayerChange, milliseconds, table


@dataclass(frozen=True, kw_only=True)
class LayerQuantization(LayerChange):
    """One layer of the model, quantized or left alone.

    weights: the format.
    bytes_before, bytes_after: of its parameters and buffers.
    """

    weights: str
    bytes_before: int
    bytes_after: int

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
        for layer in self.layers:
            sizes = _size(layer.bytes_before), _size(layer.bytes_after)
            rows.append(layer.row(*sizes, now=layer.weights, timed=timed))
        lines = table(rows)
        lines += ["", f"these layers: {_size(self.bytes_before)} before, {_size(self.bytes_after)} after"]
        if timed:
            lines += [
                f"whole model: {milliseconds(self.seconds_before)} before, {milliseconds(self.seconds_after)} after",
                f"difference of the outputs: {self.difference:.2g} at most, {self.mean_difference:.2g} on average",
            ]
        return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count / 1024:,.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):,.1f} MiB"
