"""BATCHES → WEIGHTS: one loop for every task, that can be stopped anywhere and goes on exactly."""

from .logbook import Bar, Progress
from .loop import Result, fit
from .plan import Stage
from .settings import Run

__all__ = ["Bar", "Progress", "Result", "Run", "Stage", "fit"]
