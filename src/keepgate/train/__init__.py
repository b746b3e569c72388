"""BATCHES → WEIGHTS: one loop for every task, that can be stopped anywhere and goes on exactly."""

from ..progress import Progress, ProgressBar
from .batches import CurriculumStage
from .config import TrainingConfig
from .loop import Result, fit

__all__ = ["CurriculumStage", "Progress", "ProgressBar", "Result", "TrainingConfig", "fit"]
