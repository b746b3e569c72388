"""Encoder: input module (an embedding, for example) → dropout → recurrent layers; what every task starts with."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..cells.choices import Init, cell_of
from ..equations import Cell
from ..errors import CellError, SettingsError
from .dropout import LockedDropout
from .pooling import last_states
from .recurrent import Recurrent
from .time_delay import TimeDelayLayer
from .trace import Trace


class Encoder(nn.Module):
    """Inputs of any kind to states over time.

    cell:   a Cell, one of one's own included, or a name; "feedforward" sees the last `window` steps, without memory.
    inputs: from what is read ([time, batch] ids, say) to [time, batch, input_size].
    init, horizon, forget_bias, weight_drop: as Recurrent takes them.
    """

    def __init__(
        self,
        cell: Cell | str,
        inputs: nn.Module,
        *,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        weight_drop: float = 0.0,
        window: int | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.dropout = inputs, LockedDropout(dropout)
        self.bidirectional = bidirectional
        described = cell_of(cell) if isinstance(cell, str) else cell
        self.layer: Recurrent | TimeDelayLayer
        if described is not None:
            if window is not None:
                raise SettingsError(
                    f"window={window} belongs to cell='feedforward'; an {described.name} remembers by itself"
                )
            self.layer = Recurrent(
                described, input_size, hidden_size, num_layers, dropout=dropout if num_layers > 1 else 0.0,
                bidirectional=bidirectional, init=init, horizon=horizon, forget_bias=forget_bias,
                weight_drop=weight_drop,
            )  # fmt: skip
            return
        recurrent = bidirectional or num_layers != 1 or init != "torch" or weight_drop
        if window is None or recurrent or horizon is not None or forget_bias is not None:
            raise SettingsError(
                "a feedforward encoder has a window in tokens, one layer, one direction, no gates and no recurrent "
                "weights: give window=… and leave num_layers, bidirectional, init, horizon, forget_bias and "
                "weight_drop alone"
            )
        self.layer = TimeDelayLayer(input_size, hidden_size, window=window)

    @property
    def output_size(self) -> int:
        """Units of the states: hidden · directions."""
        return self.layer.hidden_size * (2 if self.bidirectional else 1)

    def embed(self, x: Any) -> Float[Tensor, "time batch input"]:
        """What the layer is given for these inputs, dropout included."""
        embedded: Tensor = self.dropout(self.inputs(x))
        return embedded

    def forward(
        self, x: Any, lengths: Int[Tensor, " batch"], added: Float[Tensor, "batch input"] | None = None
    ) -> tuple[Float[Tensor, "time batch states"], Float[Tensor, "batch states"]]:
        """The states after every step, zero beyond a row's length, and the last state of each direction.

        added: to the input of every step, after the dropout.
        """
        embedded = self.embed(x)
        states, _ = self.layer(embedded if added is None else embedded + added, lengths=lengths)
        return states, last_states(states, lengths, bidirectional=self.bidirectional)

    def last(self, x: Tensor, lengths: Int[Tensor, " batch"]) -> Float[Tensor, "batch states"]:
        """The last state of each direction, as `forward` gives it; a window is computed there and nowhere else."""
        if not isinstance(self.layer, TimeDelayLayer) or len(x) == 0:
            final: Tensor = self(x, lengths)[1]
            return final
        lengths = lengths.to(x.device)
        place = lengths - self.layer.window + torch.arange(self.layer.window, device=x.device).unsqueeze(1)
        inside = x[place.clamp(min=0), torch.arange(x.shape[1], device=x.device)]
        return self.layer.last(self.embed(inside) * (place >= 0).unsqueeze(2)) * (lengths > 0).unsqueeze(1)

    def trace(self, x: Any, lengths: Int[Tensor, " batch"]) -> Trace:
        """Every gate and state over the steps. Raises CellError for a feedforward encoder, which has none."""
        return self.recurrent.trace(self.embed(x), lengths=lengths)

    @property
    def recurrent(self) -> Recurrent:
        """The recurrent layer. Raises CellError for a feedforward encoder, which has no memory."""
        if isinstance(self.layer, TimeDelayLayer):
            raise CellError(
                "a feedforward encoder has no gates and no state to trace, no memory to look into; "
                "use cell='lstm', 'gru' or 'rnn'"
            )
        return self.layer
