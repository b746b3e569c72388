"""Derivatives through time: gradient by lag, Jacobians, Lyapunov exponents, first-order effects of writes."""

from .automaton import Automaton, LayerAutomaton, automaton
from .by_lag import (
    decay_length,
    direct_path_by_lag,
    explodes,
    gradient_by_lag,
    gradient_of_run,
    vanishing_lag,
)
from .first_order import write_influence
from .fixed_points import FixedPoints, fixed_points
from .lyapunov_exponents import lyapunov
from .step_jacobian import jacobian

__all__ = [
    "Automaton", "FixedPoints", "LayerAutomaton", "automaton", "decay_length", "direct_path_by_lag", "explodes",
    "fixed_points", "gradient_by_lag",
    "gradient_of_run", "jacobian", "lyapunov", "vanishing_lag", "write_influence",
]  # fmt: skip
