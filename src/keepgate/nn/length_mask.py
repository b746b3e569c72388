"""Length mask: which steps of a padded batch are real."""

from jaxtyping import Bool, Int
from torch import Tensor, arange


def length_mask(lengths: Int[Tensor, " batch"], steps: int) -> Bool[Tensor, "time batch"]:
    """True at every step that belongs to its row, False beyond the row's length; on the lengths' device."""
    return arange(steps, device=lengths.device).unsqueeze(1) < lengths
