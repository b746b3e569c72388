"""The lens: what a recurrent network wrote into its memory, what it forgot, and how far back it remembers.

Entry points are here; everything else is in the sub-packages, in the order in which they stand on each other: `memory`,
`capture`, `gradients` and `interventions`, `readers`, `diagnosis`, `attribution`, `report`.
"""

from . import attribution, capture, diagnosis, gradients, interventions, memory, readers, report
from .capture import Attached, attach, capture_layer
from .diagnosis import Watch
from .readers import read
from .report import Report, automaton, examine, explain, fixed_points

__all__ = [
    "Attached", "Report", "Watch", "attach", "attribution", "automaton", "capture", "capture_layer", "diagnosis",
    "examine", "explain", "fixed_points", "gradients", "interventions", "memory", "read", "readers", "report",
]  # fmt: skip
