"""keepgate's layers in the place of torch's inside any model: swap, and back."""

from .report import LayerSwap, SwapReport
from .swap import swap, unswap

__all__ = ["LayerSwap", "SwapReport", "swap", "unswap"]
