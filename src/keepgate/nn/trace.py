"""Trace: every gate and state at every step, by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..equations import Cell
from ..kernels import Call, CallResult
from .length_mask import length_mask


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerTrace(Mapping[str, Tensor]):
    """One layer and direction. `t["f"]` or `t.f` is the forget gate over time, [time, batch, hidden].

    Time is the text's own order, also for the reverse direction, which reads it backwards.
    What lies beyond a row's length is zero.
    """

    layer: int
    reverse: bool
    cell: Cell
    over_time: dict[str, Float[Tensor, "time batch _"]]
    initial: dict[str, Float[Tensor, "batch _"]]
    lengths: Int[Tensor, " batch"] | None = None
    resets: Tensor | None = None
    weight_hr: Tensor | None = None

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.over_time:
            raise KeyError(
                f"{name!r} is not traced in a {self.cell.name}; there are {', '.join(self.over_time)}"
            )
        return self.over_time[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.over_time)

    def __len__(self) -> int:
        return len(self.over_time)

    def __getattr__(self, name: str) -> Tensor:
        values = self.__dict__.get("over_time", {})
        if name in values:
            return values[name]
        cell = self.__dict__["cell"].name if values else "nothing"
        raise AttributeError(f"a trace of {cell} has no {name!r}; it shows {', '.join(values)}")

    @property
    def names(self) -> tuple[str, ...]:
        """What is traced, in the order of the cell's step."""
        return tuple(self.over_time)

    def previous(self) -> dict[str, Float[Tensor, "time batch _"]]:
        """Each state as it stood before each step: shifted by one in the direction of reading, cleared at resets."""
        return {name: self.state_before(name) for name in self.cell.states}

    def state_before(self, state: str) -> Float[Tensor, "time batch _"]:
        """One state as it stood before each step, as `previous` gives all of them."""
        return self._shifted(self.over_time[state], self.initial[state])

    def rebuild(self) -> dict[str, Float[Tensor, "time batch hidden"]]:
        """The states after each step, from the gates and the states before, by the cell's own equations.

        Equal to the traced states: to the last bit where the reference ran, to rounding where a faster kernel did.
        With a projection the first state is projected likewise.
        Raises CellError for a cell whose states do not follow from what it shows, such as the plain RNN.
        """
        traced = {name: self.over_time[name] for name in self.cell.traced}
        rebuilt = dict(self.cell.rebuild(traced, self.previous()))
        first = self.cell.states[0]
        if self.weight_hr is not None:
            rebuilt[first] = torch.stack(
                [torch.nn.functional.linear(h, self.weight_hr) for h in rebuilt[first]]
            )
        return {name: self._real(value) for name, value in rebuilt.items()}

    def _shifted(self, after: Tensor, initial: Tensor) -> Tensor:
        if not self.reverse:
            before = torch.cat([initial.unsqueeze(0), after[:-1]])
        else:
            before = torch.cat([after[1:], initial.unsqueeze(0)])
            if self.lengths is not None:
                last = torch.arange(1, len(after) + 1).unsqueeze(1) == self.lengths
                before = torch.where(last.to(after.device).unsqueeze(2), initial, before)
        if self.resets is not None:
            before = before.masked_fill(self.was_cleared().unsqueeze(2), 0)
        return before

    def was_cleared(self) -> Bool[Tensor, "time batch"]:
        """Where the state was cleared before a step was read."""
        if self.resets is None:
            return torch.zeros_like(self.is_real())
        if not self.reverse:
            return self.resets
        begins = torch.cat([self.resets[1:], torch.zeros_like(self.resets[:1])])
        if self.lengths is not None:
            inside = torch.arange(1, len(begins) + 1).unsqueeze(1) < self.lengths
            begins = begins & inside.to(begins.device)
        return begins

    def is_real(self) -> Bool[Tensor, "time batch"]:
        """Which steps are a row's own; False for padding."""
        steps, rows = self.over_time[self.cell.states[0]].shape[:2]
        ends = torch.full((rows,), steps) if self.lengths is None else self.lengths
        return length_mask(steps, ends, self.over_time[self.cell.states[0]].device)

    def _real(self, value: Tensor) -> Tensor:
        if self.lengths is None:
            return value
        return value.where(self.is_real().unsqueeze(2), value.new_zeros(()))

    def __repr__(self) -> str:
        steps, rows, units = self.over_time[self.cell.states[0]].shape
        way = "reverse" if self.reverse else "forward"
        names = " ".join(self.over_time)
        return f"LayerTrace(layer {self.layer}, {way}, {self.cell.name}: {names}; [{steps}, {rows}, {units}])"


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What a layer's run looked like inside, with its output and final states.

    output: [time, batch, directions · units], always time first.
    final:  as the layer returns it: h_n, or (h_n, c_n).
    """

    output: Float[Tensor, "time batch _"]
    final: Tensor | tuple[Tensor, ...]
    layers: tuple[LayerTrace, ...]
    lengths: Int[Tensor, " batch"] | None = None

    def layer(self, index: int, *, reverse: bool = False) -> LayerTrace:
        """One layer and direction. Negative indices count from the last layer. Raises IndexError if there is none."""
        depth = self.layers[-1].layer + 1
        layer_index = index + depth if index < 0 else index
        for layer in self.layers:
            if layer.layer == layer_index and layer.reverse == reverse:
                return layer
        way = "reverse" if reverse else "forward"
        raise IndexError(
            f"there is no {way} layer {index} in this trace; it has {', '.join(map(repr, self.layers))}"
        )

    def __repr__(self) -> str:
        return "Trace(\n  " + "\n  ".join(map(repr, self.layers)) + "\n)"


def layer_trace(call: Call, result: CallResult, layer: int) -> LayerTrace:
    """The trace of one layer and direction, from its call and what a kernel gave for it."""
    return LayerTrace(
        layer=layer, reverse=call.reverse, cell=call.cell, over_time=result.traced,
        initial=dict(zip(call.cell.states, call.states, strict=True)),
        lengths=call.lengths, resets=call.resets, weight_hr=call.weight_hr,
    )  # fmt: skip
