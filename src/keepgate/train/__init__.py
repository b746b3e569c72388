"""BATCHES → WEIGHTS: one loop for every task, that can be stopped anywhere and goes on exactly."""

from .batches import CurriculumStage
from .config import TrainingConfig
from .loop import Result, fit
from .progress import Progress, ProgressBar

__all__ = ["CurriculumStage", "Progress", "ProgressBar", "Result", "TrainingConfig", "fit"]
