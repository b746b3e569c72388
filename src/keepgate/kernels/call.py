"""Call: everything that one run of one cell over one sequence needs, its shapes checked once, here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..equations import Cell
from ..errors import ShapeError


@dataclass(frozen=True, kw_only=True)
class Call:
    """One layer, one direction. G gate blocks, H units, P outputs (P = H without a projection).

    states:    before the first step, one for each of the cell's states; the first is [batch, P], the rest [batch, H].
    weight_hh: [G·H, P] for a dense recurrence, [G·H] for a diagonal one, None for none.
    weight_hr: [P, H], the projection of the output, or None.
    vectors:   weights per unit [H], one for each name in `cell.vectors`.
    lengths:   how many steps of each row are real; beyond them the output is zero and the state stays.
    resets:    where a new sequence begins: the state is cleared before that step. A reverse run clears its state
               when it has read such a step, so that both directions see the same pieces.
    reverse:   read each row from its own end to its start; time in the output is still the text's.
    trace:     keep every gate and state of every step.
    """

    cell: Cell
    x: Float[Tensor, "time batch input"]
    states: tuple[Float[Tensor, "batch _"], ...]
    weight_ih: Float[Tensor, "rows input"]
    weight_hh: Float[Tensor, "..."] | None
    bias_ih: Float[Tensor, " rows"] | None = None
    bias_hh: Float[Tensor, " rows"] | None = None
    weight_hr: Float[Tensor, "projected hidden"] | None = None
    vectors: tuple[Float[Tensor, " hidden"], ...] = ()
    lengths: Int[Tensor, " batch"] | None = None
    resets: Bool[Tensor, "time batch"] | None = None
    reverse: bool = False
    trace: bool = False

    @property
    def steps(self) -> int:
        return self.x.shape[0]

    @property
    def rows(self) -> int:
        return self.x.shape[1]

    @property
    def hidden_size(self) -> int:
        return self.weight_ih.shape[0] // len(self.cell.gates)

    @property
    def output_size(self) -> int:
        return self.hidden_size if self.weight_hr is None else self.weight_hr.shape[0]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor that carries numbers and may need a gradient."""
        given = (
            self.x,
            *self.states,
            self.weight_ih,
            self.weight_hh,
            self.bias_ih,
            self.bias_hh,
            self.weight_hr,
        )
        return tuple(tensor for tensor in (*given, *self.vectors) if tensor is not None)

    def __post_init__(self) -> None:
        for name, given, shape, meaning in self._expected():
            if given is None and shape is None:
                continue
            if given is None or given.shape != shape:
                _refuse(name, None if given is None else tuple(given.shape), shape, meaning)

    def _expected(self) -> list[tuple[str, Tensor | None, tuple[int, ...] | None, str]]:
        """Each tensor's name, the tensor, the shape that it must have, and what that means."""
        cell, (steps, rows, inputs) = self.cell, self.x.shape
        hidden, output = self.hidden_size, self.output_size
        blocks = len(cell.gates) * hidden
        if len(self.states) != len(cell.states):
            _refuse("states", len(self.states), len(cell.states), "one for each of " + ", ".join(cell.states))
        if len(self.vectors) != len(cell.vectors):
            _refuse("vectors", len(self.vectors), len(cell.vectors), "one for each of the cell's vectors")
        expected: list[tuple[str, Tensor | None, tuple[int, ...] | None, str]] = [
            ("weight_ih", self.weight_ih, (blocks, inputs), "[gates · hidden, input]"),
            (
                "weight_hh",
                self.weight_hh,
                _RECURRENT[cell.recurrent](blocks, output),
                "as the cell's recurrence asks",
            ),
            (cell.states[0], self.states[0], (rows, output), "a state, [batch, units]"),
        ]
        expected += [
            (name, state, (rows, hidden), "a state, [batch, units]")
            for name, state in zip(cell.states[1:], self.states[1:], strict=True)
        ]
        for bias in (self.bias_ih, self.bias_hh):
            if bias is not None:
                expected.append(("bias_ih and bias_hh", bias, (blocks,), "[gates · hidden]"))
        expected += [(n, v, (hidden,), "[hidden]") for n, v in zip(cell.vectors, self.vectors, strict=True)]
        if self.weight_hr is not None:
            expected.append(("weight_hr", self.weight_hr, (output, hidden), "[projected, hidden]"))
        if self.lengths is not None:
            expected.append(("lengths", self.lengths, (rows,), "one for each row"))
        if self.resets is not None:
            expected.append(("resets", self.resets, (steps, rows), "[time, batch]"))
        return expected


_RECURRENT: dict[str, Callable[[int, int], tuple[int, ...] | None]] = {
    "dense": lambda blocks, output: (blocks, output),
    "inside": lambda blocks, output: (blocks, output),
    "diagonal": lambda blocks, _: (blocks,),
    "none": lambda _blocks, _: None,
}


def _refuse(name: str, given: object, expected: object, meaning: str) -> NoReturn:
    raise ShapeError(
        f"{name}: got {given}, expected {expected} ({meaning}); build the call from one layer's own weights"
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a call came to.

    output: the first state after each step; zero beyond a row's length.
    final:  every state after the last step that a row has, [batch, units] each.
    kept:   with `trace`, gates and states by name, [time, batch, units] each; zero beyond a row's length.
    """

    output: Float[Tensor, "time batch projected"]
    final: tuple[Float[Tensor, "batch _"], ...]
    kept: dict[str, Tensor] = field(default_factory=dict)
