"""Ablation and patching of memory, the network run again from there on."""

from .combined import what_if
from .patching import Where, drop_writes, effects, forbid_erasures, replaying, swap_memories
from .rerun import Rerun
from .span_ablation import drop_pieces
from .token_ablation import leave_out

__all__ = [
    "Rerun",
    "Where",
    "drop_pieces",
    "drop_writes",
    "effects",
    "forbid_erasures",
    "leave_out",
    "replaying",
    "swap_memories",
    "what_if",
]
