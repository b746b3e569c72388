"""Call: everything that one run of one cell over one sequence needs, its shapes checked once, here."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..equations import Cell
from ..errors import ShapeError


@dataclass(kw_only=True, eq=False)
class Call:
    """One layer, one direction. G gate blocks, H units, P outputs (P = H without a projection). Never changed.

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
        cell, (steps, rows, inputs) = self.cell, self.x.shape
        blocks, hidden, output = self.weight_ih.shape[0], self.hidden_size, self.output_size
        recurrent = {"diagonal": (blocks,), "none": None}.get(cell.recurrent, (blocks, output))
        # In _CHECKED's order. One comparison of tuples, since this is done for every call.
        expected = (
            (len(cell.gates) * hidden, inputs),
            recurrent,
            None if self.bias_ih is None else (blocks,),
            None if self.bias_hh is None else (blocks,),
            None if self.weight_hr is None else (output, hidden),
            None if self.lengths is None else (rows,),
            None if self.resets is None else (steps, rows),
            [(rows, output), *[(rows, hidden)] * (len(cell.states) - 1)],
            [(hidden,)] * len(cell.vectors),
        )
        given = (
            self.weight_ih.shape,
            None if self.weight_hh is None else self.weight_hh.shape,
            None if self.bias_ih is None else self.bias_ih.shape,
            None if self.bias_hh is None else self.bias_hh.shape,
            None if self.weight_hr is None else self.weight_hr.shape,
            None if self.lengths is None else self.lengths.shape,
            None if self.resets is None else self.resets.shape,
            [state.shape for state in self.states],
            [vector.shape for vector in self.vectors],
        )
        if given != expected:
            _refuse(given, expected)


_CHECKED = {
    "weight_ih": "[gates · hidden, input]",
    "weight_hh": "[gates · hidden, output], [gates · hidden] if the cell is diagonal, None if it has no recurrence",
    "bias_ih": "[gates · hidden]",
    "bias_hh": "[gates · hidden]",
    "weight_hr": "[projected, hidden]",
    "lengths": "one for each row",
    "resets": "[time, batch]",
    "states": "one [batch, units] for each of the cell's states",
    "vectors": "one [hidden] for each of the cell's vectors",
}


def _refuse(given: tuple[Any, ...], expected: tuple[Any, ...]) -> NoReturn:
    """Says of the first that does not fit what it is and what it should be."""
    for (name, meaning), found, shape in zip(_CHECKED.items(), given, expected, strict=True):
        if found != shape:
            plain = [tuple(each) for each in found] if isinstance(found, list) else found and tuple(found)
            raise ShapeError(
                f"{name}: got {plain}, expected {shape} ({meaning}); build the call from one layer's own weights"
            )
    raise AssertionError(given)


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
