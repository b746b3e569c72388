"""Ablation, clamping and activation patching of memory: the true network is run again from there on."""

from .combined import counterfactual
from .patching import Site, ablate_writes, batched_effects, hold_memory, patch_memories, patched
from .removal import remove_spans, remove_tokens
from .rerun import Rerun
from .span_ablation import ablate_spans
from .token_ablation import ablate_tokens

__all__ = [
    "Rerun", "Site", "ablate_spans", "ablate_tokens", "ablate_writes", "batched_effects", "counterfactual",
    "hold_memory", "patch_memories", "patched",
    "remove_spans", "remove_tokens",
]  # fmt: skip
