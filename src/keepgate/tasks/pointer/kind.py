"""What a pointer reader registers: how it is trained, what it reads, which data suit it."""

from typing import Any

from ...data.corpora import Corpus, read
from ..kind import ASK, TaskKind
from .reader import PointerReader


def suits(corpus: Corpus) -> tuple[bool, str]:  # noqa: ARG001
    """Never by itself: of texts as people write them a span reader learns more."""
    return False, "a pointer reader is for short stories"


def recipe(examples: int) -> dict[str, Any]:
    """The recipe of the open stories: a high rate, held for half of the steps, then falling to 0."""
    return {
        "steps": max(400, round(0.15 * examples)),
        "batch_size": 64,
        "learning_rate": 4e-3,
        "betas": (0.9, 0.98),
        "warmup": 100,
        "hold_fraction": 0.5,
    }


KIND = TaskKind(
    task=PointerReader,
    recipe=recipe,
    read=read,
    unit="questions",
    asks=True,
    use=ASK,
    does="points into a short story",
    suits=suits,
)
