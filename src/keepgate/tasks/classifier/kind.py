"""What a classifier registers: how it is trained and what it reads."""

from typing import Any

from ...data.corpora.labelled import read_labelled
from ..kind import AVERAGED_WEIGHTS, TaskKind
from .classifier import Classifier


def recipe(examples: int) -> dict[str, Any]:
    """What `bench/hotel_reviews.py` measures: five epochs, but at least 300 steps, and an average of the weights."""
    batch_size = 32
    return {
        "steps": max(300, 5 * -(-examples // batch_size)),
        "batch_size": batch_size,
        **AVERAGED_WEIGHTS,
    }


KIND = TaskKind(
    task=Classifier,
    recipe=recipe,
    read=read_labelled,
    columns=("text_column", "label_column"),
    unit="texts",
    asks=False,
    takes_vectors=True,
    spills=True,
    use="keepgate predict {model} FILE",
    does="gives each text one label",
)
