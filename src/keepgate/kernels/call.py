"""Call: everything that one run of one cell over one sequence needs, its shapes checked once, here."""

from dataclasses import dataclass, field

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
        self._check_weights()
        sizes = (self.output_size, *[self.hidden_size] * (len(self.cell.states) - 1))
        _expect("states", len(self.states), len(sizes), "one for each of " + ", ".join(self.cell.states))
        for name, state, size in zip(self.cell.states, self.states, sizes, strict=True):
            _expect(f"state {name}", tuple(state.shape), (self.rows, size), "[batch, units]")
        if self.lengths is not None:
            _expect("lengths", tuple(self.lengths.shape), (self.rows,), "one for each row")
        if self.resets is not None:
            _expect("resets", tuple(self.resets.shape), (self.steps, self.rows), "[time, batch]")

    def _check_weights(self) -> None:
        blocks, hidden, output = len(self.cell.gates), self.hidden_size, self.output_size
        rows = (blocks * hidden,)
        _expect("weight_ih", tuple(self.weight_ih.shape), (*rows, self.x.shape[2]), "[gates · hidden, input]")
        recurrent = {"diagonal": rows, "none": None}.get(self.cell.recurrent, (*rows, output))
        given = None if self.weight_hh is None else tuple(self.weight_hh.shape)
        _expect("weight_hh", given, recurrent, f"the recurrence of {self.cell.name} is {self.cell.recurrent}")
        for name, bias in (("bias_ih", self.bias_ih), ("bias_hh", self.bias_hh)):
            if bias is not None:
                _expect(name, tuple(bias.shape), rows, "[gates · hidden]")
        if self.weight_hr is not None:
            _expect("weight_hr", tuple(self.weight_hr.shape), (output, hidden), "[projected, hidden]")
        _expect("vectors", len(self.vectors), len(self.cell.vectors), "one for each of the cell's vectors")
        for name, vector in zip(self.cell.vectors, self.vectors, strict=True):
            _expect(f"vector {name}", tuple(vector.shape), (hidden,), "[hidden]")


def _expect(name: str, given: object, expected: object, meaning: str) -> None:
    if given != expected:
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
