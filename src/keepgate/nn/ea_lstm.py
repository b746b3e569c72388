"""EALSTM: an LSTM whose input gate is computed once a row, from what is static of it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .. import cells
from ..cells.choices import Init
from ..errors import ShapeError
from .checks import check_kind, size_of
from .input_format import Lengths
from .recurrent import Recurrent
from .stepper import Stepper
from .trace import Trace

States = tuple[Tensor, Tensor]


class EALSTM(nn.Module):
    """Entity-aware LSTM: i = sigmoid(W x_s + b) once a row, the other gates at each step. Kratzert et al. (2019).

    input_size, static_size, hidden_size: numbers a step, numbers a row, units.
    static:    the torch.nn.Linear of the input gate.
    recurrent: the `Recurrent` of f, g and o, whose states are h, c and i.
    The other arguments are those of `Recurrent`. Raises SettingsError and TypeError as it does.
    """

    def __init__(
        self,
        input_size: int,
        static_size: int,
        hidden_size: int,
        bias: bool = True,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        kernel: str | None = None,
    ) -> None:
        super().__init__()
        self.recurrent = Recurrent(
            cells.ea_lstm, input_size, hidden_size, 1, bias, batch_first, device=device, dtype=dtype,
            init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
        )  # fmt: skip
        size = size_of("static_size", static_size)
        self.static = nn.Linear(size, self.recurrent.hidden_size, bias, device, dtype)

    def forward(
        self,
        input: Tensor | PackedSequence,
        static: Float[Tensor, "*batch static"],
        hx: States | None = None,
        *,
        lengths: Lengths | None = None,
    ) -> tuple[Tensor | PackedSequence, States]:
        """The output after every step, and h and c after the last, as torch.nn.LSTM gives them.

        input:  [time, batch, input] (batch_first: [batch, time, input]), [time, input], or a PackedSequence.
        static: [batch, static], or [static] for one row without a batch.
        hx:     h and c before the first step, [1, batch, units] each; zeros if None. lengths: as in `Recurrent`.
        Raises ShapeError for what does not fit.
        """
        output, (h, c, _) = self.recurrent(input, self._initial(static, hx), lengths=lengths)
        return output, (h, c)

    def trace(
        self,
        input: Tensor | PackedSequence,
        static: Float[Tensor, "*batch static"],
        hx: States | None = None,
        *,
        lengths: Lengths | None = None,
    ) -> Trace:
        """The same run with f, g, o, i, c and h at every step, differentiable, time first."""
        return self.recurrent.trace(input, self._initial(static, hx), lengths=lengths)

    def stepper(self, static: Float[Tensor, "*batch static"]) -> Stepper:
        """A stream for each row of `static`, read one step at a time; another text begins with a stepper of its own."""
        if static.dim() != 2:
            raise ShapeError(
                f"static is {list(static.shape)}, expected [batch, static]: one row for each stream"
            )
        initial = self._initial(static.detach(), None)
        stepper = self.recurrent.stepper(len(static))
        stepper.reset(initial)
        return stepper

    def _initial(self, static: Tensor, hx: States | None) -> tuple[Tensor, Tensor, Tensor]:
        weight = self.static.weight
        if static.dim() not in (1, 2) or static.shape[-1] != self.static.in_features:
            raise ShapeError(
                f"static is {list(static.shape)}, expected [batch, {self.static.in_features}]: what stays the same of "
                "each row, or [static] for one row without a batch"
            )
        check_kind("static", static, weight)
        i = torch.sigmoid(self.static(static)).unsqueeze(0)
        h, c = (torch.zeros_like(i), torch.zeros_like(i)) if hx is None else hx
        return h, c, i
