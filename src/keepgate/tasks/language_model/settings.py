"""LanguageModelSettings: the hyperparameters of a language model."""

from dataclasses import dataclass
from typing import Literal

from ...cells.choices import Init
from ...config import require
from ..encoder_settings import check_recurrent

TokenKind = Literal["characters", "words", "byte_pairs"]


@dataclass(frozen=True, kw_only=True)
class LanguageModelSettings:
    """Hyperparameters of a language model. The defaults are what `bench/language_model.py` measures.

    tokens: "characters", "words": what stands between blanks, and each line's end; or "byte_pairs": pieces of words
        that occur often, of which at most `most_tokens` are counted; they need the extra `tokenizers`.
    min_count: how often a token must occur in the training texts; all rarer ones are one, the unknown token. No byte
        pair is unknown: a rarer one is not made.
    cell: any with a memory, by keepgate's name or by the one that `cells.register` gave.
    tied_weights: whether the readout's matrix is that of the embeddings (Press & Wolf 2017, arXiv:1608.05859), behind a
        linear map where a token's embedding has another size than the state.
    init, horizon, forget_bias: initial weights, as Recurrent takes them.
    dropout: share of embeddings, states between layers and states read out that is dropped in training, one mask for
        all steps between two cuts of the gradient (locked).
    token_dropout: share of the tokens whose embedding is dropped in training, at all their places at once.
    weight_drop: share of the recurrent weights that are zero in training, the same for all lanes and steps of a batch.
        These and dropout: Merity et al. (2018), arXiv:1708.02182.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    tokens: TokenKind = "characters"
    min_count: int = 1
    most_tokens: int = 4096
    cell: str = "lstm"
    embedding_size: int = 64
    hidden_size: int = 320
    num_layers: int = 1
    tied_weights: bool = False
    init: Init = "orthogonal"
    horizon: int | None = None
    forget_bias: float | None = None
    dropout: float = 0.1
    token_dropout: float = 0.0
    weight_drop: float = 0.0

    def __post_init__(self) -> None:
        check_recurrent(self, "a language model", "min_count")
        require(self, ("most_tokens",), lambda value: value > 256, "more than 256, one for each byte")
        require(self, ("token_dropout", "weight_drop"), lambda value: 0 <= value < 1, "0 or more and below 1")
