"""TaggerSettings: the hyperparameters of a tagger."""

from dataclasses import dataclass

from ...cells.choices import Init
from ...config import require
from ..encoder_settings import check_recurrent


@dataclass(frozen=True, kw_only=True)
class TaggerSettings:
    """Hyperparameters of a tagger. The defaults are what `bench/tagging.py` measures.

    cell: of the encoder, any with a memory, by keepgate's name or by the one that `cells.register` gave.
    embedding_size, pair_size: numbers for a token and for the pair that it makes with the next; 0 leaves pairs out.
    letter_size: numbers for a letter, and units in each direction of the layer that reads a token's letters; 0 leaves
        letters out. Where all tokens are single characters, none is read.
    min_count: how often a token or pair must occur in the training texts to have an embedding of its own;
        of the pairs, the `max_pairs` commonest have.
    init, horizon, forget_bias: initial weights, as Recurrent takes them.
    dropout: share of embeddings and states dropped in training, one mask for all steps of a text.
    mask_rate: share of the tokens that are hidden in training.
    max_train_tokens: a longer text is cut in training into texts of so many tokens, never within an entity.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    cell: str = "lstm"
    embedding_size: int = 64
    pair_size: int = 64
    letter_size: int = 32
    min_count: int = 2
    max_pairs: int = 40_000
    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = True
    init: Init = "orthogonal"
    horizon: int | None = None
    forget_bias: float | None = None
    dropout: float = 0.5
    mask_rate: float = 0.2
    max_train_tokens: int = 512

    def __post_init__(self) -> None:
        check_recurrent(self, "a tagger", "min_count", "max_pairs", "max_train_tokens")
        require(self, ("pair_size", "letter_size"), lambda value: value >= 0, "0 or more")
        require(self, ("mask_rate",), lambda value: 0 <= value < 1, "0 or more and below 1")
