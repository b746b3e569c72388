"""One answer of any torch model, taken apart by step: by leaving each step out, and by shares."""

from .explanation import ModelExplanation, explain_model
from .look_back import LookBack, look_back_of
from .shares import InputShares

__all__ = ["InputShares", "LookBack", "ModelExplanation", "explain_model", "look_back_of"]
