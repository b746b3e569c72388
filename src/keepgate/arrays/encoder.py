"""The layer that an encoder reads with, on numpy arrays: recurrent, or a window over the last steps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cells.choices import cell_of
from ..errors import SettingsError
from .recurrent import Recurrent
from .weight_table import WeightTable

Array = NDArray[Any]


class TimeDelay:
    """h_t = tanh(W [x_{t-window+1} … x_t] + b), and zeros before the first step: no memory."""

    directions = 1

    def __init__(self, table: WeightTable, input_size: int, hidden_size: int, window: int) -> None:
        self.input_size, self.output_size, self.window = input_size, hidden_size, window
        self.weight = table.take("weight", hidden_size, input_size, window)
        self.bias = table.take("bias", hidden_size)

    def __call__(self, x: Array) -> tuple[Array, None]:
        """The output after every step, and no state. x: [time, batch, input]."""
        padded = np.concatenate([np.zeros((self.window - 1, *x.shape[1:]), x.dtype), x])
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=0)
        return np.tanh(np.einsum("tbiw,hiw->tbh", windows, self.weight, optimize=True) + self.bias), None

    def stepper(self, batch: int = 1) -> Any:  # noqa: ARG002
        """Raises SettingsError."""
        raise SettingsError(
            "a feed-forward reader has no state to carry from step to step; call it on whole texts"
        )


def encoder_layer(
    table: WeightTable,
    cell: str,
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    bidirectional: bool = False,
    window: int | None = None,
) -> Recurrent | TimeDelay:
    """The layer of an encoder, from a table of the encoder's own weights. cell, window: as its settings have them."""
    described, layer = cell_of(cell), table.within("layer")
    if described is None:
        assert window is not None
        return TimeDelay(layer, input_size, hidden_size, window)
    return Recurrent.taken_from(
        layer,
        described,
        input_size=input_size,
        hidden_size=hidden_size,
        num_layers=num_layers,
        bidirectional=bidirectional,
    )


def states_of(layer: Recurrent | TimeDelay, x: Array) -> Array:
    """The states [time, units] over one text. x: [time, input]."""
    output: Array = layer(np.ascontiguousarray(x)[:, None])[0]
    return output[:, 0]
