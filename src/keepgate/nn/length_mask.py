"""Length mask: which steps of a padded batch are real."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def length_mask(
    steps: int, lengths: Int[Tensor, " batch"], device: torch.device | None = None
) -> Bool[Tensor, "time batch"]:
    """True where a step belongs to its row, False in the padding after it; on `device`, or that of the lengths."""
    counts = lengths if device is None else lengths.to(device)
    return torch.arange(steps, device=counts.device).unsqueeze(1) < counts
