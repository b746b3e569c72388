"""RNN, LSTM and GRU, called as torch.nn calls them; the choices that torch lacks are keywords."""

from collections.abc import Sequence
from typing import Literal

import torch

from .. import cells
from ..cells.choices import Init
from .checks import check_no_option, check_no_projection, lstm_cell, normalised_bias, rnn_cell, switch_of
from .recurrent import Recurrent

_NOT_OF_RNN = {
    "layer_norm": "there is no such RNN here; leave it out, take LSTM or GRU, or write the cell, with row_mean",
    "coupled": "an RNN has no gates; leave it out, or take LSTM",
}
_NOT_OF_GRU = {"coupled": "a GRU's gates are coupled as they are: it keeps z and writes 1 - z; leave it out"}


class RNN(Recurrent):
    """torch.nn.RNN with a trace: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu. Elman (1990).

    layer_norm, coupled: options of LSTM and GRU, refused by SettingsError.
    """

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
        zoneout: Sequence[float] = (0.0, 0.0),
        recurrent_dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
        coupled: bool = False,
    ) -> None:
        check_no_option(_NOT_OF_RNN, layer_norm=layer_norm, coupled=coupled)
        check_no_projection(proj_size, "RNN")
        self.nonlinearity = nonlinearity
        super().__init__(
            rnn_cell(nonlinearity), input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
            device, dtype, init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
            zoneout=zoneout, recurrent_dropout=recurrent_dropout, weight_drop=weight_drop,
        )  # fmt: skip


class LSTM(Recurrent):
    """torch.nn.LSTM with a trace of i, f, g, o, c and h. Hochreiter & Schmidhuber (1997), Gers et al. (2000).

    layer_norm: the cell `layer_norm_lstm`, whose biases are added after the normalisation: bias_ih and bias_hh are not
                there, and bias=False raises SettingsError.
    coupled:    the cell `coupled_lstm`, whose forget gate is 1 - i.
    """

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
        zoneout: Sequence[float] = (0.0, 0.0),
        recurrent_dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
        coupled: bool = False,
    ) -> None:
        self.layer_norm, self.coupled = switch_of("layer_norm", layer_norm), switch_of("coupled", coupled)
        cell = lstm_cell(layer_norm=self.layer_norm, coupled=self.coupled)
        with_bias = normalised_bias(layer_norm=self.layer_norm, bias=bias)
        super().__init__(
            cell, input_size, hidden_size, num_layers, with_bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype, init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
            zoneout=zoneout, recurrent_dropout=recurrent_dropout, weight_drop=weight_drop,
        )  # fmt: skip


class GRU(Recurrent):
    """torch.nn.GRU with a trace of r, z, n and h; h_t = (1 - z) n + z h_{t-1}. Cho et al. (2014), arXiv:1406.1078.

    layer_norm: the cell `layer_norm_gru`, whose biases are added after the normalisation, as in `LSTM`.
    coupled: refused by SettingsError.
    """

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
        zoneout: Sequence[float] = (0.0, 0.0),
        recurrent_dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
        coupled: bool = False,
    ) -> None:
        check_no_option(_NOT_OF_GRU, coupled=coupled)
        self.layer_norm = switch_of("layer_norm", layer_norm)
        cell = cells.layer_norm_gru if self.layer_norm else cells.gru
        check_no_projection(proj_size, "GRU")
        with_bias = normalised_bias(layer_norm=self.layer_norm, bias=bias)
        super().__init__(
            cell, input_size, hidden_size, num_layers, with_bias, batch_first, dropout,
            bidirectional, 0, device, dtype, init=init, horizon=horizon, forget_bias=forget_bias, kernel=kernel,
            zoneout=zoneout, recurrent_dropout=recurrent_dropout, weight_drop=weight_drop,
        )  # fmt: skip
