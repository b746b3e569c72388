"""SeriesClassifierSettings: the hyperparameters of a classifier of series."""

from dataclasses import dataclass
from typing import Literal

from ...arrays.pooling import PoolingName
from ...cells.choices import Init
from ...config import require
from ..encoder_settings import check_recurrent


@dataclass(frozen=True, kw_only=True)
class SeriesClassifierSettings:
    """Hyperparameters of a classifier of series.

    cell: of the encoder, any with a memory, by keepgate's name or by the one that `cells.register` gave.
    pooling: from the states to one vector: "last" of each direction, "mean", "max", both of these together, or
        "attention".
    init, horizon, forget_bias: initial weights, as Recurrent takes them.
    dropout: share of features, states and pooled values dropped in training, one mask for all steps of a series.
    label_smoothing: share of the target given to all labels alike (Szegedy et al. 2016, arXiv:1512.00567).
    class_weights: "balanced" gives all labels the same weight in training, however many series have them.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    cell: str = "gru"
    pooling: PoolingName = "mean+max"
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = True
    init: Init = "orthogonal"
    horizon: int | None = None
    forget_bias: float | None = None
    dropout: float = 0.1
    label_smoothing: float = 0.05
    class_weights: Literal["balanced"] | None = None

    def __post_init__(self) -> None:
        check_recurrent(self, "a series classifier")
        require(self, ("label_smoothing",), lambda value: 0 <= value < 1, "0 or more and below 1")
