"""RNNCell, LSTMCell, GRUCell: one step at a time, as torch.nn calls them."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .. import cells
from ..equations import Cell, Named
from ..errors import SettingsError, ShapeError
from .checks import check_input, check_kind, check_settings
from .init import Init, check_init, initialise


class CellLayer(nn.Module):
    """One step of a dense cell: weight_ih [gates · hidden, input], weight_hh [gates · hidden, hidden], two biases."""

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        init: Init,
        horizon: float | None,
        forget_bias: float | None,
    ) -> None:
        super().__init__()
        check_settings(input_size=input_size, hidden_size=hidden_size, bias=bias, dropout=0.0)
        check_init(cell, init, horizon, forget_bias, bias)
        self.cell, self.input_size, self.hidden_size, self.bias = cell, input_size, hidden_size, bias
        self.init, self.horizon, self.forget_bias = init, horizon, forget_bias
        rows = len(cell.gates) * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size, device=device, dtype=dtype))
        self.bias_ih: nn.Parameter | None = None
        self.bias_hh: nn.Parameter | None = None
        if bias:
            self.bias_ih = nn.Parameter(torch.empty(rows, device=device, dtype=dtype))
            self.bias_hh = nn.Parameter(torch.empty(rows, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the initial weights again, by the `init` that the cell was built with."""
        initialise(
            self.cell, dict(self.named_parameters()), self.hidden_size,
            init=self.init, horizon=self.horizon, forget_bias=self.forget_bias,
        )  # fmt: skip

    def _step(self, input: Tensor, given: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """The states after one step. input: [batch, input] or [input]; states: [batch, hidden] or [hidden]."""
        name, cell = type(self).__name__, self.cell
        if input.dim() not in (1, 2):
            raise ShapeError(
                f"{name}: expected input to be 1D or 2D, got {input.dim()}D; give [batch, input] or [input]"
            )
        check_input(input, self.weight_ih, name)
        shape = (*input.shape[:-1], self.hidden_size)
        states = given if given is not None else tuple(input.new_zeros(shape) for _ in cell.states)
        for state_name, state in zip(cell.states, states, strict=True):
            if tuple(state.shape) != shape:
                raise ShapeError(
                    f"{name}: state {state_name} has shape {tuple(state.shape)}, expected {shape}"
                )
            check_kind(f"state {state_name}", state, self.weight_ih)
        wx = linear(input, self.weight_ih, self.bias_ih).chunk(len(cell.gates), -1)
        uh = linear(states[0], self.weight_hh, self.bias_hh).chunk(len(cell.gates), -1)
        step = cell.step(
            Named(**dict(zip(cell.gates, wx, strict=True))),
            Named(**dict(zip(cell.gates, uh, strict=True))),
            Named(**dict(zip(cell.states, states, strict=True))),
        )
        return tuple(step[state] for state in cell.states)

    def extra_repr(self) -> str:
        defaults = {
            "bias": True,
            "nonlinearity": "tanh",
            "init": "torch",
            "horizon": None,
            "forget_bias": None,
        }
        given = {name: getattr(self, name, default) for name, default in defaults.items()}
        changed = [f"{name}={value}" for name, value in given.items() if value != defaults[name]]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


class RNNCell(CellLayer):
    """torch.nn.RNNCell: h = cell(x, h_prev), [batch, hidden]."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
    ) -> None:
        known = {"tanh": cells.rnn_tanh, "relu": cells.rnn_relu}
        if nonlinearity not in known:
            raise SettingsError(f"Unknown nonlinearity {nonlinearity!r}; choose tanh or relu")
        super().__init__(known[nonlinearity], input_size, hidden_size, bias, device, dtype, init, None, None)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after one step. Raises ShapeError for what does not fit."""
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(CellLayer):
    """torch.nn.LSTMCell: h, c = cell(x, (h_prev, c_prev)), [batch, hidden] each."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
    ) -> None:
        super().__init__(cells.lstm, input_size, hidden_size, bias, device, dtype, init, horizon, forget_bias)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The states (h, c) after one step. Raises ShapeError for what does not fit."""
        h, c = self._step(input, hx)
        return h, c


class GRUCell(CellLayer):
    """torch.nn.GRUCell: h = cell(x, h_prev), [batch, hidden]."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
    ) -> None:
        super().__init__(cells.gru, input_size, hidden_size, bias, device, dtype, init, horizon, forget_bias)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after one step. Raises ShapeError for what does not fit."""
        return self._step(input, None if hx is None else (hx,))[0]
