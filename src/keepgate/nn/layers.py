"""RNN, LSTM and GRU, called as torch.nn calls them; the choices that torch lacks are keywords."""

from typing import Literal

import torch

from .. import cells
from ..cells.choices import Init
from .checks import check_no_projection, rnn_cell
from .recurrent import Recurrent


class RNN(Recurrent):
    """torch.nn.RNN with a trace: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu. Elman (1990)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        proj_size: int = 0,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        kernel: str | None = None,
    ) -> None:
        check_no_projection(proj_size, "RNN")
        self.nonlinearity = nonlinearity
        super().__init__(
            rnn_cell(nonlinearity), input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
            device, dtype, init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
        )  # fmt: skip


class LSTM(Recurrent):
    """torch.nn.LSTM with a trace of i, f, g, o, c and h. Hochreiter & Schmidhuber (1997), Gers et al. (2000)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        kernel: str | None = None,
    ) -> None:
        super().__init__(
            cells.lstm, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device, dtype, init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
        )  # fmt: skip


class GRU(Recurrent):
    """torch.nn.GRU with a trace of r, z, n and h; h_t = (1 - z) n + z h_{t-1}. Cho et al. (2014), arXiv:1406.1078."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        proj_size: int = 0,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        kernel: str | None = None,
    ) -> None:
        check_no_projection(proj_size, "GRU")
        super().__init__(
            cells.gru, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype,
            init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
        )  # fmt: skip
