"""What one trace says by itself: additive memory updates, retention, direct shares of a readout, time scales."""

from .additive import (
    MemoryUpdates,
    forgotten_at,
    forgotten_from,
    initial_retained,
    memory_updates,
    retained_at,
    retained_from,
)
from .direct_shares import Attribution, attribute, attribute_last, attribute_over_time
from .retention import WriteRetention, write_retention
from .time_scales import (
    Saturation,
    half_life,
    half_lives,
    relative_state_change,
    retention_of_first_write,
    saturated_states,
    saturation,
)

__all__ = [
    "Attribution", "MemoryUpdates", "Saturation", "WriteRetention", "attribute", "attribute_last",
    "attribute_over_time", "forgotten_at", "forgotten_from", "half_life", "half_lives", "initial_retained",
    "memory_updates", "relative_state_change", "retained_at", "retained_from", "retention_of_first_write",
    "saturated_states", "saturation", "write_retention",
]  # fmt: skip
