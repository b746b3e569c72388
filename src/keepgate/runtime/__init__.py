"""Trained models without torch: `load(folder)` answers on numpy and the C++ core. It imports in a tenth of a second."""

from ..arrays.recurrent import Recurrent
from ..arrays.stepper import Stepper
from ..tasks.answer import Answer
from ..tasks.runtime_task import RuntimeTask
from .load import load

__all__ = ["Answer", "Recurrent", "RuntimeTask", "Stepper", "load"]
