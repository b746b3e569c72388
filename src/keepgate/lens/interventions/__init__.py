"""Ablation, clamping and activation patching of memory: the network is run again from the changed step on."""

from .ablation import ablate_spans, ablate_writes, counterfactual, hold_memory
from .patching import patch_memories, patched
from .removal import remove_spans, remove_tokens
from .rerun import Rerun, Site
from .token_ablation import ablate_tokens

__all__ = [
    "Rerun", "Site", "ablate_spans", "ablate_tokens", "ablate_writes", "counterfactual", "hold_memory",
    "patch_memories", "patched", "remove_spans", "remove_tokens",
]  # fmt: skip
