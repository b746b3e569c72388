"""MultilabelSettings: the hyperparameters of a classifier that gives several labels."""

from dataclasses import dataclass

from ...config import require
from ..classifier.settings import ClassifierSettings


@dataclass(frozen=True, kw_only=True)
class MultilabelSettings(ClassifierSettings):
    """Hyperparameters of a classifier that gives each text any number of labels; see `ClassifierSettings`.

    threshold: the probability from which on a label is given; None is 0.5, until `calibrate` chooses one for each.
    label_smoothing: moves each target, 0 or 1, so far towards the middle, by half of it.
    class_weights: "balanced" weighs the texts that have a label as much as those that have not, label by label.
    Raises SettingsError for a value outside these.
    """

    label_smoothing: float = 0.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threshold is not None:
            require(self, ("threshold",), lambda value: 0 < value < 1, "above 0 and below 1")
