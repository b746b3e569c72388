"""Call: the arguments of one layer and direction's run over a sequence, with their shapes checked once, here."""

from dataclasses import InitVar, dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..equations import Cell
from .weights import Weights, raise_shape_error


@dataclass(kw_only=True, eq=False)
class Call:
    """One layer, one direction. G gate blocks, H units, P outputs (P = H without a projection). Not to be mutated.

    states:    initial states, one for each of the cell's states; the first is [batch, P], the rest [batch, H].
    weight_hh: [G·H, P] for a dense recurrence, [G·H] for a diagonal one, None for none.
    weight_hr: [P, H], the projection of the output, or None.
    x:         [T, B, I], with `cell.unit_inputs` U of them behind, [T, B, I + U·H].
    vectors:   weights per unit [H], one for each name in `cell.vectors`.
    lengths:   how many steps of each row are real; beyond them the output is zero and the state stays.
    resets:    where a new sequence begins: the state is cleared before that step. A reverse run clears its state
               when it has read such a step, so that both directions see the same pieces.
    reverse:   read each row from its own end to its start; time in the output is still the text's.
    trace:     keep every gate and state of every step.
    into:      a buffer that a kernel may write the output to; it need not.
    bfloat16:  whether a kernel may multiply over all steps at once in bfloat16; it need not.
    checked:   the already validated `Weights` of these tensors, to skip validation.
    """

    cell: Cell
    x: Float[Tensor, "time batch columns"]
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

    into: Float[Tensor, "time batch projected"] | None = None
    bfloat16: bool = False
    checked: InitVar[Weights | None] = None

    @staticmethod
    def of(
        weights: Weights,
        x: Tensor,
        states: tuple[Tensor, ...],
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        reverse: bool = False,
        trace: bool = False,
        into: Tensor | None = None,
        bfloat16: bool = False,
    ) -> "Call":
        """A call with already validated weights."""
        narrow = weights.narrow is not None
        kind = _NarrowCall if narrow else Call
        return kind(
            cell=weights.cell, x=x, states=states, weight_ih=weights.form,
            weight_hh=None if narrow else weights.weight_hh, bias_ih=weights.bias_ih, bias_hh=weights.bias_hh,
            weight_hr=None if narrow else weights.weight_hr, vectors=weights.vectors, lengths=lengths, resets=resets,
            reverse=reverse, trace=trace, into=into, bfloat16=bfloat16,
            checked=weights,
        )  # fmt: skip

    @property
    def steps(self) -> int:
        """The length of the time dimension."""
        return self.x.shape[0]

    @property
    def rows(self) -> int:
        """The batch size."""
        return self.x.shape[1]

    @property
    def hidden_size(self) -> int:
        """Units of each state before a projection."""
        return self.weights.hidden_size

    @property
    def output_size(self) -> int:
        """Units of the output, after a projection if there is one."""
        return self.weights.output_size

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor that may need a gradient: x, states, weights."""
        return [self.x, *self.states, *self.weights.tensors]

    def __post_init__(self, checked: Weights | None) -> None:
        if checked is None:
            checked = Weights(
                self.cell, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, self.weight_hr, self.vectors
            )  # fmt: skip
        self.weights: Weights = checked
        steps, rows, inputs = self.x.shape
        if inputs != checked.x_width:
            raise_shape_error(
                "x",
                tuple(self.x.shape),
                (steps, rows, checked.x_width),
                "weight_ih has as many columns, and each unit input of the cell as many as there are units",
            )
        expected = [(rows, units) for units in checked.states]
        if [state.shape for state in self.states] != expected:
            shapes = [tuple(state.shape) for state in self.states]
            raise_shape_error("states", shapes, expected, "[batch, units] of " + self.cell.name)
        if self.into is not None and self.into.shape != (steps, rows, checked.output_size):
            raise_shape_error(
                "into", tuple(self.into.shape), (steps, rows, checked.output_size), "[time, batch, projected]"
            )
        if self.lengths is not None and self.lengths.shape != (rows,):
            raise_shape_error("lengths", tuple(self.lengths.shape), (rows,), "one for each row")
        if self.resets is not None and self.resets.shape != (steps, rows):
            raise_shape_error("resets", tuple(self.resets.shape), (steps, rows), "[time, batch]")


class _Widened:
    """A matrix of narrow weights as an attribute of a call: widened where it is read, unless the call was given one."""

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __set__(self, call: Call, value: Tensor | None) -> None:
        call.__dict__[self._name] = value

    def __get__(self, call: Call, _: type) -> Tensor | None:
        value: Tensor | None = call.__dict__[self._name]
        weights = call.__dict__.get("weights")
        if weights is None or (value is not None and value is not weights.form):
            return value
        widened: Tensor | None = getattr(weights, self._name)
        return widened


class _NarrowCall(Call):
    """A call whose weights are narrow. The core needs no tensor of them."""

    weight_ih = _Widened()  # type: ignore[assignment]
    weight_hh = _Widened()
    weight_hr = _Widened()


@dataclass(kw_only=True, eq=False)
class CallResult:
    """The result of a call.

    output: the first state after each step; zero beyond a row's length.
    final:  every state after the last step that a row has, [batch, units] each.
    traced: with `trace`, gates and states by name, [time, batch, units] each; zero beyond a row's length.
    """

    output: Float[Tensor, "time batch projected"]
    final: tuple[Float[Tensor, "batch _"], ...]
    traced: dict[str, Tensor] = field(default_factory=dict)
