"""What a reader sees in each picture, said from the numbers; for each claim a branch for data that contradict it."""

from .gates import claim, claim_lead, gate_name, gates, in_order
from .gradient import gradient, scaled_up
from .measures import (
    FAINT,
    GONE,
    GROWN,
    LAG,
    REMEMBERS,
    accuracies,
    gradient_at,
    known,
    mean_accuracy,
    name_of,
    named,
    trained,
)
from .memory import accuracy, answers, facts, verdict, why

__all__ = [
    "FAINT",
    "GONE",
    "GROWN",
    "LAG",
    "REMEMBERS",
    "accuracies",
    "accuracy",
    "answers",
    "claim",
    "claim_lead",
    "facts",
    "gate_name",
    "gates",
    "gradient",
    "gradient_at",
    "in_order",
    "known",
    "mean_accuracy",
    "name_of",
    "named",
    "scaled_up",
    "trained",
    "verdict",
    "why",
]
