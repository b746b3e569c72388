"""PointerReaderSettings: the hyperparameters of a pointer reader."""

from dataclasses import dataclass

from ...cells.choices import Init
from ...config import require
from ..encoder_settings import check_recurrent


@dataclass(frozen=True, kw_only=True)
class PointerReaderSettings:
    """Hyperparameters of a reader that reads a text and then a question, in both directions, and points at a span.

    cell: by keepgate's name or by the one that `cells.register` gave. hidden_size: units of each direction.
    vocabulary_size: the most frequent tokens, which have an embedding of their own of `embedding_size` numbers; all
        others are told apart by their code (see `features`).
    pointer_size: units of the layer that scores starts and ends. max_answer_span: tokens of the longest answer.
    init, horizon, forget_bias: initial weights, as Recurrent takes them.
    mask_rate: share of tokens that are unknown in training. dropout: share of states dropped.
    no_answer_threshold: log odds of no answer against the most likely span, in nats, above which there is none.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    cell: str = "lstm"
    vocabulary_size: int = 600
    embedding_size: int = 24
    hidden_size: int = 40
    num_layers: int = 1
    pointer_size: int = 32
    init: Init = "torch"
    horizon: int | None = None
    forget_bias: float | None = None
    dropout: float = 0.0
    mask_rate: float = 0.05
    max_answer_span: int = 12
    no_answer_threshold: float = 0.0

    def __post_init__(self) -> None:
        check_recurrent(self, "a pointer reader", "vocabulary_size", "pointer_size", "max_answer_span")
        require(self, ("mask_rate",), lambda value: 0 <= value < 1, "0 or more and below 1")
