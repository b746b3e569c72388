"""Derivatives through time: gradient by lag, Jacobians, Lyapunov exponents, first-order effects of writes."""

from .by_lag import carried_by_lag, decay_length, explodes, gone_after, gradient_by_lag, gradient_of_run
from .first_order import influence
from .lyapunov_exponents import lyapunov
from .step_jacobian import jacobian

__all__ = [
    "carried_by_lag",
    "decay_length",
    "explodes",
    "gone_after",
    "gradient_by_lag",
    "gradient_of_run",
    "influence",
    "jacobian",
    "lyapunov",
]
