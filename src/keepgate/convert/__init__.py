"""Models of other libraries → layers of ours, their gates put in order by name. No code of a file is run."""

from .flax_tree import flax
from .keras_model import KerasModel, keras

__all__ = ["KerasModel", "flax", "keras"]
