"""ClassifierSettings: the hyperparameters of a classifier."""

from dataclasses import dataclass
from typing import Literal

from ...arrays.pooling import PoolingName
from ...cells.choices import Init
from ...config import require
from ..encoder_settings import check_recurrent


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings:
    """Hyperparameters of a classifier of texts. The defaults are what `bench/hotel_reviews.py` measures.

    cell: of the encoder, any with a memory, by keepgate's name or by the one that `cells.register` gave.
    pooling: from the states to one vector: "last" of each direction, "mean", "max", both of these together, or
        "attention".
    embedding_size, pair_size: numbers for a token and for the pair that it makes with the next; 0 leaves pairs out.
    min_count: how often a token or pair must occur in the training texts to have an embedding of its own;
        of the pairs, the `max_pairs` commonest have.
    init, horizon, forget_bias: initial weights, as Recurrent takes them.
    dropout: share of embeddings, states and pooled values dropped in training, one mask for all steps of a text.
    mask_rate: share of the tokens that are hidden in training. label_smoothing: share of the target given to all labels
        alike (Szegedy et al. 2016, arXiv:1512.00567).
    class_weights: "balanced" gives all labels the same weight in training, however many texts have them.
    max_train_tokens: of a longer text only the first and last half as many are read in training.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    cell: str = "lstm"
    pooling: PoolingName = "mean+max"
    embedding_size: int = 64
    pair_size: int = 64
    min_count: int = 3
    max_pairs: int = 40_000
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = True
    init: Init = "orthogonal"
    horizon: int | None = None
    forget_bias: float | None = None
    dropout: float = 0.4
    mask_rate: float = 0.1
    label_smoothing: float = 0.1
    class_weights: Literal["balanced"] | None = None
    max_train_tokens: int = 300

    def __post_init__(self) -> None:
        check_recurrent(self, "a classifier", "min_count", "max_pairs", "max_train_tokens")
        require(self, ("pair_size",), lambda value: value >= 0, "0 or more")
        require(self, ("mask_rate", "label_smoothing"), lambda value: 0 <= value < 1, "0 or more and below 1")
