"""What one trace says by itself: additive memory updates, retention, direct shares of a readout, half-lives."""

from .additive import (
    Writes,
    erased,
    erased_by,
    erasures,
    initial_left,
    left_at,
    left_of,
    states_of,
    writes_of,
)
from .direct_shares import Shares, attribute, attribute_last, attribute_over_time
from .retention import Fate, fate
from .time_scales import Saturation, half_life, half_lives, saturation

__all__ = [
    "Fate",
    "Saturation",
    "Shares",
    "Writes",
    "attribute",
    "attribute_last",
    "attribute_over_time",
    "erased",
    "erased_by",
    "erasures",
    "fate",
    "half_life",
    "half_lives",
    "initial_left",
    "left_at",
    "left_of",
    "saturation",
    "states_of",
    "writes_of",
]
