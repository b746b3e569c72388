"""RNNCell, LSTMCell, GRUCell: one step at a time, as torch.nn calls them."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .. import cells
from ..arrays.parameter_shapes import parameter_shapes
from ..cells.choices import Init, check_init
from ..equations import Cell, Named
from ..errors import ShapeError
from ..kernels.dispatch import refuse_gradients
from .checks import check_features, check_kind, real_of, rnn_cell, size_of, switch_of
from .init import initialise
from .input_format import Hidden, check_shape
from .parameters import PlaceParameters, load_own_wholly, load_state_dict_wholly
from .torch_layer import to_torch
from .tracers import fx_call, refuse_script


class CellLayer(nn.RNNCellBase):
    """One step of a dense cell: weight_ih [gates · hidden, input], weight_hh [gates · hidden, hidden], two biases."""

    __prepare_scriptable__ = refuse_script
    load_state_dict = load_state_dict_wholly
    _load_from_state_dict = load_own_wholly  # type: ignore[assignment]

    cell: Cell

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
        input_size, hidden_size = (
            size_of("input_size", input_size),
            size_of("hidden_size", hidden_size, least=0),
        )
        self.init, bias = init, switch_of("bias", bias)
        self.horizon, self.forget_bias = real_of("horizon", horizon), real_of("forget_bias", forget_bias)
        check_init(self.cell, init, self.horizon, self.forget_bias, bias)
        # Not super(): a class of ours that is a torch.nn.LSTMCell too has that one next.
        nn.RNNCellBase.__init__(
            self, input_size, hidden_size, bias, len(self.cell.gates), device=device, dtype=dtype
        )
        shapes = parameter_shapes(self.cell, input_size=input_size, hidden_size=hidden_size, bias=bias)
        self._places = [PlaceParameters(self.cell, {name: name for name in shapes})]

    def reset_parameters(self) -> None:
        """Draws the initial weights again, by the `init` that the cell was built with."""
        initialise(
            self.cell, dict(self.named_parameters()), self.hidden_size,
            init=self.init, horizon=self.horizon, forget_bias=self.forget_bias,
        )  # fmt: skip

    def to_torch(self) -> nn.RNNCellBase:
        """torch.nn's cell with the very same Parameter objects, see `Recurrent.to_torch`."""
        layer: nn.RNNCellBase = to_torch(self, self.cell)
        return layer

    def forward(self, input: Tensor, hx: Hidden | None = None) -> Any:
        """The state after one step, or a tuple of the cell's states. Raises ShapeError for what does not fit.

        input: [batch, input] or [input]; hx: [batch, hidden] or [hidden], one for each state; zeros if None.
        """
        single = len(self.cell.states) == 1
        before = (hx,) if single and hx is not None else hx
        if (states := self._step_fast(input, before)) is None:
            if (node := fx_call(self, input, hx)) is not None:
                return node
            states = self._step(input, before)
        return states[0] if single else states

    def _step(self, input: Tensor, hx: Any) -> tuple[Tensor, ...]:
        """The states after one step. hx: a tuple, one for each state, or None."""
        name, cell = type(self).__name__, self.cell
        if not isinstance(input, Tensor):
            raise TypeError(f"{name} takes a Tensor, got {type(input).__name__}")
        if input.dim() not in (1, 2):
            raise ShapeError(
                f"{name}: expected input to be 1D or 2D, got {input.dim()}D; give [batch, input] or [input]"
            )
        weights = self._places[0].weights(self)
        check_features(input, weights.form, name)
        shape = (*input.shape[:-1], self.hidden_size)
        states = hx if hx is not None else tuple(input.new_zeros(shape) for _ in cell.states)
        if not isinstance(states, (tuple, list)) or len(states) != len(cell.states):
            count = len(states) if isinstance(states, (tuple, list)) else type(states).__name__
            raise ShapeError(f"{name}: hx is a tuple of {', '.join(cell.states)}, got {count}")
        for index, (state_name, state) in enumerate(zip(cell.states, states, strict=True)):
            torchs = "" if not isinstance(state, Tensor) else _torchs_words(index, len(states), state, shape)
            check_shape(f"{name}: state {state_name}", state, shape, torchs)
        for part, tensor in zip(
            ("input", *(f"{name}: state {s}" for s in cell.states)), (input, *states), strict=True
        ):
            check_kind(part, tensor, weights.form)
        if weights.narrow is not None:
            refuse_gradients(weights.narrow, (input, *states))
        wx = linear(input, weights.weight_ih, weights.bias_ih).chunk(len(cell.gates), -1)
        assert weights.weight_hh is not None
        uh = linear(states[0], weights.weight_hh, weights.bias_hh).chunk(len(cell.gates), -1)
        step = cell.step(
            Named(**dict(zip(cell.gates, wx, strict=True))),
            Named(**dict(zip(cell.gates, uh, strict=True))),
            Named(**dict(zip(cell.states, states, strict=True))),
        )
        return tuple(step[state] for state in cell.states)

    def _step_fast(self, input: Any, hx: Any) -> tuple[Tensor, ...] | None:
        """The same by a kernel's fast path; None where `_step` must run."""
        if type(input) is not Tensor or not (hx is None or type(hx) is tuple):
            return None
        fast_path = self._places[0].current_fast_path(self)
        return None if fast_path is None else fast_path.step(input, hx)

    def extra_repr(self) -> str:
        """The settings that differ from torch's defaults."""
        defaults = {
            "bias": True,
            "nonlinearity": "tanh",
            "init": "torch",
            "horizon": None,
            "forget_bias": None,
        }
        settings = {name: getattr(self, name, default) for name, default in defaults.items()}
        changed = [f"{name}={value}" for name, value in settings.items() if value != defaults[name]]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def _torchs_words(index: int, states: int, state: Tensor, shape: tuple[int, ...]) -> str:
    """What torch says of a state of a wrong shape, which code may look for."""
    if state.dim() not in (1, 2):
        name = f"hx[{index}]" if states > 1 else "hidden"
        return f"Expected {name} to be 1D or 2D, got {state.dim()}D instead: expected"
    if state.shape[-1] != shape[-1]:
        return f"hidden{index} has inconsistent hidden_size: got {state.shape[-1]}, expected {shape[-1]}: expected"
    return f"Input batch size {shape[0]} doesn't match hidden{index} batch size {state.shape[0]}: expected"


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
        self.cell, self.nonlinearity = rnn_cell(nonlinearity), nonlinearity
        super().__init__(input_size, hidden_size, bias, device, dtype, init=init)


class LSTMCell(CellLayer):
    """torch.nn.LSTMCell: h, c = cell(x, (h_prev, c_prev)), [batch, hidden] each."""

    cell = cells.lstm


class GRUCell(CellLayer):
    """torch.nn.GRUCell: h = cell(x, h_prev), [batch, hidden]."""

    cell = cells.gru
