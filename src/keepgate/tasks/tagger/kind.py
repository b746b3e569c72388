"""What a tagger registers: how it is trained and what it reads."""

from typing import Any

from ...data.corpora.tagged import read_tagged
from ..kind import AVERAGED_WEIGHTS, TaskKind
from .tagger import Tagger


def recipe(examples: int) -> dict[str, Any]:
    """What `bench/tagging.py` measures: six epochs, but at least 300 steps, and an average of the weights."""
    batch_size = 32
    return {
        "steps": max(300, 6 * -(-examples // batch_size)),
        "batch_size": batch_size,
        **AVERAGED_WEIGHTS,
        "learning_rate": 4e-3,
        "ema_decay": 0.99,
    }


KIND = TaskKind(
    task=Tagger,
    recipe=recipe,
    read=read_tagged,
    unit="texts",
    asks=False,
    takes_vectors=True,
    spills=True,
    use="keepgate tag {model} FILE",
)
