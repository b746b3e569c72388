"""Embedding → dropout → stack: what every task starts with."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import CellError, SettingsError
from .dropout import LockedDropout
from .init import Init
from .layers import GRU, LSTM, RNN
from .time_delay import TimeDelayLayer
from .trace import Trace

CellName = Literal["feedforward", "rnn", "lstm", "gru"]
CELL_NAMES: tuple[str, ...] = ("feedforward", "rnn", "lstm", "gru")


class Encoder(nn.Module):
    """Ids to states. Id 0 is padding.

    cell:   "feedforward" sees the last `window` tokens and has no memory; the others carry a state.
    init, horizon, forget_bias: as Recurrent takes them.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        cell: CellName,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        window: int | None = None,
    ) -> None:
        super().__init__()
        if cell not in CELL_NAMES:
            raise SettingsError(f"cell is {cell!r}; choose one of {', '.join(CELL_NAMES)}")
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=0)
        self.dropout = LockedDropout(dropout)
        self.bidirectional = bidirectional
        self.layer: RNN | LSTM | GRU | TimeDelayLayer
        if cell == "feedforward":
            if (
                window is None
                or bidirectional
                or num_layers != 1
                or init != "torch"
                or forget_bias is not None
            ):
                raise SettingsError(
                    "a feedforward encoder has a window in tokens, one layer, one direction and no gates: "
                    "give window=… and leave num_layers, bidirectional, init and forget_bias alone"
                )
            self.layer = TimeDelayLayer(embedding_size, hidden_size, window=window)
            return
        if window is not None:
            raise SettingsError(
                f"window={window} belongs to cell='feedforward'; an {cell} remembers by itself"
            )
        layer = {"rnn": RNN, "lstm": LSTM, "gru": GRU}[cell]
        self.layer = layer(
            embedding_size, hidden_size, num_layers, dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional, init=init, horizon=horizon, forget_bias=forget_bias,
        )  # fmt: skip

    @property
    def output_size(self) -> int:
        """Units of the states: hidden · directions."""
        return self.layer.hidden_size * (2 if self.bidirectional else 1)

    def embed(self, ids: Int[Tensor, "time batch"]) -> Float[Tensor, "time batch embedding"]:
        return self.dropout(self.embedding(ids))

    def forward(
        self, ids: Int[Tensor, "time batch"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "time batch states"], Float[Tensor, "batch states"]]:
        """The states after every token, zero beyond a row's length, and what each direction knows at its end.

        For the reverse direction that is the state at the row's first token.
        """
        states, _ = self.layer(self.embed(ids), lengths=lengths)
        return states, self._last(states, lengths)

    def last(
        self, ids: Int[Tensor, "time batch"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch states"]:
        """What each direction knows at its end, as `forward` gives it; a window is computed there and nowhere else."""
        if not isinstance(self.layer, TimeDelayLayer) or len(ids) == 0:
            return self(ids, lengths)[1]
        lengths = lengths.to(ids.device)
        place = lengths - self.layer.window + torch.arange(self.layer.window, device=ids.device).unsqueeze(1)
        seen = self.embed(ids.gather(0, place.clamp(min=0))) * (place >= 0).unsqueeze(2)
        return self.layer.last(seen) * (lengths > 0).unsqueeze(1)

    def trace(self, ids: Int[Tensor, "time batch"], lengths: Int[Tensor, " batch"]) -> Trace:
        """Every gate and state over the tokens. Raises CellError for a feedforward encoder, which has none."""
        if isinstance(self.layer, TimeDelayLayer):
            raise CellError(
                "a feedforward encoder has no gates and no state to trace; use cell='lstm', 'gru' or 'rnn'"
            )
        return self.layer.trace(self.embed(ids), lengths=lengths)

    def _last(self, states: Tensor, lengths: Tensor) -> Tensor:
        place = (lengths.to(states.device) - 1).clamp(min=0)
        forwards, backwards = states[place, torch.arange(states.shape[1])], states[0]
        if not self.bidirectional:
            return forwards
        units = self.layer.hidden_size
        return torch.cat([forwards[:, :units], backwards[:, units:]], 1)
