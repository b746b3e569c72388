"""keepgate's layers in the place of torch's inside any model: swap, and back; quantize, their weights narrow."""

from .quantize import quantize
from .quantize_report import LayerQuantization, QuantizeReport
from .report import LayerChange, LayerSwap, SwapReport
from .swap import swap, unswap

__all__ = [
    "LayerChange",
    "LayerQuantization",
    "LayerSwap",
    "QuantizeReport",
    "SwapReport",
    "quantize",
    "swap",
    "unswap",
]
