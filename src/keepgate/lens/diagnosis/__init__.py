"""A model over a data set: effective context, gradient reach, saturation, and the verdict."""

from .diagnosis import Diagnosis, diagnose
from .effective_context import Horizon, horizon
from .monitor import Measurement, Watch
from .statistics import bootstrap, rank_correlation
from .verdict import Fault, Findings, Verdict, verdict_of

__all__ = [
    "Diagnosis", "Fault", "Findings", "Horizon", "Measurement", "Verdict", "Watch", "bootstrap", "diagnose",
    "horizon", "rank_correlation", "verdict_of",
]  # fmt: skip
