"""ChoiceReaderSettings: the hyperparameters of a choice reader."""

from dataclasses import dataclass
from typing import Literal

from ...cells.choices import Init
from ...config import require
from ...errors import SettingsError
from ..encoder_settings import check_encoder

Pooling = Literal["last", "attention"]


@dataclass(frozen=True, kw_only=True)
class ChoiceReaderSettings:
    """Hyperparameters of a reader that chooses among the answers met in training.

    cell: of the encoder, by keepgate's name or by the one that `cells.register` gave; "feedforward" sees a fixed window
        of `window` tokens and has no memory.
    pooling: "last" reads text and question as one sequence and answers from the last state; "attention" lets
        the question look over all the text's states.
    init, horizon, forget_bias: initial weights, as Recurrent takes them; the horizon in tokens, for "chrono" only.
    window: tokens that a feed-forward reader sees at once; needed by it, refused with the other cells.
    question_first: whether the question is read before the text: a linear map of its last state is then added to the
        embedding of every token of the text, so that the network knows from the first token on what to look for; needs
        pooling="attention".
    fact_weight: in training, how much it costs beside the answer that the attention is not on the sentences that a
        question's answer rests on, where the data say which (bAbI's supporting facts); needs pooling="attention".
    dropout: share of embeddings and states dropped in training, one mask for all steps; 0 or more, below 1.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    cell: str = "gru"
    pooling: Pooling = "attention"
    embedding_size: int = 64
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = True
    init: Init = "torch"
    horizon: int | None = None
    forget_bias: float | None = None
    window: int | None = None
    dropout: float = 0.0
    question_first: bool = False
    fact_weight: float = 0.0

    def __post_init__(self) -> None:
        cell = check_encoder(self, "window")
        require(self, ("fact_weight",), lambda value: value >= 0, "0 or more")
        if self.question_first and self.pooling != "attention":
            raise SettingsError(
                f'question_first is True and pooling is "{self.pooling}", which reads both as one sequence; '
                'use pooling="attention", or leave question_first out'
            )
        if self.fact_weight and self.pooling != "attention":
            raise SettingsError(
                f'fact_weight is {self.fact_weight} and pooling is "{self.pooling}", which has no attention to teach; '
                'use pooling="attention", or leave fact_weight out'
            )
        if (self.cell == "feedforward") != (self.window is not None):
            raise SettingsError(
                f'cell is "{self.cell}" and window is {self.window}; the feed-forward reader needs a window '
                "(16, for example), and the other cells take none"
            )
        no_gates = self.init == "torch" and self.horizon is None and self.forget_bias is None
        if cell is None and (self.bidirectional or self.num_layers > 1 or not no_gates):
            raise SettingsError(
                'cell="feedforward" has one layer and one direction, and no gates: give bidirectional=False and leave '
                "num_layers, init, horizon and forget_bias out"
            )
